"""Import statements that are trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_indexing.import_forms import import_tree


@pytest.mark.parametrize(
    ("statement", "mark", "expected"),
    [
        ("import java.util.List;", ".", [("java.util", "List", "")]),
        ("import static a.B.*;", ".", [("a.B", "*", "")]),
        ("import a.b.C as D", ".", [("a.b", "C", "D")]),
        ("import a.b._", ".", [("a.b", "*", "")]),
        ("import a.{B => C, D}, e.F", ".", [("a", "B", "C"), ("a", "D", ""), ("e", "F", "")]),
        ("use std;", "::", [("std", "", "")]),
        (
            "pub(crate) use a::b::{self, c::D as E};",
            "::",
            [("a::b", "", ""), ("a::b::c", "D", "E")],
        ),
        ("use super::*;", "::", [("super", "*", "")]),
        ("use {a::b, c};", "::", [("a", "b", ""), ("c", "", "")]),
        ("use a::{ // why\n b, /* c, */ d };", "::", [("a", "b", ""), ("a", "d", "")]),
        ("use \\App\\Thing as Other, X\\Y;", "\\", [("App", "Thing", "Other"), ("X", "Y", "")]),
        ("use function A\\{b, c};", "\\", [("A", "b", ""), ("A", "c", "")]),
        ("use a::{b, {c", "::", [("a", "b", ""), ("a", "c", "")]),
        ("}}}{{,,=>as", "::", []),
    ],
)
def test_the_names_of_an_import(statement: str, mark: str, expected: list) -> None:
    assert import_tree(statement.encode(), mark) == expected


PIECES = ["a", "::", ".", "{", "}", ",", "as", "=>", "*", " ", "self", "//", "\n", "/*"]


@given(
    st.lists(st.sampled_from(PIECES)).map("".join).map(str.encode) | st.binary(),
    st.sampled_from(["::", ".", "\\"]),
)
def test_any_statement_has_an_answer(statement: bytes, mark: str) -> None:
    for one in import_tree(statement, mark):
        assert one.module


def test_a_deep_or_long_tree_is_bounded() -> None:
    assert import_tree(b"use " + b"a::{" * 5000, "::") == []
    assert len(import_tree(b"use a::{" + b"b, " * 5000, "::")) == 1000
