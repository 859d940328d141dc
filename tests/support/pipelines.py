"""A pipeline on a bench: a cursor marked in a text, an engine that says what the test wrote."""

import asyncio

from fakes.engine import MODEL, FakeEngine
from indoors_completion.cache import CompletionCache
from indoors_completion.pipeline import Pipeline
from indoors_completion.runs import Patience
from indoors_completion.types import CompletionRequest, Document
from indoors_indexing.types import NoSyntax


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def tick(self, seconds):
        self.now += seconds


class Naps:
    """Sleep that takes no time; naps of the lengths in `held` last until `awake` is set."""

    def __init__(self):
        self.taken = []
        self.held = ()
        self.awake = asyncio.Event()

    async def __call__(self, seconds):
        self.taken.append(seconds)
        await asyncio.sleep(0)
        if seconds in self.held:
            await self.awake.wait()


class TreeSyntax:
    """Answers with one site; `n_errors` counts the errors of a text."""

    def __init__(self, site, n_errors=lambda _text: None):
        self.answer = site
        self.n_errors = n_errors
        self.asked = []

    async def site(self, document, offset):
        self.asked.append(document.uri)
        return self.answer

    async def error_count(self, language, text):
        return self.n_errors(text)


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

    def __init__(self, script="", stop_reason="eos", syntax=None, model=MODEL, **options):
        self.clock = Clock()
        self.engine = FakeEngine(script, stop_reason=stop_reason, model=model)
        self.naps = Naps()
        self.more = []
        self.forgotten_trees = []
        self.ids = 0
        patience = Patience(grace_s=0.0, others_s=20.0)
        options = {"sleep": self.naps, "patience": patience} | options
        self.pipeline = Pipeline(
            self.engine,
            syntax or NoSyntax(),
            CompletionCache(),
            self.clock,
            self.new_id,
            forget_tree=self.forgotten_trees.append,
            on_more=lambda uri, version: self.more.append((uri, version)),
            **options,
        )

    def new_id(self):
        self.ids += 1
        return f"c{self.ids}"

    async def complete(self, request, site=None):
        """Complete, and let what may go on in the background come to its end."""
        completion = await self.pipeline.complete(request, site)
        if request.background:
            await self.pipeline.finished()
        self.pipeline.cancel()
        await self.pipeline.finished()
        # In the loop still: nobody but the pipeline has closed the stream.
        assert self.engine.open == 0
        return completion

    def at(self, marked, *, site=None, language="python", **options):
        request = make_request(marked, language, **options)
        completion = asyncio.run(self.complete(request, site))
        check_range(request, completion)
        text, span = request.document.text, completion.span
        return text[: span.start] + completion.text + text[span.end :], completion

    async def until(self, condition):
        """Let the loop run until `condition()` holds."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)

    async def close(self):
        self.pipeline.cancel()
        await self.pipeline.finished()
        assert self.engine.open == 0


def make_request(marked, language="python", version=1, **options):
    document, offset = make_document(marked, language, version)
    return CompletionRequest(document=document, offset=offset, **options)


def make_document(marked, language="python", version=1):
    before, cursor, after = marked.partition("|")
    assert cursor, "the text needs a cursor mark"
    document = Document(
        uri="file:///a", path="a.py", language=language, version=version, text=before + after
    )
    return document, len(before)


def check_range(request, completion):
    """VS Code's rule for a range, and ours: on the cursor's line, replaced text reappears."""
    answers = [(completion.text, completion.span)]
    answers += [(other.text, other.span) for other in completion.alternatives]
    text, offset = request.document.text, request.offset
    for answer, span in answers:
        assert 0 <= span.start <= offset <= span.end <= len(text)
        replaced = text[span.start : span.end]
        assert "\n" not in replaced
        characters = iter(answer)
        assert all(character in characters for character in replaced)
        if "\n" in answer:
            assert text[span.end :].lstrip("\r")[:1] in ("", "\n")


def stages(completion):
    return {stage.name: stage for stage in completion.stages}
