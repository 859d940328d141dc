"""What the server and the indexer say to each other about the index of a root.

They travel in the frames of `messages`, none of them is answered, and none carries a text: that of
an open document is in its `Update` already, and `Hold` says which file the document is.

    server                                   indexer
    KeepRoot ------------------------------> Keeper.start
    Update(uri, text), Hold(uri, path) ----> Keeper.hold, again with each later Update
    Release(uri), or Forget ---------------> Keeper.let_go
    Saved(paths) --------------------------> Keeper.changed
    RebuildIndex --------------------------> Keeper.rebuild
    IndexState, IndexProgress, IndexNote <-- what the keeper tells (`message_of`)
"""

from __future__ import annotations

from indoors_indexing.keeper import Note, Phase, Progress, Report
from indoors_indexing.messages import Message


class KeepRoot(Message, frozen=True, kw_only=True, tag="keep_root"):
    """Keep the index of this root from now on, instead of any other.

    `root` and `cache` are absolute paths; `wanted` names vendored folders that are indexed all the
    same.
    """

    root: str
    cache: str
    wanted: tuple[str, ...] = ()


class DropRoot(Message, frozen=True, kw_only=True, tag="drop_root"):
    """Keep no index any more. What there is of it stays."""


class Hold(Message, frozen=True, kw_only=True, tag="hold"):
    """The document `uri` is the file `path` (relative, posix): its text counts, not the disk's."""

    uri: str
    path: str


class Release(Message, frozen=True, kw_only=True, tag="release"):
    """The document's file counts as it is on the disk again. So it does after `Forget`."""

    uri: str


class Saved(Message, frozen=True, kw_only=True, tag="saved"):
    """The editor says that these files changed: it may know before the kernel does, or alone."""

    paths: tuple[str, ...]


class RebuildIndex(Message, frozen=True, kw_only=True, tag="rebuild_index"):
    """Throw the index away and make it again."""


class IndexState(Message, frozen=True, kw_only=True, tag="index_state"):
    """What the keeper is doing, and how many files it took in since it said so last."""

    phase: Phase
    n_changed: int = 0


class IndexProgress(Message, frozen=True, kw_only=True, tag="index_progress"):
    """How far a pass is. Sent a few times a second."""

    done: int
    total: int


class IndexNote(Message, frozen=True, kw_only=True, tag="index_note"):
    """What a person should be told. Never holds source text."""

    text: str


ToKeeper = KeepRoot | DropRoot | Hold | Release | Saved | RebuildIndex
FromKeeper = IndexState | IndexProgress | IndexNote


def message_of(report: Report) -> FromKeeper:
    """The message that carries a keeper's report."""
    if isinstance(report, Note):
        return IndexNote(text=report.text)
    if isinstance(report, Progress):
        return IndexProgress(done=report.done, total=report.total)
    return IndexState(phase=report.phase, n_changed=report.n_changed)
