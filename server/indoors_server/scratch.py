"""A person's own command, run with an edit in a copy of the project: does it still end well?

    control   the copy as it is           must end with exit status 0, or the command says nothing
    edited    the edit made in it         decides
    spoiled   the edited files broken     must fail, or the command does not look at them at all

The last one is there because a project is often installed where it lies: the tests of the copy then
test the project, without the edit, and would always end well. All three are run in one copy, as a
person runs them one after the other, so that a build goes on where it was.

Only a command in a terminal uses this, never the server. What is run has the person's rights, in so
far as the process that starts it has them: that one is locked down, so nothing has a network that
runs code which a model wrote and nobody has read.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import msgspec

from indoors_completion.types import InputError
from indoors_server import bounded, scratch_copy

_PREFIX = "indoors-verify-"
_OUTPUT_BYTES = 64 * 1024
_SHOWN_LINES = 20
# No language takes this for code, at the beginning of a file or at its end.
_SPOILED = "<<<<<<< spoiled on purpose\n"
# They would lead git, and shells, back to the project itself.
_NOT_KEPT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "OLDPWD")


class Written(NamedTuple):
    """A text as it is put into a file."""

    text: str
    mark: bytes = b""
    encoding: str = "utf-8"

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.mark + self.text.encode(self.encoding)


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command. An exit status is None for one that did not end in time, and negative
    for a signal. `why_not` is "" if the edit is verified by it, and `lines` are its last ones.
    """

    command: str
    exit_status: int | None
    seconds: float
    control_exit_status: int | None
    spoiled_exit_status: int | None = None
    why_not: str = ""
    lines: tuple[str, ...] = ()


class Scratch:
    """A copy of `root` in which `command` is run, for `timeout_s` at most each time."""

    def __init__(
        self, folder: Path, root: Path, command: str, *, timeout_s: float, umask: int = -1
    ) -> None:
        self._root, self._copy = root, folder / root.name
        self._command, self._timeout_s, self._umask = command, timeout_s, umask
        self._words = words_of(command)
        self._control: bounded.Ended | None = None

    def fill(self, also: str) -> None:
        """Copy the project, and the file `also` even if git ignores it. Raises InputError."""
        scratch_copy.copy(self._root, self._copy, [also])

    def control(self) -> None:
        """Run the command as things are. Raises InputError where it fails already."""
        self._control = ended = self._run()
        if ended.status == 0:
            return
        said = "".join(f"\n  | {line}" for line in _last_lines(ended.output))
        raise InputError(
            f"`{self._command}` fails without the edit.",
            why=f"{_how(ended, self._timeout_s)} in a copy of the project: without what git "
            f"ignores, without .git, and without a network, also on this machine{said}",
            next_step="a command that ends well there",
        )

    def judge(self, files: Mapping[str, Written]) -> Verified:
        """Run the command with files of the project as an edit would have them. Raises InputError
        if that cannot be done.
        """
        assert self._control is not None
        self._put(files)
        ended = self._run()
        found = Verified(
            command=self._command,
            exit_status=ended.status,
            seconds=round(ended.seconds, 2),
            control_exit_status=self._control.status,
        )
        if ended.status != 0:
            return msgspec.structs.replace(
                found,
                why_not=f"`{self._command}` fails with the edit: {_how(ended, self._timeout_s)}",
                lines=tuple(_last_lines(ended.output)),
            )
        spoiled = {
            path: one._replace(text=f"{_SPOILED}{one.text}\n{_SPOILED}")
            for path, one in files.items()
        }
        self._put(spoiled)
        after = self._run()
        found = msgspec.structs.replace(found, spoiled_exit_status=after.status)
        if after.status == 0:
            return msgspec.structs.replace(
                found,
                why_not=f"`{self._command}` ends well with the edit, and also with "
                f"{' and '.join(files)} broken: it does not look at the edit. Is the project "
                "installed from where it lies, so that the tests test that",
            )
        return found

    def _put(self, files: Mapping[str, Written]) -> None:
        """Write files into the copy: new ones over what is there, never through a link."""
        for path, one in files.items():
            where = self._copy / path
            try:
                if not where.parent.resolve().is_relative_to(self._copy.resolve()):
                    raise InputError(f"{path} leads out of the copy of the project.")
                where.parent.mkdir(parents=True, exist_ok=True)
                mode, before_s = 0o666 & ~max(self._umask, 0), 0
                with contextlib.suppress(FileNotFoundError):
                    status = where.lstat()
                    mode, before_s = status.st_mode & 0o777, int(status.st_mtime)
                    where.unlink()
                with where.open("xb") as stream:
                    stream.write(one.data)
                    os.fchmod(stream.fileno(), mode)
                # Builds compare times, some of them whole seconds: what is put last is newest.
                if int(where.stat().st_mtime) <= before_s:
                    os.utime(where, (before_s + 1, before_s + 1))
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise InputError(f"{path} cannot be tried.", why=why) from error

    def _run(self) -> bounded.Ended:
        folder = self._folder()
        try:
            process = subprocess.Popen(  # noqa: TID251 - a person's command is no process of ours
                self._started_as(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=self._environment(folder),
                # No terminal, so it asks for nothing, and its group is ended as one.
                start_new_session=True,
                umask=self._umask,
                bufsize=0,
            )
        except OSError as error:
            raise InputError(
                f"`{self._command}` cannot be started.",
                why=error.strerror or type(error).__name__,
                next_step="it is a program with its arguments, and no line for a shell: for that, "
                "\"sh -c '…'\"",
            ) from error
        return bounded.converse(
            process, b"", timeout_s=self._timeout_s, most_bytes=_OUTPUT_BYTES, keeps="last"
        )

    def _folder(self) -> Path:
        """Where in the copy a person would stand who stands where this one does."""
        with contextlib.suppress(OSError):
            here = Path(self._moved(str(Path.cwd().resolve())))
            if here.is_relative_to(self._copy) and here.is_dir():
                return here
        return self._copy

    def _started_as(self, folder: Path) -> list[str]:
        """The command with paths of the project as they are in the copy, where they are there."""
        program, *arguments = map(self._moved, self._words)
        if os.sep in program and not (folder / program).exists():
            # What git ignores is not in the copy: a program in a virtual environment.
            program = str(Path.cwd() / program)
        return [program, *arguments]

    def _environment(self, folder: Path) -> dict[str, str]:
        """The person's own: tools need what their shell has set. But what leads into the project
        (PYTHONPATH) leads into the copy where it can.
        """
        found = {
            name: os.pathsep.join(map(self._moved, value.split(os.pathsep)))
            for name, value in os.environ.items()
            if name not in _NOT_KEPT
        }
        return {**found, "PWD": str(folder)}

    def _moved(self, value: str) -> str:
        there = scratch_copy.moved(value, self._root, self._copy)
        return there if os.path.lexists(there) else value


def words_of(command: str) -> list[str]:
    """The program and its arguments. Raises InputError."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"This is no command: {command}", why=str(error).lower()) from error
    if not words:
        raise InputError("--verify-with says which command is run, and it is empty.")
    return words


@contextlib.contextmanager
def opened(root: Path, command: str, *, timeout_s: float, umask: int = -1) -> Iterator[Scratch]:
    """A private folder for a copy. It is removed in any case, but for `kill -9`."""
    words_of(command)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    handlers = _end_by_exception()
    try:
        yield Scratch(folder, root, command, timeout_s=timeout_s, umask=umask)
    finally:
        # Who asks again while it is being removed does not keep it from being removed.
        for number in handlers:
            signal.signal(number, signal.SIG_IGN)
        is_gone = scratch_copy.remove(folder)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if not is_gone:
        raise InputError(f"{folder} could not be removed.", next_step="remove it yourself")


def _end_by_exception() -> dict[int, Any]:
    """From now on signals that end a process go through `finally`; what was there before."""
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        return {}

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before: dict[int, Any] = {signal.SIGINT: signal.getsignal(signal.SIGINT)}
    for number in (signal.SIGTERM, signal.SIGHUP):
        before[number] = signal.signal(number, end)
    return before


def _how(ended: bounded.Ended, timeout_s: float) -> str:
    if ended.status is None:
        return f"it did not end within {timeout_s:g} seconds (--verify-timeout)"
    if ended.status < 0:
        return f"signal {-ended.status} ended it"
    return f"exit status {ended.status}"


def _last_lines(output: bytes) -> list[str]:
    """The last lines, so that nothing in them can steer a terminal."""
    lines = []
    for line in output.decode(errors="replace").splitlines():
        shown = line.expandtabs().rstrip()
        lines.append("".join(one if one.isprintable() else "·" for one in shown))
    return [line for line in lines if line][-_SHOWN_LINES:]
