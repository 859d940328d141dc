"""The ring: spans follow their text, never overlap, and are bounded, whatever the edits are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.recent import MAX_CHARS, MAX_LINES, MAX_SPANS, Ring, similarity


def lines(first: int, last: int, word: str = "line") -> str:
    return "".join(f"{word} {number}\n" for number in range(first, last))


def typed(ring: Ring, path: str, text: str, at: int, added: str, time: float) -> tuple[Ring, str]:
    text = text[:at] + added + text[at:]
    return ring.edited(path, text, at, at, at + len(added), time), text


def test_an_edit_is_kept_with_the_lines_around_it() -> None:
    text = lines(0, 100)
    ring, text = typed(Ring(), "a.py", text, text.index("line 50"), "new ", 1.0)
    (span,) = ring.spans
    assert span.text == lines(42, 50) + "new line 50\n" + lines(51, 59)
    assert (span.path, span.edited, span.time) == ("a.py", True, 1.0)
    assert text[span.start : span.end] == span.text


def test_typing_on_keeps_one_span_with_its_newest_text() -> None:
    text, ring = lines(0, 30), Ring()
    at = text.index("line 10")
    for number, character in enumerate("def f():\n"):
        ring, text = typed(ring, "a.py", text, at + number, character, float(number))
    (span,) = ring.spans
    assert "def f():\nline 10\n" in span.text
    assert span.time == 8.0


def test_a_span_moves_with_what_is_typed_above_it() -> None:
    text = lines(0, 200)
    ring, text = typed(Ring(), "a.py", text, text.index("line 150"), "x", 1.0)
    before = ring.spans[0].text
    ring, text = typed(ring, "a.py", text, 0, "top\n", 2.0)
    assert [span.time for span in ring.spans] == [2.0, 1.0]
    assert ring.spans[1].text == before
    assert text[ring.spans[1].start : ring.spans[1].end] == before


def test_deleted_text_takes_its_span_with_it() -> None:
    text = lines(0, 200)
    ring, text = typed(Ring(), "a.py", text, text.index("line 150"), "x", 1.0)
    text = lines(0, 100)
    ring = ring.edited("a.py", text, len(text), len(lines(0, 200)) + 1, len(text), 2.0)
    assert [span.time for span in ring.spans] == [2.0]


def test_neighbouring_edits_become_one_span_and_a_long_one_is_cut() -> None:
    text, ring = lines(0, 300), Ring()
    for number in range(100, 200, 10):
        ring, text = typed(ring, "a.py", text, text.index(f"line {number}"), "x", float(number))
    assert ring.spans[0].text.count("\n") <= MAX_LINES
    assert "xline 190" in ring.spans[0].text


def test_edits_stand_before_what_was_only_seen() -> None:
    ring, _ = typed(Ring(), "a.py", lines(0, 9, "a"), 0, "x", 1.0)
    ring = ring.viewed("b.py", lines(0, 40, "b"), 0, 20, 2.0)
    assert [(span.path, span.edited) for span in ring.spans] == [("a.py", True), ("b.py", False)]


def test_looking_at_an_edit_does_not_make_it_less() -> None:
    ring, text = typed(Ring(), "a.py", lines(0, 20), 0, "x", 1.0)
    assert ring.viewed("a.py", text, 0, 30, 2.0) == ring


def test_the_same_lines_in_another_file_are_kept_once() -> None:
    ring, _ = typed(Ring(), "a.py", lines(0, 12), 0, "x", 1.0)
    ring, _ = typed(ring, "b.py", lines(0, 12), 0, "x", 2.0)
    assert [span.path for span in ring.spans] == ["b.py"]


def test_a_ring_is_bounded_and_drops_what_is_oldest() -> None:
    ring = Ring()
    for number in range(40):
        ring, _ = typed(ring, f"{number}.py", lines(0, 9, f"word{number}"), 0, "x", float(number))
    assert len(ring.spans) == MAX_SPANS
    assert ring.spans[-1].path == "24.py"


def test_one_giant_line_is_cut() -> None:
    ring, _ = typed(Ring(), "a.js", "x" * 100_000, 50_000, "yy", 1.0)
    assert len(ring.spans[0].text) <= MAX_CHARS
    assert "yy" in ring.spans[0].text


def test_another_text_keeps_what_is_found_again() -> None:
    text = lines(0, 40)
    ring, text = typed(Ring(), "a.py", text, text.index("line 20"), "x", 1.0)
    moved = ring.replaced("a.py", "# head\n" + text)
    assert moved.spans[0].start == ring.spans[0].start + 7
    assert ring.replaced("a.py", "other").spans == ()


def test_a_renamed_file_and_one_that_is_gone() -> None:
    ring, _ = typed(Ring(), "a.py", lines(0, 9), 0, "x", 1.0)
    assert ring.renamed("a.py", "b.py").spans[0].path == "b.py"
    assert ring.without("a.py") == Ring()


def test_nothing_but_blanks_is_not_kept() -> None:
    assert Ring().viewed("a", "\n\n", 0, 2, 1.0) == Ring()
    ring, _ = typed(Ring().viewed("a", "", 0, 0, 1.0), "a", "", 0, "x", 2.0)
    assert [span.text for span in ring.spans] == ["x"]


def test_similarity() -> None:
    assert similarity("a\n\n b\n", "a\nb\n") == 1.0
    assert similarity("a\nb\n", "a\nc\n") == 0.5
    assert similarity("", "\n") == 0.0


_EVENT = st.tuples(
    st.sampled_from(["edit", "view", "replace"]),
    st.integers(-5, 400),
    st.integers(0, 80),
    st.lists(st.sampled_from(["a", "\n", "word", "\n\n", "é\r\n"]), max_size=60).map("".join),
)


@settings(max_examples=200, deadline=None)
@given(events=st.lists(_EVENT, max_size=25))
def test_spans_are_what_the_text_says_and_never_overlap(
    events: list[tuple[str, int, int, str]],
) -> None:
    text, ring = lines(0, 40), Ring()
    for time, (kind, at, length, added) in enumerate(events):
        start = min(max(at, 0), len(text))
        end = min(start + length, len(text))
        if kind == "edit":
            text = text[:start] + added + text[end:]
            ring = ring.edited("a", text, start, end, start + len(added), float(time))
        elif kind == "view":
            ring = ring.viewed("a", text, start, end, float(time))
        else:
            text = added + text
            ring = ring.replaced("a", text)
        assert len(ring.spans) <= MAX_SPANS
        last = -1
        for span in sorted(ring.spans, key=lambda span: span.start):
            assert text[span.start : span.end] == span.text
            assert span.text.count("\n") <= MAX_LINES
            assert span.start >= last
            last = span.end
