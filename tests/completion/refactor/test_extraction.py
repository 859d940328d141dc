"""Lines that become a function: what goes in and comes out is right, which running both shows."""

from __future__ import annotations

import ast
import asyncio
import random
import textwrap
from typing import Any

import msgspec
import pytest

from fakes.told_engine import ToldEngine
from indoors_completion.refactor import actions, extraction
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import Edit, EditRequest
from indoors_completion.types import Document, Span
from indoors_indexing.parse import DirectSyntax


def asked(text: str, first: str, last: str) -> EditRequest:
    """The lines from the one with `first` to the one with `last`, to be extracted."""
    outline = asyncio.run(DirectSyntax().outline("python", text))
    assert outline is not None
    start = text.rfind("\n", 0, text.index(first)) + 1
    end = text.index("\n", text.index(last, text.index(first)))
    return EditRequest(
        document=Document(uri="file:///f", path="f.py", language="python", version=1, text=text),
        selection=Span(start, end), action="extract", outline=outline,
    )  # fmt: skip


def form(text: str, first: str, last: str) -> extraction.NameForm | None:
    request = asked(text, first, last)
    target = actions.BY_NAME["extract"].applies(request)
    assert target is not None
    return extraction.form_of(request, target)


def edited(text: str, first: str, last: str, written: str = " part") -> str:
    """The text after the edit; the engine only says the name."""
    request = asked(text, first, last)
    engine = ToldEngine([(written, -1.0)])
    found = asyncio.run(Editing(engine, DirectSyntax()).edit(request))
    assert isinstance(found, Edit), found
    for change in reversed(found.changes):
        text = text[: change.span.start] + change.text + text[change.span.end :]
    return text


SUM = '''\
def work(items, limit):
    """Sums."""
    total = 0
    count = 0
    for item in items:
        if item > limit:
            total += item
            count = count + 1
    mean = total / count if count else 0
    return total, count, mean
'''
LOOP = """\
def work(items, limit):
    seen, last = [], None
    for item in items:
        if item == last:
            continue
        double = item * 2
        last = item
        seen.append(double + limit)
    return seen, last
"""
SOMETIMES = """\
def work(items, limit):
    found = -1
    for number, item in enumerate(items):
        if item > limit:
            found = number
    names = [name for name in items]
    with_all = {"found": found, **{str(n): n for n in names}}
    return found, with_all
"""
CASES = [
    (SUM, "total = 0", "count = 0"),
    (SUM, "for item", "count = count + 1"),
    (SUM, "if item", "count = count + 1"),
    (SUM, "mean =", "mean ="),
    (SUM, "total = 0", "mean ="),
    (LOOP, "double =", "double ="),
    (LOOP, "double =", "last = item"),
    (LOOP, "last = item", "seen.append"),
    (LOOP, "seen, last", "seen, last"),
    (SOMETIMES, "for number", "found = number"),
    (SOMETIMES, "if item", "found = number"),
    (SOMETIMES, "names =", "with_all"),
]


def results(text: str) -> list[Any]:
    """What `work` gives for some arguments."""
    scope: dict[str, Any] = {}
    exec(text, scope)
    return [scope["work"](items, limit) for items in ([], [1], [1, 5, 5, 2, 9]) for limit in (0, 4)]


@pytest.mark.parametrize(("text", "first", "last"), CASES)
def test_both_functions_do_together_what_the_one_did(text: str, first: str, last: str) -> None:
    after = edited(text, first, last)
    assert results(after) == results(text)
    tree = ast.parse(after)
    assert [one.name for one in tree.body if isinstance(one, ast.FunctionDef)] == ["work", "part"]
    assert "part(" in ast.unparse(tree.body[0])


def test_what_the_model_says_is_only_the_name() -> None:
    after = edited(SUM, "for item", "count = count + 1", " add_up_large")
    assert "    total, count = add_up_large(items, limit, total, count)\n    mean = " in after
    assert after.endswith(
        "def add_up_large(items, limit, total, count):\n    for item in items:\n"
        "        if item > limit:\n            total += item\n            count = count + 1\n"
        "    return total, count\n"
    )


def test_a_method_gets_a_method() -> None:
    text = "class Cart:\n" + textwrap.indent(
        "def total(self, tax):\n    found = 0\n    for item in self.items:\n"
        "        found += item\n    return found * tax\n\ndef other(self):\n    return 1\n",
        "    ",
    )
    after = edited(text, "for item", "found += item")
    assert "        found = self.part(found)\n        return found * tax\n" in after
    assert "\n\n    def part(self, found):\n        for item in self.items:\n" in after
    scope: dict[str, Any] = {}
    exec(f"{after}\ncart = Cart()\ncart.items = [1, 2]\nfound = cart.total(3)", scope)
    assert scope["found"] == 9


@pytest.mark.parametrize(
    ("lines", "first", "last"),
    [
        ("for a in x:\n    if a:\n        break\n    b = a\nreturn x", "if a", "break"),
        ("if x:\n    return 1\nreturn 2", "if x", "return 1"),
        ("yield x\nb = 1\nreturn b", "b = 1", "b = 1"),
        ("if x:\n    b = 1\nreturn b", "if x", "b = 1"),
        ("for a in x:\n    pass\nreturn a", "for a", "pass"),
        ("b = 1\nf = lambda: b\nb = 2\nreturn f()", "b = 2", "b = 2"),
        ("def g():\n    return b\nb = 2\nreturn g()", "b = 2", "b = 2"),
        ("if x:\n    b = 1\nelse:\n    b = 2\nreturn b", "if x", "b = 1"),
        ("b = f(\n    1,\n    x,\n)\nreturn b", "1,", "x,"),
        ("b = '''\n  x\n'''\nc = 1\nreturn b", "b = '''", "c = 1"),
        ("for a in x:\n    if a:\n        print(b)\n    b = a\nreturn x", "if a", "print"),
        ("global k\nk = 1\nreturn k", "k = 1", "k = 1"),
    ],
)
def test_where_more_than_names_matters_there_is_no_form(lines: str, first: str, last: str) -> None:
    text = f"def work(x):\n{textwrap.indent(lines, '    ')}\n"
    assert form(text, first, last) is None


def test_a_name_that_is_taken_or_none_is_not_used() -> None:
    found = form(SUM, "for item", "count = count + 1")
    assert found is not None
    assert (
        found.code(" total")
        == found.code(" work")
        == found.code(" 1st")
        == found.code(" a b")
        == ""
    )
    assert "def add_up(" in found.code(" add_up")


LONG = (
    "def work(items, limit):\n    seen = []\n"
    + "".join(
        f"    total_{n} = 0\n    for item in items:\n        total_{n} = total_{n} + item * {n}\n"
        f"    seen.append(total_{n} + limit)\n"
        for n in range(12)
    )
    + "    return seen\n"
)


def test_a_long_function_is_split_where_the_least_goes_in_and_out() -> None:
    request = msgspec.structs.replace(
        asked(LONG, "total_3 = 0", "total_3 = 0"), action="split", selection=Span(30, 30)
    )
    engine = ToldEngine([(" add_totals", -1.0)])
    found = asyncio.run(Editing(engine, DirectSyntax()).edit(request))
    assert isinstance(found, Edit), found
    text = LONG
    for change in reversed(found.changes):
        text = text[: change.span.start] + change.text + text[change.span.end :]
    assert results(text) == results(LONG)
    first, second = ast.parse(text).body
    assert isinstance(second, ast.FunctionDef)
    lengths = [(one.end_lineno or 0) - one.lineno + 1 for one in (first, second)]
    assert min(lengths) >= 0.3 * LONG.count("\n")
    assert [one.arg for one in second.args.args] == ["items", "seen", "limit"]


# Statements of all kinds over few names: what one sets another reads, on some way or on none.
PIECES = [
    "{0} = {1} + 1",
    "{0} += limit",
    "{0} = [{1} + n for n in items]\n{0} = sum({0})",
    "for {0} in items:\n    {1} = {1} + {0}",
    "for n in items:\n    if n > limit:\n        {0} = n\n    else:\n        {1} = {0}",
    "while {0} > 3:\n    {0} = {0} // 2\n    {1} += 1",
    "if {0} > limit:\n    {1} = 2\nelif {1}:\n    {0} = 5",
    "try:\n    {0} = {1} // {2}\nexcept ZeroDivisionError as fault:\n    {1} = len(str(fault))",
    "with nothing() as {2}:\n    {0} = {1}\n{2} = {2} or 0",
    "{0}, {1} = {1}, {2}",
    "match {0}:\n    case 1:\n        {1} = 3\n    case n if n > 2:\n        {2} = n",
    "for n in items:\n    if n == {0}:\n        continue\n    {2} = {2} + n",
    "for n in items:\n    if {2} > 9:\n        break\n    {2} = {2} + {1}",
]
HEAD = "import contextlib\n\n\ndef nothing():\n    return contextlib.nullcontext()\n\n\n"


def random_function(chance: random.Random) -> str:
    body = ["a, b, c = 1, 2, 3"]
    for _ in range(chance.randint(4, 9)):
        names = chance.sample("abcd" if chance.random() < 0.3 else "abc", 3)
        body.extend(chance.choice(PIECES).format(*names).split("\n"))
    lines = "\n".join(f"    {line}" for line in [*body, "return a, b, c"])
    return f"{HEAD}def work(items, limit):\n{lines}\n"


def outcome(text: str) -> list[Any]:
    scope: dict[str, Any] = {}
    exec(text, scope)
    found = []
    for items in ([], [1], [5, 2, 9, 1]):
        try:
            found.append(scope["work"](items, 3))
        except (NameError, ZeroDivisionError) as fault:
            found.append(type(fault).__name__.replace("UnboundLocal", "Name"))
    return found


def test_of_hundreds_of_functions_all_do_what_they_did() -> None:
    chance, n_made = random.Random(5), 0
    for _ in range(400):
        text = random_function(chance)
        lines = text.split("\n")
        first = chance.randrange(len(HEAD.split("\n")), len(lines) - 3)
        last = chance.randrange(first, min(first + 6, len(lines) - 2))
        start = sum(len(line) + 1 for line in lines[:first])
        end = sum(len(line) + 1 for line in lines[: last + 1]) - 1
        request = asked(text, "a, b, c = 1, 2, 3", "a, b, c = 1, 2, 3")
        request = msgspec.structs.replace(request, selection=Span(start, end))
        target = actions.BY_NAME["extract"].applies(request)
        found = target and extraction.form_of(request, target)
        if not target or not found:
            continue
        n_made += 1
        after = text[: target.span.start] + found.code(" part") + text[target.span.end :]
        assert outcome(after) == outcome(text), f"{text}\n---\n{after}"
    assert n_made > 60
