"""A child of `indoors doctor --prove`: locks itself as a role of ours does, then tries to get out.

It is told what to do by one argument and answers in lines of JSON on stdout, [name, outcome] for
each way and {…} about itself, each written as soon as it is known: of a child that dies, all that
it did is known. An outcome is "reached", an errno, the signal that ended the attempt, or says why
there was none.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from indoors_server import landlock, lockdown, role_files
from indoors_server.proof import native, ways
from indoors_server.proof.things import Errand, OlderSockets, Things
from indoors_server.proof.verdicts import UNTRIED

_ATTEMPT_SECONDS = 10


def run(arguments: list[str]) -> int:
    """Do the errand in `arguments`, an `Errand` in JSON."""
    errand = Errand(**json.loads(arguments[0]))
    # Attempts that end in a signal are expected, and leave nothing behind.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    things = Things(errand)
    try:
        _in_a_fork(lambda: _try_older_ways(things))
        claims = _claims(errand)
        if errand.role:
            state = lockdown.apply(errand.role, errand.arguments)
            _tell(state._asdict() | claims)
        for way in ways.WAYS:
            if way.apart:
                _tell([way.name, _apart(way.attempt, things)])
            else:
                _tell([way.name, _outcome(partial(way.attempt, things))])
    finally:
        things.close()
    return 0


def _claims(errand: Errand) -> dict[str, object]:
    """What about files is promised for this role here."""
    version = landlock.version()
    files = role_files.files_of(errand.role, list(errand.arguments)) if errand.role else None
    restricts = bool(version) and files is not None
    reads = restricts and files is not None and files.read is not None
    return {"landlock": version, "claims": ["network"] + ["read"] * reads + ["write"] * restricts}


def _try_older_ways(things: Things) -> None:
    """Lock this process while a thread exists, and let the thread try.

    The thread has its own table of descriptors, and sockets in it.
    """
    ready, go, done = threading.Event(), threading.Event(), threading.Event()
    outcomes: list[list[str]] = []
    reason = ""

    def older() -> None:
        try:
            sockets, why = OlderSockets(), ""
        except OSError as error:
            sockets, why = None, native.errno_name(error.errno or 0)
        ready.set()
        go.wait()
        outcomes.append(
            [ways.THREAD.name, reason or _outcome(partial(ways.THREAD.attempt, things))]
        )
        for way in ways.OLDER_WAYS:
            if sockets is None:
                outcomes.append([way.name, f"{UNTRIED}a thread gets no sockets of its own ({why})"])
            else:
                attempt = partial(way.attempt, things, sockets)
                outcomes.append([way.name, reason or _outcome(attempt)])
        done.set()
        signal.pause()  # closing its sockets now would close numbers of another table

    threading.Thread(target=older, daemon=True).start()
    ready.wait()
    if things.errand.role:
        state = lockdown.apply(things.errand.role, things.errand.arguments)
        if state.mechanism == "none":
            # Our own processes lock themselves before they have threads.
            reason = f"{UNTRIED}a process with threads cannot be locked here ({state.reason})"
    go.set()
    done.wait()
    for outcome in outcomes:
        _tell(outcome)


def _outcome(attempt: Callable[[], str]) -> str:
    try:
        return attempt()
    except Exception as error:  # noqa: BLE001 - a broken attempt must not hide the others
        return f"failed ({type(error).__name__})"


def _apart(attempt: Callable[[Things], str], things: Things) -> str:
    """The outcome of an attempt in a process of its own."""
    reader, writer = os.pipe()

    def answer() -> None:
        signal.alarm(_ATTEMPT_SECONDS)
        os.write(writer, _outcome(partial(attempt, things)).encode())

    status = _in_a_fork(answer)
    os.close(writer)
    said = os.read(reader, 1000).decode()
    os.close(reader)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return said or f"exit {os.WEXITSTATUS(status)}"


def _in_a_fork(work: Callable[[], None]) -> int:
    """Do `work` in a forked process; its wait status."""
    pid = os.fork()
    if pid == 0:
        _work_and_end(work)
    return os.waitpid(pid, 0)[1]


def _work_and_end(work: Callable[[], None]) -> NoReturn:
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def _tell(answer: object) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")
