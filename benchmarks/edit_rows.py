"""Rows of edits: what is asked, of which text, and whether the edited text does what it should.

Three kinds, told apart by their fields:

    editeval       `instruction`, `input`, `test`, `context`: an edit by instruction, and its test
    humanevalfix   `prompt`, `buggy_solution`, `test`: a bug to find, and its test
    refactor       `source`, `cls`, `method`: a method becomes a function; looked at as a tree

A row is judged by a Python program that is run in a locked child (`locked_run`): it ends without an
error or it does not. Rows are other people's code, and so is what a model makes of them.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A class without the method, the function with its name, as large as it was, and nothing lost.
_REFACTORED = """
import ast

def size(node):
    return sum(1 for _ in ast.walk(node))

def class_of(tree):
    found = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == CLASS]
    assert len(found) == 1
    return found[0]

def functions(nodes):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {one.name: one for one in nodes if isinstance(one, kinds)}

before, after = ast.parse(BEFORE), ast.parse(AFTER)
old, new = class_of(before), class_of(after)
methods = functions(old.body)
assert set(functions(new.body)) == set(methods) - {METHOD}
moved = functions(after.body)[METHOD]
assert abs(size(moved) - size(methods[METHOD])) <= 0.2 * size(methods[METHOD])
rest = size(old) - size(methods[METHOD])
assert abs(size(new) - rest) <= 0.2 * rest
calls = [one for one in ast.walk(after) if isinstance(one, ast.Attribute) and one.attr == METHOD]
assert not [one for one in calls if isinstance(one.value, ast.Name) and one.value.id == "self"]
"""


@dataclass(frozen=True)
class EditRow:
    """An edit to make in `text[start:end]`, and the fields that it is judged by."""

    name: str
    kind: str
    text: str
    start: int
    end: int
    instruction: str
    fields: dict[str, Any]

    @property
    def target(self) -> str:
        """What may change."""
        return self.text[self.start : self.end]

    def edited(self, code: str) -> str:
        """The whole text with other code in the target's place."""
        return self.text[: self.start] + code + self.text[self.end :]

    def program(self, text: str) -> str:
        """What ends without an error if the text is as it should be."""
        fields = self.fields
        if self.kind == "editeval":
            context = fields.get("context") or "{{Code}}\n"
            return f"{context.replace('{{Code}}', text)}\n{fields['test']}\ncheck()\n"
        if self.kind == "humanevalfix":
            return f"{text}\n{fields['test']}"
        given = {
            "CLASS": fields["cls"],
            "METHOD": fields["method"],
            "BEFORE": fields["source"],
            "AFTER": text,
        }
        return "".join(f"{name} = {value!r}\n" for name, value in given.items()) + _REFACTORED


def read_edit_rows(path: Path, limit: int | None = None) -> list[EditRow]:
    """Read rows; a line that is none ends the program with its number and the reason."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    rows: list[EditRow] = []
    for number, line in enumerate(text.split("\n"), 1):
        if limit is not None and len(rows) >= limit:
            break
        if line.strip():
            try:
                rows.append(_row(json.loads(line), number))
            except (KeyError, ValueError, TypeError) as error:
                sys.exit(f"{path}:{number}: not a row of edits: {error!r}")
    if not rows:
        sys.exit(f"{path}: no rows")
    return rows


def _row(fields: dict[str, Any], number: int) -> EditRow:
    name = str(fields.get("task_id", number))
    if "cls" in fields and "method" in fields:
        lines = fields["source"].splitlines(keepends=True)
        first, last = fields["class_range"]
        start = sum(map(len, lines[: first - 1]))
        end = start + sum(map(len, lines[first - 1 : last]))
        wish = fields.get("instructions") or fields["instruction"]
        wish = "\n".join(line for line in wish.splitlines() if not line.startswith("#")).strip()
        return EditRow(name, "refactor", fields["source"], start, end, wish, fields)
    if "buggy_solution" in fields:
        text = (fields["prompt"] + fields["buggy_solution"]).strip("\n") + "\n"
        wish = f"Fix bugs in {fields['entry_point']}."
        return EditRow(name, "humanevalfix", text, 0, len(text), wish, fields)
    text = fields["input"].strip("\n") + "\n"
    return EditRow(name, "editeval", text, 0, len(text), fields["instruction"].strip(), fields)
