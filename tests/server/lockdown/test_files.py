"""Which files a locked process can still open: by Landlock, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from indoors_server import children, landlock, role_files
from support.needs import need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux")

PREAMBLE = """
import json, os, resource, subprocess, sys
from indoors_server import landlock, lockdown, seccomp
def say(**found): os.write(2, json.dumps(found).encode())
def opened(path, flags=os.O_RDONLY):
    try: os.close(os.open(path, flags, 0o600))
    except OSError as error: return error.strerror
    return "opened"
def become_unprivileged():
    if os.getuid() == 0:
        os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
WRITE = os.O_WRONLY | os.O_CREAT
LOCKED = sys.argv[1] == "locked"
def lock(*arguments): return lockdown.apply(*arguments) if LOCKED else None
"""
DENIED = "Permission denied"


@pytest.fixture(scope="module", autouse=True)
def _needs_landlock():
    need(landlock.version(), "this kernel has no Landlock")


@pytest.fixture
def home(tmp_path):
    """A home with a model, a secret and a project, all of which anybody may read and write."""
    for name in ("cache/indoors/models/m.gguf", ".ssh/id_ed25519", "project/main.py", ".bashrc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    for folder in tmp_path.parents[:3]:
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o755)
    return tmp_path


def child(script, home, *arguments, locked=True):
    """Run `script` after PREAMBLE in a fresh interpreter; what it passed to say()."""
    code = PREAMBLE + textwrap.dedent(script)
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-c", code),
            *("locked" if locked else "control", str(home), *arguments),
        ],
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        env={
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_STATE_HOME": str(home / "state"),
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stderr)


# What a worker with a model may not open, and what it needs.
WORKER = """
    home = sys.argv[2]
    model = f"{home}/cache/indoors/models/m.gguf"
    libc = next(line.split()[-1] for line in open("/proc/self/maps") if "/libc" in line)
    %s
    state = lock("worker", ["--engine", "/nowhere", "--model", model])
    say(
        state=state,
        model=opened(model), library=opened(libc), cpu=opened("/proc/cpuinfo"),
        null=opened("/dev/null", os.O_WRONLY),
        passwd=opened("/etc/passwd"), key=opened(f"{home}/.ssh/id_ed25519"),
        project=opened(f"{home}/project/main.py"), listing=opened(home),
        model_changed=opened(model, os.O_WRONLY),
        new=opened(f"{home}/new", WRITE), profile=opened(f"{home}/.bashrc", os.O_WRONLY),
        temporary=opened(sys.argv[3] + "/new", WRITE),
    )
"""
NEEDED = ("model", "library", "cpu", "null")


@pytest.mark.parametrize("user", ["", "become_unprivileged()"])
def test_row_17_the_worker_opens_its_model_and_libraries_only(home, user):
    # Whoever may write in it, /tmp itself may be closed to this user: a folder of it is not.
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        Path(temporary).chmod(0o777)
        control = child(WORKER % user, home, temporary, locked=False)
        locked = child(WORKER % user, home, temporary)
    assert {name: control[name] for name in NEEDED} == dict.fromkeys(NEEDED, "opened")
    assert {name: locked[name] for name in NEEDED} == dict.fromkeys(NEEDED, "opened")
    others = control.keys() - {"state", *NEEDED}
    assert {name: control[name] for name in others} == dict.fromkeys(others, "opened")
    assert {name: locked[name] for name in others} == dict.fromkeys(others, DENIED)
    assert locked["state"][0] == "enforced"
    assert "Landlock" in locked["state"][1]


@pytest.mark.parametrize("user", ["", "become_unprivileged()"])
def test_the_worker_still_opens_its_own_descriptors_and_names_its_threads(home, user):
    """It loads the model through /proc/self/fd/N, and a GPU driver names its threads."""
    found = child(
        f"""
        import threading
        model = f"{{sys.argv[2]}}/cache/indoors/models/m.gguf"
        {user}
        lock("worker", ["--model", model])
        descriptor = os.open(model, os.O_RDONLY)
        with open(f"/proc/self/fd/{{descriptor}}") as again: read = again.read()
        with open(f"/proc/self/task/{{threading.get_native_id()}}/comm", "w") as name:
            name.write("driver")
        say(read=read)
        """,
        home,
    )
    assert found == {"read": "x"}


# As under a server: its rules come first, and a card makes them wider (`role_files`).
UNDER_SERVER = """
    import threading
    from indoors_server import role_files
    from indoors_server.cli import engine
    role_files._devices = lambda: %s
    become_unprivileged()
    other = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names = f"/proc/self/task/{threading.get_native_id()}/comm"
    if LOCKED: %s
    found = dict(
        own=opened(names, os.O_WRONLY), memory=opened(f"/proc/{other.pid}/mem", os.O_WRONLY),
        bashrc=opened(f"{sys.argv[2]}/.bashrc", os.O_WRONLY),
        through=opened("/proc/self/root" + sys.argv[2] + "/.bashrc", os.O_WRONLY),
    )
    other.communicate()
    say(**found)
"""
AS_WORKER = "engine.lock_as_worker(__import__('pathlib').Path('/e'), under_server=True)"
CARD, NO_CARD = '["/dev/nvidia0", "/dev/nvidiactl"]', "[]"


@pytest.mark.parametrize("devices", [CARD, NO_CARD], ids=["card", "no card"])
@pytest.mark.parametrize("as_what", [AS_WORKER, 'lock("serve")'], ids=["worker", "server"])
def test_a_driver_names_its_threads_also_under_a_server(home, devices, as_what):
    """NVIDIA's does not start otherwise (error 304), and no card is there. Seen on an H100."""
    script = UNDER_SERVER % (devices, as_what)
    control = child(script, home, locked=False)
    assert control["own"] == control["bashrc"] == control["through"] == "opened"
    found = child(script, home)
    found.pop("memory")
    assert found.pop("own") == ("opened" if devices == CARD else DENIED)
    # Nothing else is opened by it.
    assert found == dict.fromkeys(("bashrc", "through"), DENIED)


def test_row_17_what_names_threads_opens_no_other_process(home):
    """Writing in /proc is what a driver needs; a debugger's way into another process is not."""
    script = UNDER_SERVER % (CARD, 'lock("serve")')
    control = child(script, home, locked=False)
    need(control["memory"] == "opened", "this system lets no process into another")
    assert child(script, home)["memory"] == DENIED


def test_who_could_change_the_system_by_it_gets_no_such_rule(monkeypatch):
    monkeypatch.setattr(role_files, "_devices", lambda: ["/dev/nvidia0"])
    monkeypatch.setattr(os, "access", lambda path, _mode: path.startswith("/proc/sys"))
    assert role_files._thread_names() == []
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert role_files._thread_names() == ["/proc"]
    for others in (["/dev/dri", "/dev/kfd"], ["/dev/nvidia-uvm"], []):
        monkeypatch.setattr(role_files, "_devices", lambda others=others: others)
        assert role_files._thread_names() == []


def test_row_17_a_child_of_the_worker_opens_no_more(home):
    script = """
        home = sys.argv[2]
        lock("worker", ["--model", f"{home}/cache/indoors/models/m.gguf"])
        done = subprocess.run(["/bin/cat", f"{home}/project/main.py"], capture_output=True)
        say(read=done.stdout.decode())
    """
    assert child(script, home, locked=False) == {"read": "x"}
    assert child(script, home) == {"read": ""}


WRITING = """
    home = sys.argv[2]
    project = f"{home}/project"
    state = lock(%s)
    os.makedirs(f"{home}/cache/indoors", exist_ok=True)
    say(
        state=state, project=opened(f"{project}/main.py"), key=opened(f"{home}/.ssh/id_ed25519"),
        ours=opened(f"{home}/cache/indoors/new", WRITE),
        changed=opened(f"{project}/main.py", os.O_WRONLY),
        cut=opened(f"{project}/main.py", os.O_WRONLY | os.O_TRUNC),
        new=opened(f"{project}/new.py", WRITE),
    )
"""


@pytest.mark.parametrize(
    ("role", "key"),
    [('"serve"', "opened"), ('"indexer", [f"--root={project}"]', DENIED)],
    ids=["serve", "indexer"],
)
def test_row_17_others_write_in_our_folders_only(home, role, key):
    """The server reads what its user opens, the indexer the roots that it was started for."""
    control = child(WRITING % role, home, locked=False)
    (home / "project/new.py").unlink()
    locked = child(WRITING % role, home)
    assert set(control.values()) == {None, "opened"}
    state = locked.pop("state")
    assert locked == {
        "project": "opened", "ours": "opened", "changed": DENIED, "cut": DENIED, "new": DENIED,
        "key": key,
    }  # fmt: skip
    assert state[0] == "enforced"
    assert bool(state[2]) == (key == "opened")


def test_row_17_an_indexer_without_a_root_reads_no_project(home):
    script = """
        state = lock("indexer")
        say(state=state, project=opened(f"{sys.argv[2]}/project/main.py"))
    """
    assert child(script, home, locked=False)["project"] == "opened"
    locked = child(script, home)
    assert (locked["state"][0], locked["project"]) == ("enforced", DENIED)


def test_row_17_a_maker_opens_no_more_than_the_indexer_that_starts_it(home):
    """Also if it is started for a folder that the indexer was not started for."""
    script = """
        home = sys.argv[2]
        lock("indexer", [f"--root={home}/project"])
        code = "import sys; from indoors_server import lockdown;"
        code += "lockdown.apply('indexer', sys.argv[1:]); print(open(sys.argv[2]).read())"
        def read(root, path):
            command = [sys.executable, "-I", "-c", code, f"--root={root}", path]
            return subprocess.run(command, capture_output=True, cwd="/").stdout.decode().strip()
        say(
            ours=read(f"{home}/project", f"{home}/project/main.py"),
            others=read(f"{home}/.ssh", f"{home}/.ssh/id_ed25519"),
        )
    """
    assert child(script, home, locked=False) == {"ours": "x", "others": "x"}
    assert child(script, home) == {"ours": "x", "others": ""}


def test_the_ignore_rules_above_a_root_are_still_read(home):
    """A root that is a folder of a repository obeys the rules of the folders above it."""
    repository = home / "repository"
    (repository / ".git/info").mkdir(parents=True)
    (repository / "packages/one").mkdir(parents=True)
    (repository / ".git/info/exclude").write_text("excluded\n")
    (repository / ".gitignore").write_text("above\n")
    (repository / "packages/.gitignore").write_text("nearer\n")
    (repository / "packages/secret").write_text("x")
    script = """
        from indoors_indexing import ignore
        packages = f"{sys.argv[2]}/repository/packages"
        lock("indexer", [f"--root={packages}/one"])
        levels = ignore.base_levels(f"{packages}/one")
        names = ("excluded", "above", "nearer", "other")
        found = [name for name in names if ignore.ignored(levels, name, name, False)]
        say(found=found, secret=opened(f"{packages}/secret"))
    """
    expected = ["excluded", "above", "nearer"]
    assert child(script, home, locked=False) == {"found": expected, "secret": "opened"}
    assert child(script, home) == {"found": expected, "secret": DENIED}


def test_a_kernel_without_landlock_is_a_state_of_its_own(home):
    """An outer filter makes the calls what they are on an older kernel: not there."""
    script = """
        target = seccomp.machine()
        older = target._replace(numbers=target.numbers | {"landlock": 444})
        rule = seccomp.Rule("older kernel", ("landlock",), seccomp.ABSENT)
        seccomp.install(seccomp.assemble([rule], older), older)
        say(state=lock("worker", ["--model", "/m.gguf"]), project=opened(sys.argv[2]))
    """
    found = child(script, home)
    assert found["project"] == "opened"
    assert found["state"][0] == "network enforced, files not"
    assert "this kernel has no Landlock" in found["state"][2]


def test_what_was_accepted_and_does_not_hold_is_unproven(home):
    """Landlock that says yes and does nothing: the process tries it out, and says so."""
    script = """
        landlock.restrict = lambda files: 7
        say(state=lock("worker", ["--model", "/m.gguf"]))
    """
    state = child(script, home)["state"]
    assert state[0] == "unproven"
    assert "could be opened" in state[2]


def test_all_parts_of_a_model_in_several_files_may_be_read():
    files = role_files.files_of("worker", ["--model=/m/big-00002-of-00003.gguf"])
    assert files is not None
    assert files.read is not None
    parts = [path for path in files.read if path.startswith("/m/")]
    assert parts == [f"/m/big-0000{n}-of-00003.gguf" for n in (1, 2, 3)]


def test_a_home_directory_is_no_library(monkeypatch):
    """An interpreter that was installed straight into a home does not open the home."""
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(sys, "path", ["/home/ann", "/home", "/", "", "/home/ann/venv/lib"])
    monkeypatch.setattr(sys, "prefix", "/home/ann")
    files = role_files.files_of("worker", ["--model", "/m.gguf"])
    assert files is not None
    assert files.read is not None
    assert "/home/ann/venv/lib" in files.read
    assert not {"/home/ann", "/home", "/", ""} & set(files.read)


def test_a_driver_is_told_to_keep_its_cache_where_the_worker_may_write(private_home, monkeypatch):
    assert private_home
    given = {}
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **options: given.update(options))
    children.spawn("worker")
    files = role_files.files_of("worker", [])
    assert files is not None
    assert given["env"]["CUDA_CACHE_PATH"] == files.write[0]


def test_a_mounted_driver_is_found_and_nothing_else_that_a_variable_names(
    private_home, tmp_path, monkeypatch
):
    assert private_home
    given = {}
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **options: given.update(options))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/home/ann/evil")
    monkeypatch.setattr(children, "_DRIVER_FOLDERS", (str(tmp_path / "none"),))
    children.spawn("worker")
    assert "LD_LIBRARY_PATH" not in given["env"]
    monkeypatch.setattr(children, "_DRIVER_FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    children.spawn("worker")
    assert given["env"]["LD_LIBRARY_PATH"] == str(tmp_path)


def test_a_folder_that_a_driver_is_mounted_in_can_be_read_by_the_worker():
    files = role_files.files_of("worker", ["--model", "/m.gguf"])
    assert files is not None
    assert files.read is not None
    for folder in children._DRIVER_FOLDERS:
        assert any(folder.startswith(f"{allowed}/") for allowed in files.read)


def test_without_a_model_the_worker_may_read_anything():
    files = role_files.files_of("worker", ["--engine", "/engine"])
    assert files is not None
    assert files.read is None
