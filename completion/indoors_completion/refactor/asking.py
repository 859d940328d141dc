"""What the engine is asked for one answer: the prompt with its beginning, where it ends, drafts."""

from __future__ import annotations

import re

from indoors_completion import chat, langfacts
from indoors_completion.chat import Message
from indoors_completion.refactor import actions, extraction, prompts, reply, shape, tests_form
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.shape import Shape
from indoors_completion.refactor.types import EditRequest, Target
from indoors_completion.types import Job, ModelInfo

# One slot for all edits: a document that is typed in keeps its own.
SLOT = "edit"
# Tokens beyond those of the code itself; and no token of code is shorter than this on average.
SPARE_TOKENS = 384
LEAST_CHARACTERS = 2.5
_GROWS = 1.6
# How many other answers are tried where the first changes nothing: 8 and 4 were right as often on
# the fifty rows of benchmarks/edits.py, 2 on two rows less.
MAX_OTHERS = 4
_ASIDES = ("Example usage", "Example of usage", "Usage example", "Test the ", "Test case")
# A wish that is about more than what code does: what it is called and takes, what is said of it.
_BESIDE_THE_CODE = re.compile(
    r"(?i)\b(?:param|argument|signature|renam|names?\b|types?\b|annotat|class|method|import|decorat"
    r"|async|static|docstring|document|comment|default|keyword)"
)


def is_about_code(action: Action, request: EditRequest, target: Target) -> bool:
    """Whether the wish is about what code does: not about its name, its types, its comments."""
    rules = action.rules
    if not rules.code or rules.annotations_only or rules.extracts or request.subject is not None:
        return False
    # The wishes that are ours are about code; what a person, a tool or a TODO says may be not.
    return not _BESIDE_THE_CODE.search(actions.said_about(action, request, target))


def target_of(action: Action, request: EditRequest) -> Target | None:
    """What of the document may change; None where the action does not apply."""
    if request.subject is not None:
        return tests_form.target_of(request, request.subject)
    return None if action.name == actions.TESTS else action.applies(request)


def shape_for(action: Action, request: EditRequest, target: Target) -> Shape:
    """What the model writes of the first answer."""
    if request.subject is not None:
        return tests_form.form_of(request, request.subject, target)
    if action.writes == "name" and (form := extraction.form_of(request, target)) is not None:
        return form
    is_body = action.writes == "body"
    if is_body and (not is_about_code(action, request, target) or _is_about_head(request)):
        return shape.whole(target)
    return shape.shape_of(action.writes, request, target)


def _is_about_head(request: EditRequest) -> bool:
    """Whether a tool complains about a signature."""
    return any(
        one.head.start <= problem.span.start < one.head.end
        for problem in request.problems
        for one in request.outline.definitions
    )


def job_for(
    action: Action,
    request: EditRequest,
    target: Target,
    model: ModelInfo,
    turns: list[Message],
    form: Shape,
    *,
    n_others: int = 0,
    seed: int = 0,
    temperature: float = 0.0,
) -> Job:
    """The job for one answer of a form. `n_others` are further ones that leave it somewhere."""
    record = chat.chat_of(model)
    assert record is not None
    facts = langfacts.LANGUAGES.get(request.document.language, langfacts.PLAIN)
    comments = tuple(mark for mark in (facts.line_comment, facts.block_comment[0]) if mark)
    others_from = -1
    if n_others:
        about_code = form.is_whole and is_about_code(action, request, target)
        start = shape.body_start(request, target) if about_code else 0
        others_from = len(target.text[:start].encode())
    block = reply.stops() if form.in_block else ()
    shown = form.given[: len(form.given) - len(form.begin)]
    return Job(
        parts=prompts.parts_of(record, turns, request.outline.language, shown),
        begin=form.begin,
        slot=SLOT,
        uri=request.document.uri,
        root=request.document.root,
        sources=_sources(request),
        max_tokens=int(len(form.repeats) / LEAST_CHARACTERS * _GROWS) + SPARE_TOKENS,
        stops=(*block, *form.stops, *record.stops, *_asides(comments, target)),
        temperature=temperature,
        seed=seed,
        drafts=f"{form.begin}{form.repeats}" if form.repeats else "",
        n_alternatives=1 + n_others,
        others_from=others_from,
        others_not=comments,
    )


def reading_job(request: EditRequest, model: ModelInfo, turns: list[Message]) -> Job:
    """The job that reads a prompt and writes nothing."""
    record = chat.chat_of(model)
    assert record is not None
    return Job(
        parts=prompts.parts_of(record, turns, request.outline.language),
        slot=SLOT,
        uri=request.document.uri,
        root=request.document.root,
        sources=_sources(request),
        max_tokens=0,
        background=True,
    )


def _sources(request: EditRequest) -> tuple[str, ...]:
    """The paths of the files that a prompt for an edit may have text of."""
    shown = [request.document.path, *(snippet.path for snippet in request.snippets)]
    if request.subject is not None:
        shown += [request.subject.path, request.subject.example_path]
    return tuple(dict.fromkeys(filter(None, shown)))


def _asides(comments: tuple[str, ...], target: Target) -> list[str]:
    """How models begin what nobody asked for, behind the code; where it stands in the code already
    it may be part of the answer.
    """
    begins = [f"\n{mark} {said}" for mark in comments for said in _ASIDES]
    return [one for one in begins if one not in f"\n{target.text}"]
