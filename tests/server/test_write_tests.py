"""Tests for a symbol, through the server and the command line: where they go and what they change.

Real files and outlines; an engine that says what a test wrote.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_completion.types import InputError
from indoors_server import cli, paths, source_file
from indoors_server.cli import session
from indoors_server.settings import decode, resolve
from support.edit_clients import CAPABILITIES, applied, menu, place, titled, without
from support.in_process import serving

CART = """\
class Cart:
    def __init__(self, items):
        self.items = items

    def total(self):
        return sum(self.items)
"""
THERE = "import pytest\nfrom shop.tax import tax\n\n\ndef test_tax():\n    assert tax(1) == 0\n"
WRITTEN = "_adds():\n    assert Cart([1, 2]).total() == 3\n"
NEW = f"from shop.cart import Cart\n\n\ndef test_total{WRITTEN}"
IN_TOTAL = place(5, 8, 5, 8)
TITLE = "Write tests for total"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/__init__.py").touch()
    (folder / "shop/cart.py").write_text(CART)
    return folder


@pytest.fixture
def core() -> FakeCore:
    made = FakeCore()
    made.engine.say(WRITTEN)
    return made


@pytest.fixture
def client(core: FakeCore, private_home: Path) -> Iterator[LspClient]:
    with serving(core) as client:
        yield client


def begin(client: LspClient, project: Path, capabilities: dict[str, Any] = CAPABILITIES) -> str:
    client.initialize(capabilities=capabilities, folders=(project,))
    uri = (project / "shop/cart.py").as_uri()
    client.open(uri, CART)
    return uri


def resolved(client: LspClient, uri: str) -> dict[str, Any]:
    entry = titled(menu(client, uri, IN_TOTAL), TITLE)
    return dict(client.request("codeAction/resolve", entry))


def why(client: LspClient, uri: str) -> str:
    return str(resolved(client, uri)["disabled"]["reason"])


def test_a_new_file_is_created_and_written_to_be_confirmed(
    client: LspClient, core: FakeCore, project: Path
) -> None:
    uri = begin(client, project)
    edit = resolved(client, uri)["edit"]
    create, write = edit["documentChanges"]
    target = (project / "tests/test_cart.py").as_uri()
    assert (create["kind"], create["uri"], create["options"]) == (
        "create",
        target,
        {"overwrite": False},
    )
    assert write["textDocument"] == {"uri": target, "version": None}
    assert applied("", write["edits"]) == NEW
    names = {create["annotationId"], *(one["annotationId"] for one in write["edits"])}
    assert names == {"indoors.edit"}
    note = edit["changeAnnotations"]["indoors.edit"]
    assert note["needsConfirmation"]
    assert note["label"] == "Write tests for total in tests/test_cart.py"
    assert not (project / "tests").exists(), "the editor makes it, once somebody has confirmed"
    (job,) = core.engine.jobs
    assert CART.strip() in core.engine.prompt
    assert job.stops


def test_tests_go_behind_those_of_the_file_that_is_there(
    client: LspClient, core: FakeCore, project: Path
) -> None:
    uri = begin(client, project)
    test = project / "tests/test_cart.py"
    test.parent.mkdir()
    test.write_text(THERE)
    (write,) = resolved(client, uri)["edit"]["documentChanges"]
    assert write["textDocument"] == {"uri": test.as_uri(), "version": None}
    assert applied(THERE, write["edits"]) == (
        THERE.replace("tax\n\n", "tax\nfrom shop.cart import Cart\n\n")
        + f"\n\ndef test_total{WRITTEN}"
    )
    assert "def test_tax" in core.engine.prompt, "it sees how tests are written here"


def test_an_open_test_file_counts_as_it_is_in_the_editor(client: LspClient, project: Path) -> None:
    uri = begin(client, project)
    test = project / "tests/test_cart.py"
    test.parent.mkdir()
    test.write_text("broken (")
    client.open(test.as_uri(), THERE, version=7)
    (write,) = resolved(client, uri)["edit"]["documentChanges"]
    assert write["textDocument"] == {"uri": test.as_uri(), "version": 7}
    assert applied(THERE, write["edits"]).startswith(THERE[: THERE.index("\n\n")])


def test_an_editor_that_creates_no_files_is_told_what_to_do(
    client: LspClient, project: Path
) -> None:
    less = without("workspace", "workspaceEdit", "resourceOperations")
    assert "indoors refactor --write" in why(client, begin(client, project, less))


def test_a_test_file_that_was_changed_meanwhile_is_left_alone(
    client: LspClient, core: FakeCore, project: Path
) -> None:
    uri = begin(client, project)
    test = project / "tests/test_cart.py"
    test.parent.mkdir()
    test.write_text(THERE)

    def change(_job: object) -> str:
        test.write_text(THERE + "# more\n")
        return WRITTEN

    core.engine.script = change
    assert "tests/test_cart.py has changed" in why(client, uri)
    test.unlink()
    core.engine.script = lambda _job: (test.write_text("") and "") or WRITTEN
    assert "tests/test_cart.py has changed" in why(client, uri)


def test_a_test_file_that_may_not_be_read_is_not_written(
    client: LspClient, core: FakeCore, project: Path
) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    policy = {"deny_paths": ["tests/"]}
    (paths.config_dir() / "policy.json").write_text(json.dumps(policy))
    assert "tests/test_cart.py" in why(client, begin(client, project))
    assert not core.engine.jobs


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_leads_no_test_out_of_the_project(
    client: LspClient, core: FakeCore, project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    uri = begin(client, project)
    (project / "tests").symlink_to(outside)
    assert "outside of the project" in why(client, uri)
    assert not core.engine.jobs


def test_a_file_of_no_folder_has_no_place_for_tests(client: LspClient, tmp_path: Path) -> None:
    client.initialize(capabilities=CAPABILITIES)
    uri = (tmp_path / "cart.py").as_uri()
    client.open(uri, CART)
    titles = [entry["title"] for entry in menu(client, uri, IN_TOTAL)]
    assert "Simplify total" in titles or "Document total" in titles
    assert TITLE not in titles


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture
def console(
    core: FakeCore, private_home: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> Callable[..., int]:
    @contextlib.asynccontextmanager
    async def loaded(*_: Any, **__: Any) -> AsyncIterator[Any]:
        yield core

    monkeypatch.setattr(session, "loaded_core", loaded)
    # The real one would lock down the test's own process.
    monkeypatch.setattr(session, "prepare", lambda model="": resolve())
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    place = f"{project / 'shop/cart.py'}:6"
    return lambda *more: cli.main(["refactor", place, "--action", "tests", *more])


def test_a_diff_of_a_new_file_is_one_that_git_applies(
    console: Callable[..., int], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console() == 0
    diff = capsys.readouterr().out
    assert diff.startswith("--- /dev/null\n+++ b/tests/test_cart.py\n")
    subprocess.run(["git", "apply"], input=diff, text=True, cwd=project, check=True)
    assert (project / "tests/test_cart.py").read_text() == NEW


def test_write_creates_the_file_or_adds_to_it(
    console: Callable[..., int],
    core: FakeCore,
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    test = project / "tests/test_cart.py"
    assert console("--write") == 0
    assert test.read_text() == NEW
    assert "written to tests/test_cart.py" in capsys.readouterr().err
    assert (project / "shop/cart.py").read_text() == CART
    core.engine.say(WRITTEN.replace("_adds", "_adds_again"))
    test.chmod(0o640)
    assert console("--write") == 0
    assert test.read_text() == f"{NEW}\n\ndef test_total{WRITTEN.replace('_adds', '_adds_again')}"
    assert test.stat().st_mode & 0o777 == 0o640


def test_a_file_that_came_meanwhile_is_not_overwritten(
    console: Callable[..., int], core: FakeCore, project: Path
) -> None:
    test = project / "tests/test_cart.py"

    def come(_job: object) -> str:
        test.parent.mkdir(exist_ok=True)
        test.write_text("mine\n")
        return WRITTEN

    core.engine.script = come
    assert console("--write") != 0
    assert test.read_text() == "mine\n"


def test_tests_that_do_not_pass_are_not_written(
    console: Callable[..., int],
    core: FakeCore,
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A new test is run before it is there, and so is one that is added."""
    (project / "tests").mkdir()
    (project / "tests/test_other.py").write_text("def test_nothing():\n    pass\n")
    run = f"{sys.executable} -B -m pytest -q -p no:cacheprovider --import-mode=importlib tests"
    wrong = WRITTEN.replace("== 3", "== 4")
    for is_there in (False, True):
        core.engine.say(wrong.replace("_adds", "_more") if is_there else wrong)
        assert console("--write", "--verify-with", run) == 1
        assert "fails with the edit: exit status 1" in capsys.readouterr().err
        assert (project / "tests/test_cart.py").exists() == is_there
        core.engine.say(WRITTEN.replace("_adds", "_more") if is_there else WRITTEN)
        assert console("--write", "--verify-with", run) == 0
        assert "verified by: " in capsys.readouterr().err
    assert (project / "tests/test_cart.py").read_text().count("== 3") == 2
    assert sorted(path.name for path in project.iterdir()) == [".git", "shop", "tests"]


@pytest.mark.skipif(sys.platform != "linux", reason="a formatter runs under the lock-down only")
def test_tests_have_the_formatters_form(
    console: Callable[..., int],
    core: FakeCore,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a new file, and in one that is there, of which nothing else changes."""
    script = tmp_path / "form.py"
    script.write_text("import sys; print(sys.stdin.read().replace('==', ' == '), end='')")
    named = {"refactor": {"formatter": {"python": [sys.executable, str(script)]}}}
    settings = resolve(decode("config.json", named))
    monkeypatch.setattr(session, "prepare", lambda model="": settings)
    test = project / "tests/test_cart.py"
    core.engine.say(WRITTEN.replace(" == ", "=="))
    assert console("--write") == 0
    assert test.read_text() == NEW
    before = f"{NEW}\n\ndef test_other():\n    same = 1==1\n    assert same\n"
    test.write_text(before)
    core.engine.say(WRITTEN.replace(" == ", "==").replace("_adds", "_more"))
    assert console("--write") == 0
    assert test.read_text() == f"{before}\n\ndef test_total{WRITTEN.replace('_adds', '_more')}"


def test_a_new_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"test_a\.py was not created"):
        source_file.create(tmp_path / "tests/test_a.py", "text\n")
    assert not (tmp_path / "tests/test_a.py").exists()
