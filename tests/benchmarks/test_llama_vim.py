"""llama.vim's client: its cache, its one job at a time, its hints."""

from __future__ import annotations

from collections.abc import Callable

import llama_vim
from llama_vim import Buffer, Cache, Client, hash_of, hashes_of, local_context, look_up, render

TEXT = "first\nsecond\nret\nlast"


class Late:
    """A timer that fires when it is told to."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Bench:
    """A client, what it sent, and its timers."""

    def __init__(self) -> None:
        self.sent: list[llama_vim.Request] = []
        self.timers: list[Late] = []
        self.client = Client(self.sent.append, self._later)

    def _later(self, delay_s: float, call: Callable[[], None]) -> Late:
        assert delay_s == llama_vim.RETRY_S
        self.timers.append(Late(call))
        return self.timers[-1]

    def type(self, text: str, offset: int | None = None) -> None:
        self.client.moved(Buffer.at(text, len(text) if offset is None else offset))

    def fire(self) -> None:
        armed = [timer for timer in self.timers if not timer.cancelled]
        self.timers.clear()
        for timer in armed:
            timer.call()


def context_of(text: str, offset: int | None = None) -> llama_vim.Context:
    buffer = Buffer.at(text, len(text) if offset is None else offset)
    return local_context(buffer, buffer.row, buffer.column, ())


def test_the_context_has_256_lines_before_and_64_after() -> None:
    text = "\n".join(f"line {number}" for number in range(600))
    context = context_of(text, text.index("line 300") + 4)
    assert context.prefix.split("\n")[0] == "line 44"
    assert context.middle == "line"
    assert context.suffix.startswith(" 300\nline 301\n")
    assert context.suffix.endswith("\nline 364\n")


def test_a_line_of_white_space_counts_as_empty() -> None:
    context = context_of("a\n    \nb", 6)
    assert (context.prefix, context.middle, context.suffix) == ("a\n", "", "\nb\n")
    assert context.indent == 0


def test_the_place_behind_an_accepted_hint() -> None:
    buffer = Buffer.at(TEXT, TEXT.index("ret") + 3)
    one = local_context(buffer, buffer.row, buffer.column, ("urn x",))
    assert (one.prefix, one.middle, one.suffix) == ("first\nsecond\n", "return x", "\nlast\n")
    two = local_context(buffer, buffer.row, buffer.column, ("urn (", "  x", ")"))
    assert two.prefix == "first\nsecond\nreturn (\n  x\n"
    assert two.middle == ")"


def test_an_answer_is_found_with_up_to_three_lines_less_above() -> None:
    full, cut = context_of("a\nb\nc\nd\nx"), context_of("d\nx")
    kept = hashes_of(full)
    assert len(kept) == 4
    assert hash_of(cut.prefix, cut.middle, cut.suffix) == kept[3]


def test_the_cache_forgets_the_least_recently_used() -> None:
    cache = Cache(capacity=3)
    for name in "abc":
        cache.insert(name, name.upper())
    assert cache.get("a") == "A"
    cache.insert("d", "D")
    assert cache.get("b") is None
    assert cache.get("a") == "A"
    assert len(cache) == 3
    assert len(Cache()._answers) == 0
    assert Cache()._capacity == 250


def test_typed_through_text_is_found_up_to_128_characters_back() -> None:
    cache = Cache()
    start = context_of("x")
    cache.insert(hash_of(start.prefix, start.middle, start.suffix), "y" * 200)
    assert look_up(cache, context_of("x")) == "y" * 200
    assert look_up(cache, context_of("x" + "y" * 128)) == "y" * 72
    assert look_up(cache, context_of("x" + "y" * 129)) is None
    assert look_up(cache, context_of("xyz")) is None


def test_text_after_the_cursor_must_be_the_same() -> None:
    cache = Cache()
    start = context_of("x\nbelow", 1)
    cache.insert(hash_of(start.prefix, start.middle, start.suffix), "yz")
    assert look_up(cache, context_of("xy\nbelow", 2)) == "z"
    assert look_up(cache, context_of("xy\nother", 2)) is None


def test_of_several_the_longest_rest_wins() -> None:
    cache = Cache()
    for text, answer in (("x", "abcdefgh"), ("xa", "bcd"), ("xab", "c")):
        place = context_of(text)
        cache.insert(hash_of(place.prefix, place.middle, place.suffix), answer)
    assert look_up(cache, context_of("xab")) == "c"  # its own answer comes first
    assert look_up(cache, context_of("xabc")) == "defgh"


def test_an_empty_answer_at_the_place_itself_is_an_answer() -> None:
    cache = Cache()
    place = context_of("x")
    cache.insert(hash_of(place.prefix, place.middle, place.suffix), "")
    assert look_up(cache, place) == ""
    assert look_up(cache, context_of("xy")) is None


def test_one_job_runs_and_the_newest_key_waits() -> None:
    bench = Bench()
    for text in ("a", "ab", "abc"):
        bench.type(text)
    assert [request.context.middle for request in bench.sent] == ["a"]
    bench.fire()
    assert len(bench.sent) == 1  # the job still runs: tried again, later
    bench.client.answered(bench.sent[0], "zzz")
    bench.fire()
    assert [request.context.middle for request in bench.sent] == ["a", "abc"]
    assert bench.sent[1].body()["t_max_predict_ms"] == 250


def test_a_late_answer_is_shown_where_it_was_typed_through() -> None:
    bench = Bench()
    bench.type("re")
    bench.type("ret")
    bench.client.answered(bench.sent[0], "turn x")
    assert bench.client.hint is not None
    assert bench.client.hint.lines == ("urn x",)


def test_the_place_behind_a_hint_is_asked_for() -> None:
    bench = Bench()
    bench.type("re")
    bench.client.answered(bench.sent[0], "turn x")
    assert len(bench.sent) == 1  # the job counts as running until its answer was looked at
    bench.fire()
    assert bench.sent[1].speculative
    assert bench.sent[1].context.middle == "return x"
    assert bench.sent[1].body()["t_max_predict_ms"] == 1000
    bench.client.answered(bench.sent[1], "\nnext")
    bench.type("return x")
    assert bench.client.hint is not None
    assert bench.client.hint.lines == ("", "next")


def test_a_place_with_its_own_answer_is_not_asked_for_again() -> None:
    bench = Bench()
    bench.type("re")
    bench.client.answered(bench.sent[0], "")
    bench.type("rex")
    bench.client.answered(bench.sent[1], "")
    bench.type("re")
    assert len(bench.sent) == 2


def test_nothing_is_asked_in_the_middle_of_a_line() -> None:
    bench = Bench()
    bench.type("call(argument)", 5)
    assert bench.sent == []
    bench.type("call(argument)", 6)
    assert len(bench.sent) == 1


def test_leaving_calls_the_retry_off() -> None:
    bench = Bench()
    bench.type("a")
    bench.type("ab")
    bench.client.leave()
    bench.fire()
    assert len(bench.sent) == 1
    bench.client.failed()
    assert bench.client.is_idle


def test_hints_that_repeat_what_follows_are_emptied() -> None:
    def lines(text: str, answer: str) -> tuple[str, ...]:
        before, _, after = text.partition("|")
        return render(Buffer.at(before + after, len(before)), answer).lines

    assert lines("f(|)", ")") == (")",)  # only what is there already
    assert lines("a|\nb\nc", "\nb\nc") == ("",)
    assert lines("|\n\nfoo\nx", "foo") == ("",)
    assert lines("fo|\n\nfoo\nbar", "o\nba") == ("",)
    assert lines("fo|\nfoo\nbar\nend", "o\nbar\nend") == ("",)
    assert lines("fo|\nfoo\nbar", "x\n\n") == ("x",)
    assert lines("f(|)", "a") == ("a)",)


def test_white_space_cannot_be_accepted() -> None:
    assert not render(Buffer.at("x", 1), "  \n  ").can_accept
    assert not render(Buffer.at("x", 1), "\n\n").can_accept
    hint = render(Buffer.at("x\n    ", 6), "    foo")
    assert hint.lines == ("foo",)
    assert hint.can_accept
