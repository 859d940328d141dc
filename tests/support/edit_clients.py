"""A client that edits: what editors say that they can do, what they ask, and what they apply."""

from __future__ import annotations

from typing import Any

from fakes.lsp_client import LspClient

# What VS Code says, of what counts for edits.
CAPABILITIES: dict[str, Any] = {
    "window": {"workDoneProgress": True},
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
            "changeAnnotationSupport": {"groupsOnLabel": True},
        },
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "refactor"]}},
            "dataSupport": True,
            "disabledSupport": True,
            "honorsChangeAnnotations": True,
            "resolveSupport": {"properties": ["edit"]},
            "tagSupport": {"valueSet": [1]},
        }
    },
}


def without(*path: str) -> dict[str, Any]:
    """The capabilities without one of them."""

    def copied(value: Any, names: tuple[str, ...]) -> Any:
        if not names:
            return None
        return {
            key: copied(inner, names[1:]) if key == names[0] else inner
            for key, inner in value.items()
            if key != names[0] or len(names) > 1
        }

    return dict(copied(CAPABILITIES, path))


def place(first: int, first_character: int, last: int, last_character: int) -> dict[str, Any]:
    """A range."""
    return {
        "start": {"line": first, "character": first_character},
        "end": {"line": last, "character": last_character},
    }


def menu(client: LspClient, uri: str, where: dict[str, Any], **context: Any) -> list[Any]:
    """`textDocument/codeAction`: the entries."""
    params = {
        "textDocument": {"uri": uri},
        "range": where,
        "context": {"diagnostics": [], **context},
    }
    return list(client.request("textDocument/codeAction", params))


def titled(entries: list[Any], title: str) -> dict[str, Any]:
    """The one entry with a title."""
    (found,) = [entry for entry in entries if entry["title"] == title]
    return dict(found)


def shown(client: LspClient) -> list[str]:
    """The messages for the person, of the kind that is for information."""
    said = client.notifications("window/showMessage")
    return [one["message"] for one in said if one["type"] == 3]


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text of ASCII with LSP's text edits made to it."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]

    def offset(at: dict[str, int]) -> int:
        return starts[at["line"]] + at["character"]

    ordered = sorted(edits, key=lambda edit: offset(edit["range"]["start"]), reverse=True)
    for edit in ordered:
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text
