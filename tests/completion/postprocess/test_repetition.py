"""Loops and copies: what is caught, and what looks like it and must not be."""

import pytest

from indoors_completion import fim
from indoors_completion.postprocess import Context
from indoors_completion.postprocess.repetition import copies_neighbour, loops, repeated_lines

FAMILY = fim.by_name("qwen2.5-coder")


def context(**changes):
    return Context(family=FAMILY, **changes)


@pytest.mark.parametrize(
    ("text", "ended", "action"),
    [
        ("x = foo, bar, foo, bar, foo, bar, foo, bar, foo, bar, ", False, "dropped"),
        ("self.value.self.value.self.value.self.value", False, "dropped"),
        ("a = 1\nx = " + "ab, " * 50, True, "dropped"),
        ("[0, 0, 0, 0, 0, 0, ", False, "kept"),
        ("foo, bar, foo, bar, foo, bar", True, "kept"),
        ("# ------------------------------", False, "kept"),
        ("# ==============================", True, "kept"),
        ("x = alpha + beta + gamma + delta", False, "kept"),
        ("foo(a, b), foo(a, b)", False, "kept"),
    ],
)
def test_loops(text, ended, action):
    assert loops(text, context(ended=ended)).action == action


def test_loops_looks_at_a_bounded_end():
    assert loops("ab(" * 100_000, context(ended=False)).action == "dropped"


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["x = next(it)"] * 5, 1),
        (["a = 1"] + ["x = next(it)"] * 3, 2),
        (["x = next(it)"] * 2, 2),
        (["}"] * 4, 4),
        (["f(1)", "gg(2)", "f(1)", "gg(2)"], 4),
        (["foo(1)", "bar(2)", "foo(1)", "bar(2)"], 2),
        (["head()", "foo(1)", "bar(2)", "foo(1)", "bar(2)", "foo(1)"], 3),
        (["assert f(1) == 2", "assert f(2) == 3", "assert f(3) == 4", "assert f(4) == 5"], 4),
        (["  }", "}", "  }", "}"], 4),
        (["a = 1", "", "a = 1", ""], 4),
    ],
)
def test_repeated_lines(lines, kept):
    step = repeated_lines("\n".join(lines), context())
    assert step.text == "\n".join(lines[:kept])
    assert repeated_lines(step.text, context()).action == "kept"


@pytest.mark.parametrize(
    ("text", "changes", "action"),
    [
        ("total += x", {"before": "    ", "below": ("    total += x",)}, "dropped"),
        ("+= x", {"before": "    total ", "below": ("    total += x",)}, "dropped"),
        ("total += x", {"before": "    ", "above": ("    total += x",)}, "dropped"),
        ("\n    return x", {"before": "x = 1", "below": ("    return x",)}, "dropped"),
        ("total += y", {"before": "    ", "below": ("    total += x",)}, "kept"),
        ("}", {"before": "", "below": ("}",)}, "kept"),
        ("end", {"before": "  ", "above": ("  end",)}, "kept"),
        ("total += x\nfoo()", {"before": "    ", "below": ("    total += x",)}, "kept"),
        ("x", {"before": "total += ", "tail": ", y", "below": ("total += x",)}, "kept"),
    ],
)
def test_copies_of_a_neighbour(text, changes, action):
    assert copies_neighbour(text, context(**changes)).action == action
