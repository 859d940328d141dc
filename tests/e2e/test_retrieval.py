"""The real server with the real model in an indexed workspace: answers with the project's names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_server import paths
from support.index_server import Editor, Workspace, editing

pytestmark = pytest.mark.model

READY_S = 60.0
PATIENT = {"completion": {"deadlineMs": 20_000}}
# No model has read these names.
LEDGER = '''class Ledger:
    """What a household owes."""

    def quibble_total(self, month: int) -> float:
        """The sum of all quibbles of a month."""
        return 0.0
'''
USE = '''from ledger import Ledger


def report(book: Ledger, month: int) -> float:
    """The sum of all quibbles of a month."""
    return book.'''


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """A workspace whose cache has the person's models and engines, and indexes of its own."""
    work = Workspace(tmp_path)
    work.cache.mkdir(parents=True)
    for place in (paths.models_dir(), paths.engines_dir()):
        (work.cache / place.name).symlink_to(place)
    work.put("ledger.py", LEDGER)
    work.put("report.py", USE + "\n")
    return work


@pytest.fixture
def editor(work: Workspace) -> Iterator[Editor]:
    with editing(work, settings=PATIENT) as editor:
        editor.client.wait_ready(READY_S)
        editor.phase(work.root, "ready")
        # The first look of all takes longer than a key waits for snippets on a slow machine.
        editor.client.open((work.root / "first.py").as_uri(), "import ledger\n\nledger.\n")
        editor.client.complete((work.root / "first.py").as_uri(), 2, 7, trigger=1)
        yield editor


def answers(editor: Editor, work: Workspace, text: str = USE) -> str:
    uri = (work.root / "report.py").as_uri()
    editor.client.open(uri, text + "\n")
    line, character = text.count("\n"), len(text.rpartition("\n")[2])
    items = editor.client.complete(uri, line, character, trigger=1)
    return str(items[0]["insertText"]) if items else ""


def test_a_name_of_another_file_is_suggested(editor: Editor, work: Workspace) -> None:
    assert "quibble_total" in answers(editor, work)


def test_a_name_that_is_not_saved_yet_is_suggested(editor: Editor, work: Workspace) -> None:
    editor.client.open((work.root / "ledger.py").as_uri(), LEDGER.replace("quibble", "grumble"))
    work.finds("grumble_total", "ledger.py")
    assert "grumble_total" in answers(editor, work, USE.replace("quibble", "grumble"))


def test_without_an_index_it_is_not_known(work: Workspace) -> None:
    """The control: the name comes from nowhere else."""
    with editing(work, settings=PATIENT | {"index": {"enabled": False}}) as editor:
        editor.client.wait_ready(READY_S)
        assert "quibble_total" not in answers(editor, work)
