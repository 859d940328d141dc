"""Row 16: no link, pipe, device or `..` gets bytes from outside the root, however it is opened."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indoors_indexing import beneath
from indoors_indexing.beneath import open_stepwise, openat2
from indoors_indexing.reading import Unreadable, is_below_link, open_root, read_source
from support.needs import need

SECRET = b"outside: never to be read\n"
INSIDE = b"inside = 1\n"
LONG = "/".join("n" * 200 for _ in range(25))  # longer than a path in one system call
# What each name is answered with, in both ways.
ANSWERS = {
    "a.py": "read", "sub/b.py": "read", "-dash.py": "read", LONG + "/deep.py": "read",
    "link.py": "kind", "out.py": "kind", "dangling.py": "kind", "loop.py": "kind",
    "linked/b.py": "kind", "outside/secret.py": "kind", "outside/nothing.py": "kind",
    "to_proc/cwd/a.py": "kind", "sub/../a.py": "kind", "../outside/secret.py": "kind",
    "sub/../../outside/secret.py": "kind", "/etc/hostname": "kind", "./a.py": "kind",
    "sub//b.py": "kind", "sub/": "kind", "": "kind", ".": "kind", "a\0.py": "kind",
    "fifo.py": "kind", "socket.py": "kind", "device.py": "kind", "folder.py": "kind",
    "nothing.py": "gone", "nothing/a.py": "gone", "a.py/b.py": "gone", "huge.py": "size",
    "n" * 300: "failed", "half\ud800.py": "kind",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "sub").mkdir(parents=True)
    (made / "folder.py").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.py").write_bytes(SECRET)
    for name in ("a.py", "sub/b.py", "-dash.py"):
        (made / name).write_bytes(INSIDE)
    links = {
        "link.py": "a.py", "out.py": "../outside/secret.py", "dangling.py": "nowhere",
        "loop.py": "loop.py", "linked": "sub", "outside": "../outside", "to_proc": "/proc/self",
    }  # fmt: skip
    for name, target in links.items():
        (made / name).symlink_to(target)
    os.mkfifo(made / "fifo.py")
    with contextlib.chdir(made), socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
    try:
        os.mknod(made / "device.py", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        (made / "device.py").symlink_to("/dev/zero")  # who is not root cannot make one
    with (made / "huge.py").open("wb") as huge:
        huge.truncate(3 * 2**30)
    at = made
    with contextlib.chdir(at):
        for name in LONG.split("/"):
            Path(name).mkdir()
            os.chdir(name)
        Path("deep.py").write_bytes(INSIDE)
    return made


@pytest.fixture
def opened(root: Path) -> Iterator[int]:
    descriptor = open_root(str(root))
    yield descriptor
    os.close(descriptor)


def answer(root: int, path: str) -> str:
    try:
        data = read_source(root, path, 10_000).data
    except Unreadable as error:
        return error.reason
    assert data == INSIDE
    return "read"


def at_once() -> beneath.Open:
    """openat2, which a kernel that says something about row 16 has."""
    way = openat2()
    need(way is not None, "no openat2 here: an old kernel, or a sandbox that refuses it")
    assert way is not None
    return way


WAYS: dict[str, Callable[[], beneath.Open]] = {
    "openat2": at_once,
    "stepwise": lambda: open_stepwise,
}


@pytest.mark.parametrize("way", WAYS)
def test_row_16_both_ways_of_opening_give_the_same_answers(
    opened: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = WAYS[way]()
    monkeypatch.setattr(beneath, "_the_way", lambda: chosen)
    assert {path: answer(opened, path) for path in ANSWERS} == ANSWERS


def test_row_16_what_is_refused_can_be_read_without_the_rules(root: Path) -> None:
    """The control: a plain open of the same names gets what lies outside."""
    for name in ("out.py", "outside/secret.py", "../outside/secret.py"):
        assert (root / name).read_bytes() == SECRET
    assert (root / "link.py").read_bytes() == INSIDE


def test_row_16_a_path_that_leads_through_a_link_is_known(opened: int) -> None:
    found = {path: is_below_link(opened, path) for path in ANSWERS if "\0" not in path}
    through = {"link.py", "out.py", "dangling.py", "loop.py", "linked/b.py", "outside/secret.py"}
    through |= {"outside/nothing.py", "to_proc/cwd/a.py", "half\ud800.py"}
    if os.geteuid():
        through.add("device.py")
    assert {path for path, is_link in found.items() if is_link} == through


# --- where the kernel, or a sandbox, refuses the call -------------------------------------------

# A seccomp filter that answers openat2 with an errno, as old kernels and old containers do.
REFUSE = """
    import ctypes, struct
    def refuse_openat2(number):
        program = b"".join(struct.pack("HBBI", *one) for one in (
            (0x20, 0, 0, 0), (0x15, 0, 1, 437), (0x06, 0, 0, 0x00050000 | number),
            (0x06, 0, 0, 0x7FFF0000)))
        held = ctypes.create_string_buffer(program)
        class Program(ctypes.Structure):
            _fields_ = (("n", ctypes.c_ushort), ("at", ctypes.c_void_p))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.prctl(38, 1, 0, 0, 0) == 0
        program = Program(4, ctypes.addressof(held))
        assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, ctypes.get_errno()
"""
CHILD = """
    import json, os, sys
    from indoors_indexing import beneath
    from indoors_indexing.reading import Unreadable, open_root, read_source
    root, asked = open_root(sys.argv[1]), json.loads(sys.argv[2])
    def answer(path):
        try:
            return "read" if read_source(root, path, 10_000) else ""
        except Unreadable as error:
            return error.reason
    found = {path: answer(path) for path in asked}
    way = "stepwise" if beneath._the_way() is beneath.open_stepwise else "openat2"
    print(json.dumps([way, beneath._the_way.cache_info().misses, found]), file=sys.stderr)
"""


def child(before: str, root: Path) -> list[object]:
    asked = json.dumps([path for path in ANSWERS if "\ud800" not in path])
    code = textwrap.dedent(REFUSE) + before + "\n" + textwrap.dedent(CHILD)
    command = [sys.executable, "-I", "-c", code, str(root), asked]
    places = {"HOME": str(root.parent), "XDG_CACHE_HOME": str(root.parent / "cache")}
    done = subprocess.run(command, env=places, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return list(json.loads(done.stderr))


EXPECTED = {path: said for path, said in ANSWERS.items() if "\ud800" not in path}


@pytest.mark.skipif(sys.platform != "linux", reason="openat2 and seccomp are Linux")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=["ENOSYS", "EPERM"])
def test_row_16_where_the_call_is_refused_the_answers_are_the_same(root: Path, number: int) -> None:
    at_once()
    assert child(f"refuse_openat2({number})", root) == ["stepwise", 1, EXPECTED]


@pytest.mark.skipif(sys.platform != "linux", reason="openat2 and seccomp are Linux")
def test_row_16_the_call_works_under_our_own_filter(root: Path) -> None:
    at_once()
    lock = "from indoors_server import lockdown; lockdown.apply('cli')"
    assert child(lock, root) == ["openat2", 1, EXPECTED]


# --- whose files --------------------------------------------------------------------------------

READER, OWNER, STRANGER = 40_001, 40_002, 40_003
AS_READER = """
    os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})
    root, found = open_root(sys.argv[1]), {{}}
    for name in sys.argv[2:]:
        try:
            found[name] = "read" if read_source(root, name, 100) else ""
        except Unreadable as error:
            found[name] = error.reason
        open(os.path.join(sys.argv[1], name), "rb").close()  # the control: it could be read
    print(json.dumps(found), file=sys.stderr)
"""
IMPORTS = """
    import json, os, sys
    from indoors_indexing.reading import Unreadable, open_root, read_source
"""


@pytest.mark.parametrize(
    ("uid", "theirs"),
    [(READER, "stranger.py system.py"), (OWNER, "stranger.py system.py reader.py"),
     (0, "stranger.py reader.py")],
    ids=["another reads", "the owner reads", "root reads"],
)  # fmt: skip
def test_row_16_files_of_other_users_are_not_read(tmp_path: Path, uid: int, theirs: str) -> None:
    if os.geteuid() != 0:
        assert not os.environ.get("CI"), "not root: owners cannot be given, nothing is proven"
        pytest.skip("only root can give files to other users")
    root = tmp_path / "root"
    root.mkdir()
    names = {"owner.py": OWNER, "reader.py": READER, "stranger.py": STRANGER, "system.py": 0}
    for name, owner in names.items():
        (root / name).write_bytes(INSIDE)
        os.chown(root / name, owner, owner)
    os.chown(root, OWNER, OWNER)
    for folder in (root, *tmp_path.parents[:3], tmp_path):
        if folder.stat().st_uid in (0, OWNER) and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    code = textwrap.dedent(IMPORTS) + textwrap.dedent(AS_READER.format(uid=uid))
    command = [sys.executable, "-I", "-c", code, str(root), *names]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    expected = {name: "owner" if name in theirs.split() else "read" for name in names}
    assert json.loads(done.stderr) == expected


# --- a race -------------------------------------------------------------------------------------

# Swaps a file with a link to the secret, and a folder with a link to the one that holds it.
SWAPPER = """
    import os, sys
    os.chdir(sys.argv[1])
    while True:
        os.symlink("../outside/secret.py", "next")
        os.replace("next", "raced.py")
        os.rename("raced", "aside")
        os.symlink("../outside", "raced")
        with open("next", "wb") as file:
            file.write(b"inside = 1\\n")
        os.replace("next", "raced.py")
        os.unlink("raced")
        os.rename("aside", "raced")
"""
RACED = ("raced.py", "raced/secret.py")


@contextlib.contextmanager
def swapping(folder: Path) -> Iterator[Path]:
    root = folder / "root"
    (root / "raced").mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside/secret.py").write_bytes(SECRET)
    for name in RACED:
        (root / name).write_bytes(INSIDE)
    command = [sys.executable, "-I", "-c", textwrap.dedent(SWAPPER), str(root)]
    process = subprocess.Popen(command)
    try:
        yield root
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(root)


def race(root: Path, path: str, seconds: float) -> tuple[int, int]:
    """Read a name while it is swapped: how often it was read, and how often it was refused."""
    descriptor, n_read, n_refused = open_root(str(root)), 0, 0
    now = time.monotonic()
    end, give_up = now + seconds, now + 120
    try:
        # At least once each: that the swap was met at all is the point.
        while time.monotonic() < end or not (n_read and n_refused):
            if time.monotonic() > give_up:
                break
            try:
                data = read_source(descriptor, path, 10_000).data
            except Unreadable as error:
                # Between two steps of the swap there is no folder.
                n_refused += error.reason == "kind"
                continue
            assert data in (INSIDE, b""), data  # never a byte of the secret
            n_read += 1
    finally:
        os.close(descriptor)
    return n_read, n_refused


def careful_read(file: Path) -> bytes:
    """The control: looks first, folder by folder, and then opens; the swap comes between."""
    if file.is_symlink() or file.parent.is_symlink():
        return b""
    with file.open("rb") as stream:
        return stream.read()


@pytest.mark.parametrize("path", RACED)
@pytest.mark.parametrize("way", WAYS)
def test_row_16_a_swap_never_yields_outside_bytes(
    tmp_path: Path, way: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = WAYS[way]()
    monkeypatch.setattr(beneath, "_the_way", lambda: chosen)
    with swapping(tmp_path) as root:
        assert all(race(root, path, 1.0))


@pytest.mark.soak
@pytest.mark.parametrize("path", RACED)
@pytest.mark.parametrize("way", WAYS)
def test_row_16_a_long_swap_never_yields_outside_bytes(
    tmp_path: Path, way: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = WAYS[way]()
    monkeypatch.setattr(beneath, "_the_way", lambda: chosen)
    with swapping(tmp_path) as root:
        assert all(race(root, path, 10.0))


@pytest.mark.parametrize("path", RACED)
def test_row_16_a_reader_that_looks_first_is_raced(tmp_path: Path, path: str) -> None:
    with swapping(tmp_path) as root:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if careful_read(root / path) == SECRET:
                    return
        raise AssertionError("the swap was never met: the tests above prove nothing")
