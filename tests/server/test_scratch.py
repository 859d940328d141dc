"""A person's command in a copy of the project, as real processes: what decides, what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_completion.types import InputError
from indoors_server import scratch, seccomp
from indoors_server.scratch import Verified, Written
from support.needs import need
from support.processes import is_alive, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups and signals of POSIX")

TEXT = "def area(width, height):\n    return width * height\n"
# Ends well if the file beside it does what it should; writes down where it was run.
CHECK = """
import os, sys
sys.path.insert(0, os.getcwd() if len(sys.argv) < 2 else sys.argv[1])
with open(os.environ["RUNS"], "a") as runs: runs.write(os.getcwd() + "\\n")
import shapes
print("area is", shapes.area(2, 3))
sys.exit(0 if shapes.area(2, 3) == 6 else 3)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shapes.py").write_text(TEXT)
    (folder / "check.py").write_text(CHECK)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def _leaves_nothing(project: Path, tmp_path: Path) -> Iterator[None]:
    """After every test there is no copy of the project."""
    yield
    assert not list((tmp_path / "tmp").iterdir())


def command(*words: str) -> str:
    return " ".join([sys.executable, "-B", *(words or ("check.py",))])


def tried(project: Path, said: str, text: str, *, timeout_s: float = 60, **more: str) -> Verified:
    """What comes of an edit; the project itself stays as it is."""
    files = {"shapes.py": Written(text), **{name: Written(new) for name, new in more.items()}}
    before = all_of(project)
    with scratch.opened(project, said, timeout_s=timeout_s) as copy:
        try:
            copy.fill("shapes.py")
            copy.control()
            return copy.judge(files)
        finally:
            assert all_of(project) == before


def all_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def runs(tmp_path: Path) -> list[str]:
    return (tmp_path / "runs").read_text().splitlines()


# --- what decides -------------------------------------------------------------------------------


def test_an_edit_with_which_it_ends_well_is_verified(project: Path, tmp_path: Path) -> None:
    found = tried(project, command(), TEXT.replace("width * height", "height * width"))
    assert found.why_not == ""
    assert (found.control_exit_status, found.exit_status) == (0, 0)
    assert found.spoiled_exit_status
    assert len(set(runs(tmp_path))) == 1
    assert not any(Path(run).is_relative_to(project) for run in runs(tmp_path))


def test_an_edit_with_which_it_fails_is_not(project: Path) -> None:
    found = tried(project, command(), TEXT.replace("*", "+"))
    assert "fails with the edit: exit status 3" in found.why_not
    assert found.lines == ("area is 5",)


def test_where_it_fails_already_nothing_is_said_of_the_edit(project: Path) -> None:
    (project / "shapes.py").write_text(TEXT.replace("*", "+"))
    with pytest.raises(InputError, match="fails without the edit") as caught:
        tried(project, command(), TEXT)
    assert "exit status 3" in caught.value.why
    assert "area is 5" in str(caught.value)


def test_a_command_that_does_not_look_at_the_edit_verifies_nothing(project: Path) -> None:
    """A project that is installed where it lies: the copy's tests test the project."""
    found = tried(project, f"sh -c 'exec {command()} {project}'", TEXT.replace("*", "+"))
    assert (found.exit_status, found.spoiled_exit_status) == (0, 0)
    assert "does not look at the edit" in found.why_not
    control = tried(project, f"sh -c 'exec {command()} .'", TEXT.replace("*", "+"))
    assert control.exit_status == 3


def test_a_path_of_the_project_is_the_copys(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the command and in PYTHONPATH, so that less is tested in the wrong place."""
    bad = TEXT.replace("*", "+")
    assert tried(project, command(str(project / "check.py"), str(project)), bad).exit_status == 3
    (project / "lib").mkdir()
    (project / "lib/other.py").write_text("import shapes\n")
    monkeypatch.setenv("PYTHONPATH", f"/nowhere:{project}")
    code = "import shapes, sys; sys.exit(shapes.area(2, 3) != 6)"
    monkeypatch.chdir("/")
    assert tried(project, command("-P", "-c", f"'{code}'"), bad).exit_status == 1


def test_an_edit_may_bring_new_files(project: Path) -> None:
    test = "import shapes\nassert shapes.area(2, 3) == {}\n"
    said = command("-m", "tests.test_shapes") + " tests"
    script = f"sh -c 'if [ -d tests ]; then {said}; else true; fi'"
    assert tried(project, script, TEXT, **{"tests/test_shapes.py": test.format(6)}).why_not == ""
    found = tried(project, script, TEXT, **{"tests/test_shapes.py": test.format(7)})
    assert "fails with the edit" in found.why_not
    assert not (project / "tests").exists()


def test_a_text_is_written_in_its_files_encoding(project: Path) -> None:
    text = "x = 'é'\n"
    written = Written(text, b"\xff\xfe", "utf-16-le")
    said = command("-c", '\'import sys; sys.stdout.buffer.write(open("data", "rb").read())\'')
    (project / "data").write_bytes(b"")
    with scratch.opened(project, said + " && false", timeout_s=60) as copy:
        copy.fill("data")
        copy.control()
        copy._put({"data": written})
        (data,) = Path(tempfile.gettempdir()).rglob("data")
        assert data.read_bytes() == b"\xff\xfe" + text.encode("utf-16-le")


def test_what_is_put_last_is_newest_in_whole_seconds(project: Path) -> None:
    """Or a compiled file of the text before is used, if it was written in the same second."""
    with scratch.opened(project, "true", timeout_s=60) as copy:
        copy.fill("shapes.py")
        times = []
        for _ in range(3):
            copy._put({"shapes.py": Written(TEXT)})
            (file,) = Path(tempfile.gettempdir()).rglob("shapes.py")
            times.append(int(file.stat().st_mtime))
        assert times == sorted(set(times))


def test_row_16_nothing_is_written_through_a_link(project: Path, tmp_path: Path) -> None:
    """A command may have put links where the edit goes."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "shapes.py").write_text("untouched")
    links = f"sh -c 'rm shapes.py; ln -s {outside}/shapes.py shapes.py; ln -s {outside} folder'"
    with scratch.opened(project, links, timeout_s=60) as copy:
        copy.fill("shapes.py")
        copy.control()
        copy._put({"shapes.py": Written("edited")})
        with pytest.raises(InputError, match="leads out"):
            copy._put({"folder/shapes.py": Written("edited")})
    assert (outside / "shapes.py").read_text() == "untouched"


# --- how it is run ------------------------------------------------------------------------------


def test_the_folder_is_private(project: Path) -> None:
    with scratch.opened(project, "true", timeout_s=60):
        (folder,) = Path(tempfile.gettempdir()).iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700


def test_it_is_run_where_the_person_stands(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "part").mkdir()
    (project / "part/x").touch()
    monkeypatch.chdir(project / "part")
    tried(project, command("../check.py", ".."), TEXT)
    assert {Path(run).name for run in runs(tmp_path)} == {"part"}
    monkeypatch.chdir(tmp_path)
    tried(project, command(), TEXT)
    assert {Path(run).name for run in runs(tmp_path)} == {"part", "project"}


def test_a_program_that_git_ignores_is_found_where_it_is(project: Path) -> None:
    (project / ".git").mkdir()
    (project / ".gitignore").write_text(".venv/\n")
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to(sys.executable)
    assert tried(project, ".venv/bin/python -B check.py", TEXT).why_not == ""


def test_it_has_the_persons_environment_without_what_leads_back(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOL_SETTING", "x")
    monkeypatch.setenv("GIT_DIR", str(project / ".git"))
    code = """
        import os, sys, shapes
        said = os.environ
        sys.exit(said["TOOL_SETTING"] != "x" or "GIT_DIR" in said or said["PWD"] != os.getcwd())
    """
    (project / "environment.py").write_text(textwrap.dedent(code))
    assert tried(project, command("environment.py"), TEXT).why_not == ""


def test_it_is_no_line_for_a_shell(project: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        tried(project, f"true; touch {tmp_path}/ran", TEXT)
    with pytest.raises(InputError, match="cannot be started"):
        tried(project, "no-such-program-anywhere", TEXT)
    for wrong in ("", "  ", "'open"):
        with pytest.raises(InputError):
            tried(project, wrong, TEXT)
    assert not (tmp_path / "ran").exists()


def test_output_without_end_is_bounded(project: Path) -> None:
    code = 'import shapes\\nfor _ in range(400): print("x" * 10000)\\nprint("last"); exit(1)'
    (project / "floods.py").write_text(code.replace("\\n", "\n") + " if shapes.area(1, 1) else 0")
    (project / "shapes.py").write_text(TEXT.replace("width * height", "0"))
    found = tried(project, command("floods.py"), TEXT)
    assert found.lines[-1] == "last"
    assert sum(map(len, found.lines)) <= 64 * 1024 + 10


def test_what_it_writes_steers_no_terminal(project: Path) -> None:
    (project / "steers.py").write_text(
        "import shapes; print('a\\x1b]0;owned\\x07\\u202eb'); exit(shapes.area(2, 3) == 5)"
    )
    found = tried(project, command("steers.py"), TEXT.replace("*", "+"))
    assert found.lines == ("a·]0;owned··b",)


# --- its end ------------------------------------------------------------------------------------

# Starts a process that outlives it, says who both are, and waits.
HANGS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(os.environ["RUNS"] + ".new", "w") as said: said.write(f"{os.getpid()} {child.pid}")
os.rename(os.environ["RUNS"] + ".new", os.environ["RUNS"])
time.sleep(float(sys.argv[1]))
"""


def left(tmp_path: Path) -> list[int]:
    return [int(pid) for pid in (tmp_path / "runs").read_text().split()]


def test_the_time_is_limited_and_all_of_it_ends(project: Path, tmp_path: Path) -> None:
    (project / "hangs.py").write_text(HANGS)
    with pytest.raises(InputError) as caught:
        tried(project, command("hangs.py", "600"), TEXT, timeout_s=2)
    assert "did not end within 2 seconds" in caught.value.why
    wait_until(lambda: not any(map(is_alive, left(tmp_path))), 20, "both have ended")


def test_what_it_leaves_in_the_background_is_ended(project: Path, tmp_path: Path) -> None:
    (project / "hangs.py").write_text(HANGS)
    with scratch.opened(project, command("hangs.py", "0"), timeout_s=60) as copy:
        copy.fill("shapes.py")
        copy.control()
    wait_until(lambda: not any(map(is_alive, left(tmp_path))), 20, "both have ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whoever_ends_us_ends_it_and_the_copy_is_removed(
    project: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (project / "hangs.py").write_text(HANGS)
    script = """
        import signal, sys
        from pathlib import Path
        from indoors_server import scratch
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with scratch.opened(Path(sys.argv[1]), sys.argv[2], timeout_s=600) as copy:
            copy.fill("shapes.py")
            copy.control()
    """
    said = command("hangs.py", "600")
    ours = subprocess.Popen(
        [sys.executable, "-I", "-c", textwrap.dedent(script), str(project), said],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.DEVNULL,
        cwd=project,
    )
    wait_until((tmp_path / "runs").exists, 30, "it runs")
    assert all(map(is_alive, left(tmp_path)))
    assert len(list((tmp_path / "tmp").iterdir())) == 1, "the control"
    ours.send_signal(number)
    status = ours.wait(30)
    assert status == (-number if number == signal.SIGINT else 128 + number)
    wait_until(lambda: not any(map(is_alive, left(tmp_path))), 20, "both have ended")


def test_a_command_that_fails_leaves_no_copy(project: Path) -> None:
    with scratch.opened(project, "false", timeout_s=60) as copy:
        copy.fill("shapes.py")
        with pytest.raises(InputError):
            copy.control()
        assert list(Path(tempfile.gettempdir()).iterdir()), "the control"


# --- under the lock-down ------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="the lock-down is Linux")
@pytest.mark.parametrize("is_locked", [True, False])
def test_row_3_what_a_command_runs_has_no_network(
    project: Path, tmp_path: Path, is_locked: bool
) -> None:
    """It runs code that a model wrote: locked down as `indoors refactor` is, so is that."""
    need(seccomp.machine(), "no filter is written for this machine")
    (project / "probe.py").write_text("import socket; socket.socket(); print('opened')")
    script = """
        import sys
        from pathlib import Path
        from indoors_completion.types import InputError
        from indoors_server import lockdown, scratch
        from indoors_server.cli import session
        if sys.argv[3] == "True": session.prepare()
        with scratch.opened(Path(sys.argv[1]), sys.argv[2], timeout_s=600) as copy:
            copy.fill("shapes.py")
            try: copy.control()
            except InputError as error: print(error)
    """
    arguments = [str(project), command("probe.py"), str(is_locked)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(script), *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        cwd=project,
    )
    said = done.stdout.decode()
    assert ("Operation not permitted" in said) == is_locked
    assert ("fails without the edit" in said) == is_locked
    assert ("without a network" in said) == is_locked
