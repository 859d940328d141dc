"""A process of ours as only a test starts it: the real entry point, altered beforehand.

    python -I altered_process.py ALTERATIONS ROLE ARGUMENTS

The children of such a process are altered in the same way. ALTERATIONS is one or more of these,
joined by commas:

    unlocked    the lock-down does nothing: the positive control of what it prevents
    datagram    the worker sends one datagram from native code when it is first asked to generate
    request     the indexer asks for a page by HTTP, as a library might, once it is locked down
    modules     SIGUSR1 has a process write what it has imported to stderr: MODULES, a JSON object

Attempts are told on stderr, too, with how they ended: ATTEMPT ROLE OUTCOME.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import struct
import sys
from pathlib import Path

from indoors_server import __main__ as entry
from indoors_server import children, lockdown

ELSEWHERE = "192.0.2.99"  # RFC 5737: no machine has this address
ALTERATIONS = set(sys.argv[1].split(","))
ROLE = sys.argv[2]


# A child may not open this file: it is none of the libraries that an indexer's maker may read. So
# the text is handed down.
IS_HANDED_DOWN = sys.orig_argv[2] == "-c"
SOURCE = sys.orig_argv[3] if IS_HANDED_DOWN else Path(__file__).read_text()


def say(*words: str) -> None:
    os.write(2, f"\n{' '.join(words)}\n".encode())


def send_datagram() -> None:
    """One datagram by the C library: no Python between us and the kernel."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(2, 2, 0)
    host = bytes(map(int, ELSEWHERE.split(".")))
    address = struct.pack("=H", 2) + struct.pack("!H", 9) + host + bytes(8)
    sent = libc.sendto(descriptor, b"code", 4, 0, address, len(address))
    outcome = "sent" if sent == 4 else errno.errorcode[ctypes.get_errno()]
    say("ATTEMPT", ROLE, outcome if descriptor >= 0 else "EPERM, no socket")


def ask_for_a_page() -> None:
    import urllib.request

    try:
        urllib.request.urlopen(f"http://{ELSEWHERE}/", timeout=0.2)
    except OSError as error:
        say("ATTEMPT", ROLE, str(error))


def tell_modules(*_: object) -> None:
    told = {"role": " ".join(sys.argv[2:3]), "pid": os.getpid(), "modules": sorted(sys.modules)}
    say("MODULES", json.dumps(told))


def main() -> int:
    children.command = lambda role, *arguments: [
        sys.executable, "-I", "-c", SOURCE, sys.argv[1], role, *arguments
    ]  # fmt: skip
    lock = lockdown.apply
    if "unlocked" in ALTERATIONS:
        lock = lambda _role, _arguments=(): lockdown.state()  # noqa: E731
    if "modules" in ALTERATIONS:
        signal.signal(signal.SIGUSR1, tell_modules)
    if "datagram" in ALTERATIONS and ROLE == "worker":
        from indoors_completion.engine.desk import Desk

        begin = Desk.begin

        def begin_once(*arguments):
            Desk.begin = begin
            send_datagram()
            return begin(*arguments)

        Desk.begin = begin_once

    def apply(role, arguments=()):
        state = lock(role, arguments)
        if "request" in ALTERATIONS and role == "indexer":
            ask_for_a_page()
        return state

    lockdown.apply = apply
    return entry.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
