"""Cutting files into pieces, and the words that they are found by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_indexing.chunks import chunks_of, cut
from indoors_indexing.facts import Definition, FileFacts
from indoors_indexing.words import query_words, split, words_of


def definition(start: int, end: int, name: str = "f") -> Definition:
    return Definition(
        name=name, kind="function", scope=(), start=start, end=end, head_end=start,
        doc_start=start, doc_end=start, name_start=start, exported=True, type_name="",
    )  # fmt: skip


def facts(*definitions: Definition) -> FileFacts:
    return FileFacts(definitions=definitions, imports=(), bases=(), has_errors=False)


def numbered(lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines.split("\n")).encode()


def lines_of(data: bytes, known: FileFacts | None = None) -> list[tuple[int, int]]:
    """The pieces as line numbers, the first and the one behind the last."""
    return [(data[:start].count(b"\n"), data[:end].count(b"\n")) for start, end in cut(data, known)]


def spans(data: bytes, *ranges: tuple[int, int]) -> FileFacts:
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    # A definition ends where its text does, before the line break.
    return facts(*(definition(starts[first], starts[end] - 1) for first, end in ranges))


def test_definitions_are_pieces_and_what_lies_between_is_cut_too() -> None:
    data = b"line\n" * 40
    assert lines_of(data, spans(data, (10, 20), (20, 30))) == [
        (0, 10),
        (10, 20),
        (20, 30),
        (30, 40),
    ]


def test_a_few_lines_belong_to_the_definition_below_them() -> None:
    data = numbered("import a\n\n# about f\n" + "f\n" * 10 + "\nend")
    assert lines_of(data, spans(data, (3, 13))) == [(0, 15)]


def test_a_long_definition_is_cut_at_the_ones_in_it() -> None:
    data = b"line\n" * 100
    known = spans(data, (0, 100), (10, 40), (15, 25), (50, 90))
    assert lines_of(data, known) == [(0, 10), (10, 40), (40, 50), (50, 90), (90, 100)]


def test_windows_end_at_blank_lines() -> None:
    data = numbered("\n".join("" if n in (35, 80) else "text" for n in range(120)))
    assert lines_of(data) == [(0, 35), (36, 80), (81, 120)]


def test_text_without_blank_lines_is_cut_all_the_same() -> None:
    assert lines_of(b"text\n" * 100) == [(0, 40), (40, 100)]


@given(
    st.lists(st.sampled_from([b"", b"x", b"  ", b"foo bar", b"\xff\xfe"]), max_size=200),
    st.lists(st.tuples(st.integers(-5, 900), st.integers(-5, 900)), max_size=20),
    st.booleans(),
)
def test_pieces_are_in_order_and_hold_every_line_with_text(lines, ranges, ends) -> None:
    data = b"\n".join(lines) + (b"\n" if ends else b"")
    known = facts(*(definition(start, end) for start, end in ranges))
    pieces = cut(data, known)
    at = 0
    for start, end in pieces:
        assert at <= start < end <= len(data)
        assert not data[at:start].strip()
        assert start == 0 or data[start - 1] == ord("\n")
        at = end
    assert not data[at:].strip()


def test_a_piece_has_its_words_and_not_its_text() -> None:
    (chunk,) = chunks_of(b"def read_line(self, HTTPServer): # 42\n" * 6, None)
    assert chunk.start == 0
    assert set(chunk.words.split()) == {"read_line", "read", "line", "httpserver", "http", "server"}


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("read_line", ("read_line", "read", "line")),
        ("HTTPServer", ("httpserver", "http", "server")),
        ("getHTTPResponseCode", ("gethttpresponsecode", "get", "http", "response", "code")),
        ("__init__", ("__init__", "init")),
        ("sha256sum", ("sha256sum",)),
        ("MAX_SIZE", ("max_size", "max", "size")),
        ("größeÄndern", ("größeändern",)),
        ("return", ()),
        ("x", ()),
        ("a" * 65, ()),
    ],
)
def test_identifiers_are_found_whole_and_by_their_parts(identifier: str, words) -> None:
    assert split(identifier) == words


def test_a_word_that_occurs_often_counts_twice() -> None:
    assert words_of("alpha beta beta beta").split() == ["alpha", "beta", "beta"]


def test_a_query_asks_for_each_word_once() -> None:
    assert query_words(["read_line(read)", "return"]) == ["read_line", "read", "line"]


@given(st.text())
def test_words_are_safe_to_store_and_to_ask_for(text: str) -> None:
    for word in query_words([text]):
        assert word.replace("_", "a").isalnum() or not word.isascii()
        assert '"' not in word
    words_of(text)
