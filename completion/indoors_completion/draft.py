"""A completion in the making: its stages, and the forms in which it can end."""

from __future__ import annotations

from collections.abc import Callable

from indoors_completion.cache import Hit
from indoors_completion.place import Place
from indoors_completion.postprocess import Context
from indoors_completion.runs import Run
from indoors_completion.types import Alternative, Completion, Finish, Span, Stage


class Draft:
    """One request on its way. `clock` gives seconds; times are counted from here on."""

    def __init__(self, identity: str, place: Place, clock: Callable[[], float]) -> None:
        self._id = identity
        self._place = place
        self._clock = clock
        self._started_s = clock()
        self._stages: list[Stage] = []

    def elapsed_ms(self) -> float:
        """Milliseconds since the request came."""
        return (self._clock() - self._started_s) * 1000

    def note(self, name: str, decision: str, reason: str = "") -> None:
        """A step was taken."""
        self._stages.append(Stage(name, decision, reason))

    def nothing(self, name: str, reason: str, stop_reason: str) -> Completion:
        """There is nothing to show, and why."""
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

    def cached(self, hit: Hit, context: Context, *, n_others: int) -> Completion:
        """The answer is one that was there, with at most `n_others` alternatives."""
        text, span = self._place.answer(hit.text, context)
        return Completion(
            id=self._id,
            text=text,
            span=span,
            source="cache",
            stop_reason="cache",
            filtered_by=hit.filtered_by,
            alternatives=self._others(hit, context, n_others),
            total_ms=self.elapsed_ms(),
            stages=tuple(self._stages),
        )

    def generated(
        self, hit: Hit, context: Context, run: Run, *, joined: bool, n_others: int
    ) -> Completion:
        """The answer is what a run says here, now. Its token counts are told once."""
        text, span = self._place.answer(hit.text, context)
        self.note("fit", f"replaces {span.end - span.start} characters")
        finish = run.report() or Finish(stop_reason="")
        answer = run.answer
        since_ms = (run.first_text_s - self._started_s) * 1000 if run.first_text_s else 0.0
        return Completion(
            id=self._id,
            text=text,
            span=span,
            source="run" if joined else "model",
            stop_reason=run.stop_reason or run.readings[0].stop_reason or "deadline",
            filtered_by=hit.filtered_by,
            raw=answer.raw if answer else "",
            alternatives=self._others(hit, context, n_others),
            n_prompt=finish.n_prompt,
            n_reused=finish.n_reused,
            n_moved=finish.n_moved,
            n_stale=finish.n_stale,
            n_typed=finish.n_typed,
            n_evaluated=finish.n_evaluated,
            n_generated=finish.n_generated,
            ttft_ms=max(0.0, since_ms),
            total_ms=self.elapsed_ms(),
            stages=tuple(self._stages),
            filters=answer.outcome.steps if answer else (),
        )

    def _others(self, hit: Hit, context: Context, count: int) -> tuple[Alternative, ...]:
        return tuple(Alternative(*self._place.answer(text, context)) for text in hit.others[:count])
