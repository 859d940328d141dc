"""Between LSP's types and ours: the only place where both are known."""

from __future__ import annotations

from typing import Any

import attrs
from cattrs import Converter
from lsprotocol import types
from pygls.protocol import default_converter

from indoors_server.asks import Answer, Ask
from indoors_server.items import item_id as id_of_item
from indoors_server.positions import Lines
from indoors_server.session import Change

ACCEPTED = "indoors.accepted"
STATUS_COMMAND = "indoors.status"
STATUS = "indoors/status"
DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
DID_FOCUS = "textDocument/didFocus"


@attrs.define
class ItemParams:
    """`{item}` and `{item, acceptedLength}`, as Copilot's language server takes them."""

    item: types.InlineCompletionItem
    accepted_length: int = 0


@attrs.define
class ItemNotification:
    """didShowCompletion and didPartiallyAcceptCompletion."""

    params: ItemParams
    method: str
    jsonrpc: str = "2.0"


@attrs.define
class FocusParams:
    """`{textDocument?, position?}`: without a document, none has the focus.

    The position is an addition of ours: where the cursor is.
    """

    text_document: types.TextDocumentIdentifier | None = None
    position: types.Position | None = None


@attrs.define
class FocusNotification:
    """didFocus."""

    params: FocusParams
    method: str
    jsonrpc: str = "2.0"


CUSTOM_NOTIFICATIONS: dict[str, type[Any]] = {
    DID_SHOW: ItemNotification,
    DID_PARTIALLY_ACCEPT: ItemNotification,
    DID_FOCUS: FocusNotification,
}


def converter() -> Converter:
    """pygls' converter, with our notifications and with tolerance for unknown trigger kinds.

    vscode-languageclient 9 sends VS Code's own numbers (0 and 1) where LSP has 1 and 2.
    """
    made: Converter = default_converter()  # type: ignore[no-untyped-call]
    made.register_structure_hook(types.InlineCompletionTriggerKind, _trigger_kind)
    made.register_structure_hook(ItemParams, lambda raw, _: _item_params(made, raw))
    made.register_structure_hook(FocusParams, lambda raw, _: _focus_params(made, raw))
    return made


def _trigger_kind(raw: Any, _: type) -> types.InlineCompletionTriggerKind:  # noqa: ANN401 - from JSON
    if raw in (0, 1):
        return types.InlineCompletionTriggerKind.Invoked
    return types.InlineCompletionTriggerKind.Automatic


def _item_params(made: Converter, raw: dict[str, Any]) -> ItemParams:
    item = made.structure(raw["item"], types.InlineCompletionItem)
    return ItemParams(item, int(raw.get("acceptedLength") or 0))


def _focus_params(made: Converter, raw: dict[str, Any] | None) -> FocusParams:
    document = (raw or {}).get("textDocument")
    if document is None:
        return FocusParams()
    position = (raw or {}).get("position")
    return FocusParams(
        made.structure(document, types.TextDocumentIdentifier),
        None if position is None else made.structure(position, types.Position),
    )


def ask(params: types.InlineCompletionParams) -> Ask:
    """An inline completion request."""
    info = params.context.selected_completion_info
    explicit = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    return Ask(
        uri=params.text_document.uri,
        line=params.position.line,
        character=params.position.character,
        trigger="explicit" if explicit else "automatic",
        selected_text=None if info is None else info.text,
        selected_range=(0, 0, 0, 0) if info is None else corners(info.range),
    )


def ask_popup(params: types.CompletionParams) -> Ask:
    """A request for the ordinary completion list."""
    context = params.context
    typed = context is not None and context.trigger_kind != types.CompletionTriggerKind.Invoked
    return Ask(
        uri=params.text_document.uri,
        line=params.position.line,
        character=params.position.character,
        trigger="automatic" if typed else "explicit",
        channel="popup",
    )


def corner(value: types.Position) -> tuple[int, int]:
    """A position as (line, character)."""
    return value.line, value.character


def corners(value: types.Range) -> tuple[int, int, int, int]:
    """A range as (line, character, line, character)."""
    return value.start.line, value.start.character, value.end.line, value.end.character


def change(event: types.TextDocumentContentChangeEvent) -> Change:
    """One content change."""
    if isinstance(event, types.TextDocumentContentChangePartial):
        return Change(event.text, corners(event.range))
    return Change(event.text)


def inline_list(answer: Answer | None, encoding: str) -> types.InlineCompletionList:
    """An answer as the inline completion list; no answer is the empty list."""
    if answer is None:
        return types.InlineCompletionList(items=[])
    completion, lines = answer.completion, answer.snapshot.lines
    answers = [(completion.text, completion.span)]
    answers += [(other.text, other.span) for other in completion.alternatives]
    items = [
        types.InlineCompletionItem(
            insert_text=text,
            range=_range(lines, span.start, span.end, encoding),
            command=_accepted_command(id_of_item(completion.id, number)),
        )
        for number, (text, span) in enumerate(answers)
    ]
    return types.InlineCompletionList(items=items)


def popup_list(answer: Answer | None, encoding: str) -> types.CompletionList:
    """An answer as an ordinary completion list with one item.

    Editors filter the list by the word before the cursor, so the item takes that word in.
    """
    if answer is None:
        return types.CompletionList(is_incomplete=True, items=[])
    completion, lines = answer.completion, answer.snapshot.lines
    start = completion.span.start
    while start > 0 and (lines.text[start - 1].isalnum() or lines.text[start - 1] == "_"):
        start -= 1
    text = lines.text[start : completion.span.start] + completion.text
    where = _range(lines, start, completion.span.end, encoding)
    first_line = text.strip().partition("\n")[0]
    item = types.CompletionItem(
        label=first_line[:80],
        detail="Indoors",
        kind=types.CompletionItemKind.Snippet if "\n" in text else types.CompletionItemKind.Text,
        filter_text=text.partition("\n")[0],
        documentation=text,
        insert_text_format=types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(range=where, new_text=text),
        command=_accepted_command(completion.id),
    )
    return types.CompletionList(is_incomplete=True, items=[item])


def item_id(item: types.InlineCompletionItem) -> str:
    """The completion id that an item of ours carries in its command, "" if it is not ours."""
    command = item.command
    if command is None or command.command != ACCEPTED or not command.arguments:
        return ""
    return str(command.arguments[0])


def _accepted_command(identity: str) -> types.Command:
    return types.Command(title="Accepted", command=ACCEPTED, arguments=[identity])


def _range(lines: Lines, start: int, end: int, encoding: Any) -> types.Range:  # noqa: ANN401 - a Literal
    return types.Range(
        start=types.Position(*lines.position(start, encoding)),
        end=types.Position(*lines.position(end, encoding)),
    )
