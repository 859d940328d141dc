"""One edit, from a wish to a proposal that passed every check, or to the reason why there is none.

ask (greedy) -> read -> fit -> outline -> verify -> Edit
    changes nothing: the likeliest answer that does, of those that leave it at one place
    fails:           asked again with the reason
    still nothing:   sampled, ever more freely -> … -> NoSafeEdit with the last reason

A small model asked to mend code repeats it, and asked again it repeats it again. What it thinks of
the code shows in the probabilities: at the wrong place they are low. So the other answers are those
that take the second token there and go on as the model likes, likeliest first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

import msgspec

from indoors_completion import chat
from indoors_completion.chat import Message
from indoors_completion.refactor import (
    actions,
    asking,
    extraction,
    prompts,
    shape,
)
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.extraction import NameForm
from indoors_completion.refactor.judging import Judge, Judged
from indoors_completion.refactor.shape import Shape
from indoors_completion.refactor.stream import Answer, read_answers
from indoors_completion.refactor.tests_form import TestsForm
from indoors_completion.refactor.types import Attempt, Edit, EditRequest, How, NoSafeEdit, Target
from indoors_completion.refactor.verify import Verdict
from indoors_completion.types import Engine, Job, ModelInfo, Steering
from indoors_indexing.types import Syntax

# How often an answer is asked to be mended before it is thrown away.
MAX_REPAIRS = 1
TEMPERATURES = (0.5, 0.8, 1.0)
_CHANGES_NOTHING = "is_changed"

Progress = Callable[[str], None]


class Editing:
    """Edits with one engine. `is_late` says when no further answer is begun."""

    def __init__(self, engine: Engine, syntax: Syntax) -> None:
        self._engine = engine
        self._syntax = syntax

    async def edit(
        self,
        request: EditRequest,
        *,
        is_late: Callable[[], bool] = lambda: False,
        on_text: Progress = lambda _text: None,
        known: frozenset[str] = frozenset(),
    ) -> Edit | NoSafeEdit:
        """Try until an answer passes every check. Cancelling the task stops the model.

        `on_text` is given the text of the answer that is being written, as it grows. `known` are
        names that the file may use without an import.
        """
        model = self._engine.model
        if model is None:
            return NoSafeEdit(reason="no model is loaded")
        if reason := chat.unfit_reason(model):
            return NoSafeEdit(reason=reason)
        action = actions.BY_NAME[request.action]
        target = asking.target_of(action, request)
        if target is None:
            return NoSafeEdit(reason="this does not apply here")
        if reason := actions.beyond(action, request.outline.language, model):
            return NoSafeEdit(reason=reason)
        if action.name == actions.SPLIT and (part := extraction.part_of(request, target)):
            # What the model would do worse: to see which lines belong together and what they need.
            action = actions.BY_NAME[actions.EXTRACT]
            request = msgspec.structs.replace(request, action=action.name, selection=part)
        if reason := _too_long(request, asking.shape_for(action, request, target), target, model):
            return NoSafeEdit(reason=reason)
        run = _Run(self._engine, self._syntax, request, action, target, model, known, on_text)
        return await run.until_safe(is_late)

    async def read_ahead(self, request: EditRequest) -> None:
        """Have the engine read the code while a person still writes what to do with it.

        The prompt has the code before the wish, so that an answer then begins after reading the
        wish alone. It gives way to everything else; what was read by then is kept.
        """
        model, action = self._engine.model, actions.BY_NAME[request.action]
        target = asking.target_of(action, request)
        if model is None or chat.unfit_reason(model) or target is None:
            return
        if _too_long(request, shape.whole(target), target, model):
            return
        job = asking.reading_job(request, model, prompts.messages(action, request, target))
        async with aclosing(self._engine.generate(job)) as items:  # type: ignore[type-var]
            async for _ in items:
                pass


class _Run:
    """The attempts at one edit."""

    def __init__(
        self,
        engine: Engine,
        syntax: Syntax,
        request: EditRequest,
        action: Action,
        target: Target,
        model: ModelInfo,
        known: frozenset[str],
        on_text: Progress,
    ) -> None:
        self._engine = engine
        self._judge = Judge(syntax, request, action, target, known)
        self._request = request
        self._action = action
        self._target = target
        self._model = model
        self._on_text = on_text
        self._attempts: list[Attempt] = []
        self._verdict = Verdict()
        self._first = prompts.messages(action, request, target)
        self._form = asking.shape_for(action, request, target)
        self._failed = ""  # the first answer that failed a check other than that it changes nothing

    async def until_safe(self, is_late: Callable[[], bool]) -> Edit | NoSafeEdit:
        turns = self._first
        if isinstance(self._form, NameForm):
            turns = prompts.naming(self._form.moved, self._request.outline.language)
        found = await self._greedy("first", turns, self._form, is_late)
        if found is None and not self._failed and self._verdict.check == "empty" and not is_late():
            found = await self._greedy("first", self._first, self._second_form(), is_late)
        for _ in range(MAX_REPAIRS):
            if found is None and self._failed and not is_late():
                language, reason = self._request.outline.language, self._verdict.reason
                turns = prompts.again(self._first, self._failed, language, reason)
                found = await self._greedy("repaired", turns, self._second_form(), is_late)
        for number, temperature in enumerate(TEMPERATURES):
            if found is None and self._verdict.check != "engine" and not is_late():
                found = await self._sampled(turns, self._request.seed + number, temperature)
        if found is None:
            return NoSafeEdit(reason=self._verdict.reason, attempts=tuple(self._attempts))
        return msgspec.structs.replace(found, attempts=tuple(self._attempts))

    def _second_form(self) -> Shape:
        """What failed with a head that was given may need another head."""
        is_part = self._action.writes in ("body", "name")
        return shape.whole(self._target) if is_part else self._form

    async def _greedy(
        self, how: How, turns: list[Message], form: Shape, is_late: Callable[[], bool]
    ) -> Edit | None:
        """The model's likeliest answer; where that changes nothing, the likeliest that does."""
        steering = Steering()
        job = self._job(turns, form, n_others=asking.MAX_OTHERS)
        best: tuple[bool, float] | None = None
        edit: Edit | None = None
        async with aclosing(read_answers(self._engine, job, steering)) as answers:
            async for answer in answers:
                self._show(form, answer)
                is_worse = best is not None and best > (True, answer.logprob)
                if answer.number and is_worse:
                    steering.enough(answer.number)
                if not answer.is_whole or is_worse:
                    continue
                kind = how if answer.number == 0 else "other"
                code, judged = await self._judged(kind, answer, form)
                if answer.number == 0 and not self._leaves_code(judged):
                    self._failed = code
                    return judged.edit
                rank = (judged.changes_code, answer.logprob)
                if judged.edit is not None and (best is None or rank > best):
                    best, edit = rank, judged.edit
                if is_late():
                    break
        return edit

    async def _sampled(self, turns: list[Message], seed: int, temperature: float) -> Edit | None:
        job = self._job(turns, self._form, seed=seed, temperature=temperature)
        async with aclosing(read_answers(self._engine, job)) as answers:
            async for answer in answers:
                self._show(self._form, answer)
                if answer.is_whole:
                    return (await self._judged("sampled", answer, self._form))[1].edit
        return None

    def _job(
        self,
        turns: list[Message],
        form: Shape,
        *,
        n_others: int = 0,
        seed: int = 0,
        temperature: float = 0.0,
    ) -> Job:
        return asking.job_for(
            self._action, self._request, self._target, self._model, turns, form,
            n_others=n_others, seed=seed, temperature=temperature,
        )  # fmt: skip

    def _show(self, form: Shape, answer: Answer) -> None:
        """A person sees an answer grow, but for those that are tried beside the first."""
        if answer.number == 0 and not answer.is_whole:
            self._on_text(form.given + answer.text)

    def _leaves_code(self, judged: Judged) -> bool:
        """Whether an answer gives the code back as it was, though the wish is about code."""
        if judged.edit is None:
            return judged.verdict.check == _CHANGES_NOTHING
        about_code = asking.is_about_code(self._action, self._request, self._target)
        return not judged.changes_code and about_code

    async def _judged(self, how: How, answer: Answer, form: Shape) -> tuple[str, Judged]:
        """An answer's code, and the edit that it is if it passes. What became of it is recorded."""
        written, is_cut = answer.text, answer.stop_reason == "length"
        if is_cut and isinstance(form, TestsForm):
            written = form.cut(written)
        code = form.code(written)
        is_fitted = isinstance(form, TestsForm)
        judged = await self._judge.judge(
            code, answer.stop_reason, detail=answer.detail, is_fitted=is_fitted
        )
        self._verdict = judged.verdict
        check, reason = judged.verdict
        self._attempts.append(
            Attempt(how=how, check=check, reason=reason, n_tokens=answer.n_tokens)
        )
        return code, judged


def _too_long(request: EditRequest, form: Shape, target: Target, model: ModelInfo) -> str:
    """Why a target cannot be edited by this model: it has to fit with what is written of it."""
    size = len(form.given) + len(form.repeats)
    subject = request.subject
    size += len(target.text) if subject is None else len(subject.code) + len(subject.example)
    if size / asking.LEAST_CHARACTERS + asking.SPARE_TOKENS <= model.n_ctx * 1.2:
        return ""
    n_lines = (target.text if subject is None else subject.code).count("\n") + 1
    return (
        f"{n_lines} lines are too many for this model's context of "
        f"{model.n_ctx} tokens; select fewer"
    )
