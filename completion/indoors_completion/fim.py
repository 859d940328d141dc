"""Prompts for fill-in-the-middle: which family a model belongs to, and how to ask it.

The families themselves are data (`families`). Source text is never joined with sentinels into one
string: a prompt is a tuple of parts, and only parts marked special may become special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from indoors_completion.budget import PromptBudget
from indoors_completion.families import FAMILIES, UNFIT, Family, Unfit
from indoors_completion.langfacts import as_comment
from indoors_completion.types import Part, Snippet

__all__ = ["FAMILIES", "Family", "advice", "by_name", "detect", "render"]

_NAME_KEYS = (
    "general.name",
    "general.basename",
    "general.base_model.0.name",
    "general.finetune",
)
_BY_NAME = {family.name: family for family in FAMILIES}
_SUGGESTION = (
    "use a code model trained to fill in the middle, for example Qwen2.5-Coder "
    "(`indoors models list` shows them)"
)


def by_name(name: str) -> Family | None:
    """The family called `name` (a value of `ModelInfo.family`), None if there is none."""
    return _BY_NAME.get(name)


def shown_as(name: str, form: str) -> str:
    """The name of a family like `name` that shows other files in another form; for measuring.

    Raises KeyError for an unknown family, msgspec.ValidationError for an unknown form.
    """
    variant = f"{name}/{form}"
    changed = msgspec.to_builtins(_BY_NAME[name]) | {"name": variant, "context": form}
    _BY_NAME[variant] = msgspec.convert(changed, Family)
    return variant


def detect(metadata: Mapping[str, str], tokens: Callable[[str], bool]) -> Family | None:
    """The family of a model file, or None if it cannot fill in the middle.

    `metadata` is the file's own key-value data (GGUF keys such as `general.name`). `tokens(text)`
    tells whether `text` is exactly one special token of its vocabulary. A family is taken only if
    all its sentinels are tokens: a file with a fitting name and a truncated vocabulary is unfit.
    """
    if _unfit(metadata) is not None:
        return None
    for family in FAMILIES:
        if _selects(family, metadata) and all(tokens(text) for text in family.sentinels):
            return family
    return None


def may_infill(metadata: Mapping[str, str]) -> bool:
    """Whether nothing is known against a model's filling in the middle, whoever makes its prompts.

    A vocabulary that has the tokens does not say that a model learned to use them.
    """
    return _unfit(metadata) is None


def advice(metadata: Mapping[str, str]) -> str:
    """What to tell the person whose model `detect` found unfit, as one sentence."""
    name = metadata.get("general.name") or metadata.get("general.basename") or "this model"
    unfit = _unfit(metadata)
    why = unfit.why if unfit else "its vocabulary has no fill-in-the-middle tokens"
    return f"{name} cannot fill in the middle ({why}): {_SUGGESTION}."


def render(
    family: Family,
    prefix: str,
    suffix: str,
    snippets: Sequence[Snippet],
    path: str,
    language: str,
    budget: PromptBudget,
) -> tuple[Part, ...]:
    """Lay out a prompt. Plain parts carry their token budgets; the worker clips them before use.

    With no snippets there are no headers and no comments at all: headers without another file cost
    a small model a quarter of its right answers (31 against 40 of 60).
    """
    shown = tuple(snippet for snippet in snippets if snippet.text.strip())
    before: list[Part] = []
    head: list[Part] = []
    if shown and budget.snippets_tokens > 0 and family.context != "none":
        if family.context == "comments":
            head.append(_plain(_comments(shown, language), budget.snippets_tokens, "head"))
        elif family.context == "code":
            head.append(_plain(_code(shown, language), budget.snippets_tokens, "head"))
        else:
            before, head = _headers(family, shown, path, budget)
    inside = [*head, _plain(prefix, budget.prefix_tokens, "tail")]
    inside[0] = msgspec.structs.replace(inside[0], text=family.prefix_lead + inside[0].text)
    prefix_parts = [_special(family.prefix_token), *inside]
    rest = _plain(suffix, budget.suffix_tokens, "head")
    # Only here does what is typed stand before the suffix, and push it along.
    rest = msgspec.structs.replace(rest, movable=family.order == "PSM")
    suffix_parts = [_special(family.suffix_token), rest]
    order = (prefix_parts, suffix_parts) if family.order == "PSM" else (suffix_parts, prefix_parts)
    middle = [_special(family.middle_token)] if family.middle_token else []
    return tuple(part for part in (*before, *order[0], *order[1], *middle) if part.text)


def _comments(snippets: Sequence[Snippet], language: str) -> str:
    return "".join(
        as_comment(f"Path: {snippet.path}\n{snippet.text}", language) for snippet in snippets
    )


def _code(snippets: Sequence[Snippet], language: str) -> str:
    return "".join(
        as_comment(f"Path: {snippet.path}", language) + snippet.text.rstrip("\n") + "\n\n"
        for snippet in snippets
    )


def _headers(
    family: Family, snippets: Sequence[Snippet], path: str, budget: PromptBudget
) -> tuple[list[Part], list[Part]]:
    """Other files in the family's own form: (parts before everything, parts inside the prefix).

    Each file gets an even share of the budget, so that the first cannot starve the others.
    """
    share = max(1, budget.snippets_tokens // len(snippets))
    mark = [_special(family.file_token)] if family.file_token else []
    files: list[Part] = []
    for snippet in snippets:
        text = f"{family.file_mark}{snippet.path}\n" + snippet.text.rstrip("\n") + "\n"
        files += [*mark, _plain(text, share, "head")]
    own = _plain(f"{family.file_mark}{path}\n", None, "head")
    if family.own_path == "before":
        return [*files, *mark, own], []
    return ([*files, *mark], [own]) if mark else ([], [*files, own])


def _special(text: str) -> Part:
    return Part(text=text, special=True)


def _plain(text: str, budget_tokens: int | None, keep: Literal["head", "tail"]) -> Part:
    return Part(text=text, budget_tokens=budget_tokens, keep=keep)


def _names(metadata: Mapping[str, str]) -> str:
    return " ".join(metadata.get(key, "") for key in _NAME_KEYS).casefold().replace("_", "-")


def _selects(family: Family, metadata: Mapping[str, str]) -> bool:
    if not (family.names or family.pres or family.architectures):
        return True
    return (
        bool(family.names and re.search(family.names, _names(metadata)))
        or metadata.get("tokenizer.ggml.pre", "") in family.pres
        or metadata.get("general.architecture", "") in family.architectures
    )


def _unfit(metadata: Mapping[str, str]) -> Unfit | None:
    names = _names(metadata)
    for unfit in UNFIT:
        if re.search(unfit.names, names) and not (unfit.unless and re.search(unfit.unless, names)):
            return unfit
    return None
