"""What strace saw of network calls, process by process, without what the lock-down itself tries.

strace runs without `--seccomp-bpf`: with it, calls that the filter refuses would not be shown, and
an attempt that is refused is an attempt all the same.
"""

from __future__ import annotations

import re
from pathlib import Path

# A data argument would be source text: `-s 0` leaves it out.
STRACE = ("strace", "-ff", "-s", "0", "-e", "signal=none", "-e", "trace=%network,io_uring_setup")

# What every process of ours begins with: the lock-down tries the ways out, in this order.
SELF_TEST = (
    r"socket\(AF_INET, SOCK_STREAM, \w+\) += -1 EPERM",
    r"socket\(AF_UNIX, SOCK_DGRAM, 0\) += -1 EPERM",
    r"connect\(-1, .*\) += -1 EPERM",
    r"sendto\(-1, .*\) += -1 EPERM",
    r"sendmsg\(-1, NULL, 0\) += -1 EPERM",
    r"recvmsg\(-1, NULL, 0\) += -1 EPERM",
    r"io_uring_setup\(0, NULL\) += -1 ENOSYS",
    r"socketpair\(AF_UNIX, SOCK_STREAM, 0, .*\) += 0",
)
# What an event loop does beside that: it wakes itself through a pair of its own.
HARMLESS = (
    r"socketpair\(AF_UNIX, SOCK_STREAM(\|SOCK_CLOEXEC|\|SOCK_NONBLOCK)*, 0, .*\) += 0",
    r"(getsockopt|getsockname|getpeername|shutdown)\(",
    r"sendto\(\d+, \"\"\.*, \d+, (0|MSG_NOSIGNAL), NULL, 0\)",
    r"recvfrom\(\d+, .*, \d+, 0, NULL, NULL\)",
)


def traced(into: Path, *command: str) -> list[str]:
    """A command under strace, which writes a file for each of its tasks beside `into`."""
    return [*STRACE, "-o", str(into), *command]


def calls_of(into: Path) -> dict[int, list[str]]:
    """The network calls of every task, in order."""
    found = {}
    for file in into.parent.glob(f"{into.name}.*"):
        lines = file.read_text().splitlines()
        found[int(file.suffix[1:])] = [one for one in lines if not one.startswith("+++")]
    return found


def attempts(calls: list[str]) -> list[str]:
    """The calls of one task that could lead out, refused ones included."""
    begins = [re.match(pattern, call) for pattern, call in zip(SELF_TEST, calls, strict=False)]
    after = calls[len(SELF_TEST) :] if has_tested_itself(calls) else calls
    assert not any(begins) or has_tested_itself(calls), calls
    return [call for call in after if not any(re.match(pattern, call) for pattern in HARMLESS)]


def has_tested_itself(calls: list[str]) -> bool:
    """Whether a task's calls begin with the whole self-test: it is the main one of a process."""
    return len(calls) >= len(SELF_TEST) and all(
        re.match(pattern, call) for pattern, call in zip(SELF_TEST, calls, strict=False)
    )
