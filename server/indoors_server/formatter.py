"""The person's own formatter: found, run locked down, and what it gave.

Which program that is, is said in one place only: the person's own settings file. It is started
by `formatter_role`, in an empty folder, and never from within a workspace.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from indoors_completion.refactor.formatted import Unfit
from indoors_server import bounded, children, formatter_role, lockdown, paths

# A formatter takes tenths of a second; one on a virtual machine that starts cold takes some.
TIMEOUT_S = 10.0
# Formatted text is about as long as the text was.
_SPARE_BYTES = 1024 * 1024
_SHEBANG_BYTES = 256


def formatted(
    command: Sequence[str], text: str, roots: Sequence[str], stopped: threading.Event | None = None
) -> str:
    """What a formatter makes of a text; blocks until it has ended. Raises Unfit."""
    try:
        said = text.encode()
        program = find(command[0], roots, os.environ.get("PATH", ""))
        _require_outside(command[1:], roots)
        with tempfile.TemporaryDirectory(
            prefix="formatter-",
            dir=paths.make_private(paths.cache_dir()),
            ignore_cleanup_errors=True,
        ) as folder:
            # Always strict: a program of others is not run where nothing holds it.
            process = children.spawn(
                "formatter", "--strict", f"--folder={folder}", f"--path={_path(roots)}",
                f"--run={json.dumps([program, *command[1:]])}",
                stderr=bounded.NOTHING,
            )  # fmt: skip
            ended = bounded.converse(
                process,
                said,
                timeout_s=TIMEOUT_S,
                most_bytes=2 * len(said) + _SPARE_BYTES,
                keeps="first",
                is_wanted=lambda: stopped is None or not stopped.is_set(),
            )
    except UnicodeEncodeError:
        raise Unfit("the file is not text in UTF-8") from None
    except OSError as error:
        raise Unfit(f"it could not be started ({error.strerror})") from error
    return _text_of(ended)


def _text_of(ended: bounded.Ended) -> str:
    if ended.is_flooded:
        raise Unfit("it writes without end")
    if ended.status is None:
        raise Unfit(f"it did not end within {TIMEOUT_S:.0f} seconds")
    if ended.status == lockdown.UNPROVEN_STATUS:
        raise Unfit("the lock-down is not proven here, and it is run under that only")
    if ended.status == formatter_role.NOT_STARTED:
        raise Unfit("it could not be started")
    if ended.status < 0:
        raise Unfit(f"it was ended by signal {-ended.status}")
    if ended.status:
        raise Unfit(f"it ended with exit status {ended.status}")
    try:
        text = ended.output.decode()
    except UnicodeDecodeError:
        raise Unfit("what it gave is not text in UTF-8") from None
    if not text.strip():
        raise Unfit("it gave nothing")
    if "\0" in text:
        raise Unfit("what it gave has zero bytes in it")
    return text


# --- which program ------------------------------------------------------------------------------


def find(name: str, roots: Sequence[str], path: str) -> str:
    """The absolute path of a program that is named by its own absolute path, or found on `path`.

    Raises Unfit, also for one that lies in a workspace: nothing that came with a repository is run.
    """
    if Path(name).is_absolute():
        found = name
    elif Path(name).name != name:
        raise Unfit("it is named by a relative path; name it by an absolute one")
    else:
        places = [entry for entry in path.split(os.pathsep) if Path(entry).is_absolute()]
        found = next((one for one in (f"{place}/{name}" for place in places) if _runs(one)), "")
    if not _runs(found):
        raise Unfit("there is no such program")
    _require_outside([found, _interpreter_of(found)], roots)
    return found


def _runs(path: str) -> bool:
    return bool(path) and Path(path).is_file() and os.access(path, os.X_OK)


def _interpreter_of(path: str) -> str:
    """What a script is run by, "" for what is none."""
    try:
        with Path(path).open("rb") as stream:
            line = stream.read(_SHEBANG_BYTES).partition(b"\n")[0]
    except OSError:
        return ""
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""


def _require_outside(named: Iterable[str], roots: Iterable[str]) -> None:
    for one in named:
        for root in roots:
            if Path(one).is_absolute() and is_below(one, root):
                raise Unfit(f"{one} lies in the workspace, and nothing that lies there is run")


def is_below(path: str, root: str) -> bool:
    """Whether a path lies in a folder, as it is spelled or where links lead."""
    spellings = {(os.path.normpath(path), os.path.normpath(root))}
    spellings.add((os.path.realpath(path), os.path.realpath(root)))
    return any(Path(one).is_relative_to(folder) for one, folder in spellings)


def _path(roots: Sequence[str]) -> str:
    """The PATH of a formatter: nothing that lies in a workspace or depends on where one stands."""
    places = [
        one for one in os.environ.get("PATH", "").split(os.pathsep) if Path(one).is_absolute()
    ]
    return os.pathsep.join(one for one in places if not any(is_below(one, root) for root in roots))
