"""What the editor has open: the mutable half of the server. `snapshot` gives the frozen half.

The server keeps documents itself instead of using pygls' workspace: that one splits lines at form
feeds and U+2028 as well, reads unopened documents from disk, and raises on a change outside the
text. A session never raises on what an editor sends and never reads a document from disk.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from indoors_completion.types import Document
from indoors_server.positions import Encoding, Lines, scalar_text

# Views of a text that the user cannot type into, by URI scheme: Git's index and history in
# VS Code (`git`, `review`, `pr`, `gitlens`), Neovim's `fugitive` and `diffview`, output panels.
READ_ONLY_SCHEMES = frozenset(
    {"git", "gitfs", "gitlens", "gitlens-git", "review", "pr", "output", "fugitive", "diffview"}
)


class Change(msgspec.Struct, frozen=True):
    """One didChange event in client units; without a `range` the text replaces the whole."""

    text: str
    range: tuple[int, int, int, int] | None = None


class Edit(msgspec.Struct, frozen=True):
    """`[start, new_end)` of the text has replaced what was `[start, old_end)` before."""

    start: int
    old_end: int
    new_end: int


class Edited(msgspec.Struct, frozen=True):
    """What a change did: its last edit, None if that replaced the whole text; the length of the
    longest insertion, and how many edits there were.
    """

    last: Edit | None
    n_inserted: int
    n_edits: int = 1

    @property
    def end(self) -> int | None:
        """The offset behind the last edit, None if the whole text was replaced."""
        return None if self.last is None else self.last.new_end


class OpenDocument:
    """One open document: text, version, the line index of that text, and where the cursor was last
    known to be.
    """

    def __init__(self, uri: str, language: str, version: int, text: str) -> None:
        self.uri = uri
        self.language = language
        self.version = version
        self.lines = Lines(scalar_text(text))
        self.cursor: int | None = None

    @property
    def text(self) -> str:
        """The text as the editor shows it."""
        return self.lines.text

    def apply(self, change: Change, encoding: Encoding) -> Edited:
        """Apply one change; a range outside the text is clamped, a reversed one is turned."""
        new = scalar_text(change.text)
        if change.range is None:
            self.lines = Lines(new)
            self.cursor = None
            return Edited(None, len(new))
        first, first_character, last, last_character = change.range
        one = self.lines.offset(first, first_character, encoding)
        two = self.lines.offset(last, last_character, encoding)
        start, end = min(one, two), max(one, two)
        self.lines = Lines(self.text[:start] + new + self.text[end:])
        self.cursor = start + len(new)
        return Edited(Edit(start, end, self.cursor), len(new))


class Snapshot(msgspec.Struct, frozen=True):
    """A document at one version, with the line index for converting the answer back (I11)."""

    document: Document
    lines: Lines
    folder: str

    @property
    def root(self) -> str:
        """The folder whose file a document is, "" if it is none's: another scheme's document is not
        the file that has its path, but an old version of it, or a cell.
        """
        return self.document.root

    @property
    def file(self) -> str:
        """The whole path, as the URI has it."""
        return path_of(self.document.uri)

    @property
    def policy_path(self) -> str:
        """The path that a policy is asked about: in the folder, or whole where there is none, for
        `secrets/` may stand anywhere in it.
        """
        return self.document.path if self.folder else self.file


class Session:
    """The open documents, the workspace folders, the focus, and the negotiated encoding."""

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self.folders: dict[str, str] = {}  # uri (unquoted) -> path
        self.focus: str | None = None
        self._documents: dict[str, OpenDocument] = {}

    def open(self, uri: str, language: str, version: int, text: str) -> None:
        """A document was opened (again)."""
        self._documents[unquote(uri)] = OpenDocument(uri, language, version, text)

    def change(self, uri: str, version: int | None, changes: list[Change]) -> Edited | None:
        """Apply changes, and say what they did; None for a document that was never opened."""
        document = self._documents.get(unquote(uri))
        if document is None:
            return None
        edits = [document.apply(change, self.encoding) for change in changes]
        document.version = document.version + 1 if version is None else version
        n_inserted = max((edit.n_inserted for edit in edits), default=0)
        return Edited(edits[-1].last if edits else None, n_inserted, len(edits))

    def uris(self) -> list[str]:
        """The open documents."""
        return [document.uri for document in self._documents.values()]

    def cursor(self, uri: str) -> int | None:
        """Where the cursor was at the last change or request; None if that is not known."""
        document = self._documents.get(unquote(uri))
        return None if document is None else document.cursor

    def move_cursor(self, uri: str, offset: int) -> None:
        """The cursor of a document is at `offset`."""
        document = self._documents.get(unquote(uri))
        if document is not None:
            document.cursor = min(max(0, offset), len(document.text))

    def close(self, uri: str) -> None:
        """A document was closed."""
        self._documents.pop(unquote(uri), None)
        if self.focus == unquote(uri):
            self.focus = None

    def add_folder(self, uri: str) -> None:
        """A workspace folder was added."""
        self.folders[unquote(uri)] = path_of(uri)

    def remove_folder(self, uri: str) -> None:
        """A workspace folder was removed."""
        self.folders.pop(unquote(uri), None)

    def snapshot(self, uri: str) -> Snapshot | None:
        """The document as it is now, frozen; None if it is not open."""
        found = self._documents.get(unquote(uri))
        if found is None:
            return None
        folder, path = self._place(uri)
        document = Document(
            uri=found.uri,
            path=path,
            language=found.language,
            version=found.version,
            text=found.text,
            root=folder if scheme_of(uri) == "file" else "",
        )
        return Snapshot(document, found.lines, folder)

    def _place(self, uri: str) -> tuple[str, str]:
        """The innermost workspace folder that holds `uri` ("" if none) and the path to show."""
        path = path_of(uri)
        holding = [
            folder
            for folder in self.folders.values()
            if folder and PurePosixPath(path).is_relative_to(folder)
        ]
        if not holding:
            return "", PurePosixPath(path).name or path
        folder = max(holding, key=len)
        return folder, str(PurePosixPath(path).relative_to(folder))


def scheme_of(uri: str) -> str:
    """The scheme of a URI in lower case, "" if it has none."""
    head, colon, _ = uri.partition(":")
    return head.lower() if colon else ""


def path_of(uri: str) -> str:
    """The path of a URI with `/` separators, unquoted; a Windows drive keeps no leading slash.

    For `untitled:` and notebook cells it is the name that the editor gave (`Untitled-1`,
    `/home/me/plot.ipynb`): good enough to show, never opened.
    """
    try:
        path = unquote(urlsplit(uri).path)
    except ValueError:  # a bracket that is no IPv6 host, for example
        return unquote(uri.partition(":")[2])
    if len(path) > 2 and path[0] == "/" and path[2] == ":":
        return path[1:]
    return path
