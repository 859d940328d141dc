"""The launcher: a locked server gets a process with a network, and nothing else is loosened.

The server of these tests is a process that is locked as the real one is and does what a test sends
it, also what a taken-over server would do. What it starts answers with what the kernel lets it do.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_server import gateway_extra, health, landlock, launcher, prelaunch
from indoors_server.policy import files as policy_files
from indoors_server.policy.table import MODES
from support.launchers import ROOT, USERS, Remote, children_of, server, status_of, write_policy
from support.processes import is_alive, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only")

GONE_S = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


# --- what a locked server can have ----------------------------------------------------------------

RESTARTS = """
    before = internet()
    answers, ends = [], []
    for number in range(20):
        pipes = await launcher.start_role("echo")
        assert isinstance(pipes, Pipes), pipes
        answers.append(await talk(pipes, f"line {number}"))
        if number % 3 == 0:
            ends.append(await launcher.stop_role("echo"))
        elif number % 3 == 1:
            os.kill(answers[-1]["pid"], signal.SIGKILL)
        if number % 3 < 2:
            assert await ended(pipes)  # else it is started in place of the one that runs
        pipes.close()
    say(before=before, after=internet(), answers=answers, ends=ends, left=names(),
        state=launcher.state, n_descriptors=len(os.listdir("/proc/self/fd")))
"""


@pytest.mark.parametrize("user", USERS)
def test_row_3_a_locked_server_starts_a_role_again_and_again_and_stays_locked(home, user):
    with server(home, user) as locked:
        first = locked.run(RESTARTS)
        second = locked.run(RESTARTS)
        own = status_of(locked.process.pid)
    for found in (first, second):
        answers = found["answers"]
        assert [one["echo"] for one in answers] == [f"line {n}" for n in range(20)]
        assert len({one["pid"] for one in answers}) == 20
        assert (found["before"], found["after"]) == ("EPERM", "EPERM")
        assert found["left"] == []
        assert found["ends"] == [None] * 7
        assert found["state"] == "waiting"
    assert first["n_descriptors"] == second["n_descriptors"]
    assert (own["Seccomp"], own["NoNewPrivs"]) == ("2", "1")
    if user != "as it is":
        assert int(own["CapEff"], 16) == 0


def test_the_control_without_a_lock_has_a_socket(home):
    with server(home, locked=False) as open_server:
        assert open_server.run("say(socket=internet())") == {"socket": "reached"}


@pytest.mark.loopback
@pytest.mark.parametrize("user", USERS)
def test_row_3_what_is_started_has_the_internet_and_no_more(home, user):
    """And without the launcher's filter it has more: the positive control."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        talk = f"""
            pipes = await launcher.start_role("echo")
            say(**await talk(pipes, "PORT {port}"), server=os.getpid())
        """
        with server(home, user) as locked:
            found = locked.run(talk)
            launcher_pid = locked.launcher
        with server(home, user, harden=False) as control:
            loose = control.run(talk)
    assert (found["internet"], found["datagram"]) == ("reached", "reached")
    assert found["connected"] == loose["connected"] == "reached"
    assert found["parent"] == launcher_pid
    assert (found["seccomp"], found["no_new_privs"]) == ("2", "1")
    shut = ("vsock", "netlink", "packet", "raw")
    assert {name: found[name] for name in shut} == dict.fromkeys(shut, "EPERM")
    assert loose["netlink"] == "reached"
    assert loose["seccomp"] == "0"
    if user == "as it is" and ROOT:
        assert loose["raw"] == "reached"
    # The two pipes and stderr; the listing itself is closed by the time it is looked at.
    assert found["descriptors"] == [0, 1, 2]
    assert found["directory"] == "/"
    assert "SECRET" not in found["variables"]


@pytest.mark.parametrize("user", USERS)
def test_row_17_launcher_and_role_do_not_read_a_project(home, user):
    if landlock.version() == 0:
        assert not os.environ.get("CI"), "this kernel has no Landlock: nothing is proven here"
        pytest.skip("this kernel has no Landlock")
    for name in ("project/main.py", ".ssh/id_ed25519", ".local/state/indoors/log"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    secret, ours = [str(home / "project/main.py"), str(home / ".ssh/id_ed25519")], home
    own = str(ours / ".local/state/indoors/log")
    line = "FILE " + "\t".join([*secret, own, "/etc/hosts"])
    code = f"""
        pipes = await launcher.start_role("echo")
        say(**await talk(pipes, {line!r}))
    """
    with server(home, user) as locked:
        found = locked.run(code)["reads"]
    with server(home, user, harden=False) as control:
        loose = control.run(code)["reads"]
    assert set(loose.values()) == {"opened"}
    assert found == {**dict.fromkeys(secret, "EACCES"), own: "opened", "/etc/hosts": "opened"}


@pytest.mark.parametrize("user", USERS)
def test_row_24_the_launcher_is_private(home, user):
    """The server cannot look into it or take its descriptors, and no core of it is kept."""
    with server(home, user) as locked:
        pid = locked.launcher
        locked.run(START)  # it has spoken, and so it is locked
        status, limits = status_of(pid), Path(f"/proc/{pid}/limits").read_text()
        links = Path(f"/proc/{pid}/fd").iterdir()
        held = {link.name: str(link.readlink()) for link in links}
        found = locked.run(f"""
            say(memory=attempt(lambda: os.open("/proc/{pid}/mem", os.O_RDWR)),
                pipe=attempt(lambda: os.open("/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK)),
                policy=attempt(lambda: os.open({str(home / ".config/indoors/policy.json")!r},
                    os.O_WRONLY)))
        """)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    pipes = [name for name, target in held.items() if target.startswith("pipe:")]
    assert {"0", "1"} <= set(pipes)
    folders = [target for target in held.values() if "/indoors/launcher/" in target]
    assert len(folders) == 1
    assert not [target for target in held.values() if target.startswith("socket:")]
    assert set(found.values()) <= {"EACCES", "EPERM"}


# --- policy ---------------------------------------------------------------------------------------


START = """
    answer = await launcher.start_role("echo")
    say(started=isinstance(answer, Pipes), answer=None if isinstance(answer, Pipes) else answer,
        state=launcher.state, socket=internet())
"""


@pytest.mark.parametrize("mode", ["", "off", "local"])
def test_row_12_without_a_wider_policy_there_is_no_launcher(home, mode):
    with server(home, mode=mode) as locked:
        found = locked.run(START + "    say(outcome=str(outcome))")
        assert not children_of(locked.process.pid)
    assert found["outcome"] == ""
    assert (found["started"], found["state"]) == (False, "none")
    assert found["answer"][0] == "policy"
    assert found["socket"] == "EPERM"


@pytest.mark.parametrize("mode", ["onprem", "closed"])
def test_a_wider_policy_brings_one(home, mode):
    with server(home, mode=mode) as locked:
        assert locked.run(START)["started"]
        assert locked.launcher in children_of(locked.process.pid)


def test_a_policy_that_only_looks_wider_brings_none_that_stays(home):
    """The bytes are looked at first and understood by the launcher, which then ends itself."""
    write_policy(home, mode="local", deny_paths=["closed"])
    with server(home, mode="") as locked:
        found = locked.run(START)
        wait_until(lambda: not children_of(locked.process.pid), GONE_S, "the launcher ended")
        state = locked.run("say(state=launcher.state)")["state"]
    assert (found["started"], state) == (False, "none")
    assert found["answer"][0] == "policy"
    assert "the policy's mode is local (mode, user " in found["answer"][1]
    assert found["answer"][1].endswith(". Next: indoors policy mode onprem")


def test_row_10_a_policy_that_became_narrower_is_obeyed_at_once(home):
    code = 'pipes = await launcher.start_role("echo"); say(**await talk(pipes, "x"))'
    with server(home) as locked:
        role = locked.run(code)["pid"]
        locked.policy(mode="local")
        refused = locked.run(START)
        # What runs by the wider policy ends with the refusal.
        wait_until(lambda: not is_alive(role), GONE_S, "the role ended")
        # Nor does what is wider again count before there is a new server.
        locked.policy(mode="closed")
        again = locked.run(START)
    for found in (refused, again):
        assert not found["started"]
        kind, reason = found["answer"]
        assert kind == "policy"
        assert reason.startswith("the policy's mode is local (mode, user ")


def test_row_10_a_server_cannot_ask_for_more_than_the_policy_had(home):
    code = """
        answer = await launcher.start_role("closed-echo")
        say(kind=answer.kind if isinstance(answer, Refusal) else "started")
    """
    with server(home, mode="onprem") as locked:
        assert locked.run(code) == {"kind": "policy"}
        locked.policy(mode="closed")
        assert locked.run(code) == {"kind": "policy"}
    with server(home, mode="closed") as locked:
        assert locked.run(code) == {"kind": "started"}


def test_row_10_a_policy_that_the_server_could_write_grants_nothing(home):
    """Cache, state and configuration in one folder: then the server could allow itself anything."""
    (home / ".local/state/indoors").mkdir(parents=True)
    (home / ".config").mkdir()
    (home / ".config/indoors").symlink_to("../.local/state/indoors")
    with server(home) as locked:
        found = locked.run(START)
    assert not found["started"]
    assert found["answer"][0] == "policy"
    assert "where the server may write" in found["answer"][1]


def test_row_9_engines_that_the_server_could_write_are_no_persons(home):
    state = home / ".local/state/indoors"
    state.mkdir(parents=True)
    (state / "engines.json").write_text("{}")
    (home / ".config/indoors").mkdir(parents=True)
    (home / ".config/indoors/engines.json").symlink_to(state / "engines.json")
    with server(home) as locked:
        found = locked.run(START)
    assert not found["started"]
    assert "your engines.json lies where the server may write" in found["answer"][1]


def test_what_is_not_installed_says_so(home):
    code = 'say(answer=await launcher.start_role("not-there"), real=launcher.state)'
    with server(home) as locked:
        found = locked.run(code)
    assert found["answer"] == ["not installed", "the not-there is not installed"]


def test_what_comes_with_an_extra_says_how_to_have_it_and_is_there_once_it_is(home, tmp_path):
    code = """
        answer = await launcher.start_role("extra")
        say(started=isinstance(answer, Pipes), answer=None if isinstance(answer, Pipes) else answer)
    """
    modules = tmp_path / "modules"
    modules.mkdir()
    with server(home, path=[str(modules)]) as locked:
        found = locked.run(code)
        (modules / "extra_of_a_test.py").touch()
        again = locked.run(code)
    reason = f"the extra is not installed. Next: {gateway_extra.command()}"
    assert found["answer"] == ["not installed", reason]
    assert again["started"]


def test_a_role_that_knows_the_policy_gets_what_counts_here(home):
    """Also when it is started after the policy became narrower and wider again."""
    hosts = ["https://a.example:443", "https://b.example:443"]
    code = """
        pipes = await launcher.start_role("knowing")
        found = await talk(pipes, "POLICY")
        say(hosts=found["policy"]["onprem_hosts"], descriptors=len(found["descriptors"]))
    """
    write_policy(home, mode="onprem", onprem_hosts=hosts)
    with server(home, mode="") as locked:
        assert locked.run(code) == {"hosts": hosts, "descriptors": 4}
        locked.policy(mode="onprem", onprem_hosts=hosts[:1])
        assert locked.run(code)["hosts"] == hosts[:1]
        locked.policy(mode="onprem", onprem_hosts=[*hosts, "https://c.example:443"])
        assert locked.run(code)["hosts"] == hosts[:1]


def test_starts_in_quick_succession_are_let_through_ever_more_slowly(home):
    code = """
        answers = [await launcher.start_role("echo") for _ in range(5)]
        say(first=isinstance(answers[0], Pipes), others=[answer for answer in answers[1:]
            if isinstance(answer, Refusal)], socket=internet())
    """
    with server(home, pauses=True) as locked:
        found = locked.run(code)
    assert found["first"]
    assert {kind for kind, _ in found["others"]} == {"rate"}
    assert found["others"]
    with server(home) as locked:
        assert locked.run(code)["others"] == []


def test_pauses_double_up_to_a_limit_and_end_in_calm():
    now = [1000.0]
    pause = launcher.Pause(lambda: now[0])
    seen = []
    for _ in range(12):
        now[0] += pause.left_s()
        pause.started()
        seen.append(pause.left_s())
    assert seen[:3] == [0.25, 0.5, 1.0]
    assert seen[-1] == launcher.LAST_PAUSE_S
    now[0] += pause.left_s() + launcher.CALM_S
    pause.started()
    assert pause.left_s() == launcher.FIRST_PAUSE_S


# --- who dies -------------------------------------------------------------------------------------


def running_role(locked: Remote) -> int:
    code = 'pipes = await launcher.start_role("echo"); say(**await talk(pipes, "x"))'
    return int(locked.run(code)["pid"])  # type: ignore[call-overload]


@pytest.mark.parametrize("stuck", [False, True])
def test_a_killed_server_takes_launcher_and_role_with_it(home, stuck):
    """Also a launcher that does not see the end of its stream: the kernel ends it."""
    with server(home) as locked:
        role, pid = running_role(locked), locked.launcher
        if stuck:
            os.kill(pid, signal.SIGSTOP)
        os.kill(locked.process.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid) and not is_alive(role), GONE_S, "both ended")


def test_the_end_of_its_stream_ends_the_launcher_and_the_role(home):
    """Without the signal from the kernel, too: its parent lives on."""
    with server(home) as locked:
        role = running_role(locked)
        found = locked.run("outcome.process.stdin.close(); say(status=outcome.process.wait())")
        assert found == {"status": 0}
        wait_until(lambda: not is_alive(role), GONE_S, "the role ended")


def test_a_server_that_ends_takes_them_too_and_leaves_nothing(home):
    with server(home) as locked:
        role, pid = running_role(locked), locked.launcher
    assert not is_alive(pid)
    wait_until(lambda: not is_alive(role), GONE_S, "the role ended")
    assert list((home / ".local/state/indoors/launcher").iterdir()) == []


def test_what_a_killed_server_left_is_tidied_away_and_nothing_of_others(home):
    place = home / ".local/state/indoors/launcher"
    with server(home) as killed:
        running_role(killed)
        killed.process.kill()
        killed.process.wait()
    (left,) = place.iterdir()
    os.mkfifo(left / "echo.in")
    os.utime(left, (1, 1))
    outside = home / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    os.utime(outside, (1, 1))
    (place / "link").symlink_to(outside)
    with server(home) as living:
        living.run("say(state=launcher.state)")
        (own,) = [path for path in place.iterdir() if path not in (left, place / "link")]
        os.utime(own, (1, 1))
        with server(home) as other:
            running_role(other)
            assert own.is_dir()
        assert running_role(living)
    assert not left.exists()
    assert (outside / "file").exists()


def test_row_12_without_its_launcher_a_server_goes_on_and_nothing_falls_back(home):
    with server(home) as locked:
        role, pid = running_role(locked), locked.launcher
        before = children_of(locked.process.pid)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(role), GONE_S, "the role ended with it")
        answers = [locked.run(START) for _ in range(3)]
        after = children_of(locked.process.pid)
    for found in answers:
        assert not found["started"]
        assert found["answer"] == ["gone", "the launcher has ended. Next: restart the server"]
        assert (found["state"], found["socket"]) == ("gone", "EPERM")
    assert pid in before
    assert after <= before - {pid}


def test_a_launcher_that_does_not_answer_is_given_up(home):
    code = """
        launching.ANSWER_S = 0.05
        os.kill(outcome.process.pid, signal.SIGSTOP)
        answer = await launcher.start_role("echo")
        again = await launcher.start_role("echo")
        say(kinds=[answer.kind, again.kind], left=names())
    """
    with server(home) as locked:
        running_role(locked)
        pid = locked.launcher
        assert locked.run(code) == {"kinds": ["gone", "gone"], "left": []}
        wait_until(lambda: not is_alive(pid), GONE_S, "it was killed")


def test_who_stops_waiting_leaves_no_answer_behind(home):
    code = """
        waiting = asyncio.create_task(launcher.start_role("echo"))
        while launcher._answer is None: await asyncio.sleep(0)  # it has asked
        waiting.cancel()
        try: await waiting
        except asyncio.CancelledError: pass
        pipes = await launcher.start_role("echo")
        say(**await talk(pipes, "still in step"))
    """
    with server(home) as locked:
        assert locked.run(code)["echo"] == "still in step"


def test_a_launcher_that_speaks_unasked_is_not_believed(home):
    code = """
        launcher._line("started echo")
        answer = await launcher.start_role("echo")
        say(kind=answer.kind, state=launcher.state)
    """
    with server(home) as locked:
        running_role(locked)
        assert locked.run(code) == {"kind": "gone", "state": "gone"}


# --- tables and beginnings ------------------------------------------------------------------------


def test_the_product_knows_two_roles():
    assert set(launcher.ROLES) == {"gateway", "engine-host"}
    gateway = launcher.ROLES["gateway"]
    assert (gateway.least_mode, gateway.needs, gateway.knows_policy) == ("onprem", "httpx", True)
    assert launcher.MODES == MODES


def test_the_launcher_is_started_by_nobody_else(home):
    """On a terminal, or with files for pipes, it does nothing."""
    command = [sys.executable, "-I", "-m", "indoors_server", "launcher"]
    for arguments in ([], ["0"], ["3"], ["x"], ["3", "gateway"]):
        done = subprocess.run(
            [*command, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, b"")


def test_without_a_filter_there_is_no_launcher(home):
    """Row 8: on a kernel that cannot do it, the launcher does not run without its lock-down."""
    code = """
import json, os, sys
from indoors_server import children, launching, prelaunch, seccomp
inner = (
    "import sys; from indoors_server import launcher, seccomp;"
    "seccomp.install = lambda *_: (_ for _ in ()).throw(OSError(38, 'Function not implemented'));"
    "sys.exit(launcher.main(sys.argv[1:]))"
)
children.command = lambda role, *arguments: [sys.executable, "-I", "-c", inner, *arguments]
prelaunch.start()
print(prelaunch.outcome().process.stdout.readline().decode(), end="")
"""
    write_policy(home, mode="onprem")
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        env={"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "none the kernel refused: Function not implemented\n"


def test_the_cheap_look_finds_every_file_that_grants(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    machine = tmp_path / "etc"
    monkeypatch.setattr(prelaunch, "MACHINE_DIRECTORY", machine)
    extra = machine / policy_files.FOLDER / "10-mode.json"
    extra.parent.mkdir(parents=True)
    for file in (machine / policy_files.FILE, extra, policy_files.user_file()):
        file.parent.mkdir(parents=True, exist_ok=True)
        for text, expected in (
            ('{"mode": "local"}', False),
            ('{"mode": "onprem"}', True),
            ('{"mode": "\\u006fnprem"}', True),
            ('{"mode": "local", "closed_hosts": []}', False),
            ('{ "mode"\n:\n"closed" }', True),
        ):
            file.write_text(text)
            assert prelaunch.mentions_more(prelaunch.policy_files()) is expected, text
        file.unlink()
    os.mkfifo(policy_files.user_file())
    assert prelaunch.mentions_more(prelaunch.policy_files()) is False
    assert policy_files.machine_place().directory == Path("/etc/indoors")


def test_the_machines_policy_can_be_read_without_listing_the_root(home):
    """The launcher may not list `/`, and goes through it to /etc all the same."""
    code = """
import json, sys
from pathlib import Path
from indoors_server import launcher_lock
from indoors_server.policy import files
if sys.argv[2] == "list":
    files._PASS_FOLDER = files._READ_FOLDER
    files._descend.__wrapped__.__defaults__ = (files._READ_FOLDER,)
launcher_lock.apply([])
place = files.MachinePlace(directory=Path("/etc/ssl"))
print(json.dumps([str(layer.problems) for layer in files.machine_layers(place)]))
"""
    found = {}
    for how in ("pass", "list"):
        done = subprocess.run(
            [sys.executable, "-I", "-c", code, str(home), how],
            env={"HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        )
        found[how] = json.loads(done.stdout)
    assert found["pass"] == []
    if landlock.version():
        assert "Permission denied" in found["list"][0]


def test_row_24_no_other_process_of_the_user_reads_the_launchers_memory():
    code = """
import ctypes, os, resource, sys
from indoors_server import launcher_lock
if sys.argv[1] == "locked":
    launcher_lock.apply([])
print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[1], os.umask(0) == 0o77)
"""
    said = {}
    for how in ("control", "locked"):
        command = [sys.executable, "-I", "-c", code, how]
        said[how] = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said["control"].startswith("1 ")
    assert said["locked"] == "0 0 True\n"


@pytest.mark.loopback
def test_row_7_an_inherited_socket_does_not_reach_what_is_started():
    """Neither a descriptor that leaked into the launcher, nor a stderr that is no editor's."""
    code = """
import json, os, stat, sys
from indoors_server import launcher_lock
if sys.argv[1] == "locked":
    launcher_lock.apply([int(sys.argv[3])])
def is_open(number):
    try: os.fstat(number)
    except OSError: return False
    return True
said = [is_open(int(one)) for one in sys.argv[2:4]]
said.append(stat.S_ISSOCK(os.fstat(2).st_mode))
os.write(1, json.dumps(said).encode())
"""
    internet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ours, editor = socket.socketpair()
    kept, _end = os.pipe()
    with internet, ours, editor:

        def found(how: str, stderr: socket.socket) -> list[bool]:
            arguments = [how, str(internet.fileno()), str(kept)]
            done = subprocess.run(
                [sys.executable, "-I", "-c", code, *arguments],
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=[internet.fileno(), kept],
                check=True,
            )
            return list(json.loads(done.stdout))

        assert found("control", internet) == [True, True, True]
        assert found("locked", internet) == [False, True, False]
        assert found("locked", editor) == [False, True, True]
    os.close(kept)
    os.close(_end)


@pytest.mark.parametrize("mode", ["local", "onprem"])
def test_without_a_wider_policy_nothing_more_is_imported_before_the_lock(home, mode):
    """The control: where a launcher is started, what starts it has to be there."""
    code = "import sys; from indoors_server import __main__, prelaunch; prelaunch.start()\n"
    code += "print('subprocess' in sys.modules, 'msgspec' in sys.modules)"
    write_policy(home, mode=mode)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        env={"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{mode == 'onprem'} False\n"


def test_the_doctor_knows_whether_there_is_one(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert health.check_launcher().text == "none: the policy's mode is local (mode, built in)"
    write_policy(home, mode="onprem")
    assert health.check_launcher().text == "one with each server: the policy allows onprem"
