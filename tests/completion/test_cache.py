"""Type-through: the same answer for every position on the way through it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.cache import MAX_DELETED, CompletionCache, Entry, Kept, key, spot_at
from indoors_completion.types import Snippet

HEAD, TAIL = "def f():\n    x = ", "\n    return x\n"
WHERE = key("file:///a", "model", ())


def entry(*answers, head=HEAD, tail=TAIL, filtered_by="", **options):
    kept = tuple(Kept(answer, filtered_by) for answer in answers)
    return Entry(spot=spot_at(head + tail, len(head)), answers=kept, **options)


def stored(answer="foo(bar)", *others, cache=None, **options):
    cache = cache or CompletionCache()
    cache.store(WHERE, entry(answer, *others, **options))
    return cache


def find(cache, typed="", *, head=HEAD, tail=TAIL, where=WHERE, **options):
    options = {"explicit": False} | options
    return cache.lookup(where, head + typed + tail, len(head) + len(typed), **options)


def look(cache, typed="", **options):
    hit = find(cache, typed, **options)
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


# --- partial acceptance -------------------------------------------------------------------------

BODY = "total = 0\n    for x in xs:\n        total += x\n    return total"


@pytest.mark.parametrize(
    "taken",
    [
        "total",
        "total = 0",
        "total = 0\n",
        "total = 0\n    ",
        "total = 0\n    for x in xs:\n        t",
    ],
    ids=["a word", "the first line", "its line break", "the indentation", "two lines"],
)
def test_taking_a_part_leaves_the_rest(taken):
    assert look(stored(BODY), taken) == BODY.removeprefix(taken)


def test_line_breaks_of_the_document():
    cache = stored("a\nb\nc")
    assert look(cache, "a\r\nb\r\n") == "c"
    assert look(cache, "a\nb") == "\nc"


# --- what the editor inserts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "auto", "rest"),
    [("foo(", ")", "bar)"), ("foo(b", ")", "ar)"), ("foo(", "]", None), ("f", ")", None)],
)
def test_closers_that_the_editor_inserted(typed, auto, rest):
    assert look(stored(), typed, tail=auto + TAIL) == rest


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_quotes_that_the_editor_inserted(quote):
    cache = stored(f"{quote}a b{quote}")
    assert look(cache, quote, tail=quote + TAIL) == f"a b{quote}"
    assert look(cache, f"{quote}a", tail=quote + TAIL) == f" b{quote}"


def test_nested_closers_that_the_editor_inserted():
    assert look(stored('foo(["a"])'), 'foo(["', tail='"])' + TAIL) == 'a"])'


def test_typing_over_an_inserted_closer():
    cache = stored("foo(bar) + 1")
    assert look(cache, "foo(bar", tail=")" + TAIL) == ") + 1"
    assert look(cache, "foo(bar)") == " + 1"


# --- deleting -----------------------------------------------------------------------------------


def test_deleting_back_into_the_suggestion():
    cache = stored()
    for typed in ("foo(b", "foo", "f", ""):
        assert look(cache, typed) == "foo(bar)"[len(typed) :]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_deleting_back_before_the_suggestion(n):
    """What was deleted and the suggestion are together still a good answer."""
    hit = find(stored("mpute(a)", head=HEAD + "my_co"), head=(HEAD + "my_co")[:-n])
    assert hit is not None
    assert hit.text == "my_co"[-n:] + "mpute(a)"
    assert hit.n_typed == -n


def test_typing_again_what_was_deleted():
    cache = stored("mpute(a)", head=HEAD + "co")
    assert look(cache, "c") == "ompute(a)"
    assert look(cache, "cx") is None


@pytest.mark.parametrize(
    ("kept", "reason"),
    [("def f():", "another line"), ("def f():\n    y", "other text"), ("", "everything")],
)
def test_deleting_more_or_something_else_is_a_miss(kept, reason):
    assert look(stored(), head=kept) is None, reason


def test_deleting_far_back_is_a_miss():
    head = HEAD + "y" * (MAX_DELETED + 1)
    cache = stored(head=head)
    assert look(cache, head=head[:-MAX_DELETED]) == "y" * MAX_DELETED + "foo(bar)"
    assert look(cache, head=HEAD) is None


def test_a_closer_that_the_editor_deleted_along():
    cache = stored("bar)", head=HEAD + "foo(", tail=")" + TAIL)
    assert look(cache, head=HEAD + "foo") == "(bar)"
    assert look(cache, head=HEAD + "foo", tail=")" + TAIL) == "(bar)"
    assert look(cache, head=HEAD + "foo", tail="]" + TAIL) is None


def test_nothing_is_made_of_an_answer_that_was_dropped():
    cache = stored("", head=HEAD + "co", filtered_by="loops")
    assert look(cache, head=HEAD + "c") is None


def test_what_stood_here_before_comes_before_what_was_deleted_to():
    cache = stored("foo(bar)")
    stored("omething()", head=HEAD + "s", cache=cache)
    assert look(cache) == "foo(bar)"
    assert look(cache, "s") == "omething()"


# --- what kind of request -----------------------------------------------------------------------


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


def test_who_accepted_may_see_the_next_line_and_nobody_else():
    below = stored("\n    y = 2", continues=True)
    assert look(below, continues=True) == "\n    y = 2"
    assert look(below) is None
    assert look(below, "\n") == "    y = 2"
    assert look(stored("+ 1", continues=True)) == "+ 1"
    assert look(stored("+ 1"), continues=True) == "+ 1"
    # It was dropped for somebody else's reasons.
    assert look(stored("", filtered_by="starts below"), continues=True) is None


def test_all_alternatives_are_kept_and_typed_through():
    cache = stored("foo(bar)", "foo()", "baz", explicit=True)
    hit = find(cache, explicit=True)
    assert hit is not None
    assert (hit.text, hit.others) == ("foo(bar)", ("foo()", "baz"))
    hit = find(cache, "foo(")
    assert hit is not None
    assert (hit.text, hit.others) == ("bar)", (")",))
    assert look(cache, "ba") == "z"


def test_what_was_there_ahead_is_told_once():
    cache = stored(ahead=True)
    assert [find(cache, peek=True).ahead, find(cache).ahead, find(cache).ahead] == [
        True, True, False,
    ]  # fmt: skip


# --- room ---------------------------------------------------------------------------------------


def test_the_newest_answer_wins_and_replaces_its_place():
    cache = stored("one")
    stored("two", cache=cache)
    assert look(cache) == "two"
    assert look(cache, "o") is None


def test_the_least_recently_used_document_goes_first():
    cache = CompletionCache(capacity=32)  # two documents of sixteen places
    keys = [key(f"file:///{n}", "model", ()) for n in range(3)]
    for where in keys[:2]:
        cache.store(where, entry("y", head="x", tail=""))
    assert look(cache, head="x", tail="", where=keys[0]) == "y"
    cache.store(keys[2], entry("y", head="x", tail=""))
    assert [look(cache, head="x", tail="", where=where) for where in keys] == ["y", None, "y"]
    cache.clear()
    assert look(cache, head="x", tail="", where=keys[0]) is None


def test_an_entry_keeps_a_bounded_part_of_the_document():
    spot = spot_at("a = 1\n" * 400_000, 1_200_000)
    assert len(spot.before) + len(spot.after) < 30_000


def test_a_megabyte_on_both_sides():
    head, tail = "a = 1\n" * 200_000, "\nb = 2" * 200_000
    cache = stored(head=head, tail=tail)
    assert look(cache, "foo", head=head, tail=tail) == "(bar)"
    assert look(cache, "foo", head=head + "\n", tail=tail) is None
    assert look(cache, head=head[:-1], tail=tail) is None


@given(
    st.text(max_size=40), st.text(max_size=40), st.text(max_size=20), st.integers(0, 20),
    st.text(max_size=20),
)  # fmt: skip
def test_a_hit_always_leads_to_the_same_document(head, tail, answer, n, typed):
    cache = stored(answer, head=head, tail=tail)
    for text in (answer[:n], typed):
        hit = find(cache, text, head=head, tail=tail)
        if hit is not None and hit.n_typed >= 0:
            assert text.replace("\r\n", "\n") + hit.text == answer
    hit = find(cache, head=head[: max(0, len(head) - n)], tail=tail)
    if hit is not None and hit.n_typed < 0:
        assert head[: max(0, len(head) - n)] + hit.text == head + answer
