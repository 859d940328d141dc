"""An interpreter for seccomp programs: what a filter does, on machines that are not at hand.

Classic BPF as the kernel runs it for seccomp (Documentation/userspace-api/seccomp_filter.rst):
one accumulator, absolute 32-bit loads from struct seccomp_data, forward jumps, a return.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import NamedTuple

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003, "arm": 0x40000028}

# Every call of the two machines, by name, from the C headers of Linux 6.6.
CALLS: dict[str, dict[str, int]] = json.loads(
    Path(__file__).with_name("escape_syscalls.json").read_text()
)

ALLOW, EPERM, ENOSYS, KILL = "allow", "EPERM", "ENOSYS", "kill"
_VERDICTS = {0x7FFF0000: ALLOW, 0x00050001: EPERM, 0x00050026: ENOSYS, 0x80000000: KILL}


class Call(NamedTuple):
    """What the kernel shows a filter: the fields of struct seccomp_data."""

    audit: int
    number: int
    arguments: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)


def run(program: bytes, call: Call, visited: set[int] | None = None) -> str:
    """The verdict on `call`; the indexes of the instructions that ran are added to `visited`."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    data = struct.pack("<IIQ6Q", call.number, call.audit, 0x7F0000001000, *call.arguments)
    accumulator, at = 0, 0
    while True:
        if visited is not None:
            visited.add(at)
        code, then, other, value = instructions[at]
        at += 1
        match code:
            case 0x20:  # BPF_LD | BPF_W | BPF_ABS: aligned, inside the structure
                assert value % 4 == 0
                assert value + 4 <= len(data)
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x54:  # BPF_ALU | BPF_AND | BPF_K
                accumulator &= value
            case 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
                at += then if accumulator == value else other
            case 0x06:  # BPF_RET | BPF_K
                return _VERDICTS[value]
            case _:
                raise AssertionError(f"instruction {code:#x} is not expected here")
