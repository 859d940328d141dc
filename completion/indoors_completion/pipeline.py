"""One completion, from the cursor to the text that is shown.

    place -> cache -> gate -> syntax -> budget -> window -> render -> generate -> post-process

The pipeline is pure but for the engine and the syntax service, which it is given, and reads time
only from the clock it is given. Every step leaves a `Stage` with its reason, for `--explain`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from indoors_completion import budget as budgets
from indoors_completion import cache as caches
from indoors_completion import fim, gate, scope, window
from indoors_completion.cache import CompletionCache, Hit
from indoors_completion.place import Place, context_of, locate
from indoors_completion.postprocess import Context, Outcome
from indoors_completion.postprocess import run as run_filters
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Engine,
    Finish,
    Job,
    Prefill,
    Span,
    Stage,
    SyntaxSite,
    TokenChunk,
)
from indoors_indexing.types import Syntax

SYNTAX_DEADLINE_S = 0.04
# Ends that the model chose, or the rules: the answer is whole. "length" and "deadline" are not.
_WHOLE = frozenset({"eos", "newline", "stop", "scope"})


class Pipeline:
    """Completes. One instance serves all documents; the cache is its only state.

    `clock` gives seconds on any steady scale; `new_id` names each completion.
    """

    def __init__(
        self,
        engine: Engine,
        syntax: Syntax,
        cache: CompletionCache,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._syntax = syntax
        self._cache = cache
        self._clock = clock
        self._new_id = new_id

    async def complete(
        self, request: CompletionRequest, site: SyntaxSite | None = None
    ) -> Completion:
        """The completion for `request`; `text` is "" where there is nothing to show.

        `site` saves asking the syntax service, if the caller knows it. Cancelling the task cancels
        the generation. A missing or unfit model, or an odd request, gives an empty completion whose
        `stop_reason` says so ("unavailable", "unfit", "gate"), never an error.
        """
        place = locate(request)
        draft = _Draft(self._new_id(), place, self._clock)
        language, explicit = request.document.language, request.trigger == "explicit"

        model = self._engine.model
        if model is None:
            return draft.nothing("engine", "no model is loaded", "unavailable")
        family = fim.by_name(model.family)
        if family is None:
            return draft.nothing("engine", f"{model.name} cannot fill in the middle", "unfit")
        fits = gate.selected_fits(request)
        if not fits.yes:
            return draft.nothing("gate", fits.reason, "gate")

        key = caches.key(request.document.uri, model.key, request.snippets)
        hit = self._cache.lookup(key, place.text, place.offset, explicit=explicit)
        if hit is not None:
            draft.note("cache", "hit", f"{hit.n_typed} characters typed through")
            return draft.cached(hit, context_of(place, family))
        draft.note("cache", "miss")

        admitted = gate.admit(request, place.line)
        if not admitted.yes:
            return draft.nothing("gate", admitted.reason, "gate")
        site = site or await self._site(request, place, draft)
        shape = gate.shape(request, place.line, site)
        draft.note("gate", f"complete the {shape.kind}", shape.reason)

        budget = budgets.plan(
            model,
            deadline_ms=request.deadline_ms - draft.elapsed_ms(),
            multiline=shape.kind != "line",
            has_snippets=bool(request.snippets),
        )
        draft.note("budget", budget.describe(), budgets.describe_speeds(model))

        around = window.around(place.text, place.offset, budget)
        draft.note("window", around.describe(), f"anchored at {around.prefix_start}")

        parts = fim.render(
            family,
            around.prefix,
            around.suffix,
            request.snippets,
            request.document.path,
            language,
            budget,
        )
        draft.note("render", family.name, f"{family.order}, {len(request.snippets)} snippets")

        opens = gate.opens_block(language, place.line, site)
        judge = scope.Scope(
            scope.frame(
                language,
                place.line,
                around.suffix,
                site,
                opens_block=opens,
                max_lines=request.max_lines,
            )
        )
        job = Job(
            parts=parts,
            slot=request.document.uri,
            max_tokens=budget.answer_tokens,
            stops=family.stops,
            stop_at_newline=shape.kind == "line",
        )
        below = gate.may_start_below(request, place.line, opens=opens)
        ends = _Ends(
            None if shape.kind == "line" else judge,
            may_start_below=below,
            line=place.line,
        )
        answer = await self._generate(job, ends, request, draft)
        draft.note("generate", f"{len(answer.raw)} characters", answer.reason or answer.stop_reason)
        if answer.stop_reason in ("unavailable", "cancelled"):
            return draft.nothing("engine", answer.stop_reason, answer.stop_reason)

        whole = answer.stop_reason in _WHOLE
        context = context_of(place, family, around=around, may_start_below=below, ended=whole)
        outcome = run_filters(answer.text, context)
        draft.note("filter", outcome.dropped_by or "kept", outcome.steps[-1].reason)

        if whole or outcome.text:
            self._cache.store(
                key,
                place.text,
                place.offset,
                outcome.text,
                explicit=explicit,
                complete=whole,
                filtered_by=outcome.dropped_by,
            )
        return draft.answered(answer, outcome, context)

    async def _site(
        self, request: CompletionRequest, place: Place, draft: _Draft
    ) -> SyntaxSite | None:
        """Ask the syntax service, for a few tens of milliseconds at most, where it can matter."""
        if not (request.multiline and place.line.at_end):
            return None
        try:
            site = await asyncio.wait_for(
                self._syntax.site(request.document, place.start), SYNTAX_DEADLINE_S
            )
        except TimeoutError:
            site = None
        if site is None:
            draft.note("syntax", "unknown", "no grammar, or no answer in time")
        else:
            draft.note("syntax", site.region, " > ".join(site.scope) or "top level")
        return site

    async def _generate(
        self, job: Job, ends: _Ends, request: CompletionRequest, draft: _Draft
    ) -> _Answer:
        """Read the engine's stream to its end, to the scope's end, or to the deadline."""
        raw: list[str] = []
        n_generated = 0
        ttft_ms = 0.0
        finish = Finish(stop_reason="")
        stop_reason = ""
        left_s = max(0.0, request.deadline_ms - draft.elapsed_ms()) / 1000
        stream = self._engine.generate(job)
        try:
            async with asyncio.timeout(left_s):
                async for item in stream:
                    if isinstance(item, Finish):
                        finish, stop_reason = item, item.stop_reason
                        break
                    if isinstance(item, Prefill):
                        finish = _so_far(item)
                        continue
                    if not raw:
                        ttft_ms = draft.elapsed_ms()
                    raw.append(item.text)
                    n_generated += _count(item)
                    stop_reason = ends.reached_by("".join(raw), item.text)
                    if stop_reason:
                        break
                else:
                    stop_reason = "unavailable"  # a stream without its Finish
        except TimeoutError:
            stop_reason = "deadline"
        finally:
            # An asynchronous generator is closed here, not when it is collected: closing it is what
            # cancels the generation. Not every iterator has the method.
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        text = "".join(raw)
        return _Answer(
            raw=text,
            text=ends.cut(text, stop_reason),
            stop_reason=stop_reason,
            reason=ends.scope.reason if ends.scope is not None else "",
            finish=msgspec.structs.replace(
                finish, n_generated=max(n_generated, finish.n_generated)
            ),
            ttft_ms=ttft_ms,
        )


class _Ends:
    """Where an answer ends: at its first line's end, or where its scope does."""

    def __init__(
        self, judge: scope.Scope | None, *, may_start_below: bool, line: window.Line
    ) -> None:
        self.scope = judge
        self._may_start_below = may_start_below
        self._line = line

    def reached_by(self, raw: str, piece: str) -> str:
        """The stop reason once `raw`, which `piece` was added to, is enough; else ""."""
        if not self._may_start_below and raw.lstrip(" \t").startswith("\n"):
            self.scope = None  # the filter that refuses this shall see it
            return "newline"
        if self.scope is not None:
            return "scope" if self.scope.feed(piece) else ""
        return "newline" if "\n" in raw.lstrip() else ""

    def cut(self, raw: str, stop_reason: str) -> str:
        """What of `raw` counts. A line put above existing text keeps its line break."""
        if self.scope is not None:
            return self.scope.finish(complete=stop_reason in _WHOLE)
        text = _first_line(raw)
        ended = stop_reason == "newline" or len(text) < len(raw)
        own_line = self._line.before_text or text.lstrip(" \t").startswith("\n")
        above = ended and own_line and not self._line.at_end and text.strip()
        return f"{text}\n" if above else text


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of the engine: `raw` as it came, `text` as far as it counts."""

    raw: str
    text: str
    stop_reason: str
    reason: str
    finish: Finish
    ttft_ms: float


class _Draft:
    """A completion in the making: its stages, and the forms in which it can end."""

    def __init__(self, identity: str, place: Place, clock: Callable[[], float]) -> None:
        self._id = identity
        self._place = place
        self._clock = clock
        self._started = clock()
        self._stages: list[Stage] = []

    def elapsed_ms(self) -> float:
        return (self._clock() - self._started) * 1000

    def note(self, name: str, decision: str, reason: str = "") -> None:
        self._stages.append(Stage(name, decision, reason))

    def nothing(self, name: str, reason: str, stop_reason: str) -> Completion:
        self.note(name, "nothing", reason)
        return Completion(
            id=self._id,
            text="",
            span=Span(self._place.cursor, self._place.cursor),
            source="none",
            stop_reason=stop_reason,
            total_ms=self.elapsed_ms(),
            stages=tuple(self._stages),
        )

    def cached(self, hit: Hit, context: Context) -> Completion:
        text, span = self._place.answer(hit.text, context)
        return Completion(
            id=self._id,
            text=text,
            span=span,
            source="cache",
            stop_reason="cache",
            filtered_by=hit.filtered_by,
            total_ms=self.elapsed_ms(),
            stages=tuple(self._stages),
        )

    def answered(self, answer: _Answer, outcome: Outcome, context: Context) -> Completion:
        text, span = self._place.answer(outcome.text, context)
        self.note("fit", f"replaces {span.end - span.start} characters")
        finish = answer.finish
        return Completion(
            id=self._id,
            text=text,
            span=span,
            source="model",
            stop_reason=answer.stop_reason,
            filtered_by=outcome.dropped_by,
            raw=answer.raw,
            n_prompt=finish.n_prompt,
            n_reused=finish.n_reused,
            n_evaluated=finish.n_evaluated,
            n_generated=finish.n_generated,
            ttft_ms=answer.ttft_ms,
            total_ms=self.elapsed_ms(),
            stages=tuple(self._stages),
            filters=outcome.steps,
        )


def _so_far(prefill: Prefill) -> Finish:
    """What is known of an answer that may be cut short once its prompt is evaluated."""
    return Finish(
        stop_reason="",
        n_prompt=prefill.n_prompt,
        n_reused=prefill.n_reused,
        n_evaluated=prefill.n_evaluated,
    )


def _count(chunk: TokenChunk) -> int:
    return max(1, len(chunk.logprobs))


def _first_line(text: str) -> str:
    """`text` up to the first line break that follows visible text."""
    end = text.find("\n", len(text) - len(text.lstrip()))
    return text if end < 0 else text[:end]
