"""The launcher: starts the processes that need what the locked server has given up, and no other.

    server -- "start gateway", "stop gateway" --> launcher -- starts, kills --> gateway
    server <========= two pipes in a folder of theirs, opened by both =========> gateway

The server is taken to be hostile here: it parses what others wrote. It can choose a row of `ROLES`
and nothing more, no argument, no path, no environment. The policy is read again before every start,
and can only have become narrower since this process began. Payload never passes through here.

It ends with the server, and on the first thing that is no command of ours; then what it started
ends too.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indoors_server import gateway_extra, launcher_lock

if TYPE_CHECKING:
    import subprocess

    from indoors_server.policy.decision import Policy
    from indoors_server.policy.guard import Guard

MODES = ("off", "local", "onprem", "closed")


class Role(NamedTuple):
    """What may be started: its command line behind `python -I -m indoors_server`, the module that
    must be installed for it, and the least mode of the policy.

    `needs` is a module that comes with the extra `gateway`. With `knows_policy` it gets
    the descriptor of a file with the policy that counts here.
    """

    command: tuple[str, ...]
    module: str
    least_mode: str
    needs: str = ""
    knows_policy: bool = False


ROLES = {
    "gateway": Role(
        ("gateway",), "indoors_server.gateway", "onprem", gateway_extra.MODULE, knows_policy=True
    ),
    "engine-host": Role(("engine-host",), "indoors_server.engine_host", "local"),
}
# A launcher waits only where this much is allowed; below it nothing of ours is without a filter.
LEAST_MODE = "onprem"

# The longest command is shorter; the longest answer is a policy's reason.
_MAX_COMMAND_BYTES = 64
_MAX_ANSWER_CHARACTERS = 600
_COMMAND = re.compile(rb"(start|stop) ([a-z-]{1,20})")
# Who asks only this long after it was allowed again has not been in a hurry.
CALM_S = 60.0
FIRST_PAUSE_S = 0.25
# So short that who is waiting for an answer still waits; and few enough starts to cost nothing.
LAST_PAUSE_S = 1.0


class Refused(Exception):
    """A role is not started: a word for the server, and a reason for people."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Pause:
    """Starts in quick succession are let through ever more slowly."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next_s = -CALM_S
        self._pause_s = FIRST_PAUSE_S

    def left_s(self) -> float:
        """How long nothing may be started yet."""
        return max(0.0, self._next_s - self._clock())

    def started(self) -> None:
        """Something is being started."""
        now_s = self._clock()
        if now_s - self._next_s >= CALM_S:
            self._pause_s = FIRST_PAUSE_S
        self._next_s = now_s + self._pause_s
        self._pause_s = min(self._pause_s * 2, LAST_PAUSE_S)


class Launcher:
    """Answers commands. `folder` is the open folder in which the server makes the pipes."""

    def __init__(
        self,
        folder: int,
        load: Callable[[], Policy],
        guard: Guard,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._load = load
        self._guard = guard
        self._clock = clock
        self._running: dict[str, subprocess.Popen[bytes]] = {}  # noqa: TID251 - a type
        self._pauses: dict[str, Pause] = {}

    def answer(self, verb: str, name: str) -> str:
        """Do what a command says; the answer's line. Never raises on what a server sends."""
        try:
            role = ROLES.get(name)
            if role is None:
                raise Refused("unknown", f"the launcher starts no {name}")
            if verb == "stop":
                self.stop(name)
                return f"stopped {name}"
            self._start(name, role)
        except Refused as refused:
            return f"refused {name} {refused.kind} {refused.reason}"
        return f"started {name}"

    def reap(self) -> None:
        """Collect what has ended."""
        for process in list(self._running.values()):
            process.poll()

    def stop(self, name: str) -> None:
        """Kill a role's process, if there is one."""
        process = self._running.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        """Kill whatever runs."""
        for name in list(self._running):
            self.stop(name)

    def _start(self, name: str, role: Role) -> None:
        try:
            policy = self._check_policy(role)
        except Refused:
            self.stop(name)  # what a policy forbids by now does not go on either
            raise
        from indoors_server import children

        if not gateway_extra.is_installed(role.module):
            raise Refused("missing", f"the {name} is not installed")
        if role.needs and not gateway_extra.is_installed(role.needs):
            step = gateway_extra.command()
            raise Refused("missing", f"the {name} is not installed. Next: {step}")
        pause = self._pauses.setdefault(name, Pause(self._clock))
        if left_s := pause.left_s():
            raise Refused("rate", f"the {name} ended too often; again in {left_s:.1f} s")
        with contextlib.ExitStack() as stack:
            stdin = _open_pipe(self._folder, f"{name}.in", os.O_RDONLY, stack)
            stdout = _open_pipe(self._folder, f"{name}.out", os.O_WRONLY, stack)
            inherit = [_written_down(policy, stack)] if role.knows_policy else []
            options = [f"--policy={number}" for number in inherit]
            self.stop(name)  # one of each: what is started again is started instead
            pause.started()
            try:
                self._running[name] = children.spawn(
                    *role.command,
                    *options,
                    stdin=stdin,
                    stdout=stdout,
                    inherit=inherit,
                    before_exec=_end_with_launcher,
                )
            except (OSError, ValueError) as error:
                what = f"the {name} could not be started ({type(error).__name__})"
                raise Refused("failed", what) from error

    def _check_policy(self, role: Role) -> Policy:
        policy = self._guard.offer(self._load()).policy
        if reason := too_narrow(policy, role.least_mode):
            raise Refused("policy", reason)
        return policy


def _written_down(policy: Policy, stack: contextlib.ExitStack) -> int:
    """A file in memory with the policy: a role that is started again knows what counted before."""
    import msgspec

    descriptor = os.memfd_create("indoors-policy", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(msgspec.json.encode(policy))
    return descriptor


def _end_with_launcher() -> None:
    """In the process that is being started: whatever it is, it does not outlive the launcher."""
    from indoors_indexing import lifeline

    if not lifeline.die_with_parent():
        os._exit(1)


def too_narrow(policy: Policy, least_mode: str) -> str:
    """Why `policy` does not allow what needs `least_mode`, and the next step; "" if it does."""
    if MODES.index(policy.mode) >= MODES.index(least_mode):
        return ""
    reason = f"the policy's mode is {policy.mode} (mode, {policy.origin('mode').title})"
    return f"{reason}. Next: {policy.step_to(least_mode)}"


def _open_pipe(folder: int, name: str, access: int, stack: contextlib.ExitStack) -> int:
    """The pipe that the server made under this name, open and unlinked. Raises Refused.

    Opened by its name in the folder that was opened before the server was locked down, and looked
    at when it is open: what is not our own private pipe and nobody else's is not used.
    """
    import fcntl

    flags = access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        place = os.fstat(folder)
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise Refused("pipes", f"the pipe cannot be opened ({error.strerror})") from error
    stack.callback(os.close, descriptor)
    found = os.fstat(descriptor)
    if not stat.S_ISFIFO(found.st_mode):
        raise Refused("pipes", "what should be a pipe is none")
    if stat.S_IMODE(place.st_mode) != 0o700 or place.st_uid != os.geteuid():
        raise Refused("pipes", "others can reach the pipes")
    if stat.S_IMODE(found.st_mode) != 0o600 or found.st_uid != os.geteuid() or found.st_nlink != 1:
        raise Refused("pipes", "the pipe is not private to this user")
    with contextlib.suppress(FileNotFoundError):  # the server may have been first
        os.unlink(name, dir_fd=folder)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, access)  # blocking, as who gets it expects
    return descriptor


def main(arguments: Sequence[str]) -> int:
    """Run the launcher: commands on stdin, answers on stdout; `arguments` is the folder's number.

    `prelaunch` is the only one who starts it.
    """
    if len(arguments) != 1 or not arguments[0].isdecimal() or int(arguments[0]) < 3:
        return _end("is started by the server only")
    folder = int(arguments[0])
    try:
        # A terminal or a socket: somebody else has started us.
        if not all(stat.S_ISFIFO(os.fstat(number).st_mode) for number in (0, 1)):
            return _end("is started by the server only")
        if not stat.S_ISDIR(os.fstat(folder).st_mode):
            return _end("got no folder")
        launcher_lock.apply([folder])
    except (OSError, launcher_lock.NotLocked) as error:
        _say(f"none {error}")
        return 1
    os.set_inheritable(folder, False)
    return _serve(folder)


def _serve(folder: int) -> int:
    # Heavy, and so after the lock-down.
    from indoors_indexing import lifeline
    from indoors_server import policy
    from indoors_server.policy.guard import Guard

    if not lifeline.die_with_parent():
        return 1
    found = policy.load()
    if reason := too_narrow(found, LEAST_MODE) or writable_by_the_server():
        _say(f"none {reason}")
        return 0
    launcher = Launcher(folder, policy.load, Guard(found))
    signal.signal(signal.SIGCHLD, lambda *_: launcher.reap())
    try:
        _say("waiting")
        return _commands(launcher)
    except BrokenPipeError:
        return 0
    finally:
        launcher.stop_all()


def _commands(launcher: Launcher) -> int:
    buffer = b""
    while chunk := os.read(0, _MAX_COMMAND_BYTES):
        buffer += chunk
        while b"\n" in buffer:
            line, _, buffer = buffer.partition(b"\n")
            command = _COMMAND.fullmatch(line)
            if command is None:
                return _end("ends: what the server sent is no command")
            _say(launcher.answer(command[1].decode(), command[2].decode()))
        if len(buffer) > _MAX_COMMAND_BYTES:
            return _end("ends: what the server sent is no command")
    return 0


def writable_by_the_server() -> str:
    """Why the person's own policy and engines cannot be trusted to be theirs; "" if they can.

    The server may write in our cache and state, so it could allow itself what lies there.
    """
    from indoors_server import endpoint_files, paths
    from indoors_server.policy import files

    for file, what in ((files.user_file(), "policy"), (endpoint_files.user_file(), "engines.json")):
        own = Path(os.path.realpath(file))
        for place in (paths.cache_dir(), paths.state_dir()):
            if own.is_relative_to(os.path.realpath(place)):
                return f"your {what} lies where the server may write: give it a folder of its own"
    return ""


def _say(line: str) -> None:
    """One line to the server; what is not printable could end it."""
    clean = "".join(c if c.isprintable() else " " for c in line)[:_MAX_ANSWER_CHARACTERS]
    data = clean.encode(errors="replace") + b"\n"
    while data:
        data = data[os.write(1, data) :]


def _end(why: str) -> int:
    with contextlib.suppress(OSError):
        os.write(2, f"indoors launcher: {why}\n".encode())
    return 2
