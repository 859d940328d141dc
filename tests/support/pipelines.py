"""A pipeline on a bench: a cursor marked in a text, an engine that says what the test wrote."""

import asyncio

from fakes.engine import MODEL, FakeEngine
from indoors_completion.cache import CompletionCache
from indoors_completion.pipeline import Pipeline
from indoors_completion.types import CompletionRequest, Document
from indoors_indexing.types import NoSyntax


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def tick(self, seconds):
        self.now += seconds


class TreeSyntax:
    def __init__(self, site):
        self.answer = site

    async def site(self, document, offset):
        return self.answer

    async def error_count(self, language, text):
        return None


class SlowSyntax:
    def __init__(self):
        self.cancelled = False

    async def site(self, document, offset):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def error_count(self, language, text):
        return None


class Bench:
    """One pipeline; `at` completes at the `|` of a text: (document after, completion)."""

    def __init__(self, script="", stop_reason="eos", syntax=None, model=MODEL):
        self.clock = Clock()
        self.engine = FakeEngine(script, stop_reason=stop_reason, model=model)
        self.ids = 0
        self.pipeline = Pipeline(
            self.engine, syntax or NoSyntax(), CompletionCache(), self.clock, self.new_id
        )

    def new_id(self):
        self.ids += 1
        return f"c{self.ids}"

    async def complete(self, request, site=None):
        completion = await self.pipeline.complete(request, site)
        # In the loop still: nobody but the pipeline has closed the stream.
        assert self.engine.open == 0
        return completion

    def at(self, marked, *, site=None, language="python", **options):
        request = make_request(marked, language, **options)
        completion = asyncio.run(self.complete(request, site))
        check_range(request, completion)
        text, span = request.document.text, completion.span
        return text[: span.start] + completion.text + text[span.end :], completion


def make_request(marked, language="python", **options):
    before, cursor, after = marked.partition("|")
    assert cursor, "the text needs a cursor mark"
    document = Document(
        uri="file:///a", path="a.py", language=language, version=1, text=before + after
    )
    return CompletionRequest(document=document, offset=len(before), **options)


def check_range(request, completion):
    """VS Code's rule for a range, and ours: on the cursor's line, replaced text reappears."""
    text, span, offset = request.document.text, completion.span, request.offset
    assert 0 <= span.start <= offset <= span.end <= len(text)
    replaced = text[span.start : span.end]
    assert "\n" not in replaced
    characters = iter(completion.text)
    assert all(character in characters for character in replaced)
    if "\n" in completion.text:
        assert text[span.end :].lstrip("\r")[:1] in ("", "\n")


def stages(completion):
    return {stage.name: stage for stage in completion.stages}
