"""One small handler per LSP method: convert, call the service, convert back.

Requests that take time are `async`: only those can be cancelled while they run in pygls. The first
parameter is always named `ls`, because pygls passes the server by that name.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import msgspec
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from indoors_server import convert, edit_values, handshake
from indoors_server.edit_values import Refused
from indoors_server.settings import WORKSPACE_FILE

if TYPE_CHECKING:
    from indoors_server.app import Server


# --- life -------------------------------------------------------------------------------------


def initialize(ls: Server, params: types.InitializeParams) -> None:
    """Take in folders, encoding and settings; nothing here waits for the engine."""
    service = ls.service
    service.session.encoding = ls.negotiated_encoding()
    for folder in params.workspace_folders or []:
        service.session.add_folder(folder.uri)
    if not params.workspace_folders and params.root_uri:
        service.session.add_folder(params.root_uri)
    options = params.initialization_options
    options = options if isinstance(options, dict) else {}
    service.set_editor_settings(options.get("settings"))
    window = params.capabilities.window
    ls.outbox.client_shows_progress = bool(window and window.work_done_progress)
    ls.outbox.tracing = params.trace not in (None, types.TraceValue.Off)
    documents = params.capabilities.text_document
    ls.outbox.client_shows_diagnostics = bool(documents and documents.publish_diagnostics)
    ls.parent_watch.watch(params.process_id)
    client = options.get("client")
    ls.greeting = handshake.check(client)
    service.client_refreshes = isinstance(client, dict) and client.get("refresh") is True
    ls.editing = convert.editing_client(params.capabilities, client)
    ls.outbox.client_applies_edits = ls.editing.applies
    experimental = params.capabilities.experimental
    is_told = isinstance(experimental, dict) and experimental.get("indoorsPreviewSend") is True
    ls.outbox.client_previews_sends = is_told
    service.edits.client_confirms = ls.editing.annotations
    service.edits.client_creates = ls.editing.creates
    name = params.client_info.name if params.client_info else ""
    waits = client.get("waits") if isinstance(client, dict) else None
    service.debounce.client(name, waits if isinstance(waits, bool) else None)
    ls.apply_settings()
    # Runs once this handler's answer has been written.
    asyncio.get_running_loop().call_soon(ls.start_working)


def initialized(ls: Server, *_: object) -> None:
    """The client may be asked things from now on."""
    ls.outbox.open()
    ls.service.index.begin()


async def shutdown(ls: Server, *_: object) -> None:
    """End the children before the answer."""
    await ls.service.close()


def did_exit(ls: Server, *_: object) -> None:
    """Leave the main loop."""
    ls.stop()


def did_cancel_work(ls: Server, params: types.WorkDoneProgressCancelParams) -> None:
    """The person stopped something that takes long."""
    ls.outbox.cancelled(params.token)


def set_trace(ls: Server, params: types.SetTraceParams) -> None:
    """Switch `$/logTrace` on or off."""
    ls.outbox.tracing = params.value is not types.TraceValue.Off


# --- documents --------------------------------------------------------------------------------


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """A document was opened."""
    document = params.text_document
    ls.service.opened(document.uri, document.language_id, document.version, document.text)


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """A document changed."""
    document = params.text_document
    changes = [convert.change(event) for event in params.content_changes]
    ls.service.changed(document.uri, document.version, changes)


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """A document was closed."""
    ls.service.forget(params.text_document.uri)


def did_save(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
    """A document was saved: the workspace's own settings count at once."""
    ls.service.index.saved(params.text_document.uri)
    if params.text_document.uri.endswith("/" + WORKSPACE_FILE):
        ls.apply_settings()


def did_focus(ls: Server, params: convert.FocusParams) -> None:
    """Another document has the focus, or none."""
    uri = params.text_document.uri if params.text_document else None
    ls.service.focus(uri, convert.corner(params.position) if params.position else None)


# --- workspace --------------------------------------------------------------------------------


def did_change_folders(ls: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Workspace folders came or went."""
    for folder in params.event.removed:
        ls.service.session.remove_folder(folder.uri)
    for folder in params.event.added:
        ls.service.session.add_folder(folder.uri)
    ls.apply_settings()


def did_change_configuration(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    """The editor's settings changed. Clients that send null (pull model) keep what they sent."""
    sent = params.settings
    if isinstance(sent, dict) and "indoors" in sent:
        ls.service.set_editor_settings(sent["indoors"])
    ls.service.read_user_settings()
    ls.apply_settings()


# --- completion -------------------------------------------------------------------------------


async def inline_completion(
    ls: Server, params: types.InlineCompletionParams
) -> types.InlineCompletionList:
    """Ghost text at the cursor."""
    answer = await ls.service.complete(convert.ask(params))
    return convert.inline_list(answer, ls.service.session.encoding)


async def completion(ls: Server, params: types.CompletionParams) -> types.CompletionList:
    """The same as an ordinary completion, where a person opted in."""
    answer = None
    if ls.service.settings.popup:
        answer = await ls.service.complete(convert.ask_popup(params))
    return convert.popup_list(answer, ls.service.session.encoding)


def did_show(ls: Server, params: convert.ItemParams) -> None:
    """An item was shown."""
    ls.service.items.shown(convert.item_id(params.item))


def did_partially_accept(ls: Server, params: convert.ItemParams) -> None:
    """The start of an item was accepted; the length is cumulative, in UTF-16 units."""
    ls.service.items.partially_accepted(convert.item_id(params.item), params.accepted_length)


# --- edits ------------------------------------------------------------------------------------


async def code_action(
    ls: Server, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    """What can be done to the code at a place."""
    context = params.context
    offers = await ls.service.edits.offers(
        params.text_document.uri,
        convert.place(params.range),
        reports=tuple(map(convert.report, context.diagnostics)),
        only=convert.only(context),
        automatic=context.trigger_kind == types.CodeActionTriggerKind.Automatic,
    )
    return convert.code_actions(offers, context.diagnostics, ls.editing)


def will_edit(ls: Server, params: object) -> None:
    """A person is asked for the instruction of an edit; what is no wish is left alone."""
    wish = edit_values.wish_of(params)
    if wish is not None:
        ls.service.edits.will_make(wish)


async def resolve_code_action(ls: Server, params: types.CodeAction) -> types.CodeAction:
    """Make the edit of an entry that was chosen. Without one the entry stays without, is disabled
    with the reason, and the person is told: an error here, editors show as one of ours.
    """
    if params.data is None and params.command is not None:
        return params  # VS Code asks for the edits of all entries; this one has a command instead
    wish = edit_values.wish_of(params.data)
    if wish is None:
        raise JsonRpcInvalidParams("This is no code action of ours.")
    if wish.endpoint and not ls.editing.previews:
        # Editors resolve entries that nobody has chosen: what may leave is asked for by command.
        # A client that previews edits has no such entry, and resolves one when somebody chose it.
        params.disabled = types.CodeActionDisabled("this is done by its command")
        return params
    made = await ls.service.edits.make(wish)
    if isinstance(made, Refused):
        ls.outbox.message("info", made.reason)
        params.disabled = types.CodeActionDisabled(made.reason)
    else:
        encoding = ls.service.session.encoding
        params.edit = convert.workspace_edit(made, ls.editing, encoding)
    return params


# --- commands ---------------------------------------------------------------------------------


async def execute_command(ls: Server, params: types.ExecuteCommandParams) -> Any:  # noqa: ANN401 - JSON
    """Run a command in the request's own task: in pygls' way a cancelled one would go on."""
    run = ls.protocol.fm.commands.get(params.command)
    if run is None:
        raise JsonRpcInvalidParams(f"There is no command {params.command[:100]!r}.")
    result = run(*(params.arguments or ()))
    return await result if inspect.isawaitable(result) else result


# pygls resolves the annotations of commands at run time, where `Server` is not known: hence Any.
def accepted(ls: Any, *arguments: Any) -> bool:  # noqa: ANN401 - a client may send anything
    """`indoors.accepted ID`: an item was inserted. Counted, and the next request may follow on."""
    return bool(arguments) and bool(ls.service.items.accepted(str(arguments[0])))


async def status(ls: Any, *_: Any) -> dict[str, Any]:  # noqa: ANN401 - a client may send anything
    """`indoors.status`: the status and the counters, for a health check."""
    service = ls.service
    made: dict[str, Any] = msgspec.to_builtins(service.status())
    stats = await service.engine_stats()
    return {
        **made,
        "counters": msgspec.to_builtins(service.counters),
        "work": msgspec.to_builtins(service.work),
        "engine": None if stats is None else msgspec.to_builtins(stats),
    }


def explain(ls: Any, *arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - a client may send anything
    """`indoors.explain URI`: why the last suggestion there is what it is, or why there is none."""
    if not arguments or not isinstance(arguments[0], str):
        raise JsonRpcInvalidParams("indoors.explain takes one text: the document's URI.")
    explained: dict[str, Any] = ls.service.explanations.of(arguments[0])
    return explained


async def refactor(ls: Any, *arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - a client may send anything
    """`indoors.refactor {uri, range, action, version?, instruction?}`: make an edit and have the
    editor apply it. The answer says whether it was, and if not, why.
    """
    wish = edit_values.wish_of(arguments[0] if arguments else None)
    if wish is None:
        raise JsonRpcInvalidParams("indoors.refactor takes one object: uri, range, action.")
    made = await ls.service.edits.make(wish)
    if isinstance(made, Refused):
        ls.outbox.message("info", made.reason)
        return {"applied": False, "reason": made.reason}
    edit = convert.workspace_edit(made, ls.editing, ls.service.session.encoding)
    reason = await ls.outbox.apply(made.title, convert.as_json(edit))
    return {"applied": not reason, "reason": reason}
