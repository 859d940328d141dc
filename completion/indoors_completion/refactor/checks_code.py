"""Checks of an answer as code, by the outlines of the document before and after."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from indoors_completion.refactor import wishes
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.types import VALUES
from indoors_indexing.types import Defined, Leaf, Span

# Of the code's tokens so many have to be there still, unless the action is about leaving some out.
_LEAST_LEFT = 0.4
_LEAST_LEFT_SHORTER = 0.12
_FEW_TOKENS = 12
_TWICE = re.compile(r"\b(return|throw|raise|break|continue|goto)\s+\1\b(?!\w)")
# Brackets and operators are in any code.
_SAYS = re.compile(r"\w")


def has_no_new_error(case: Case) -> str:
    """No more syntax errors than there were."""
    if case.outline is None:
        return "the answer cannot be parsed here, and so not be checked"
    if case.outline.n_errors > case.outline_before.n_errors:
        return "the answer has a syntax error"
    # One grammar takes a comment that nothing ends for an operator.
    if "/*" in case.new_text and _opened(case, old=False) > _opened(case, old=True):
        return "the answer begins a comment that does not end"
    # Another takes a brace that closes nothing for a command.
    if _open_braces(case, old=False) != _open_braces(case, old=True):
        return "the answer has a brace too many"
    # In some languages this is an expression: of what never comes back.
    if len(_TWICE.findall(case.new_text)) > len(_TWICE.findall(case.old_text)):
        return "the answer has a word twice"
    return ""


def _open_braces(case: Case, *, old: bool) -> int:
    """How many braces the target opens and does not close, in a shell."""
    if case.outline_before.language != "bash":
        return 0
    texts = case.old_leaves("code") if old else case.new_leaves("code")
    return sum(text in ("{", "${") for text in texts) - texts.count("}")


def _opened(case: Case, *, old: bool) -> int:
    outline, text = (case.outline_before, case.before) if old else (case.outline, case.after)
    leaves = outline.leaves if outline is not None else ()
    return sum(leaf.kind == "code" and text.startswith("/*", leaf.start) for leaf in leaves)


def leaves_the_rest(case: Case) -> str:
    """What stands around the target means what it meant: no string or block runs into it."""
    assert case.outline is not None
    span, new = case.target.span, case.new_span
    by = new.end - span.end
    is_sound = not case.outline_before.n_errors
    old_around = [
        *(
            _moved(leaf, 0, is_sound)
            for leaf in case.outline_before.leaves
            if leaf.end <= span.start
        ),
        *(
            _moved(leaf, by, is_sound)
            for leaf in case.outline_before.leaves
            if leaf.start >= span.end
        ),
    ]
    new_around = [
        *(_moved(leaf, 0, is_sound) for leaf in case.outline.leaves if leaf.end <= span.start),
        *(_moved(leaf, 0, is_sound) for leaf in case.outline.leaves if leaf.start >= new.end),
    ]
    if old_around != new_around:
        return "the answer changes what stands around it"
    # A field is a definition where it is set first, so what sets it later is none.
    old_below = [
        one
        for one in case.outline_before.definitions
        if one.span.start >= span.end and one.kind not in VALUES
    ]
    new_below = [
        one
        for one in case.outline.definitions
        if one.span.start >= new.end and one.kind not in VALUES
    ]
    if [(one.kind, one.name, len(one.scope)) for one in old_below] != [
        (one.kind, one.name, len(one.scope)) for one in new_below
    ]:
        return "the answer changes what stands below it"
    return ""


def _moved(leaf: Leaf, by: int, is_sound: bool) -> tuple[object, ...]:
    place = (leaf.depth, leaf.begins) if is_sound else ()
    return (leaf.kind, leaf.start + by, leaf.end + by, *place)


def only_documents(case: Case) -> str:
    """Where only documentation may change, the code is the same, and there is documentation."""
    if case.rules.code:
        return ""
    kinds = ("code", "string", "annotation")
    if _code(case, *kinds, old=True) != _code(case, *kinds, old=False):
        return "the answer changes code, and only documentation was asked for"
    if lost := _lost_comments(case):
        return f"the answer drops a comment ({lost[:60]})"
    defined = case.target.defined
    if defined is not None and case.new_text.count("\n") <= case.old_text.count("\n"):
        same = [one for one in case.new_definitions() if one.name == defined.name]
        if same and all(one.doc.end <= one.doc.start for one in same):
            return f"the answer does not document {defined.name}"
    return ""


def only_annotates(case: Case) -> str:
    """Where only types may be said, the code without them is the same, and so are comments."""
    if not case.rules.annotations_only:
        return ""
    if _code(case, "code", "string", old=True) != _code(case, "code", "string", old=False):
        return "the answer changes code, and only types were asked for"
    if case.old_leaves("comment") != case.new_leaves("comment"):
        return "the answer changes comments, and only types were asked for"
    rest = iter(case.new_leaves("annotation"))
    if not all(text in rest for text in case.old_leaves("annotation")):
        return "the answer changes types that were there already"
    return ""


def _code(case: Case, *kinds: str, old: bool) -> list[tuple[str, int, bool]]:
    """The target's tokens with the blocks that they stand in: what the code does.

    Without `pass`, since a body of documentation alone needs none, and without a comma before a
    bracket that closes, which a list on several lines may have.
    """
    span = case.target.span if old else case.new_span
    leaves = case.tokens(span, *kinds, old=old)
    found = list(zip(case.texts(leaves, old=old), leaves, strict=True))
    return [
        (text, leaf.depth, leaf.begins)
        for at, (text, leaf) in enumerate(found)
        if text != "pass"
        and not (text == "," and at + 1 < len(found) and found[at + 1][0] in (")", "]", ">"))
    ]


def _lost_comments(case: Case) -> str:
    """A comment that is no documentation and is gone; "" for none."""
    docs = [one.doc for one in case.outline_before.definitions]
    kept = Counter(" ".join(text.split()) for text in case.new_leaves("comment"))
    whole = " ".join(case.new_text.split())
    for leaf in case.tokens(case.target.span, "comment", old=True):
        text = " ".join(case.before[leaf.start : leaf.end].split())
        is_doc = any(doc.start <= leaf.start < doc.end for doc in docs)
        if not is_doc and not kept[text] and text not in whole:
            return text
    return ""


def keeps_documentation(case: Case) -> str:
    """What was documented is so still."""
    if case.outline is None or (case.rules.code and wishes.removes(case)):
        return ""
    before = _documented(case.outline_before.definitions)
    after = _documented(case.outline.definitions)
    there = paths_of(case.new_definitions())
    for one in case.old_definitions():
        path = (*one.scope, one.name)
        if path not in there:
            continue
        is_gone = _has_doc_in(one, case.target.span) and not any(
            _has_doc_in(other, case.new_span) for other in there[path]
        )
        if is_gone or _is_less(before[path], after[path], len(there[path])):
            return f"the answer drops the documentation of {one.name}"
    return ""


def _has_doc_in(one: Defined, span: Span) -> bool:
    is_there = span.start <= one.doc.start < one.doc.end <= span.end
    return one.kind not in VALUES and is_there


def _documented(definitions: tuple[Defined, ...]) -> defaultdict[tuple[str, ...], list[int]]:
    """How often each name is documented inside of its definition, and how often above it.

    What stands above a value is as often about others.
    """
    found: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for one in definitions:
        if one.kind not in VALUES and one.doc.end > one.doc.start:
            found[(*one.scope, one.name)][one.doc.end <= one.span.start] += 1
    return found


def _is_less(before: list[int], after: list[int], there: int) -> bool:
    """Whether documentation is gone. A comment that stood above anyway is none in its place."""
    return after[0] < min(before[0], there) or sum(after) < min(sum(before), there)


def keeps_most_of_it(case: Case) -> str:
    """Code does not silently go."""
    if case.outline is None:
        return ""
    may_shrink = case.rules.shrinks or wishes.replaces_by(case)
    least = _LEAST_LEFT_SHORTER if may_shrink else _LEAST_LEFT
    old = Counter(filter(_SAYS.search, case.old_leaves("code", "string")))
    new = Counter(filter(_SAYS.search, case.new_leaves("code", "string")))
    size = old.total()
    if size >= _FEW_TOKENS and (old & new).total() < least * size:
        return "the answer drops most of the code"
    return ""


def paths_of(definitions: list[Defined]) -> dict[tuple[str, ...], list[Defined]]:
    """Definitions by their full names."""
    found: dict[tuple[str, ...], list[Defined]] = {}
    for one in definitions:
        found.setdefault((*one.scope, one.name), []).append(one)
    return found


def counterparts(case: Case) -> Iterator[tuple[Defined, list[Defined]]]:
    """The old definitions that are there still by their full names, each with what may be it now:
    where there are as many of a name as before, the one in its place.
    """
    before = paths_of(list(case.outline_before.definitions))
    after = paths_of(list(case.outline.definitions)) if case.outline is not None else {}
    for one in case.old_definitions():
        path = (*one.scope, one.name)
        same = after.get(path, [])
        if len(same) == len(before[path]):
            # One of several: for another circumstance, or told from each other by what they take.
            same = [same[before[path].index(one)]]
        if same:
            yield one, same
