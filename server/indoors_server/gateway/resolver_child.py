"""Names to addresses, in a child that gets a name and gives addresses, and knows nothing else.

    gateway -- "7 models.example\n" --> resolver -- a fork for each name, 5 s at most
            <-- "7 10.1.2.3 fd00::1\n", "7 ! reason\n" --
            <-- "0 ! ready\n" once, to nobody's question: from here on it works

Resolving means UDP, and the C library's parser of what a stranger's name server sends. The gateway
has neither: it holds keys and code. What this child could lie about is judged (`addresses`).
Standard library only, so that it is there before the gateway is.
"""

from __future__ import annotations

import os
import re
import signal
import sys

LOOKUP_S = 5
MAX_ADDRESSES = 16
MAX_LINE_BYTES = 1024
_QUESTION = re.compile(rb"([0-9]{1,15}) ([a-z0-9.-]{1,253})")


def run() -> int:
    """Answer questions on stdin until it ends. The lock-down is on."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    buffer = b""
    while chunk := os.read(0, 4096):
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            question = _QUESTION.fullmatch(line)
            if question is None:
                return 2
            _fork(question[1].decode(), question[2].decode())
        if len(buffer) > MAX_LINE_BYTES:
            return 2
    return 0


def _fork(number: str, name: str) -> None:
    try:
        child = os.fork()
    except OSError as error:
        _say(number, f"! cannot be resolved ({error.strerror})")
        return
    if child == 0:
        try:
            # Whatever it hangs in: the signal's default is the end of the process.
            signal.alarm(LOOKUP_S)
            _say(number, resolve(name))
        finally:
            os._exit(0)


def resolve(name: str) -> str:
    """The answer to a question: addresses, or `!` and a reason."""
    import socket

    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        reason = error.strerror if error.strerror and error.strerror.isascii() else "no answer"
        return f"! cannot be resolved ({reason[:100]})"
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    return " ".join(list(addresses)[:MAX_ADDRESSES])


def _say(number: str, answer: str) -> None:
    # One write of a short line: it does not mix with that of another fork.
    os.write(1, f"{number} {answer}\n".encode())


def main() -> int:
    """The child's process: locked, then `run`."""
    from indoors_indexing import lifeline
    from indoors_server.gateway import lock

    if not lock.is_inherited():
        return lock.refuse_to_run()
    if not lifeline.die_with_parent():
        return 1
    state = lock.apply_resolver()
    if state.state == "unproven":
        print(f"indoors resolver: {state.reason}", file=sys.stderr)  # noqa: T201 - nobody else hears
        return 1
    _say("0", "! ready")
    return run()
