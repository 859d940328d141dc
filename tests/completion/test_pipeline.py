"""The whole pipeline, with an engine that says what the test wrote."""

import pytest
from msgspec.structs import replace

from fakes.engine import MODEL
from indoors_completion import settle
from indoors_completion.types import (
    SelectedCompletion,
    Snippet,
    Span,
    TokenChunk,
)
from indoors_indexing.types import SyntaxSite
from support.pipelines import Bench, SlowSyntax, TreeSyntax, stages


def test_completes_a_line():
    bench = Bench("len(items)\nmore")
    text, completion = bench.at("def f(items):\n    return |\n\n\nprint(1)\n")
    assert text == "def f(items):\n    return len(items)\n\n\nprint(1)\n"
    assert completion.source == "model"
    assert completion.id == "c1"
    assert completion.stop_reason == "scope"
    assert bench.engine.prompt.startswith("<|fim_prefix|>def f(items):\n    return<|fim_suffix|>")


def test_one_line_only_when_the_request_says_so():
    bench = Bench("foo(\n    1,\n)")
    _, completion = bench.at("x = |\n", multiline=False)
    assert completion.text == "foo("
    assert bench.engine.jobs[0].stop_at_newline


def test_a_statement_goes_on_until_its_brackets_are_closed():
    bench = Bench("foo(\n    1,\n)\ny = 2\n")
    text, _ = bench.at("x = |\n")
    assert text == "x = foo(\n    1,\n)\n"


def test_a_statement_takes_its_body_along():
    bench = Bench("x > 1:\n        return x\n\n    y = 2\n")
    text, _ = bench.at("def f(x):\n    if |\n\n\nf(1)\n")
    assert text == "def f(x):\n    if x > 1:\n        return x\n\n\nf(1)\n"


def test_a_finished_line_is_left_alone_unless_asked():
    bench = Bench("\ny = 2\n")
    _, completion = bench.at("x = 1|\n")
    assert (completion.text, completion.filtered_by) == ("", "starts below")
    text, _ = bench.at("x = 1|\n", trigger="explicit")
    assert text == "x = 1\ny = 2\n"


def test_a_line_above_the_cursors_text_keeps_its_line_break():
    bench = Bench("    count = 0\n    more")
    text, completion = bench.at("def f():\n|    return count\n", trigger="explicit")
    assert text == "def f():\n    count = 0\n    return count\n"
    assert completion.text == "    count = 0\n    return count"
    bench = Bench("count = 0\n")
    text, _ = bench.at("def f():\n    |return count\n", trigger="explicit")
    assert text == "def f():\n    count = 0\n    return count\n"


def test_a_line_put_into_the_middle_of_a_line_parts_it():
    bench = Bench("\n    count = 0\n    more")
    text, _ = bench.at("def f():|    return count\n", trigger="explicit", language="plaintext")
    assert text == "def f():\n    count = 0\nreturn count\n"


def test_text_put_before_the_cursors_text_stays_on_its_line():
    text, _ = Bench("x = ").at("def f():\n    |compute()\n", trigger="explicit")
    assert text == "def f():\n    x = compute()\n"


def test_an_answer_that_repeats_the_cursors_text_is_nothing():
    _, completion = Bench("    return count\n").at("|    return count\n", trigger="explicit")
    assert (completion.text, completion.filtered_by) == ("", "rest of the line")


def test_every_step_says_what_it_did():
    _, completion = Bench("1").at("x = |\n")
    assert list(stages(completion)) == [
        "cache", "syntax", "gate", "budget", "window", "render", "generate", "filter", "fit",
    ]  # fmt: skip
    assert completion.filters[0].name == "special tokens"
    assert completion.stop_reason == "eos"
    assert (completion.n_prompt, completion.n_evaluated, completion.n_generated) == (10, 4, 1)


@pytest.mark.parametrize(
    ("model", "stop_reason"),
    [(None, "unavailable"), (replace(MODEL, family=""), "unfit")],
)
def test_without_a_fit_model_the_engine_is_not_asked(model, stop_reason):
    bench = Bench("1", model=model)
    _, completion = bench.at("x = |\n")
    assert (completion.text, completion.stop_reason, completion.source) == ("", stop_reason, "none")
    assert bench.engine.jobs == []


@pytest.mark.parametrize("stop_reason", ["unavailable", "cancelled"])
def test_a_worker_that_dies_gives_an_empty_answer_and_is_not_cached(stop_reason):
    bench = Bench("half", stop_reason=stop_reason)
    _, completion = bench.at("x = |\n")
    assert (completion.text, completion.stop_reason) == ("", stop_reason)
    bench.engine.say("1")
    assert bench.at("x = |\n")[0] == "x = 1\n"


def test_typing_through_asks_the_engine_once():
    bench = Bench("compute(total)")
    bench.at("x = |\n")
    for typed in ("c", "com", "compute(", "compute(total"):
        text, completion = bench.at(f"x = {typed}|\n")
        assert text == "x = compute(total)\n"
        assert completion.source == "cache"
    assert len(bench.engine.jobs) == 1


def test_typing_through_an_auto_closed_bracket():
    bench = Bench("compute(total)")
    bench.at("x = |\n")
    text, completion = bench.at("x = compute(|)\n")
    assert (text, completion.source) == ("x = compute(total)\n", "cache")


def test_an_edit_below_is_a_miss():
    bench = Bench("compute(total)")
    bench.at("x = |\ny = 1\n")
    _, completion = bench.at("x = c|\ny = 2\n")
    assert completion.source == "model"


def test_the_body_of_a_function_ends_where_its_block_ends():
    body = "total = 0\n\n    for x in xs:\n        total += x\n    return total"
    bench = Bench(body + "\n\n\ndef g():\n    pass\n")
    text, completion = bench.at("def f(xs):\n    |\n")
    assert text == f"def f(xs):\n    {body}\n"
    assert completion.stop_reason == "scope"
    assert bench.engine.cancelled == 1
    assert bench.engine.open == 0


def test_the_deadline_shows_what_is_ready_cut_at_a_statement():
    bench = Bench("a = 1\n    b = foo(\n        2,", stop_reason="hang")
    _, completion = bench.at("def f(xs):\n    |\n", deadline_ms=60)
    assert completion.text == "a = 1"
    assert completion.stop_reason == "deadline"
    assert bench.engine.open == 0


def test_an_answer_cut_off_by_a_deadline_is_asked_again_at_the_same_place():
    bench = Bench("compute(to", stop_reason="hang")
    assert bench.at("x = |\n", deadline_ms=60)[1].text == "compute(to"
    bench.engine.say("compute(total)")
    assert bench.at("x = |\n")[0] == "x = compute(total)\n"
    assert len(bench.engine.jobs) == 2


def test_an_answer_as_long_as_it_may_be_is_not():
    """The same question with the same budget has the same answer."""
    bench = Bench("compute(to", stop_reason="length")
    assert bench.at("x = |\n")[1].stop_reason == "length"
    assert bench.at("x = |\n")[1].source == "cache"
    assert len(bench.engine.jobs) == 1


def test_slow_syntax_is_not_waited_for():
    syntax = SlowSyntax()
    text, completion = Bench("1", syntax=syntax).at("x = |\n")
    assert text == "x = 1\n"
    assert stages(completion)["syntax"].decision == "unknown"
    assert syntax.cancelled


def test_crlf_documents_keep_their_line_breaks():
    bench = Bench("a = 1\n    return a\n")
    text, completion = bench.at("def f():\r\n    |\r\n")
    assert completion.text == "a = 1\r\n    return a"
    assert text == "def f():\r\n    a = 1\r\n    return a\r\n"
    assert "\r" not in bench.engine.prompt


def test_a_selected_entry_is_completed_as_if_typed():
    bench = Bench("(items)")
    selected = SelectedCompletion("println", Span(4, 6))
    text, completion = bench.at("x = pr|\n", selected=selected)
    assert text == "x = println(items)\n"
    assert completion.span == Span(4, 6)
    assert "x =<|fim_suffix|>" in bench.engine.prompt
    assert bench.engine.jobs[0].begin == " println"
    # Accepting the entry leads to the very same place.
    assert bench.at("x = println|\n")[1].source == "cache"


@pytest.mark.parametrize(
    ("text", "span"),
    [("other", Span(4, 6)), ("pr\nint", Span(4, 6)), ("print", Span(5, 99)), ("p", Span(6, 4))],
)
def test_a_selected_entry_that_does_not_fit_gives_nothing(text, span):
    bench = Bench("x")
    _, completion = bench.at("x = pr|\n", selected=SelectedCompletion(text, span))
    assert (completion.text, completion.stop_reason) == ("", "gate")
    assert bench.engine.jobs == []


def test_a_dropped_answer_says_who_dropped_it():
    _, completion = Bench("   \n  ").at("x = |\n")
    assert (completion.text, completion.filtered_by) == ("", "only space")
    assert completion.raw == "   \n  "


def test_snippets_are_part_of_the_prompt_and_of_the_key():
    bench = Bench("1")
    snippet = Snippet(path="b.py", text="LIMIT = 3", reason="r")
    bench.at("x = |\n", snippets=(snippet,))
    assert "# Path: b.py\n# LIMIT = 3\n" in bench.engine.prompt
    bench.at("x = |\n")
    assert len(bench.engine.jobs) == 2


def test_the_tree_is_the_callers_or_the_services():
    site = SyntaxSite(
        language="python", region="comment", block=Span(0, 4), block_indent="",
        opens_block=False, statement=None,
    )  # fmt: skip
    for syntax, known in ((SlowSyntax(), site), (TreeSyntax(site), None)):
        bench = Bench("a\nb", syntax=syntax)
        text, completion = bench.at("x |\n", site=known)
        assert text == "x a\n"
        assert stages(completion)["gate"].reason == "inside a comment"


def test_the_counts_of_a_stream_cut_short_are_known():
    bench = Bench("1\ny = 2\n")
    _, completion = bench.at("x = |\n")
    assert completion.stop_reason == "scope"
    assert bench.engine.cancelled == 1
    assert (completion.n_prompt, completion.n_reused, completion.n_evaluated) == (10, 6, 4)
    assert completion.n_generated > 0


def test_a_stream_without_its_end_is_no_answer():
    class Plain:
        model = MODEL

        async def generate(self, job, steering=None):
            yield TokenChunk(text="half", logprobs=(-1.0,))

    bench = Bench()
    bench.pipeline._engine = Plain()
    _, completion = bench.at("x = |\n")
    assert (completion.text, completion.stop_reason) == ("", "unavailable")


def test_the_prompt_ends_before_a_partial_word():
    bench = Bench("(items)")
    text, completion = bench.at("def f(items):\n    return sor|\n")
    assert text == "def f(items):\n    return sor(items)\n"
    assert "    return<|fim_suffix|>" in bench.engine.prompt
    assert bench.engine.jobs[0].begin == " sor"
    assert "4 healed" in stages(completion)["window"].decision


def test_nothing_is_healed_for_a_family_without_a_measurement():
    bench = Bench("ted", model=replace(MODEL, family="starcoder2"))
    bench.at("x = sor|\n")
    assert bench.engine.jobs[0].begin == ""
    assert "x = sor<fim_suffix>" in bench.engine.prompt


def test_typing_inside_a_word_leaves_the_prompt_alone():
    bench = Bench("-")
    for typed in ("", "r", "re", "ret", "retu"):
        bench.at(f"def f(x):\n    {typed}|\n\n\nf(1)\n")
    first, *inside = bench.engine.jobs
    assert [job.begin for job in inside] == [" r", " re", " ret", " retu"]
    assert {job.parts for job in inside} == {inside[0].parts}
    assert inside[0].parts[-2:] == first.parts[-2:]


def test_the_suffix_may_be_moved_within_limits():
    bench = Bench("1")
    bench.at("x = |\ny = 2\n")
    (job,) = bench.engine.jobs
    assert (job.suffix, job.background, job.n_alternatives) == ("auto", False, 1)
    assert 0 < job.exact_within_ms <= 100
    assert [part.text for part in job.parts if part.movable] == ["\ny = 2\n"]
    bench.pipeline.use("exact")
    bench.at("z = |\n")
    assert bench.engine.jobs[1].suffix == "exact"


def test_after_an_accept_the_answer_may_begin_on_the_next_line():
    bench = Bench("\ny = 2\n")
    assert bench.at("x = 1|\n")[1].filtered_by == "starts below"
    text, completion = bench.at("x = 1|\n", continues=True)
    assert (text, completion.source) == ("x = 1\ny = 2\n", "model")
    assert bench.at("x = 1|\n", continues=True)[1].source == "cache"
    # What was made for somebody who accepted is not shown to somebody who just stands there.
    assert bench.at("x = 1|\n")[1].text == ""


def test_the_counts_of_a_generation_are_complete():
    bench = Bench("1")
    bench.engine.n_stale = 5
    _, completion = bench.at("x = |\n")
    assert (completion.n_stale, completion.n_moved) == (5, 0)


def test_an_answer_that_breaks_the_document_is_dropped():
    syntax = TreeSyntax(None, n_errors=lambda text: text.count("$$"))
    text, completion = Bench("a $$ b", syntax=syntax).at("x = |\n")
    assert (completion.text, completion.filtered_by) == ("", "syntax errors")
    assert completion.filters[-1].name == "syntax errors"
    text, _ = Bench("a + b", syntax=syntax).at("x = |\n$$\n")
    assert text == "x = a + b\n$$\n"


def test_the_filters_get_the_probabilities_of_every_piece(monkeypatch):
    contexts = []

    def look(text, context):
        contexts.append(context)
        return run(text, context)

    run = settle.run_filters
    monkeypatch.setattr(settle, "run_filters", look)
    Bench(["tot", "al"]).at("x = |\n", trigger="explicit")
    assert contexts[0].logprobs == (("tot", (-0.1,)), ("al", (-0.1,)))
    assert contexts[0].explicit
    assert (contexts[0].prefix, contexts[0].suffix, contexts[0].from_start) == ("x = ", "\n", True)
