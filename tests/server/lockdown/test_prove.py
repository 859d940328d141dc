"""`indoors doctor --prove`: it proves what holds, and says so where something does not.

Everything runs for real. What is taken away from the lock-down is taken away inside a child of the
test, by patching the child before it locks itself: no option and no variable can do that.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from indoors_server import (
    audit_check,
    children,
    cli,
    devices,
    engine_probe,
    engine_store,
    health,
    landlock,
    paths,
    proof,
)
from indoors_server.cli import prove
from support import audit_logs

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the Linux lock-down"),
    pytest.mark.loopback,
]

if sys.platform == "linux":
    from indoors_server.proof import battery, running, ways
    from indoors_server.proof.battery import Answer
    from indoors_server.proof.verdicts import Role

NOBODY = 65534
DEADLINE_S = 30


def command(*arguments, **options):
    """`indoors doctor --prove` as a person runs it."""
    words = [sys.executable, "-I", "-m", "indoors_server", "doctor", "--prove", *arguments]
    options = {"capture_output": True, "text": True, "check": False, "timeout": 120} | options
    return subprocess.run(words, **options)


def patched(code):
    """A spawn function whose children run `code` first."""

    def spawn(role, errand, *, stderr=None, inherit=()):
        assert role == "prove-child"
        script = (
            f"{code}\nimport sys\nfrom indoors_server.proof import child\nchild.run(sys.argv[1:])"
        )
        return subprocess.Popen(
            [sys.executable, "-I", "-c", script, errand],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, pass_fds=inherit,
        )  # fmt: skip

    return spawn


def without_rules(*names):
    """A filter with holes, and no Landlock: it is a second lock on some of these doors."""
    return patched(f"""
from indoors_server import landlock, seccomp
landlock.version = lambda: 0
table = seccomp.rules
seccomp.rules = lambda target: tuple(rule for rule in table(target) if rule.name not in {names!r})
target = seccomp.machine()
assert len(seccomp.rules(target)) == len(table(target)) - {len(names)}
""")


def absent(*calls):
    """An outer filter that makes system calls what they are on a kernel without them."""
    return patched(f"""
from indoors_server import seccomp
import resource  # before anything is refused
target = seccomp.machine()
numbers = {{"prctl": 157 if target is seccomp.X86_64 else 167}}
outer = target._replace(numbers=target.numbers | numbers)
rule = seccomp.Rule("outer", {calls!r}, seccomp.ABSENT)
seccomp.install(seccomp.assemble([rule], outer), outer)
""")


def named(found):
    return {way.name: way for way in found.tried}


# --- what holds ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proven():
    done = command("--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_rows_3_to_7_and_17_are_proven_on_this_machine(proven):
    status, said = proven
    assert (status, said["result"], said["exit_status"]) == (0, "proven", 0)
    found = {verdict for way in said["ways"] for verdict in way["verdicts"].values()}
    assert "refused" in found
    assert not found & {"reached", "unclear"}
    # The positive control: what opens without the lock-down on any Linux that runs tests.
    opened = {way["name"] for way in said["ways"] if way["control"] == "reached"}
    assert opened >= {
        "socket, IPv4 TCP", "socket, IPv4 UDP", "socket, family 16", "socket, local datagrams",
        "connect, 127.0.0.1", "connect, path", "connect, abstract", "sendmsg, new pair",
        "recvmsg, new pair", "inherited, connected", "inherited, not connected", "older thread",
        "child, Python", "read /etc/passwd", "write in the home",
    }  # fmt: skip


def test_what_does_not_open_without_the_lock_down_is_never_counted_as_proof(proven):
    for way in proven[1]["ways"]:
        if way["control"] != "reached":
            assert set(way["verdicts"].values()) <= {"not shown", "not restricted"}, way


def test_what_is_not_promised_is_not_called_refused(proven):
    """The server reads what its user opens, wherever that is: the proof says so."""
    passwd = {way["name"]: way for way in proven[1]["ways"]}["read /etc/passwd"]
    assert passwd["verdicts"]["serve"] == "not restricted"
    assert passwd["outcomes"]["serve"] == "reached"
    if landlock.version():
        assert passwd["verdicts"]["worker"] == "refused"


def test_the_json_has_everything_that_an_auditor_asks_for(proven):
    said = proven[1]
    assert said.keys() == {
        "version", "result", "exit_status", "system", "roles", "ways", "processes", "policy",
        "audit", "card",
    }  # fmt: skip
    assert said["system"].keys() == {"name", "kernel", "machine"}
    assert said["roles"].keys() == {"serve", "worker", "indexer"}
    for role in said["roles"].values():
        assert role["mechanism"].startswith("seccomp-bpf on ")
        assert role["landlock"] == landlock.version()
    assert {frozenset(way) for way in said["ways"]} == {
        frozenset({"name", "line", "control", "outcomes", "verdicts"})
    }
    assert said["policy"]["policy"].keys() == said["policy"]["origins"].keys()
    assert said["audit"].keys() == {"is_whole", "n_records", "head", "problem"}


def test_every_attempt_stands_on_a_line_of_the_screen():
    shown = [name for _, names in prove.GROUPS for name in names]
    assert len(shown) == len(set(shown))
    assert {way.line for way in ways.ALL} == set(shown)
    assert len({way.name for way in ways.ALL}) == len(ways.ALL)


def test_the_screen_fits_a_terminal_and_shows_nothing_of_the_user(private_home):
    (private_home / "cart.py").write_text("total = 0\n")
    done = command(cwd=private_home, env=os.environ | {"COLUMNS": "80"})
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 60
    assert "PROVEN here and now: " in done.stdout
    assert "GPU under lock-down: " in done.stdout
    assert 'policy     mode "local" (built in)' in done.stdout
    assert "cart" not in done.stdout
    assert str(private_home) not in done.stdout


def test_nothing_stays_behind(private_home, tmp_path):
    temporary = tmp_path / "t"
    temporary.mkdir()
    private_home.joinpath("mine").touch()
    done = command(env=os.environ | {"TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stdout
    assert list(temporary.iterdir()) == []
    assert {path.name for path in private_home.iterdir()} <= {"mine", ".cache", ".local"}
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _holds(path, str(temporary))]
    assert left == []


def _holds(path, text):
    try:
        return text.encode() in path.read_bytes()
    except OSError:
        return False


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="is unprivileged anyway")
def test_it_is_proven_for_an_unprivileged_user():
    """Root passes many of the kernel's checks; most users of Indoors are not root.

    One capability stays, to read files: this interpreter may lie where only root can look.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        assert not os.environ.get("CI"), "setpriv is needed to be unprivileged"
        pytest.skip("setpriv is not installed here")
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, NOBODY, NOBODY)
        reading = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
        become = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *reading]
        words = [sys.executable, "-I", "-m", "indoors_server", "doctor", "--prove", "--json"]
        done = subprocess.run(
            [*become, *words], capture_output=True, text=True, check=False, cwd="/",
            env={"HOME": home, "PATH": os.defpath},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    opened = {way["name"] for way in said["ways"] if way["control"] == "reached"}
    assert opened >= {"connect, 127.0.0.1", "connect, path", "child, Python"}
    # Proof that it really was unprivileged: only root opens a packet socket.
    assert "socket, family 17" not in opened


# --- what does not hold -------------------------------------------------------------------------

RULES = [
    ("architecture", "32-bit call"),
    ("io_uring", "io_uring"),
    ("socket family", "socket, IPv4 TCP"),
    ("socket family", "machine code"),
    ("socket family", "older thread"),
    ("socket type", "socket, local datagrams"),
    ("connect", "connect, path"),
    ("connect", "connect, abstract"),
    ("connect", "connect, older socket"),
    ("sendto", "sendto, older socket"),
    ("messages", "sendmsg, older socket"),
    ("messages", "sendmmsg, older socket"),
    ("messages", "recvmsg, older socket"),
    ("messages", "recvmmsg, older socket"),
    ("socket family, connect", "connect, 127.0.0.1"),
    ("socket family, connect", "child, Python"),
    ("socket family, connect", "child, shell"),
    ("other processes", "process_vm_readv"),
    ("other processes", "pidfd_getfd"),
    ("other processes", "ptrace"),
    ("kernel hooks", "bpf"),
    ("kernel hooks", "userfaultfd"),
    ("namespaces", "unshare"),
    ("clone into namespaces", "clone"),
    ("clone3", "clone3"),
    ("keyrings", "add_key"),
    ("keyrings", "keyctl"),
    ("terminal input", "TIOCSTI"),
]


@functools.cache
def with_a_hole(rules):
    """The battery under a filter without some rules, once for each; for one role is enough."""
    return battery.run(without_rules(*rules.split(", ")), ("indexer",))


@pytest.mark.parametrize(("rules", "way"), RULES)
def test_row_8_without_its_rule_a_way_is_reached(rules, way):
    found = named(with_a_hole(rules))[way]
    if found.control != "reached":
        pytest.skip(f"positive control: {way!r} ends in {found.control} here")
    assert found.verdicts == {"indexer": "reached"}


@pytest.mark.parametrize(
    ("patch", "way"),
    [
        ("lockdown._shed_inherited = lambda libc: 0", "inherited, connected"),
        ("landlock.restrict = lambda files: landlock.version()", "write in the home"),
    ],
)
def test_what_is_no_rule_of_the_filter_is_proven_too(patch, way):
    if "landlock" in patch and not landlock.version():
        assert not os.environ.get("CI"), "this kernel has no Landlock: nothing is proven here"
        pytest.skip("this kernel has no Landlock")
    spawn = patched(f"from indoors_server import landlock, lockdown\n{patch}")
    assert named(battery.run(spawn, ("serve",)))[way].verdicts == {"serve": "reached"}


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        (("connect",), "connect, path"),
        # What the self-test of the lock-down does not try.
        (("other processes",), "process_vm_readv"),
    ],
)
def test_the_command_fails_and_names_the_way_that_was_reached(rules, way, capsys):
    status = prove.run(as_json=False, spawn=without_rules(*rules))
    text = capsys.readouterr().out
    assert status == 1
    assert "✗ OPEN" in text
    assert "NOT PROVEN:" in text
    assert f"✗ {way}: REACHED by server, worker and indexer" in text
    assert "PROVEN here" not in text


def test_where_everything_is_open_everything_is_reached():
    """No attempt waits for what another left in a queue."""
    spawn = patched("""
from indoors_server import lockdown
lockdown.apply = lambda role, arguments: lockdown.LockState("enforced", "a promise", "")
""")
    found = battery.run(spawn)
    assert len(found.roles) == 3
    for way in found.tried:
        if way.control == "reached":
            assert set(way.outcomes.values()) == {"reached"}, way


def test_a_child_that_dies_has_proven_nothing(capsys):
    """Only the locked ones die: a signal to itself instead of the lock-down."""
    spawn = patched("""
from indoors_server import lockdown
import os
lockdown.apply = lambda role, arguments: os.kill(os.getpid(), 9)
""")
    found = battery.run(spawn, ("serve",))
    assert named(found)["socket, IPv4 TCP"].verdicts == {"serve": "unclear"}
    assert found.failures


def test_row_8_a_system_without_seccomp_is_not_enforced(capsys):
    status = prove.run(as_json=False, spawn=absent("seccomp", "prctl"))
    text = capsys.readouterr().out
    assert status == 3
    assert "NOT ENFORCED BY OS: the kernel refused the filter" in text
    assert "PROVEN" not in text


def test_a_kernel_that_cannot_lock_threads_shows_all_but_the_thread(capsys):
    """There the older call is used, before any thread exists; ours have none then."""
    assert prove.run(as_json=True, spawn=absent("seccomp")) == 0
    said = {way["name"]: way for way in json.loads(capsys.readouterr().out)["ways"]}
    assert set(said["connect, path"]["verdicts"].values()) == {"refused"}
    assert set(said["older thread"]["verdicts"].values()) == {"not shown"}
    assert said["older thread"]["control"] == "reached"


def test_other_systems_are_not_enforced(capsys, monkeypatch):
    monkeypatch.setattr(proof, "has_lock_down", lambda: False)
    assert cli.main(["doctor", "--prove"]) == 3
    text = capsys.readouterr().out
    assert "NOT ENFORCED BY OS" in text
    assert "PROVEN" not in text


def test_inside_a_sandbox_that_refuses_everything_nothing_is_shown():
    code = (
        "from indoors_server import __main__ as entry, lockdown; lockdown.apply('cli'); "
        "raise SystemExit(entry.main(['doctor', '--prove']))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "NOT SHOWN" in done.stdout
    assert "PROVEN" not in done.stdout


def answer(**about):
    said = Role(state="enforced", mechanism="seccomp", claims=("network", "read"), **about)
    return lambda outcome: Answer({"connect, path": outcome}, said)


@pytest.mark.parametrize(
    ("control", "outcome", "arrived", "verdict"),
    [
        ("reached", "EPERM", set(), "refused"),
        ("reached", "reached", set(), "reached"),
        ("reached", "EINVAL", set(), "unclear"),
        ("reached", "no answer", set(), "unclear"),
        ("reached", "untried: nothing to connect to", set(), "not shown"),
        ("EPERM", "EPERM", set(), "not shown"),
        ("EPERM", "reached", set(), "reached"),
        # The listener is believed rather than the child.
        ("reached", "EPERM", {"serve:connect, path"}, "reached"),
    ],
)
def test_how_an_outcome_is_judged(control, outcome, arrived, verdict):
    answers = {"": answer()(control), "serve": answer()(outcome)}
    found = battery.judge(answers, arrived)
    assert named(found)["connect, path"].verdicts == {"serve": verdict}


# --- the processes that run, the audit log, the card --------------------------------------------


def wait_until_found(pid):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if mine := [one for one in running.look(patience_s=0).processes if one.pid == pid]:
            return mine[0]
        time.sleep(0.01)
    raise AssertionError("the process was not found within the deadline")


@pytest.mark.parametrize("role", ["serve", "worker", "indexer"])
def test_a_locked_process_is_found_and_counted_as_locked(role):
    with children.spawn(role, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_found(process.pid)
            # It has just started: looked at again until it is locked.
            mine = [one for one in running.look().processes if one.pid == process.pid]
            assert [(one.role, one.n_unlocked) for one in mine] == [(role, 0)]
            assert mine[0].n_threads >= 1
        finally:
            process.kill()


@pytest.fixture
def imitation(tmp_path):
    """A process with a command line of ours that has no filter."""
    package = tmp_path / "indoors_server"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import time\ntime.sleep(600)\n")
    with subprocess.Popen([sys.executable, "-m", "indoors_server", "serve"], cwd=tmp_path) as one:
        try:
            yield one
        finally:
            one.kill()


def test_row_3_a_process_without_the_filter_is_named_by_its_pid(imitation):
    found = wait_until_found(imitation.pid)
    assert (found.role, found.n_threads, found.n_unlocked) == ("serve", 1, 1)
    done = command()
    assert done.returncode == 1
    assert f"server {imitation.pid} (1 of 1 threads)" in done.stdout
    assert "✗ running without the filter: " in done.stdout
    assert "PROVEN here" not in done.stdout


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("/v/bin/python -I -m indoors_server serve", "serve"),
        ("/v/bin/python3.11 -I -m indoors_server worker --model m", "worker"),
        ("python -m indoors_server indexer --maker", "indexer"),
        ("/v/bin/python3 /v/bin/indoors serve", "serve"),
        ("/v/bin/python -I -m indoors_server doctor --prove", ""),
        ("/v/bin/python -I -m indoors_server serve --help", ""),
        ("/v/bin/python -I -m indoors_server", ""),
        ("strace -f /v/bin/python -I -m indoors_server indexer", ""),
        ("vim indoors serve", ""),
        ("", ""),
    ],
)
def test_our_processes_are_known_by_their_command_line(words, role):
    assert running.role_of(words.split(" ")) == role


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="mounts a /proc")
def test_where_proc_hides_processes_nothing_is_said_of_them(tmp_path):
    """A /proc as some systems mount it, looked at by an unprivileged user."""
    script = f"""
import os, subprocess, sys
from indoors_server.proof import running
control = subprocess.run(["mount", "-t", "proc", "-o", sys.argv[1], "proc", {str(tmp_path)!r}])
os.setgroups([]); os.setresgid(*[{NOBODY}] * 3); os.setresuid(*[{NOBODY}] * 3)
from pathlib import Path
found = running.look(Path({str(tmp_path)!r}))
print(control.returncode, found.is_hidden, len(found.processes))
"""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    for options, expected in (("rw", "0 False 0\n"), ("hidepid=2", "0 True 0\n")):
        words = ["unshare", "--mount", sys.executable, "-I", "-c", script, options]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode or done.stdout.startswith("32 "):
            assert not os.environ.get("CI"), done.stderr
            pytest.skip(f"no /proc can be mounted here: {done.stderr.strip()}")
        assert done.stdout == expected


def test_row_23_a_broken_audit_log_fails_the_proof(private_home):
    audit_logs.small(paths.state_dir())
    whole = command("--json")
    said = json.loads(whole.stdout)
    assert (whole.returncode, said["audit"]["is_whole"]) == (0, True)
    head = audit_check.head(paths.state_dir())
    assert (said["audit"]["n_records"], said["audit"]["head"]) == (6, str(head))
    audit_logs.change(paths.state_dir(), lambda lines: lines[:2] + lines[3:])
    broken = command()
    assert broken.returncode == 1
    assert "✗ NOT WHOLE: record 4 stands where 3 should" in broken.stdout
    assert "  Next: indoors audit verify" in broken.stdout
    assert "PROVEN here" not in broken.stdout


def test_the_policy_is_shown_with_who_decided(private_home, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(proof, "has_lock_down", lambda: False)  # only about what stands below
    project = tmp_path / "project"
    project.mkdir()
    (project / ".indoors.json").write_text(
        '{"policy": {"mode": "off", "deny_paths": ["merger/"], "colour": 1}}'
    )
    monkeypatch.chdir(project)
    cli.main(["doctor", "--prove"])
    text = capsys.readouterr().out
    assert 'policy     mode "off" (workspace); deny_paths ' in text
    assert "! 1 problem: indoors policy show" in text
    cli.main(["doctor", "--prove", "--json"])
    text += capsys.readouterr().out
    assert str(project) not in text
    assert "merger" not in text
    said = json.loads(text.splitlines()[-1])["policy"]
    assert said["policy"]["mode"] == "off"
    assert said["origins"]["mode"] == "workspace"
    assert said["origins"]["strict"] == "built in"
    assert said["problems"] == [{"layer": "workspace", "severity": "error", "key": "colour"}]


def test_plain_doctor_says_that_no_card_was_tried():
    found = health.check_cards(devices.Devices(), None, None)
    assert [check.text for check in found] == [
        "none; the engine runs on the CPU; GPU under lock-down: untested here (no card)"
    ]
    card = devices.SystemCard(vendor="NVIDIA", name="NVIDIA X", backend="cuda")
    said = health.card_under_lock(devices.Devices(cards=(card,)))
    assert said == "GPU under lock-down: not tried by this command (NVIDIA X)"


def test_the_proof_says_whether_the_engine_finds_the_card_under_a_server(monkeypatch):
    card = devices.SystemCard(vendor="NVIDIA", name="NVIDIA X", backend="cuda")
    build = engine_store.EngineBuild(
        directory="/e", version="1", backend="cuda", cpu_key="any", matches_cpu=True
    )
    monkeypatch.setattr(devices, "find", lambda: devices.Devices(cards=(card,)))
    monkeypatch.setattr(engine_store, "find", lambda: build)
    asked = []

    def probe(build, *, under_server):
        asked.append(under_server)
        return engine_probe.Probe(offload=True, devices=())

    monkeypatch.setattr(engine_probe, "probe", probe)
    assert prove._card() == "GPU under lock-down: NOT found (NVIDIA X)"
    assert asked == [True]
    device = engine_probe.EngineDevice(
        name="CUDA0", description="X", kind="gpu", total_bytes=1, free_bytes=1
    )
    found = engine_probe.Probe(offload=True, devices=(device,))
    monkeypatch.setattr(engine_probe, "probe", lambda *_, **__: found)
    assert prove._card() == "GPU under lock-down: found by the engine (NVIDIA X)"
