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

import re
from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from indoors_completion import chat, langfacts
from indoors_completion.chat import Message
from indoors_completion.refactor import actions, changes, prompts, reply, style
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.stream import Answer, read_answers
from indoors_completion.refactor.types import Attempt, Edit, EditRequest, How, NoSafeEdit, Target
from indoors_completion.refactor.verify import Verdict, verify
from indoors_completion.types import Engine, Job, ModelInfo, Steering
from indoors_indexing.types import Outline, Syntax

# One slot for all edits: a document that is typed in keeps its own.
SLOT = "edit"
# Tokens beyond those of the code itself; and no token of code is shorter than this on average.
_SPARE_TOKENS = 384
_LEAST_CHARACTERS = 2.5
_GROWS = 1.6
# How many other answers are tried where the first changes nothing.
MAX_OTHERS = 8
# How often an answer is asked to be mended before it is thrown away.
MAX_REPAIRS = 1
TEMPERATURES = (0.5, 0.8, 1.0)
_ASIDES = ("Example usage", "Example of usage", "Usage example", "Test the ", "Test case")
_CHANGES_NOTHING = "is_changed"
# A wish that is about more than what code does: what it is called and takes, what is said of it.
_BESIDE_THE_CODE = re.compile(
    r"(?i)\b(?:param|argument|signature|renam|names?\b|types?\b|annotat|class|method|import|decorat"
    r"|async|static|docstring|document|comment|default|keyword)"
)

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
        target = action.applies(request)
        if target is None:
            return NoSafeEdit(reason="this does not apply here")
        if reason := _too_long(target, model):
            return NoSafeEdit(reason=reason)
        run = _Run(self._engine, self._syntax, request, action, target, model, known, on_text)
        return await run.until_safe(is_late)


class _Judged(NamedTuple):
    """An answer that was looked at. `changes_code`: not only comments and documentation."""

    edit: Edit | None
    verdict: Verdict
    changes_code: bool = False


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
        self._syntax = syntax
        self._request = request
        self._action = action
        self._target = target
        self._model = model
        self._known = known
        self._on_text = on_text
        self._attempts: list[Attempt] = []
        self._seen: set[str] = set()
        self._verdict = Verdict()
        self._first = prompts.messages(action, request, target)
        self._failed = ""  # the first answer that failed a check other than that it changes nothing

    async def until_safe(self, is_late: Callable[[], bool]) -> Edit | NoSafeEdit:
        found = await self._greedy("first", self._first, is_late)
        for _ in range(MAX_REPAIRS):
            if found is None and self._failed and not is_late():
                language, reason = self._request.outline.language, self._verdict.reason
                turns = prompts.again(self._first, self._failed, language, reason)
                found = await self._greedy("repaired", turns, is_late)
        for number, temperature in enumerate(TEMPERATURES):
            if found is None and self._verdict.check != "engine" and not is_late():
                found = await self._sampled(self._request.seed + number, temperature)
        if found is None:
            return NoSafeEdit(reason=self._verdict.reason, attempts=tuple(self._attempts))
        return msgspec.structs.replace(found, attempts=tuple(self._attempts))

    async def _greedy(
        self, how: How, turns: list[Message], is_late: Callable[[], bool]
    ) -> Edit | None:
        """The model's likeliest answer; where that changes nothing, the likeliest that does."""
        steering = Steering()
        answers = read_answers(self._engine, self._job(turns, n_others=MAX_OTHERS), steering)
        best: tuple[bool, float] | None = None
        edit: Edit | None = None
        async with aclosing(answers):
            async for answer in answers:
                self._show(answer)
                is_worse = best is not None and best > (True, answer.logprob)
                if answer.number and is_worse:
                    steering.enough(answer.number)
                if not answer.is_whole or is_worse:
                    continue
                judged = await self._judged(how if answer.number == 0 else "other", answer)
                if answer.number == 0 and not self._leaves_code(judged):
                    self._failed = answer.code
                    return judged.edit
                rank = (judged.changes_code, answer.logprob)
                if judged.edit is not None and (best is None or rank > best):
                    best, edit = rank, judged.edit
                if is_late():
                    break
        return edit

    async def _sampled(self, seed: int, temperature: float) -> Edit | None:
        job = self._job(self._first, seed=seed, temperature=temperature)
        async with aclosing(read_answers(self._engine, job)) as answers:
            async for answer in answers:
                self._show(answer)
                if answer.is_whole:
                    return (await self._judged("sampled", answer)).edit
        return None

    def _show(self, answer: Answer) -> None:
        """A person sees an answer grow, but for those that are tried beside the first."""
        if answer.number == 0 and not answer.is_whole:
            self._on_text(answer.text)

    def _job(
        self, turns: list[Message], *, n_others: int = 0, seed: int = 0, temperature: float = 0.0
    ) -> Job:
        record = chat.chat_of(self._model)
        assert record is not None
        facts = langfacts.LANGUAGES.get(self._request.document.language, langfacts.PLAIN)
        comments = tuple(mark for mark in (facts.line_comment, facts.block_comment[0]) if mark)
        return Job(
            parts=prompts.parts_of(record, turns, self._request.outline.language),
            slot=SLOT,
            max_tokens=_most_tokens(self._target),
            stops=(*reply.stops(), *record.stops, *self._asides(comments)),
            temperature=temperature,
            seed=seed,
            drafts=self._target.text,
            n_alternatives=1 + n_others,
            others_from=self._others_from() if n_others else -1,
            others_not=comments,
        )

    def _leaves_code(self, judged: _Judged) -> bool:
        """Whether an answer gives the code back as it was, though the wish is about code."""
        if judged.edit is None:
            return judged.verdict.check == _CHANGES_NOTHING
        return not judged.changes_code and self._is_about_code()

    def _is_about_code(self) -> bool:
        """Whether the wish is about what code does: not about its name, its types, its comments."""
        rules = self._action.rules
        if not rules.code or rules.annotations_only:
            return False
        wish = prompts.wish_of(self._action, self._request, self._target)
        return not _BESIDE_THE_CODE.search(self._request.instruction or wish)

    def _asides(self, comments: tuple[str, ...]) -> list[str]:
        """How models begin what nobody asked for, behind the code; where it stands in the code
        already it may be part of the answer.
        """
        begins = [f"\n{mark} {said}" for mark in comments for said in _ASIDES]
        return [one for one in begins if one not in f"\n{self._target.text}"]

    def _others_from(self) -> int:
        """From which byte of the target on an edit is looked for: behind the head and documentation
        of a single definition, where the wish is not about these.
        """
        if not self._is_about_code():
            return 0
        span, text = self._target.span, self._request.document.text
        callables = [
            one
            for one in self._request.outline.definitions
            if span.start <= one.span.start
            and one.span.end <= span.end
            and one.kind in ("function", "method", "constructor")
        ]
        # The outermost first: what stands inside of it is part of its body.
        if not callables or any(one.span.start >= callables[0].span.end for one in callables):
            return 0
        end = max(callables[0].head.end, callables[0].doc.end)
        head = style.without_indent(text[span.start : end], self._target.indent)
        return len(head.encode())

    async def _judged(self, how: How, answer: Answer) -> _Judged:
        """The edit that an answer is, if it passes; what became of it is recorded."""
        judged = await self._judge(answer)
        self._verdict = judged.verdict
        check, reason = judged.verdict
        self._attempts.append(
            Attempt(how=how, check=check, reason=reason, n_tokens=answer.n_tokens)
        )
        return judged

    async def _judge(self, answer: Answer) -> _Judged:
        if answer.stop_reason == "unavailable":
            return _Judged(None, Verdict("engine", "the model stopped"))
        if answer.stop_reason == "length":
            return _Judged(None, Verdict("length", "the answer does not come to an end"))
        if not answer.code.strip():
            return _Judged(None, Verdict("empty", "the answer has no code in it"))
        after, outline = await self._fitted(answer.code)
        if after in self._seen:
            return _Judged(None, Verdict("again", "the model gives the same answer again"))
        self._seen.add(after)
        case = Case(self._request, self._target, self._action.rules, after, outline, self._known)
        verdict = verify(case)
        if not verdict.passed:
            return _Judged(None, verdict)
        span = self._target.span
        edit = Edit(
            title=actions.title_of(self._action, self._request, self._target),
            version=self._request.document.version,
            before=case.old_text,
            after=case.new_text,
            changes=changes.changes_between(case.old_text, case.new_text, span.start),
        )
        kinds = ("code", "string", "annotation")
        return _Judged(edit, verdict, case.new_leaves(*kinds) != case.old_leaves(*kinds))

    async def _fitted(self, code: str) -> tuple[str, Outline | None]:
        """The document with the answer in it, in the file's style, and its outline."""
        document, span = self._request.document, self._target.span
        before = document.text[span.start : span.end]
        text = style.fitted(
            code,
            before,
            indent=self._target.indent,
            unit=self._request.indent_unit,
            newline="\r\n" if "\r\n" in document.text else "\n",
            language=self._request.outline.language,
        )
        after = document.text[: span.start] + text + document.text[span.end :]
        outline = await self._syntax.outline(document.language, after)
        if outline is not None:
            quote = style.quotes_of(document.text, self._request.outline.leaves, outline.language)
            end = span.start + len(text)
            quoted = style.with_quotes(after, outline.leaves, quote, span.start, end)
            after = quoted  # of the same length, so the outline holds
        return after, outline


def _too_long(target: Target, model: ModelInfo) -> str:
    """Why a target cannot be edited by this model: it has to fit twice, as a question and an
    answer.
    """
    if 2 * len(target.text) / _LEAST_CHARACTERS + _SPARE_TOKENS <= model.n_ctx * 1.2:
        return ""
    return (
        f"{target.text.count(chr(10)) + 1} lines are too many for this model's context of "
        f"{model.n_ctx} tokens; select fewer"
    )


def _most_tokens(target: Target) -> int:
    return int(len(target.text) / _LEAST_CHARACTERS * _GROWS) + _SPARE_TOKENS
