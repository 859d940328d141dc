"""`indoors refactor --verify-with`: nothing is shown or written that a command does not pass.

The engine says what a test wrote; the command and the copy of the project are real. Also here: an
edit in the form of the person's formatter, in a terminal.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from indoors_server import cli
from indoors_server.cli import session
from indoors_server.settings import Settings, decode, resolve
from support import formatters

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups and signals of POSIX")

TEXT = """\
def area(width, height):
    total = width * height
    return total


LAST = 1
"""
# Both pass the checks of an edit; what they do is told apart by running it alone.
GOOD = TEXT.replace("width * height", "height * width")
BAD = TEXT.replace("width * height", "height + width")
UNFORMED = TEXT.replace("total = width * height", "total=height * width")
CHECK = """
import os, sys
sys.path.insert(0, os.getcwd())
with open(os.environ["RUNS"], "a") as runs: runs.write(os.getcwd() + "\\n")
import shapes
print("area is", shapes.area(2, 3), flush=True)
print("\\x1b[31mtotals:", open("shapes.py").read().count("total = "), flush=True)
sys.exit(0 if shapes.area(2, 3) == 6 else 3)
"""
RUN = f"{sys.executable} -B check.py"


@pytest.fixture
def settings() -> dict[str, Any]:
    """The person's own, as their file has them."""
    return {}


@pytest.fixture
def core(private_home: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> FakeCore:
    made = FakeCore()

    @contextlib.asynccontextmanager
    async def loaded(
        resolved: Settings,
        quiet: bool = False,
        retrieval: Any = None,
        policies: Any = None,
        **_: Any,
    ) -> AsyncIterator[Any]:
        yield made

    monkeypatch.setattr(session, "loaded_core", loaded)
    # The real one would lock down the test's own process.
    monkeypatch.setattr(
        session, "prepare", lambda model="": resolve(decode("config.json", settings))
    )
    return made


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shapes.py").write_text(TEXT)
    (folder / "check.py").write_text(CHECK)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(folder)
    return folder / "shapes.py"


def edit(core: FakeCore, source: Path, text: str, *more: str) -> int:
    core.engine.say(text[: text.index("\n\n\n")])
    wish = ["--action", "edit", "--instruction", "the other way round"]
    return cli.main(["refactor", f"{source}:1-3", *wish, *more])


def n_runs(source: Path) -> int:
    runs = source.parent.parent / "runs"
    return len(runs.read_text().splitlines()) if runs.exists() else 0


def test_an_edit_that_the_command_passes_is_shown_and_written(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(core, source, GOOD, "--verify-with", RUN) == 0
    printed = capsys.readouterr()
    assert "+    total = height * width" in printed.out
    assert f"verified by: {RUN} (" in printed.err
    assert "nothing was run" not in printed.err
    assert source.read_text() == TEXT
    assert edit(core, source, GOOD, "--verify-with", RUN, "--write") == 0
    assert source.read_text() == GOOD
    assert sorted(path.name for path in source.parent.iterdir()) == ["check.py", "shapes.py"]
    assert not list((source.parent.parent / "tmp").iterdir())
    runs = (source.parent.parent / "runs").read_text().splitlines()
    assert len(runs) == 2 * 3
    assert str(source.parent) not in runs


@pytest.mark.parametrize("form", ["--diff", "--write"])
def test_an_edit_that_the_command_fails_is_neither_shown_nor_written(
    core: FakeCore, source: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(core, source, BAD, form) == 0, "the control: no other check sees it"
    source.write_text(TEXT)
    capsys.readouterr()
    assert edit(core, source, BAD, form, "--verify-with", RUN) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"`{RUN}` fails with the edit: exit status 3" in printed.err
    assert "  | area is 5\n  | ·[31mtotals: 1\n" in printed.err
    assert source.read_text() == TEXT


def test_json_says_what_the_command_did(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(core, source, GOOD, "--verify-with", RUN, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["safe"] is True
    found = made["verified"]
    assert found.pop("seconds") >= 0
    assert found.pop("spoiled_exit_status") != 0
    assert found == {"command": RUN, "exit_status": 0, "control_exit_status": 0, "lines": []}
    assert edit(core, source, BAD, "--verify-with", RUN, "--json") == 1
    made = json.loads(capsys.readouterr().out)
    assert (made["safe"], made["diff"]) == (False, "")
    assert (made["verified"]["exit_status"], made["verified"]["control_exit_status"]) == (3, 0)
    assert made["attempts"][-1]["check"] == "verify_with"
    assert made["verified"]["lines"][0] == "area is 5"


def test_no_model_is_asked_where_the_command_fails_already(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.write_text(BAD)
    assert edit(core, source, GOOD, "--verify-with", RUN) == 1
    assert "fails without the edit" in capsys.readouterr().err
    assert not core.engine.jobs
    assert n_runs(source) == 1
    assert edit(core, source, GOOD) == 0, "the control"


def test_a_command_that_does_not_look_at_the_file_verifies_nothing(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for said in ("true", f"{RUN.replace('check.py', '-c pass')}"):
        assert edit(core, source, GOOD, "--verify-with", said, "--write") == 1
        assert "does not look at the edit" in capsys.readouterr().err
    assert source.read_text() == TEXT


def test_the_time_is_limited(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--verify-with", "sleep 600", "--verify-timeout", "1"]
    assert edit(core, source, GOOD, *said) == 1
    assert "did not end within 1 seconds (--verify-timeout)" in capsys.readouterr().err
    assert not core.engine.jobs


@pytest.mark.parametrize(
    "wrong", [["--verify-timeout", "0"], ["--verify-timeout", "soon"], ["--verify-timeout", "-1"]]
)
def test_a_time_that_is_none_is_wrong_usage(core: FakeCore, source: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        edit(core, source, GOOD, "--verify-with", RUN, *wrong)
    assert caught.value.code == 2


def test_where_no_edit_is_found_the_command_is_not_run_with_it(
    core: FakeCore, source: Path
) -> None:
    unknown = TEXT.replace("width * height", "nobody_defined_this(width)")
    assert edit(core, source, unknown, "--verify-with", RUN) == 1
    assert n_runs(source) == 1


def test_a_files_encoding_reaches_the_command(
    core: FakeCore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    look = 'import sys; sys.exit(open("shapes.py", "rb").read(3) != b"\\xef\\xbb\\xbf")'
    both = f"sh -c '{sys.executable} -B check.py && {sys.executable} -c \"$LOOK\"'"
    monkeypatch.setenv("LOOK", look)
    assert edit(core, source, GOOD, "--verify-with", both, "--write") == 0
    assert source.read_bytes() == b"\xef\xbb\xbf" + GOOD.encode()


# --- the formatter ------------------------------------------------------------------------------

FORMED = UNFORMED.replace("total=", "total = ")


@pytest.mark.skipif(sys.platform != "linux", reason="it runs under the lock-down only")
@pytest.mark.parametrize("kind", ["blanks", "fails"])
def test_an_edit_in_a_terminal_has_the_formatters_form(
    core: FakeCore,
    source: Path,
    settings: dict[str, Any],
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what the command is run with is what is written."""
    settings["refactor.formatter"] = {"python": formatters.write(source.parent.parent, kind)}
    # The command passes only a file with the one form or the other.
    wanted = 1 if kind == "blanks" else 0
    (source.parent / "check.py").write_text(
        "import shapes; n = open('shapes.py').read().count('total = ')\n"
        f"raise SystemExit(shapes.area(2, 3) != 6 or (n != {wanted} and 'height *' in "
        "open('shapes.py').read()))\n"
    )
    assert edit(core, source, UNFORMED, "--verify-with", RUN, "--write") == 0
    assert source.read_text() == (FORMED if kind == "blanks" else UNFORMED)
    said = capsys.readouterr().err
    assert said.count("Not formatted by ") == (kind == "fails")
    assert ("exit status 2" in said) == (kind == "fails")
    source.write_text(TEXT)
    assert edit(core, source, UNFORMED, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert ("total = height" in made["diff"]) == (kind == "blanks")
    assert ("exit status 2" in made["unformatted"]) == (kind == "fails")
