"""`lockdown.apply` in a process of its own: the state it reports, and what it does besides."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Linux lock-down")

NETWORK_ONLY = "network enforced, files not"
PREAMBLE = """
import ctypes, json, os, resource, socket, sys
from indoors_server import lockdown, seccomp
libc = ctypes.CDLL(None, use_errno=True)
LOCK = sys.argv[1] == "locked"
def say(**found): os.write(2, json.dumps(found).encode())
def lock(): return lockdown.apply("cli") if LOCK else None
def become_unprivileged():
    if os.getuid() == 0:
        os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)  # a change of user had made us not dumpable
"""


def child(script, *, locked=True, **options):
    """Run `script` after PREAMBLE in a fresh interpreter; what it passed to say().

    The answer travels on stderr: descriptors 0 and 1 are what some tests are about.
    """
    command = [sys.executable, "-I", "-c", PREAMBLE + textwrap.dedent(script)]
    done = subprocess.run(
        [*command, "locked" if locked else "control"],
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stderr)


def test_the_state_says_what_is_enforced_and_what_not():
    found = child("""
        before = lockdown.state()
        first = lockdown.apply("cli")
        say(before=before, first=first, again=lockdown.apply("serve"), state=lockdown.state())
    """)
    assert found["before"] == ["unproven", "none", "not applied yet"]
    assert found["first"] == found["again"] == found["state"]
    state, mechanism, reason = found["first"]
    assert state == NETWORK_ONLY
    assert mechanism.startswith("seccomp-bpf on ")
    assert reason == "reading and writing files is not restricted"


def test_files_and_cores_are_private(tmp_path):
    script = """
        os.umask(0o022); lock()
        os.close(os.open("new", os.O_CREAT | os.O_WRONLY, 0o666))
        mode = os.stat("new").st_mode & 0o777
        os.unlink("new")
        say(mode=mode, core=resource.getrlimit(resource.RLIMIT_CORE)[0], dumpable=libc.prctl(3))
    """
    assert child(script, cwd=tmp_path) == {"mode": 0o600, "core": 0, "dumpable": 0}
    control = child(script, locked=False, cwd=tmp_path)
    assert control["mode"] == 0o644
    assert control["dumpable"] == 1


def test_the_same_user_cannot_look_into_a_locked_process():
    script = """
        ready, told = os.pipe()
        stop, go = os.pipe()
        target = os.fork()
        if not target:
            os.close(go)
            become_unprivileged(); lock()
            os.write(told, b"x"); os.read(stop, 1); os._exit(0)
        os.read(ready, 1)
        if os.getuid() == 0:
            os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
        try: seen = len(os.read(os.open(f"/proc/{target}/environ", os.O_RDONLY), 64)) > 0
        except PermissionError: seen = False
        os.close(go); os.waitpid(target, 0)
        say(seen=seen)
    """
    assert child(script, locked=False) == {"seen": True}
    assert child(script) == {"seen": False}


def test_an_unprivileged_locked_process_still_opens_its_own_descriptors():
    """The worker loads the model through /proc/self/fd/N, and a GPU driver names its threads."""
    found = child("""
        import tempfile, threading
        become_unprivileged(); lock()
        with tempfile.TemporaryFile() as model:
            model.write(b"weights"); model.flush()
            with open(f"/proc/self/fd/{model.fileno()}") as again: read = again.read()
        with open(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/comm", "w") as name:
            name.write("driver")
        say(read=read, owner=os.stat("/proc/self/environ").st_uid)
    """)
    # That /proc belongs to root shows that the process really was not dumpable.
    assert found == {"read": "weights", "owner": 0}


@pytest.mark.loopback
def test_an_inherited_socket_is_closed():
    script = """
        state = lock()
        result = libc.send(int(sys.argv[2]), b"code", 4, 0)
        say(sent=result == 4, reason=state.reason if state else "")
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        sender.connect(listener.getsockname())
        script = script.replace("int(sys.argv[2])", str(sender.fileno()))
        options = {"pass_fds": [sender.fileno()]}
        assert child(script, locked=False, **options)["sent"]
        assert listener.recv(8) == b"code"
        found = child(script, **options)
        assert found["sent"] is False
        assert found["reason"].endswith("; 1 inherited socket closed")
        with pytest.raises(BlockingIOError):
            listener.recv(8)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_socket_on_stdin_that_is_not_a_stream_is_replaced(kind):
    script = 'lock()\nos.write(0, b"code")\nsay(null=os.readlink("/proc/self/fd/0"))'
    for locked in (False, True):
        ours, theirs = socket.socketpair(type=kind)
        with ours, theirs:
            ours.setblocking(False)
            found = child(script, locked=locked, stdin=theirs)
            if locked:
                assert found["null"] == "/dev/null"
                with pytest.raises(BlockingIOError):
                    ours.recv(8)
            else:
                assert ours.recv(8) == b"code"


def test_a_listening_stream_on_stdin_is_replaced():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0indoors-stdin-{os.getpid()}")
        listener.listen()
        script = 'lock()\nsay(stdin=os.readlink("/proc/self/fd/0"))'
        assert child(script, stdin=listener) == {"stdin": "/dev/null"}


def test_an_editor_on_a_socket_pair_is_served():
    """Node and Neovim start their children on connected AF_UNIX stream pairs, not on pipes."""
    script = "lock()\nos.write(1, os.read(0, 64).upper())\nsay(done=True)"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"initialize")
        child(script, stdin=theirs, stdout=theirs)
        assert ours.recv(64) == b"INITIALIZE"


def test_an_inherited_ring_is_closed():
    script = """
        number = seccomp.X86_64.numbers["io_uring_setup"]
        ring = libc.syscall(number, 4, ctypes.create_string_buffer(120))
        lock()
        try: os.fstat(ring)
        except OSError: ring = -1
        say(ring=ring)
    """
    if child(script, locked=False)["ring"] < 0:
        pytest.skip("positive control: io_uring is not available here")
    assert child(script)["ring"] == -1


def test_what_our_processes_need_still_works():
    found = child("""
        import asyncio, subprocess, threading
        lock()
        async def run():
            loop = asyncio.get_running_loop()
            reader = asyncio.StreamReader()
            stdin = os.fdopen(0, "rb")
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdin)
            line = await reader.readline()
            woken = asyncio.Event()
            threading.Thread(target=lambda: loop.call_soon_threadsafe(woken.set)).start()
            await woken.wait()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-c", "print(6 * 7)", stdout=subprocess.PIPE)
            return line.decode(), (await process.communicate())[0].decode()
        line, answer = asyncio.run(run())
        popen = subprocess.run([sys.executable, "-I", "-c", "print(7)"], capture_output=True)
        say(line=line, answer=answer, popen=popen.stdout.decode())
    """, input=b"Content-Length: 2\n")  # fmt: skip
    assert found == {"line": "Content-Length: 2\n", "answer": "42\n", "popen": "7\n"}


THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
OUTER = """
numbers = seccomp.machine().numbers | {"prctl": 157 if seccomp.machine() is seccomp.X86_64 else 167}
target = seccomp.machine()._replace(numbers=numbers)
absent = seccomp.Rule("outer", tuple(BLOCKED), seccomp.ABSENT)
seccomp.install(seccomp.assemble((absent,), target), target)
"""


@pytest.mark.parametrize(
    ("blocked", "setup", "state", "said"),
    [
        (["seccomp"], "", NETWORK_ONLY, "files is not restricted"),
        (["seccomp"], THREAD, "unproven", "because threads exist"),
        (["seccomp", "prctl"], "", "unproven", "Function not implemented"),
    ],
    ids=["only the older call is there", "and a thread exists", "neither is there"],
)  # fmt: skip
def test_a_system_without_seccomp_is_told_apart(blocked, setup, state, said):
    """Row 8 of the threat table: the lock-down silently absent, here behind an outer filter."""
    script = f"BLOCKED = {blocked}\n{OUTER}\n{setup}\nsay(state=lock())"
    found = child(script)["state"]
    assert found[0] == state
    assert said in found[2]


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("socket family", "an internet socket"),
        ("socket type", "a datagram socket"),
        ("connect", "connect"),
        ("sendto", "sendto"),
        ("messages", "sendmsg"),
        ("io_uring", "io_uring"),
    ],
)
def test_a_filter_with_a_hole_is_not_called_enforced(rule, named):
    """The state follows what the kernel was seen to do, not that it accepted the program."""
    found = child(f"""
        table = seccomp.rules
        seccomp.rules = lambda target: tuple(r for r in table(target) if r.name != {rule!r})
        say(state=lock())
    """)["state"]
    assert found[0] == "unproven"
    assert found[2].endswith(f"did not refuse {named}")


@pytest.mark.parametrize(
    ("pretend", "said"),
    [
        ("sys.platform = 'win32'", "not enforced by this system"),
        ("sys.platform = 'darwin'", "the lock-down failed: "),
        ("seccomp.machine = lambda: None", "no filter is written for"),
        ("lockdown._keep_private = lambda: 1 / 0", "division by zero"),
    ],
)
def test_elsewhere_the_state_is_unproven_and_nothing_is_raised(pretend, said):
    found = child(f"{pretend}\nsay(state=lock())")["state"]
    assert found[:2] == ["unproven", "none"]
    assert said in found[2]


@pytest.mark.parametrize(
    ("states", "least"),
    [
        (["enforced", "unproven", "network enforced, files not"], "unproven"),
        (["enforced", "network enforced, files not", ""], "network enforced, files not"),
        (["enforced", "", "enforced"], "enforced"),
        (["enforced", "something new"], "something new"),
        ([""], "unproven"),
    ],
)
def test_the_least_of_all_processes_counts(states, least):
    from indoors_server import lockdown

    assert lockdown.least(states) == least
