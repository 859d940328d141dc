"""The rule table, judged by an interpreter over every system call of both machines.

What is expected is written down again here, from the design and not from the table. This proves
the rules that the kernel at hand cannot show (x32, aarch64); test_kernel.py proves the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server import seccomp
from support.escape_bpf import ALLOW, AUDIT, CALLS, ENOSYS, EPERM, KILL, Call, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="errno differs")

MACHINES = {"x86_64": seccomp.X86_64, "aarch64": seccomp.AARCH64}
BOTH = pytest.mark.parametrize("name", MACHINES)

ALWAYS_EPERM = {
    "connect", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg", "ptrace", "process_vm_readv",
    "process_vm_writev", "pidfd_getfd", "bpf", "userfaultfd", "setns", "unshare", "add_key",
    "request_key", "keyctl",
}  # fmt: skip
ALWAYS_ENOSYS = {"io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"}
UNIX, INET, STREAM, DGRAM, SEQPACKET, CLOEXEC = 1, 2, 1, 2, 5, 0o2000000
Judge = Callable[[str, tuple[int, ...]], str]
FAST_OPEN, THREAD = 0x20000000, 0x10000
HIGH = 1 << 32  # a bit that the kernel ignores in an `int`
NEW_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)


def expected(call: str, arguments: tuple[int, ...]) -> str:
    """The verdict that the design asks for, on a call of the right architecture."""
    ints = [argument % HIGH for argument in arguments]
    if call in ALWAYS_EPERM:
        return EPERM
    if call in ALWAYS_ENOSYS:
        return ENOSYS
    if call in ("socket", "socketpair"):
        return ALLOW if ints[0] == UNIX and ints[1] & 0xF in (STREAM, SEQPACKET) else EPERM
    if call == "sendto":
        return EPERM if arguments[4] else ALLOW
    if call == "clone":
        return EPERM if any(ints[0] & flag for flag in NEW_NAMESPACES) else ALLOW
    if call == "ioctl":
        return EPERM if ints[1] in (0x5412, 0x541C) else ALLOW
    return ALLOW


def arguments_of(call: str) -> list[tuple[int, ...]]:
    """Argument lists that tell a right rule for `call` from a nearly right one."""
    if call in ("socket", "socketpair"):
        families = (0, UNIX, INET, 10, 16, 17, 31, 40, 45, UNIX + HIGH, INET + HIGH)
        types = (STREAM, DGRAM, 3, 4, SEQPACKET, 10, STREAM | CLOEXEC, DGRAM | CLOEXEC)
        found = [(family, kind, 0, 0, 0, 0) for family, kind in product(families, types)]
        protocols = (6, 17, 132, 262, 6 + HIGH)
        found += [(INET, kind, one, 0, 0, 0) for kind in (STREAM, DGRAM) for one in protocols]
        return found
    if call == "sendmsg":
        return [(3, 9, flags, 0, 0, 0) for flags in (0, 0x4000, FAST_OPEN, FAST_OPEN + HIGH)]
    if call == "sendto":
        return [(3, 9, 9, 0, address, 0) for address in (0, 1, HIGH, 7 * HIGH, 0x7FFC12345678)]
    if call == "clone":
        threads_and_vfork = (0x3D0F00, 0x4111, 0x1200011, 17, THREAD + HIGH, THREAD * HIGH)
        both = [flag | THREAD for flag in NEW_NAMESPACES]
        return [(flags, 0, 0, 0, 0, 0) for flags in (*NEW_NAMESPACES, *both, *threads_and_vfork)]
    if call == "ioctl":
        requests = (0x5412, 0x541C, 0x5412 + HIGH, 0x541C + HIGH, 0x5401, 0x5413, 0xC020462A)
        return [(0, request, 0, 0, 0, 0) for request in requests]
    return [(0,) * 6, (2**64 - 1,) * 6]


def expected_of_launcher(call: str, arguments: tuple[int, ...]) -> str:
    """The same with room for a gateway: internet sockets, and what is sent through them."""
    if call in ("socket", "socketpair"):
        family, kind = arguments[0] % HIGH, arguments[1] & 0xF
        return ALLOW if family in (UNIX, INET, 10) and kind in (STREAM, DGRAM, SEQPACKET) else EPERM
    if call in ("connect", "sendto", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg"):
        return ALLOW
    return expected(call, arguments)


SERVING = {"listen", "accept", "accept4"}
PROGRAMS = {"execve", "execveat"}


def expected_of_gateway(call: str, arguments: tuple[int, ...]) -> str:
    """Connecting by TCP, and threads; no name server, no program, no other process."""
    ints = [argument % HIGH for argument in arguments]
    if call == "socket":
        is_tcp = ints[0] in (INET, 10) and ints[1] & 0xF == STREAM and ints[2] in (0, 6)
        return ALLOW if is_tcp else EPERM
    if call in ("socketpair", "bind", "fork", "vfork") or call in SERVING | PROGRAMS:
        return EPERM
    if call == "clone" and not ints[0] & THREAD:
        return EPERM
    if call == "sendmsg":
        return EPERM if ints[2] & FAST_OPEN else ALLOW
    return ALLOW if call == "connect" else expected(call, arguments)


def expected_of_resolver(call: str, arguments: tuple[int, ...]) -> str:
    """Asking name servers, and processes to do it in; no program."""
    if call == "socket":
        family, kind, protocol = arguments[0] % HIGH, arguments[1] & 0xF, arguments[2] % HIGH
        asks = family in (INET, 10) and kind in (STREAM, DGRAM) and protocol in (0, 6, 17)
        return ALLOW if asks else EPERM
    if call == "socketpair" or call in SERVING | PROGRAMS:
        return EPERM
    if call in ("connect", "sendto", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg"):
        return ALLOW
    return expected(call, arguments)


def cases(name: str, judge: Judge = expected) -> list[tuple[Call, str]]:
    """Every call of the machine with telling arguments, and calls of other architectures."""
    found = [
        (Call(AUDIT[name], number, arguments), judge(call, arguments))
        for call, number in CALLS[name].items()
        for arguments in arguments_of(call)
    ]
    for other in AUDIT:
        if other != name:
            found += [(Call(AUDIT[other], number), KILL) for number in (0, 1, 41, 102, 198, 359)]
    if name == "x86_64":
        x32 = 0x40000000
        found += [(Call(AUDIT[name], x32 + number), ENOSYS) for number in (0, 41, 42, 519, 545)]
    return found


def wrong(
    table: tuple[seccomp.Rule, ...], name: str, judge: Judge = expected
) -> list[tuple[Call, str, str]]:
    """The cases on which the program for `table` gives another verdict than expected."""
    program = seccomp.assemble(table, MACHINES[name])
    judged = [(call, verdict, run(program, call)) for call, verdict in cases(name, judge)]
    return [case for case in judged if case[1] != case[2]]


@BOTH
def test_every_call_gets_the_verdict_of_the_design(name):
    assert wrong(seccomp.rules(MACHINES[name]), name) == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [(name, rule.name) for name, target in MACHINES.items() for rule in seccomp.rules(target)],
)
def test_no_rule_can_be_removed(name, rule):
    left = tuple(other for other in seccomp.rules(MACHINES[name]) if other.name != rule)
    assert wrong(left, name) != []


@BOTH
@pytest.mark.parametrize(
    ("rules", "judge"),
    [
        (seccomp.launcher_rules, expected_of_launcher),
        (seccomp.gateway_rules, expected_of_gateway),
        (seccomp.resolver_rules, expected_of_resolver),
    ],
    ids=["launcher", "gateway", "resolver"],
)
def test_every_call_gets_the_verdict_of_the_roles_design(name, rules, judge):
    table = rules(MACHINES[name])
    assert wrong(table, name, judge) == []
    for rule in table:
        left = tuple(other for other in table if other is not rule)
        assert wrong(left, name, judge) != [], rule.name


@BOTH
def test_the_order_of_kinds_is_architecture_then_numbering(name):
    """A call of another architecture must be stopped before its number is given a meaning."""
    assert next(rule.name for rule in seccomp.rules(MACHINES[name])) == "architecture"


@BOTH
def test_every_instruction_is_reached(name):
    program = seccomp.assemble(seccomp.rules(MACHINES[name]), MACHINES[name])
    visited: set[int] = set()
    for call, _ in cases(name):
        run(program, call, visited)
    assert visited == set(range(len(program) // 8))
    assert len(program) // 8 < 80


@BOTH
@given(data=st.data())
def test_any_arguments(name, data):
    program = seccomp.assemble(seccomp.rules(MACHINES[name]), MACHINES[name])
    words = st.one_of(st.integers(0, 64), st.integers(0, 2**64 - 1))
    call = data.draw(st.sampled_from(["socket", "socketpair", "sendto", "clone", "ioctl", "read"]))
    arguments = data.draw(st.tuples(*[words] * 6))
    verdict = run(program, Call(AUDIT[name], CALLS[name][call], arguments))
    assert verdict == expected(call, arguments)


@BOTH
def test_the_numbers_are_those_of_the_headers(name):
    numbers = MACHINES[name].numbers
    assert {call: CALLS[name][call] for call in numbers} == numbers
    assert MACHINES[name].audit == AUDIT[name]


def test_the_call_table_is_that_of_this_system():
    """The stored table against the C headers, where they are installed."""
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's C headers for x86-64 are not installed here")
    words = [line.split() for line in header.read_text().splitlines()]
    found = {
        line[1].removeprefix("__NR_"): int(line[2])
        for line in words
        if len(line) == 3 and line[1].startswith("__NR_") and line[2].isdigit()
    }
    assert found.items() >= {call: CALLS["x86_64"][call] for call in ALWAYS_EPERM}.items()
    shared = found.keys() & CALLS["x86_64"].keys()
    assert {call: found[call] for call in shared} == {
        call: CALLS["x86_64"][call] for call in shared
    }


def test_a_rule_too_long_for_a_jump_is_refused():
    rule = seccomp.Rule("long", ("connect",) * 300, seccomp.DENY, ())
    with pytest.raises(ValueError, match="jump"):
        seccomp.assemble((rule,), seccomp.X86_64)
