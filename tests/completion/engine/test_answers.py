"""Writing answers over a model that is a table: constraints, replays, alternatives, stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from indoors_completion.engine.answers import Answer, Writer
from indoors_completion.engine.sampling import Emission
from indoors_completion.engine.slot import Choice, Memo
from indoors_completion.types import Job, Part

WORDS = [b"<end>", b"ca", b"calc", b"late", b"late(", b"x", b")", b"\n", b"b", b"at", b" "]
END = 0


class TableVocab:
    def piece(self, token: int) -> bytes:
        return b"" if token == END else WORDS[token]

    def is_end(self, token: int) -> bool:
        return token == END

    def pieces(self) -> Any:
        return ((token, piece) for token, piece in enumerate(WORDS) if token != END)


class TableSampler:
    """A row of logits is a list of tokens, likeliest first."""

    def choose(self, row: list[int], chain: object) -> Choice:
        return Choice(row[0], -0.1)

    def runner_up(self, row: list[int], chosen: int) -> Choice:
        other = next(token for token in row if token != chosen)
        return Choice(other, -2.0 - row.index(other))

    def choose_two(self, row: list[int]) -> tuple[Choice, Choice]:
        choice = self.choose(row, None)
        return choice, self.runner_up(row, choice.token)

    def likeliest(self, row: list[int], fits: Callable[[int], bool], n: int) -> Choice | None:
        return next((Choice(token, -0.2) for token in row[:2] if fits(token)), None)

    def choose_among(self, row: list[int], tokens: Sequence[int]) -> Choice:
        return Choice(min(tokens, key=lambda t: row.index(t) if t in row else 99), -0.3)


class TableModel:
    """`table` gives the row behind each text; every other text ends."""

    def __init__(self, table: dict[str, list[int]]) -> None:
        self.table = table
        self.memo = Memo((1,), None, b"")
        self.asked: list[tuple[int, ...]] = []
        self.n_allowed = 10**6

    def is_aborted(self) -> bool:
        return self.n_allowed <= 0

    def logits_after(self, tokens: Sequence[int], draft: object = None) -> Any:
        self.asked.append(tuple(tokens))
        self.n_allowed -= 1
        text = b"".join(WORDS[token] for token in tokens).decode()
        return self.table.get(text, [END, 5])


def write(
    model: TableModel,
    begin: str = "",
    known: Sequence[int] = (),
    wanted: dict[int, int] | None = None,
    **fields: Any,
) -> tuple[str, list[str], Answer]:
    """`wanted` is the length at which there is enough of an answer, by its number."""
    texts = [""] * 4

    def is_enough(alternative: int) -> bool:
        return len(texts[alternative]) >= (wanted or {}).get(alternative, 99)

    def emit(emission: Emission, alternative: int) -> None:
        texts[alternative] += emission.text

    job = Job(parts=(Part(text="p"),), slot="a", begin=begin, **({"max_tokens": 16} | fields))
    answer = Answer(job, emit, 0.0, is_enough)
    choices = [Choice(token, -0.5) for token in known]
    writer: Any = Writer(TableVocab(), TableSampler())  # type: ignore[arg-type]
    stop = writer.write(job, begin.encode(), model, choices, answer)
    return stop, [text for text in texts if text], answer


TABLE = {
    "": [5, 8, 2],
    "calc": [4, 3],
    "ca": [3],
    "calclate(": [5],
    "calclate(x": [6],
    "calclate(x)": [7, END],
    "calclate(x)\n": [8],
}


def test_the_partial_word_is_spelled_and_not_part_of_the_answer() -> None:
    stop, texts, answer = write(TableModel(TABLE), begin="cal")
    assert stop == "eos"
    assert texts == ["clate(x)\nb"]
    assert answer.n_generated == 6


def test_without_a_constraint_the_model_says_what_it_likes() -> None:
    assert write(TableModel(TABLE))[1] == ["x"]


def test_a_token_that_only_begins_the_word_is_followed_by_the_rest_of_it() -> None:
    stop, texts, answer = write(TableModel({"": [1], "ca": [2, 3]}), begin="calat")
    assert (stop, texts) == ("eos", ["e"])
    assert answer.n_generated == 1, "what only spells is not counted"


def test_known_tokens_are_written_without_the_model() -> None:
    model = TableModel(TABLE)
    _, texts, _ = write(model, begin="calcla", known=[2, 4])
    assert texts == ["te(x)\nb"]
    assert model.asked[0] == (2, 4)


def test_stop_at_newline() -> None:
    stop, texts, _ = write(TableModel(TABLE), begin="cal", stop_at_newline=True)
    assert (stop, texts) == ("newline", ["clate(x)"])


def test_the_length_counts_what_is_written() -> None:
    stop, texts, _ = write(TableModel(TABLE), begin="cal", max_tokens=2)
    assert (stop, texts) == ("length", ["clate("])


def test_a_cancelled_answer_remembers_what_it_chose() -> None:
    model = TableModel(TABLE)
    model.n_allowed = 2
    stop, _, _ = write(model, begin="cal")
    assert stop == "cancelled"
    assert [choice.token for choice in model.memo.choices] == [2, 4]
    assert model.memo.begin == b"cal"


def test_alternatives_leave_the_first_answer_once_and_come_best_first() -> None:
    table = {"": [5, 8, 6], "x": [6, 10], "x)": [END, 7], "b": [9], "x ": [5]}
    stop, texts, _ = write(TableModel(table), n_alternatives=3, stop_at_newline=True)
    assert stop == "eos"
    assert texts[0] == "x)"
    assert texts[1:] == ["bat", "x x"], "-3.0 for `b` first, -3.1 for a space after `x`"


def test_an_alternative_is_never_nothing() -> None:
    _, texts, _ = write(TableModel({"": [5, END], "x": [END, 6]}), n_alternatives=3)
    assert texts == ["x", "x)"], "ending at once would be the likeliest other answer"


def test_an_answer_of_which_there_is_enough_makes_room_for_the_next() -> None:
    table = {"": [5, 8], "x": [6, END], "x)": [7, END], "x)\n": [8, END], "b": [9, END]}
    model = TableModel(table)
    stop, texts, answer = write(model, n_alternatives=2, wanted={0: 2, 1: 1})
    assert (stop, texts) == ("stop", ["x)", "b"])
    assert answer.n_generated == 3


def test_alternatives_end_with_the_cancelled_job() -> None:
    model = TableModel({"": [5, 8], "x": [END, 6], "b": [9]})
    model.n_allowed = 3
    _, texts, _ = write(model, n_alternatives=3)
    assert texts == ["x", "bat"], "cut off before it wanted to end, and no third one"
