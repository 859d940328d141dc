"""Between LSP's types and ours: the only place where both are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec
from cattrs import Converter
from lsprotocol import types
from pygls.protocol import default_converter

from indoors_server.asks import Answer, Ask
from indoors_server.edit_values import Corner, Made, Offered, Place, Report
from indoors_server.items import item_id as id_of_item
from indoors_server.positions import Lines
from indoors_server.session import Change

ACCEPTED = "indoors.accepted"
STATUS_COMMAND = "indoors.status"
REFACTOR = "indoors.refactor"
EXPLAIN = "indoors.explain"
# A command of the client's own, for one that can ask a person what to do.
ASK_INSTRUCTION = "indoors.askInstruction"
PREVIEW = "indoors.preview"
STATUS = "indoors/status"
DID_SHOW = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
DID_FOCUS = "textDocument/didFocus"
WILL_EDIT = "indoors/willEdit"


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


@attrs.define
class WishNotification:
    """willEdit: what an edit will be asked for with, as `edit_values.wish_of` takes it."""

    params: Any
    method: str
    jsonrpc: str = "2.0"


CUSTOM_NOTIFICATIONS: dict[str, type[Any]] = {
    DID_SHOW: ItemNotification,
    DID_PARTIALLY_ACCEPT: ItemNotification,
    DID_FOCUS: FocusNotification,
    WILL_EDIT: WishNotification,
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


# --- edits --------------------------------------------------------------------------------------

CODE_ACTIONS = types.CodeActionOptions(
    code_action_kinds=[
        types.CodeActionKind.QuickFix,
        types.CodeActionKind.RefactorRewrite,
        "refactor.extract.function",
    ],
    resolve_provider=True,
)
# The identifiers of our two change annotations.
_EDIT, _EXECUTED = "indoors.edit", "indoors.executed"


class EditingClient(msgspec.Struct, frozen=True, kw_only=True):
    """What a client can do with edits. Without `literals` it takes commands only; with `resolves`
    it asks for the edit of an entry once that is chosen; one that `creates` can make new files.
    `asks` and `previews` are ours: one asks a person for an instruction, the other shows a diff
    before it applies anything.
    """

    literals: bool = False
    resolves: bool = False
    tags: bool = False
    disabled: bool = False
    versions: bool = False
    annotations: bool = False
    creates: bool = False
    applies: bool = False
    asks: bool = False
    previews: bool = False


def editing_client(capabilities: types.ClientCapabilities, ours: object) -> EditingClient:
    """What `initialize` says of it; `ours` is `initializationOptions.client`."""
    documents, workspace = capabilities.text_document, capabilities.workspace
    menu = documents.code_action if documents else None
    edit = workspace.workspace_edit if workspace else None
    resolve = menu.resolve_support if menu else None
    tags = menu.tag_support if menu else None
    annotates = bool(edit and edit.change_annotation_support and edit.document_changes)
    return EditingClient(
        literals=bool(menu and menu.code_action_literal_support),
        resolves=bool(menu and menu.data_support and resolve and "edit" in resolve.properties),
        tags=bool(tags and types.CodeActionTag.LlmGenerated in tags.value_set),
        disabled=bool(menu and menu.disabled_support),
        versions=bool(edit and edit.document_changes),
        annotations=annotates and bool(menu and menu.honors_change_annotations),
        creates=bool(
            edit
            and edit.document_changes
            and types.ResourceOperationKind.Create in (edit.resource_operations or ())
        ),
        applies=bool(workspace and workspace.apply_edit),
        asks=isinstance(ours, dict) and ours.get("askInstruction") is True,
        previews=isinstance(ours, dict) and ours.get("previewEdits") is True,
    )


def place(value: types.Range) -> Place:
    """A range, as the core of the server has it."""
    return Place(
        Corner(value.start.line, value.start.character),
        Corner(value.end.line, value.end.character),
    )


def report(value: types.Diagnostic) -> Report:
    """A diagnostic that the editor sent along."""
    return Report(
        message=value.message[:1000], range=place(value.range), source=(value.source or "")[:200]
    )


def only(context: types.CodeActionContext) -> tuple[str, ...]:
    """The kinds that a client wants; an enum or a string, as it sent them."""
    return tuple(
        kind.value if isinstance(kind, types.CodeActionKind) else str(kind)
        for kind in context.only or ()
    )


def code_actions(
    offers: list[Offered], diagnostics: Sequence[types.Diagnostic], client: EditingClient
) -> list[types.CodeAction | types.Command]:
    """The menu, as far as this client can show and run its entries."""
    found: list[types.CodeAction | types.Command] = []
    for offer in offers:
        name = ASK_INSTRUCTION if offer.needs_instruction else REFACTOR
        if client.previews and not offer.needs_instruction:
            name = PREVIEW
        if offer.needs_instruction and not client.asks:
            continue
        if offer.disabled and not (client.disabled and client.literals):
            continue
        command = types.Command(
            title=offer.title, command=name, arguments=[msgspec.to_builtins(offer.wish)]
        )
        if not client.literals:
            found.append(command)
            continue
        action = types.CodeAction(
            title=offer.title,
            kind=offer.kind,
            tags=[types.CodeActionTag.LlmGenerated] if client.tags else None,
        )
        if offer.n_problem is not None:
            action.diagnostics = [diagnostics[offer.n_problem]]
        if offer.disabled:
            action.disabled = types.CodeActionDisabled(offer.disabled)
        elif client.resolves and not client.previews and not offer.needs_instruction:
            action.data = msgspec.to_builtins(offer.wish)
        else:
            action.command = command
        found.append(action)
    return found


def workspace_edit(made: Made, client: EditingClient, encoding: str) -> types.WorkspaceEdit:
    """An edit of exactly the version that it was made from, to be confirmed by a person, where the
    client has versions and can ask. A new file is created empty, and is not if it is there by then.
    """
    uri, lines = made.edit.document.uri, made.lines
    edits = [
        types.TextEdit(_range(lines, one.span.start, one.span.end, encoding), one.text)
        for one in made.edit.changes
    ]
    if not client.versions:
        return types.WorkspaceEdit(changes={uri: edits})
    version = types.OptionalVersionedTextDocumentIdentifier(uri, made.version)
    create = types.CreateFile(uri, options=types.CreateFileOptions(overwrite=False))
    before: list[Any] = [create] if made.is_new else []
    if not client.annotations:
        return types.WorkspaceEdit(
            document_changes=[*before, types.TextDocumentEdit(version, edits)]
        )
    name, about = _EDIT, made.checked
    if made.is_executed:
        name, about = _EXECUTED, f"This file is executed by tools. {made.checked}"
    create.annotation_id = name
    annotated = [types.AnnotatedTextEdit(name, one.range, one.new_text) for one in edits]
    note = types.ChangeAnnotation(made.title, needs_confirmation=True, description=about)
    return types.WorkspaceEdit(
        document_changes=[*before, types.TextDocumentEdit(version, annotated)],
        change_annotations={name: note},
    )


def as_json(edit: types.WorkspaceEdit) -> Any:  # noqa: ANN401 - JSON
    """A workspace edit for a request that is written as plain JSON."""
    return converter().unstructure(edit, unstructure_as=types.WorkspaceEdit)


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
