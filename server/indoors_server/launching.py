"""The server's side of the launcher: asks for a role, and gets two pipes to it or a reason.

The server is locked down, so it can neither start a process with a socket nor be handed a
descriptor. It makes two named pipes in a folder that launcher and server opened before the
lock-down; both open them there and take the names away. Nothing here raises: that there is no
gateway is an answer, and nobody may go another way because of it.

Use from one event loop, on the main thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

from indoors_server import policy, prelaunch
from indoors_server.status import LauncherState

# The launcher reads the policy and starts a process for an answer; a disk may be slow.
ANSWER_S = 30.0
_MAX_LINE_BYTES = 4096
_NEW_S = 60.0
_REAP_STEPS = 1000

# The type only: prelaunch has started it.
Process = subprocess.Popen[bytes]  # noqa: TID251

Kind = Literal["policy", "not installed", "rate", "gone", "failed"]
_KINDS: dict[str, Kind] = {"policy": "policy", "missing": "not installed", "rate": "rate"}
_GONE = "the launcher has ended. Next: restart the server"


class Pipes(NamedTuple):
    """Both streams of a started role: files that do not block, for the event loop to take over.

    Who closes them ends the role.
    """

    reader: BinaryIO
    writer: BinaryIO

    def close(self) -> None:
        """Close both."""
        for stream in self:
            with contextlib.suppress(OSError):
                stream.close()


class Refusal(NamedTuple):
    """Why a role is not there: what kind of reason, and the reason in words."""

    kind: Kind
    reason: str


class Launcher:
    """One launcher, from `open` to `close`. `on_change` is called when `state` has changed.

    `asker` is what people know this process as.
    """

    def __init__(self, outcome: prelaunch.Started | str = "", asker: str = "the server") -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._started = None if isinstance(outcome, str) else outcome
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[str | None] | None = None
        self._reading: asyncio.ReadTransport | None = None
        self._reaping: list[asyncio.Task[None]] = []
        self.state: LauncherState = "none" if self._started is None else "starting"
        self.reason = (outcome or _was_local(asker)) if isinstance(outcome, str) else ""

    async def open(self) -> None:
        """Begin to listen to the launcher."""
        if self._started is None:
            return
        _tidy(self._started.folder.parent)
        loop = asyncio.get_running_loop()
        answers = cast(BinaryIO, self._started.process.stdout)
        self._reading, _ = await loop.connect_read_pipe(lambda: _Lines(self), answers)

    async def start_role(self, role: str) -> Pipes | Refusal:
        """Start `role`, in place of one that runs already."""
        task = asyncio.get_running_loop().create_task(self._start_role(role))
        try:
            # Half an exchange would leave an answer that the next one takes for its own.
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_close_unwanted)
            raise

    async def stop_role(self, role: str) -> Refusal | None:
        """Kill `role`'s process, if there is one; None when there is none now."""
        async with self._asking:
            answer = await self._ask(f"stop {role}")
        if answer is None:
            return self._no_launcher()
        return None if answer == f"stopped {role}" else Refusal("failed", answer)

    async def close(self) -> None:
        """End the launcher, and with it what it started."""
        self.on_change = lambda: None
        started, self._started = self._started, None
        if started is None:
            return
        self._end(started)
        for task in self._reaping:
            await task
        os.close(started.descriptor)

    async def _start_role(self, role: str) -> Pipes | Refusal:
        async with self._asking:
            if self._started is None or self.state in ("none", "gone"):
                return self._no_launcher()
            try:
                made = _make_pipes(self._started.descriptor, role)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or type(error).__name__
                return Refusal("failed", f"no pipes could be made for the {role} ({why})")
            reader, writer, held = made
            answer = await self._ask(f"start {role}")
            # Held until now: a pipe can only be opened for writing while somebody reads.
            os.close(held)
            if self._started is not None:
                _unlink_pipes(self._started.descriptor, role)
            if answer == f"started {role}":
                return Pipes(os.fdopen(reader, "rb", 0), os.fdopen(writer, "wb", 0))
            os.close(reader)
            os.close(writer)
            return self._no_launcher() if answer is None else _refusal(role, answer)

    def _no_launcher(self) -> Refusal:
        if self.state == "gone":
            return Refusal("gone", self.reason or _GONE)
        return Refusal("policy", self.reason)

    async def _ask(self, command: str) -> str | None:
        """The answer to a command; None without a launcher. One that does not answer is ended."""
        if self._started is None or self.state in ("none", "gone"):
            return None
        self._answer = asyncio.get_running_loop().create_future()
        try:
            os.write(cast(BinaryIO, self._started.process.stdin).fileno(), f"{command}\n".encode())
            return await asyncio.wait_for(self._answer, ANSWER_S)
        except (OSError, ValueError, TimeoutError):
            self._lost()
            return None
        finally:
            self._answer = None

    def _line(self, line: str) -> None:
        """The launcher said something."""
        verb, _, rest = line.partition(" ")
        if self.state == "starting" and verb in ("waiting", "none"):
            self.state = "waiting" if verb == "waiting" else "none"
            self.reason = rest
            self.on_change()
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(line)
        else:
            self._lost()  # nobody asked

    def _lost(self) -> None:
        """The launcher is dead, or not to be trusted any more: there is no other in this server."""
        if self._started is not None:
            self._end(self._started)
        if self.state in ("none", "gone"):
            self._give_no_answer()
            return
        self.state, self.reason = "gone", _GONE
        self._give_no_answer()
        self.on_change()

    def _give_no_answer(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)

    def _end(self, started: prelaunch.Started) -> None:
        with contextlib.suppress(OSError):
            started.process.kill()
        with contextlib.suppress(OSError):
            cast(BinaryIO, started.process.stdin).close()
        if self._reading is not None:
            self._reading.close()
        with contextlib.suppress(OSError):
            started.folder.rmdir()
        if not self._reaping:
            task = asyncio.get_running_loop().create_task(_reap(started.process))
            self._reaping.append(task)


def _was_local(asker: str) -> str:
    """Why there is no launcher where no policy asked for one, and what to do about that."""
    step = policy.load().step_to("onprem")
    return f"the policy's mode was local when {asker} started. Next: {step}"


async def _reap(process: Process) -> None:
    for _ in range(_REAP_STEPS):
        if process.poll() is not None:
            return
        await asyncio.sleep(0.005)


class _Lines(asyncio.Protocol):
    """Cuts what the launcher writes into lines."""

    def __init__(self, owner: Launcher) -> None:
        self._owner = owner
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._buffer += data
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            self._owner._line(line.decode(errors="replace"))
        if len(self._buffer) > _MAX_LINE_BYTES:
            self._owner._lost()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The launcher has ended."""
        self._owner._lost()


def _refusal(role: str, answer: str) -> Refusal:
    verb, _, rest = answer.partition(" ")
    name, _, rest = rest.partition(" ")
    kind, _, reason = rest.partition(" ")
    if verb != "refused" or name != role:
        return Refusal("failed", "the launcher gave another answer than to what was asked")
    return Refusal(_KINDS.get(kind, "failed"), reason)


def _make_pipes(folder: int, role: str) -> tuple[int, int, int]:
    """Make both pipes of a role: (to read from it, to write to it, what holds that open).

    Raises OSError.
    """
    _unlink_pipes(folder, role)
    opened: list[int] = []
    flags = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        for name, access in ((f"{role}.out", os.O_RDONLY), (f"{role}.in", os.O_RDONLY)):
            os.mkfifo(name, 0o600, dir_fd=folder)
            opened.append(os.open(name, access | flags, dir_fd=folder))
        opened.append(os.open(f"{role}.in", os.O_WRONLY | flags, dir_fd=folder))
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        _unlink_pipes(folder, role)
        raise
    reader, held, writer = opened
    return reader, writer, held


def _unlink_pipes(folder: int, role: str) -> None:
    for name in (f"{role}.out", f"{role}.in"):
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _close_unwanted(task: asyncio.Task[Pipes | Refusal]) -> None:
    if not task.cancelled() and isinstance(found := task.result(), Pipes):
        found.close()


def _tidy(directory: Path) -> None:
    """Take away what servers left that were killed: folders that no living one has locked."""
    import fcntl

    for folder in directory.iterdir() if directory.is_dir() else ():
        with contextlib.suppress(OSError):
            if time.time() - folder.lstat().st_mtime < _NEW_S:
                continue  # a server is starting, and locks it next
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(folder, flags)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in os.listdir(descriptor):  # noqa: PTH208 - of the folder that is open
                    os.unlink(name, dir_fd=descriptor)
                folder.rmdir()
            finally:
                os.close(descriptor)
