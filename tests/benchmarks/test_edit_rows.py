"""Rows of edits: true texts pass, what they begin with does not, and what runs is locked in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from edit_rows import EditRow, read_edit_rows
from locked_run import has_syntax_error, passes

from indoors_server import landlock

DATA = Path(__file__).resolve().parents[2] / "benchmarks" / "data"

needs_kernel = pytest.mark.skipif(
    sys.platform != "linux" or not landlock.version(), reason="code is run under Landlock only"
)


def rows(name: str, limit: int) -> list[EditRow]:
    return read_edit_rows(DATA / name, limit)


@needs_kernel
@pytest.mark.parametrize("name", ["editeval_30.jsonl.gz", "humanevalfix_20.jsonl.gz"])
def test_the_true_text_passes_and_the_given_one_does_not(name: str) -> None:
    for row in rows(name, 3):
        true = row.fields.get("output") or row.fields["prompt"] + row.fields["canonical_solution"]
        assert passes(row.program(row.edited(true))), row.name
        assert not passes(row.program(row.text)), row.name


SOCKET = """
import socket
try:
    socket.socket()
except {}:
    pass
else:
    raise AssertionError
"""
SOURCE = '''\
LIMIT = 3


class Box:
    def __init__(self, items):
        self.items = items

    def clip(self, items):
        """As many as fit."""
        kept = [one for one in items if one is not None]
        return kept[:LIMIT]

    def shown(self):
        return self.clip(self.items)


last = Box([1])
'''
MOVED = '''\
LIMIT = 3


class Box:
    def __init__(self, items):
        self.items = items

    def shown(self):
        return clip(self.items)


def clip(items):
    """As many as fit."""
    kept = [one for one in items if one is not None]
    return kept[:LIMIT]


last = Box([1])
'''
REFACTOR = EditRow(
    "box", "refactor", SOURCE, SOURCE.index("class"), SOURCE.index("\n\nlast"), "Move it.",
    {"source": SOURCE, "cls": "Box", "method": "clip"},
)  # fmt: skip


@needs_kernel
def test_a_method_became_a_function_or_it_did_not() -> None:
    assert passes(REFACTOR.program(MOVED))
    for other in (
        SOURCE,
        MOVED.replace("return clip(", "return self.clip("),
        MOVED.replace('    """As many as fit."""\n    kept', "    kept").replace(
            "kept[:LIMIT]", "1"
        ),
        MOVED.replace("    def shown(self):\n        return clip(self.items)\n", "    pass\n"),
        MOVED + ")",
    ):
        assert not passes(REFACTOR.program(other)), other


def test_a_row_of_a_class_names_its_lines() -> None:
    for row in rows("refactor_4.jsonl.gz", 4):
        assert row.kind == "refactor"
        assert row.target.startswith(f"class {row.fields['cls']}")
        assert f"def {row.fields['method']}(" in row.target
        assert row.edited(row.target) == row.text


@needs_kernel
def test_what_runs_reaches_nothing(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    assert passes("open('inside', 'w').write('x'); assert open('inside').read() == 'x'")
    assert not passes(f"open({str(outside)!r}, 'w').write('x')")
    assert not outside.exists()
    outside.write_text("secret")
    assert not passes(f"open({str(outside)!r}).read()")
    assert passes(SOCKET.format("PermissionError"))
    assert not passes(SOCKET.format("KeyError"))
    assert not passes("bytearray(1 << 31)")
    assert not passes("import sys; sys.exit(0)"), "who leaves early did not pass"
    assert not passes("import os; os._exit(0)")


@needs_kernel
def test_a_syntax_error_is_seen_without_running_anything() -> None:
    assert has_syntax_error("def f(:")
    assert not has_syntax_error("import os; os._exit(1)")


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"task_id": "a", "input": "x = 1"}\n')
    with pytest.raises(SystemExit, match=r"rows\.jsonl:1"):
        read_edit_rows(path)
