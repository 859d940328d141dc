"""What a wish lets go that a check would take for a loss, and what it does not."""

from __future__ import annotations

import pytest

from indoors_indexing.types import Span
from support.edit_sites import judge, site_of, source_of

COUNT = """\
def count(items):
    found = {}
    for item in items:
        if item in found:
            found[item] += 1
        else:
            found[item] = 1
    return found


def other(first, second):
    return first + second
"""
COUNTER = """\
def count(items):
    from collections import Counter

    return Counter(items)


def other(first, second):
    return first + second
"""
CLASS = """\
class Tools:
    @staticmethod
    def number(items):
        found = {}
        for item in items:
            if item in found:
                found[item] += 1
            else:
                found[item] = 1
        return found

    @staticmethod
    def add(first, second):
        return first + second
"""
USED = f"{COUNT}\n\nprint(other(1, 2))\n"


def check(before: str, after: str, wish: str, end: str = "") -> str:
    span = Span(0, before.index(end) + len(end) if end else len(before))
    site = site_of(source_of("a", "python", before), "edit", span, wish)
    assert site is not None
    return judge(site, after).check


@pytest.mark.parametrize(
    ("wish", "fails"),
    [
        ("Use the collections.Counter class to count.", ""),
        ("Use `Counter`.", ""),
        ("Make it faster.", "keeps_most_of_it"),
        ("Use less memory, count well.", "keeps_most_of_it"),
    ],
)
def test_what_a_library_does_gets_short_where_it_is_spoken_of(wish: str, fails: str) -> None:
    before, after = (text.split("\n\n\ndef other")[0] + "\n" for text in (COUNT, COUNTER))
    assert check(before, after, wish) == fails


@pytest.mark.parametrize(
    ("wish", "fails"),
    [
        ("Refactor the code to be a class 'Tools' with static methods.", ""),
        ("Turn these into a class.", ""),
        ("Make it nicer.", "keeps_definitions"),
        ("Add a class method.", "keeps_definitions"),
    ],
)
def test_functions_may_become_a_class_that_was_asked_for(wish: str, fails: str) -> None:
    assert check(COUNT, CLASS, wish) == fails


def test_a_class_has_to_have_a_method_for_each_function() -> None:
    less = CLASS[: CLASS.index("\n    @staticmethod\n    def add")]
    assert check(COUNT, less, "Turn these into a class.") == "keeps_definitions"


def test_a_function_that_is_called_elsewhere_stays() -> None:
    after = USED.replace(COUNT, CLASS)
    wish, end = "Turn these into a class.", "return first + second\n"
    assert check(USED, after, wish, end) == "keeps_definitions"
