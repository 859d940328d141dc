"""What happens before the server's lock-down where a policy lets code go further than this machine.

A locked process can never start one that has a socket, so whoever may do that has to exist before:
the launcher (`launcher`), a small process that the server can ask for a gateway and for nothing
else. It is started only if a file of the machine's or the user's policy names a wider mode than
`local`. That is looked for as bytes, because what understands a policy is not imported before the
lock-down; the launcher decides, and ends itself if nothing is allowed. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indoors_server import paths

if TYPE_CHECKING:
    import subprocess

# The names that `policy.files` reads; a test compares them.
MACHINE_DIRECTORY = Path("/etc/indoors")
FILE, FOLDER = "policy.json", "policy.d"
_MAX_BYTES = 256 * 1024
# Every file that grants a mode beyond `local` has one of the words, or spells it with an escape.
_MENTIONS_MORE = re.compile(rb'"(onprem|closed)"|\\')


class Started(NamedTuple):
    """A launcher process, and the folder of the pipes that it and we open."""

    process: subprocess.Popen[bytes]  # noqa: TID251 - children.spawn has started it
    folder: Path
    descriptor: int


# Whatever the policy says: no policy would change it.
NEEDS_LINUX = (
    "engines elsewhere need Linux, where what speaks to them can be locked down (docs/teams.md)"
)

_outcome: Started | str = ""


def start() -> None:
    """Start a launcher if a policy may allow one. Never raises, and does not wait for it."""
    global _outcome
    if sys.platform != "linux":
        _outcome = NEEDS_LINUX
        return
    if not mentions_more(policy_files()):
        return
    try:
        _outcome = _start()
    except OSError as error:
        _outcome = f"the launcher could not be started ({error.strerror})"


def end() -> None:
    """Take the pipes' folder away when the command ends; its launcher ends with this process."""
    if isinstance(_outcome, Started):
        with contextlib.suppress(OSError):  # who used the launcher has done so
            _outcome.folder.rmdir()


def outcome() -> Started | str:
    """The launcher of this process; where there is none, why in words, "" if no policy asks for
    one.
    """
    return _outcome


def policy_files() -> list[Path]:
    """The files that can grant something, whether or not they exist."""
    try:
        names = sorted(os.listdir(MACHINE_DIRECTORY / FOLDER))  # noqa: PTH208 - as `policy.files`
    except OSError:
        names = []
    extra = [MACHINE_DIRECTORY / FOLDER / name for name in names if name.endswith(".json")]
    return [MACHINE_DIRECTORY / FILE, *extra, paths.config_dir() / FILE]


def mentions_more(files: list[Path]) -> bool:
    """Whether one of `files` may grant a mode beyond `local`. Cheap, and never no by mistake."""
    return any(_MENTIONS_MORE.search(_read(file)) for file in files)


def _read(file: Path) -> bytes:
    try:
        # A pipe in the place of a file must not block us.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _MAX_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _start() -> Started:
    from indoors_server import children

    folder = pipes_directory() / f"{os.getpid()}-{os.urandom(8).hex()}"
    paths.make_private(folder.parent)
    descriptor = _claimed(folder)
    try:
        # The launcher gets the open folder and never a path: nobody can exchange what it opens.
        process = children.spawn("launcher", str(descriptor), inherit=(descriptor,))
    except OSError:
        os.close(descriptor)
        folder.rmdir()
        raise
    return Started(process, folder, descriptor)


def pipes_directory() -> Path:
    """Where each running server with a launcher has a folder."""
    return paths.state_dir() / "launcher"


def _claimed(folder: Path) -> int:
    """Make `folder` and lock it for as long as we live, so that nobody tidies it away."""
    import fcntl

    folder.mkdir(mode=0o700)
    folder.chmod(0o700)  # whatever the umask
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
