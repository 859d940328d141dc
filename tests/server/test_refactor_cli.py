"""`indoors refactor` with an engine that says what a test wrote: what it prints and writes."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.engine import MODEL
from fakes.fake_core import FakeCore
from indoors_completion.types import InputError
from indoors_server import cli, paths, source_file
from indoors_server.cli import refactor, session
from indoors_server.settings import Settings, resolve

TEXT = """\
def area(width, height):
    total = width * height
    return round(total, 2)


LAST = "é"
"""
GOOD = '''\
def area(width, height):
    """The area of a rectangle."""
    total = width * height
    return round(total, 2)
'''
AFTER = GOOD + TEXT[TEXT.index("\n\n\nLAST") + 1 :]
BAD = "def area(width, height):\n    return nobody_defined_this(width)\n"


@pytest.fixture
def core(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCore:
    made = FakeCore()
    made.engine.say(GOOD)

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
    monkeypatch.setattr(session, "prepare", lambda model="": resolve())
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    path = folder / "shapes.py"
    path.write_text(TEXT)
    return path


def edit(source: Path, *more: str, lines: str = "2") -> int:
    return cli.main(["refactor", f"{source}:{lines}", "--action", "document", *more])


# --- what is printed ----------------------------------------------------------------------------


def test_a_diff_that_git_applies_is_printed(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(source) == 0
    printed = capsys.readouterr()
    assert source.read_text() == TEXT, "nothing is written unless asked for"
    assert "Document area: +1 -0 lines" in printed.err
    assert "nothing was run" in printed.err
    assert len(printed.err.splitlines()) == 1
    subprocess.run(["git", "apply", "-"], cwd=source.parent, input=printed.out.encode(), check=True)
    assert source.read_text() == AFTER


def test_json_is_one_object_with_the_promised_keys(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(source, "--json", lines="1-3") == 0
    made = json.loads(capsys.readouterr().out)
    keys = ["action", "safe", "reason", "diff", "attempts", "n_tokens", "seconds"]
    assert list(made) == [*keys, "verified", "unformatted"]
    assert (made["verified"], made["unformatted"]) == (None, "")
    assert (made["action"], made["safe"], made["reason"]) == ("document", True, "")
    assert '+    """The area of a rectangle."""' in made["diff"]
    assert [one["how"] for one in made["attempts"]] == ["first"]
    assert made["n_tokens"] == len("The area of a rectangle."), "the rest was there"


def test_no_safe_edit_is_an_exit_status_and_a_reason(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core.engine.say(BAD)
    arguments = ["refactor", f"{source}:1-3", "--action", "edit"]
    arguments += ["--instruction", "x"]
    for form in ("--diff", "--write", "--json"):
        assert cli.main([*arguments, form]) == 1
        printed = capsys.readouterr()
        assert "nobody_defined_this" in printed.out + printed.err
        assert "No safe edit found: " in printed.err or json.loads(printed.out)["safe"] is False
    assert source.read_text() == TEXT


def test_a_model_that_cannot_be_asked_says_so(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core.engine.model = msgspec.structs.replace(MODEL, instruct=False)
    assert edit(source) == 1
    assert "not tuned to follow instructions" in capsys.readouterr().err


def test_what_can_be_done_is_listed_without_a_model(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["refactor", f"{source}:2", "--list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"document", "edit", "annotate"} <= set(names)
    assert not core.engine.jobs
    assert core.n_outlines == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}"],
        ["{}:0"],
        ["{}:3-2"],
        ["{}:99"],
        ["{}.gone:1"],
        ["{}:2", "--action", "edit"],
        ["{}:2", "--action", "fix"],
        ["{}:2", "--action", "delete"],
        ["{}:2", "--list", "--action", "document"],
        ["{}:2", "--json", "--write"],
    ],
)
def test_wrong_usage_is_exit_status_2(core: FakeCore, source: Path, arguments: list[str]) -> None:
    place, *more = arguments
    more = more or ["--action", "document"]
    try:
        status = cli.main(["refactor", place.format(source), *more])
    except SystemExit as error:  # argparse
        status = error.code
    assert status == 2
    assert not core.engine.jobs


def test_instruction_and_seed_reach_the_model(core: FakeCore, source: Path) -> None:
    core.engine.say(BAD)
    wish = ["--action", "edit", "--instruction", "make it blue", "--seed", "41"]
    assert cli.main(["refactor", f"{source}:1-3", *wish]) == 1
    assert "make it blue" in core.engine.prompt
    # The first answer is the likeliest one; a seed counts where answers are sampled.
    assert {job.seed for job in core.engine.jobs} > {41, 42, 43}


def test_what_a_tool_reported_reaches_the_model(core: FakeCore, source: Path) -> None:
    wish = ["--action", "fix", "--instruction", "D103 missing docstring"]
    assert cli.main(["refactor", f"{source}:2", *wish, "--json"]) == 0
    assert "A tool reports this problem: D103 missing docstring" in core.engine.prompt


def test_a_file_too_long_to_be_checked_is_not_edited(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.write_text(TEXT + "# too long\n" * 25_000)
    assert edit(source) == 1
    assert "150000" in capsys.readouterr().err
    assert not core.engine.jobs


# --- the policy ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"deny_paths": ["shapes.py"]}, "deny_paths"),
        ({"mode": "off"}, "mode is off"),
        ({"complete": False}, "complete"),
        ({}, ""),
    ],
)
def test_row_15_what_a_policy_denies_is_not_edited(
    core: FakeCore,
    source: Path,
    policy: dict[str, Any],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    file = paths.config_dir() / "policy.json"
    file.write_text(json.dumps(policy))
    file.chmod(0o600)
    status = edit(source, "--write")
    assert status == (1 if why else 0)
    assert why in capsys.readouterr().err
    assert bool(core.engine.jobs) == (not why)
    assert (source.read_text() == TEXT) == bool(why)


@pytest.mark.parametrize("is_project", [True, False])
def test_row_15_a_link_to_what_is_denied_is_denied(
    core: FakeCore, source: Path, is_project: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if is_project:
        (source.parent / ".git").mkdir()
    secrets = source.parent / "secrets"
    secrets.mkdir()
    source.rename(secrets / "shapes.py")
    source.symlink_to("secrets/shapes.py")
    assert edit(source, "--write") == 1
    assert "deny_paths" in capsys.readouterr().err
    assert not core.engine.jobs


# --- what is written ----------------------------------------------------------------------------


def test_the_file_is_changed_and_nothing_lies_beside_it(core: FakeCore, source: Path) -> None:
    assert edit(source, "--write") == 0
    assert source.read_text() == AFTER
    assert [path.name for path in source.parent.iterdir()] == ["shapes.py"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o664])
def test_the_mode_stays(core: FakeCore, source: Path, mode: int) -> None:
    source.chmod(mode)
    assert edit(source, "--write") == 0
    assert source.read_text() == AFTER
    assert stat.S_IMODE(source.stat().st_mode) == mode


def test_a_link_stays_a_link(core: FakeCore, source: Path) -> None:
    link = source.parent / "link.py"
    link.symlink_to("shapes.py")
    assert edit(link, "--write") == 0
    assert os.readlink(link) == "shapes.py"  # noqa: PTH115 - what it says, not where it leads
    assert source.read_text() == AFTER


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(core: FakeCore, source: Path) -> None:
    os.chown(source, 1234, 2345)
    assert edit(source, "--write") == 0
    assert (source.stat().st_uid, source.stat().st_gid) == (1234, 2345)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encoding_mark_and_line_ends_stay(
    core: FakeCore, source: Path, mark: bytes, encoding: str, newline: str
) -> None:
    source.write_bytes(mark + TEXT.replace("\n", newline).encode(encoding))
    assert edit(source, "--write") == 0
    assert source.read_bytes() == mark + AFTER.replace("\n", newline).encode(encoding)


@pytest.mark.parametrize("data", [b"caf\xe9 = 1\n", b"a = '\0'\n", b"\xff\xfea"])
def test_what_could_not_be_put_back_is_not_edited(
    core: FakeCore, source: Path, data: bytes
) -> None:
    source.write_bytes(data)
    assert edit(source, "--write", lines="1") == 2
    assert source.read_bytes() == data


def test_a_file_that_changed_meanwhile_is_left_alone(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    def writes() -> None:
        source.write_text(TEXT + "# somebody else\n")

    core.engine.on_token = writes
    assert edit(source, "--write") == 1
    assert source.read_text() == TEXT + "# somebody else\n"
    assert "changed it meanwhile" in capsys.readouterr().err
    assert [path.name for path in source.parent.iterdir()] == ["shapes.py"]


def test_a_link_that_was_turned_meanwhile_is_left_alone(core: FakeCore, source: Path) -> None:
    link = source.parent / "link.py"
    link.symlink_to("shapes.py")
    other = source.parent / "other.py"
    other.write_text(TEXT)
    asked = source_file.read(link)
    link.unlink()
    link.symlink_to("other.py")
    with pytest.raises(InputError):
        source_file.replace(asked, AFTER)
    assert source.read_text() == other.read_text() == TEXT


def test_a_writer_that_dies_leaves_the_old_file(
    core: FakeCore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the file beside it goes, unless the process itself is killed."""

    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        assert edit(source, "--write") == 1
    assert source.read_text() == TEXT
    assert [path.name for path in source.parent.iterdir()] == ["shapes.py"]
    assert edit(source, "--write") == 0, "the control"


def test_a_reader_never_sees_half_a_file(core: FakeCore, source: Path) -> None:
    """Who has the old file open goes on reading the old text: the name got another file."""
    with source.open() as reader:
        first = reader.read(10)
        assert edit(source, "--write") == 0
        assert first + reader.read() == TEXT
    assert source.read_text() == AFTER


def test_row_20_a_file_that_tools_execute_is_named(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executed = source.rename(source.parent / "conftest.py")
    assert edit(executed) == 0
    assert "executed by tools" in capsys.readouterr().err


def test_a_file_steers_no_terminal(
    core: FakeCore, source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    source.write_text(TEXT.replace("return", "print('\x1b]0;owned\x07')\n    return"))
    core.engine.say(GOOD.replace("return", "print('\x1b]0;owned\x07')\n    return"))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert edit(source) == 0
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert edit(source) == 0
    assert "\x1b" in capsys.readouterr().out, "a patch has the file's own bytes"


def test_a_place_is_whole_lines_or_a_line(source: Path) -> None:
    whole = refactor.read_place(f"{source}:2-3")
    assert TEXT[whole.selection.start : whole.selection.end] == (
        "    total = width * height\n    return round(total, 2)"
    )
    one = refactor.read_place(f"{source}:2")
    assert one.selection.start == one.selection.end == TEXT.index("total")
