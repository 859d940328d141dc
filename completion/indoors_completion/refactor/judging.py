"""What an answer is worth: put into the document, in the file's style, and checked.

Whoever wrote it, the model here or one elsewhere: the same checks, in the same order.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from indoors_completion.refactor import actions, changes, style
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.types import Edit, EditRequest, Target
from indoors_completion.refactor.verify import Verdict, verify
from indoors_indexing.types import Outline


class Outlines(Protocol):
    """What makes the outline of a text (`Syntax` does)."""

    async def outline(self, language: str, text: str) -> Outline | None:
        """What a whole text says; None without a grammar, or if nothing came."""
        ...


class Judged(NamedTuple):
    """An answer that was looked at. `changes_code`: not only comments and documentation."""

    edit: Edit | None
    verdict: Verdict
    changes_code: bool = False


class Judge:
    """Looks at the answers to one request. `known` are names that need no import."""

    def __init__(
        self,
        syntax: Outlines,
        request: EditRequest,
        action: Action,
        target: Target,
        known: frozenset[str] = frozenset(),
    ) -> None:
        self._syntax = syntax
        self._request = request
        self._action = action
        self._target = target
        self._known = known
        self._seen: set[str] = set()

    async def judge(
        self, code: str, stop_reason: str, *, detail: str = "", is_fitted: bool = False
    ) -> Judged:
        """The edit that `code` is in the place of the target, or what speaks against it.

        `stop_reason` and `detail` are how the answer ended (`types.Finish`). Code that `is_fitted`
        has the file's form already, and what was cut off of it is gone.
        """
        if stop_reason == "unavailable":
            said = f": {detail.rstrip('.')}" if detail else ""
            return Judged(None, Verdict("engine", f"the model stopped{said}"))
        if stop_reason == "length" and not (code and is_fitted):
            return Judged(None, Verdict("length", "the answer does not come to an end"))
        if not code.strip():
            return Judged(None, Verdict("empty", "the answer has no code in it"))
        after, outline = await self._fitted(code, is_fitted=is_fitted)
        if after in self._seen:
            return Judged(None, Verdict("again", "the model gives the same answer again"))
        self._seen.add(after)
        case = Case(self._request, self._target, self._action.rules, after, outline, self._known)
        verdict = verify(case)
        if not verdict.passed:
            return Judged(None, verdict)
        edit = Edit(
            title=actions.title_of(self._action, self._request, self._target),
            document=self._request.document,
            before=case.old_text,
            after=case.new_text,
            changes=changes.changes_between(case.old_text, case.new_text, self._target.span.start),
        )
        kinds = ("code", "string", "annotation")
        return Judged(edit, verdict, case.new_leaves(*kinds) != case.old_leaves(*kinds))

    async def _fitted(self, code: str, *, is_fitted: bool) -> tuple[str, Outline | None]:
        """The document with the answer in it, in the file's style, and its outline."""
        document, span = self._request.document, self._target.span
        newline = "\r\n" if "\r\n" in document.text else "\n"
        text = code.replace("\n", newline)
        if not is_fitted:
            text = style.fitted(
                code,
                document.text[span.start : span.end],
                indent=self._target.indent,
                unit=self._request.indent_unit,
                newline=newline,
                language=self._request.outline.language,
            )
        after = document.text[: span.start] + text + document.text[span.end :]
        outline = await self._syntax.outline(document.language, after)
        if outline is not None:
            quote = style.quotes_of(document.text, self._request.outline.leaves, outline.language)
            end = span.start + len(text)
            quoted = style.with_quotes(after, outline.leaves, quote, span.start, end)
            again = (
                await self._syntax.outline(document.language, quoted) if quoted != after else None
            )
            if again is not None and again.n_errors <= outline.n_errors:
                return quoted, again
        return after, outline
