"""What the engine is asked at a place, and how its answer will be judged.

place -> budget -> window -> prompt        the same for every job at this place

What a person does not see goes no further than here: a prompt is made in this one place, and the
windows, the snippets and the paths lose their hidden characters on the way into it (`hidden`).

prompt + syntax -> recipe                  with the shape of the answer and what bounds it
"""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_completion import budget as budgets
from indoors_completion import fim, gate, heal, hidden, scope, window
from indoors_completion.budget import PromptBudget
from indoors_completion.cache import Key
from indoors_completion.families import Family
from indoors_completion.place import Place, context_of
from indoors_completion.postprocess import Context
from indoors_completion.types import (
    CompletionRequest,
    Job,
    ModelInfo,
    Part,
    Snippet,
    SyntaxSite,
)

# Ends that the model chose, or the rules: the answer is whole. "length" and "deadline" are not.
WHOLE = frozenset({"eos", "newline", "stop", "scope"})
Reuse = Literal["auto", "exact"]


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt at one place: the same for every job there, whatever is then asked.

    `n_hidden` characters of the document's windows and of the snippets are not in it. `sources` are
    the paths of the files that it has text of.
    """

    family: Family
    budget: PromptBudget
    around: window.Window
    parts: tuple[Part, ...]
    n_hidden: int = 0
    sources: tuple[str, ...] = ()

    def evaluation(self, slot: str) -> Job:
        """A job that only evaluates this prompt, exactly, and gives way to all others."""
        return Job(parts=self.parts, slot=slot, max_tokens=0, suffix="exact", background=True)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """One generation, decided before it starts. `bounds` is None where one line is asked for."""

    request: CompletionRequest
    place: Place
    key: Key
    prompt: Prompt
    job: Job
    shape: gate.Shape
    bounds: scope.Frame | None
    may_start_below: bool

    def ends(self) -> Ends:
        """A judge of where one answer ends, from its beginning."""
        judge = None if self.bounds is None else scope.Scope(self.bounds)
        return Ends(judge, may_start_below=self.may_start_below, line=self.place.line)

    def context(
        self, *, ended: bool, logprobs: tuple[tuple[str, tuple[float, ...]], ...]
    ) -> Context:
        """What the filters may know of an answer."""
        return context_of(
            self.place,
            self.prompt.family,
            around=self.prompt.around,
            may_start_below=self.may_start_below,
            ended=ended,
            explicit=self.request.trigger == "explicit",
            logprobs=logprobs,
        )


def prompt(
    request: CompletionRequest,
    place: Place,
    model: ModelInfo,
    family: Family,
    *,
    kept_start: int | None = None,
    in_pause: bool = False,
) -> Prompt:
    """The prompt for a place, from `kept_start` on if it may (`window.around`). Asks nobody.

    In a pause a window moves sooner than under a key.
    """
    budget = budgets.plan(
        model,
        deadline_ms=request.deadline_ms,
        multiline=request.multiline,
        has_snippets=bool(request.snippets),
    )
    quarters = window.GROWN_QUARTERS if in_pause else window.KEPT_QUARTERS
    # A longer window and the one that follows it have to fit into the cache side by side.
    longest = budget.prompt_tokens + budget.prefix_tokens * window.KEPT_QUARTERS // 4
    if 2 * longest + budgets.MAX_BLOCK_TOKENS > model.n_ctx:
        quarters -= 1
    found = window.around(
        place.text,
        place.offset,
        budget,
        healed=family.heal,
        kept_start=kept_start,
        quarters=quarters,
    )
    around = _visible_window(found, healed=family.heal)
    snippets = tuple(map(_visible_snippet, request.snippets))
    # A window that is kept is longer; clipping it would move its start after all.
    most = budget.prefix_tokens * (4 + window.KEPT_QUARTERS) // 4
    room = msgspec.structs.replace(budget, prefix_tokens=most)
    parts = fim.render(
        family,
        around.prefix,
        around.suffix,
        snippets,
        hidden.visible_name(request.document.path),
        request.document.language,
        room,
    )
    n_hidden = _size(found) - _size(around)
    n_hidden += sum(map(_length, request.snippets)) - sum(map(_length, snippets))
    shown = (request.document.path, *(snippet.path for snippet in request.snippets))
    return Prompt(
        family=family,
        budget=budget,
        around=around,
        parts=parts,
        n_hidden=n_hidden,
        sources=tuple(dict.fromkeys(shown)),
    )


def _visible_window(around: window.Window, *, healed: bool) -> window.Window:
    """The window as a person reads it. Where it stands in the document stays as it was.

    What is healed is the last piece of what is left: a character that is not there parts no words.
    """
    before = around.prefix + around.begin
    prefix, suffix = hidden.visible_lines(before), hidden.visible_lines(around.suffix)
    if prefix == before and suffix == around.suffix:
        return around
    begin = around.begin
    if prefix != before:
        prefix, begin = heal.split(prefix) if healed else (prefix, "")
    else:
        prefix = around.prefix
    return msgspec.structs.replace(around, prefix=prefix, suffix=suffix, begin=begin)


def _visible_snippet(snippet: Snippet) -> Snippet:
    text, path = hidden.visible_lines(snippet.text), hidden.visible_name(snippet.path)
    if text == snippet.text and path == snippet.path:
        return snippet
    return msgspec.structs.replace(snippet, text=text, path=path)


def _size(around: window.Window) -> int:
    return len(around.prefix) + len(around.begin) + len(around.suffix)


def _length(snippet: Snippet) -> int:
    return len(snippet.text) + len(snippet.path)


def recipe(
    asked: Prompt,
    request: CompletionRequest,
    place: Place,
    key: Key,
    model: ModelInfo,
    site: SyntaxSite | None,
    *,
    reuse: Reuse,
    slot: str,
    background: bool = False,
) -> Recipe:
    """Decide how much is asked for and what will bound it; `slot` holds what is evaluated."""
    language = request.document.language
    shape = gate.shape(request, place.line, site)
    opens = gate.opens_block(language, place.line, site)
    is_line = shape.kind == "line"
    answer_tokens = budgets.plan(
        model,
        deadline_ms=request.deadline_ms,
        multiline=not is_line,
        has_snippets=bool(request.snippets),
    ).answer_tokens
    bounds = scope.frame(
        language,
        place.line,
        asked.around.suffix,
        site,
        opens_block=opens,
        max_lines=request.max_lines,
    )
    job = Job(
        parts=asked.parts,
        slot=slot,
        max_tokens=answer_tokens,
        uri=request.document.uri,
        root=request.document.root,
        sources=asked.sources,
        stops=asked.family.stops,
        stop_at_newline=is_line,
        begin=asked.around.begin,
        suffix=reuse,
        exact_within_ms=budgets.EXACT_WITHIN_MS,
        background=background,
        n_alternatives=max(1, request.n_answers) if request.trigger == "explicit" else 1,
    )
    return Recipe(
        request=request,
        place=place,
        key=key,
        prompt=asked,
        job=job,
        shape=shape,
        bounds=None if is_line else bounds,
        may_start_below=gate.may_start_below(request, place.line, opens=opens),
    )


class Ends:
    """Where an answer ends: at its first line's end, or where its scope does."""

    def __init__(
        self, judge: scope.Scope | None, *, may_start_below: bool, line: window.Line
    ) -> None:
        self._scope = judge
        self._may_start_below = may_start_below
        self._line = line

    @property
    def reason(self) -> str:
        """Why the scope ended, "" if it did not."""
        return self._scope.reason if self._scope is not None else ""

    def reached_by(self, raw: str, piece: str) -> str:
        """The stop reason once `raw`, which `piece` was added to, is enough; else ""."""
        if not self._may_start_below and raw.lstrip(" \t").startswith("\n"):
            self._scope = None  # the filter that refuses this shall see it
            return "newline"
        if self._scope is not None:
            return "scope" if self._scope.feed(piece) else ""
        return "newline" if "\n" in raw.lstrip() else ""

    def cut(self, raw: str, stop_reason: str) -> str:
        """What of `raw` counts. A line put above existing text keeps its line break."""
        if self._scope is not None:
            return self._scope.finish(complete=stop_reason in WHOLE)
        text = _first_line(raw)
        ended = stop_reason == "newline" or len(text) < len(raw)
        own_line = self._line.before_text or text.lstrip(" \t").startswith("\n")
        above = ended and own_line and not self._line.at_end and text.strip()
        return f"{text}\n" if above else text


def _first_line(text: str) -> str:
    """`text` up to the first line break that follows visible text."""
    end = text.find("\n", len(text) - len(text.lstrip()))
    return text if end < 0 else text[:end]
