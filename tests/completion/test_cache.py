"""Type-through: the same answer for every position on the way through it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.cache import CompletionCache, key
from indoors_completion.types import Snippet

HEAD, TAIL = "def f():\n    x = ", "\n    return x\n"
WHERE = key("file:///a", "model", ())


def stored(answer="foo(bar)", *, head=HEAD, tail=TAIL, complete=True, explicit=False):
    cache = CompletionCache()
    cache.store(WHERE, head + tail, len(head), answer, explicit=explicit, complete=complete)
    return cache


def look(cache, typed="", *, head=HEAD, tail=TAIL, where=WHERE, explicit=False):
    hit = cache.lookup(where, head + typed + tail, len(head) + len(typed), explicit=explicit)
    return None if hit is None else hit.text


def test_each_character_typed_is_served():
    cache = stored()
    for n in range(len("foo(bar)")):
        assert look(cache, "foo(bar)"[:n]) == "foo(bar)"[n:]


@pytest.mark.parametrize("typed", ["g", "fo(", "foo(bar)", "foo(bar) + 1"])
def test_anything_else_is_a_miss(typed):
    assert look(stored(), typed) is None


def test_text_before_and_after_must_be_unchanged():
    cache = stored()
    assert look(cache, "f", head=HEAD.replace("x", "y")) is None
    assert look(cache, "f", head="#" + HEAD) is None
    assert look(cache, "f", tail=TAIL.replace("x", "y")) is None
    assert look(cache, "f", tail=TAIL + "\n") is None
    assert look(cache, "f", tail="") is None


def test_the_model_the_document_and_the_snippets_must_be_the_same():
    cache = stored()
    snippet = Snippet(path="b.py", text="y", reason="r")
    for other in (
        key("file:///b", "model", ()),
        key("file:///a", "other", ()),
        key("file:///a", "model", (snippet,)),
    ):
        assert look(cache, "f", where=other) is None


@pytest.mark.parametrize(
    ("typed", "auto", "rest"),
    [("foo(", ")", "bar)"), ("foo(b", ")", "ar)"), ("foo(", "]", None), ("f", ")", None)],
)
def test_closers_that_the_editor_inserted(typed, auto, rest):
    assert look(stored(), typed, tail=auto + TAIL) == rest


def test_nested_closers_that_the_editor_inserted():
    assert look(stored('foo(["a"])'), 'foo(["', tail='"])' + TAIL) == 'a"])'


def test_line_breaks_of_the_document():
    cache = stored("a\nb\nc")
    assert look(cache, "a\r\nb\r\n") == "c"
    assert look(cache, "a\nb") == "\nc"


def test_an_unfinished_answer_serves_only_further_on():
    cache = stored(complete=False)
    assert look(cache) is None
    assert look(cache, "f") == "oo(bar)"


def test_an_empty_answer_is_remembered_at_its_place_only():
    cache = stored("")
    assert look(cache) == ""
    assert look(cache, "f") is None


def test_who_asks_explicitly_gets_what_was_made_for_asking():
    assert look(stored(), explicit=True) is None
    assert look(stored(explicit=True), explicit=True) == "foo(bar)"
    assert look(stored(explicit=True)) == "foo(bar)"


def test_the_newest_answer_wins_and_replaces_its_place():
    cache = stored("one")
    cache.store(WHERE, HEAD + TAIL, len(HEAD), "two", explicit=False, complete=True)
    assert look(cache) == "two"
    assert look(cache, "o") is None


def test_the_least_recently_used_document_goes_first():
    cache = CompletionCache(capacity=32)  # two documents of sixteen places
    keys = [key(f"file:///{n}", "model", ()) for n in range(3)]
    for where in keys[:2]:
        cache.store(where, "x", 1, "y", explicit=False, complete=True)
    assert look(cache, head="x", tail="", where=keys[0]) == "y"
    cache.store(keys[2], "x", 1, "y", explicit=False, complete=True)
    assert [look(cache, head="x", tail="", where=where) for where in keys] == ["y", None, "y"]
    cache.clear()
    assert look(cache, head="x", tail="", where=keys[0]) is None


def test_a_megabyte_on_both_sides():
    head, tail = "a = 1\n" * 200_000, "\nb = 2" * 200_000
    cache = stored(head=head, tail=tail)
    assert look(cache, "foo", head=head, tail=tail) == "(bar)"
    assert look(cache, "foo", head=head + "\n", tail=tail) is None


@given(
    st.text(max_size=40), st.text(max_size=40), st.text(max_size=20), st.integers(0, 20),
    st.text(max_size=20),
)  # fmt: skip
def test_a_hit_always_leads_to_the_same_document(head, tail, answer, n, typed):
    cache = stored(answer, head=head, tail=tail)
    for text in (answer[:n], typed):
        rest = look(cache, text, head=head, tail=tail)
        if rest is not None:
            assert text.replace("\r\n", "\n") + rest == answer
