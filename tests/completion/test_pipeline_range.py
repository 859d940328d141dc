"""What a completion replaces, over odd and generated documents."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_completion.types import CompletionRequest, Document, SelectedCompletion, Span
from support.pipelines import Bench, check_range


def test_closers_after_the_cursor_are_replaced_not_doubled():
    text, completion = Bench('"a", b)').at("print(|)\n")
    assert text == 'print("a", b)\n'
    assert completion.span == Span(6, 7)


def test_an_empty_block_between_braces():
    bench = Bench("\n  return 1;\n}\n\nfunction g() {")
    text, _ = bench.at("function f() {|}\n", language="javascript")
    assert text == "function f() {\n  return 1;\n}\n"


@pytest.mark.parametrize("offset", [-5, 3, 4, 10_000])
def test_odd_offsets_are_moved_into_the_text(offset):
    document = Document(uri="u", path="p", language="python", version=1, text="x =\r\ny = 1\r\n")
    request = CompletionRequest(document=document, offset=offset, trigger="explicit")
    completion = asyncio.run(Bench("2").complete(request))
    assert 0 <= completion.span.start <= completion.span.end <= len(document.text)


@pytest.mark.parametrize("text", ["", "\n" * 200_000, "x" * 5_000_000, "{" * 5_000_000])
def test_odd_documents(text):
    document = Document(uri="u", path="p", language="javascript", version=1, text=text)
    for offset in (0, len(text) // 2, len(text)):
        for trigger in ("automatic", "explicit"):
            bench = Bench("y")
            request = CompletionRequest(document=document, offset=offset, trigger=trigger)
            completion = asyncio.run(bench.complete(request))
            assert completion.text in ("", "y")
            assert all(len(job.parts[1].text) < 20_000 for job in bench.engine.jobs)


CODE = st.text(alphabet="ab1 (){}[]\"';:,.=#\n\t<é🙂", max_size=40)


@settings(max_examples=300)
@given(
    before=CODE, tail=CODE, answer=CODE, crlf=st.booleans(), multiline=st.booleans(),
    trigger=st.sampled_from(["automatic", "explicit"]),
    language=st.sampled_from(["python", "javascript", "markdown"]),
    stop_reason=st.sampled_from(["eos", "length"]), popup=st.none() | st.integers(0, 5),
)  # fmt: skip
def test_the_range_rule_over_generated_documents(
    before, tail, answer, crlf, multiline, trigger, language, stop_reason, popup
):
    if crlf:
        before, tail = before.replace("\n", "\r\n"), tail.replace("\n", "\r\n")
    document = Document(uri="u", path="p", language=language, version=1, text=before + tail)
    selected = None
    if popup is not None:
        start = max(0, len(before) - popup)
        selected = SelectedCompletion(before[start:] + "zz", Span(start, len(before)))
    request = CompletionRequest(
        document=document, offset=len(before), trigger=trigger, multiline=multiline,
        selected=selected,
    )  # fmt: skip
    bench = Bench(answer, stop_reason=stop_reason)
    completion = asyncio.run(bench.complete(request))
    check_range(request, completion)
    assert bench.engine.open == 0
    assert ("\r" in completion.text) <= crlf
    if crlf and "\n" in document.text:
        assert completion.text.count("\n") == completion.text.count("\r\n")
    if completion.text and selected is not None:
        assert completion.text.startswith(selected.text)
    # Asked again, the cache must say the same.
    again = asyncio.run(bench.complete(request))
    if completion.source == "model":
        assert (again.text, again.span) == (completion.text, completion.span)
