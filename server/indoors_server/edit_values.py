"""What an editor asks of edits and what it is answered, in plain terms.

A wish comes back to us from the editor with what we offered, so it is checked like anything else
that a client sends: sizes, kinds, and (in `edits`) whether it applies to the document as it is.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from indoors_completion import hidden
from indoors_completion.refactor.types import Attempt, Edit, NoSafeEdit
from indoors_server.positions import Lines

Text = Annotated[str, Meta(max_length=4000)]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]

_SHOWN_CHARACTERS = 400


class Corner(msgspec.Struct, frozen=True):
    """LSP's Position, in client units."""

    line: Number
    character: Number


class Place(msgspec.Struct, frozen=True):
    """LSP's Range."""

    start: Corner
    end: Corner


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A diagnostic that the editor shows: of whom, where, and what it says."""

    message: Text
    range: Place
    source: Text = ""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that is asked for: the argument of `indoors.refactor`, and `data` of a code action.

    Without a `version` the document is meant as it is. `endpoint` is the name of the closed API
    that is to make it, "" for the model that makes edits otherwise.
    """

    uri: Annotated[str, Meta(max_length=8192)]
    range: Place
    action: Annotated[str, Meta(max_length=100)]
    version: int | None = None
    instruction: Text = ""
    problem: Report | None = None
    endpoint: Annotated[str, Meta(max_length=100)] = ""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the editor's menu. `disabled` is why it cannot be chosen, "" if it can;
    `n_problem` is the number of the diagnostic that it is about.
    """

    title: str
    kind: str
    wish: Wish | None = None
    disabled: str = ""
    needs_instruction: bool = False
    n_problem: int | None = None


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that passed every check. `lines` are those of its document, and `version` is None for
    one that no editor has open; one that `is_new` is to be created. `checked` says what was done to
    know that it is an edit; `is_executed` that tools execute the file: a person must confirm.
    """

    edit: Edit
    lines: Lines
    version: int | None
    title: str
    checked: str
    is_executed: bool
    is_new: bool = False


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """There is no edit. `reason` is a sentence for people, without markup."""

    reason: str
    attempts: tuple[Attempt, ...] = ()


def wish_of(raw: object) -> Wish | None:
    """The wish that a client sent, None if it is none."""
    try:
        return msgspec.convert(raw, Wish)
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return None


def why(found: NoSafeEdit) -> str:
    """Why there is no edit: what was wrong with the last answer, where a further one only said the
    same again.
    """
    told = [one.reason for one in found.attempts if one.reason and one.check != "again"]
    return told[-1] if told else found.reason


def plain(text: str) -> str:
    """A text on one line that no editor takes for markup: names and messages in it are those of
    strangers, and editors make links of `[text](address)` also in messages.
    """
    line = " ".join(hidden.visible(text).split()).replace("](", "] (")
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"
