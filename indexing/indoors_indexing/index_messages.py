"""What the server and the indexer say to each other about the indexes of the workspace's roots.

None of it is answered, and none carries a text: that of an open document is in its `Update`
already, and `Hold` says which file of which root the document is.

    server                                         indexer
    KeepRoot ------------------------------------> Keeper.start, Keeper.select
    Update(uri, text), Hold(uri, root, path) ----> Keeper.hold, with the text of the last Update
    Release(uri), or Forget ---------------------> Keeper.let_go
    Saved(paths) --------------------------------> Keeper.changed
    StopPass, RebuildIndex ----------------------> Keeper.stop_pass, Keeper.rebuild
    IndexState, IndexProgress, IndexNote,
    IndexOutOfReach <----------------------------- what the keeper tells (`message_of`)

An `Update` alone changes nothing in an index: questions about syntax send one with every key. When
it is time for the index, `Hold` is sent again.
"""

from __future__ import annotations

from indoors_indexing.message import Message
from indoors_indexing.reports import Note, OutOfReach, Phase, Progress, Report


class KeepRoot(Message, frozen=True, kw_only=True, tag="keep_root"):
    """Keep the index of this root from now on, beside those of others.

    `root` and `cache` are absolute paths; `wanted` names vendored folders that are indexed all the
    same, `deny` has the patterns of what the policy denies (`denies`). Sent again for a root that
    is kept it says what is denied now. In all other messages `root` is spelled as it was here.
    """

    root: str
    cache: str
    wanted: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class DropRoot(Message, frozen=True, kw_only=True, tag="drop_root"):
    """Keep this root's index no more. What there is of it stays."""

    root: str


class Hold(Message, frozen=True, kw_only=True, tag="hold"):
    """The document `uri` is the file `path` (relative, posix): its text counts, not the disk's."""

    uri: str
    root: str
    path: str


class Release(Message, frozen=True, kw_only=True, tag="release"):
    """The document's file counts as it is on the disk again. So it does after `Forget`."""

    uri: str


class Saved(Message, frozen=True, kw_only=True, tag="saved"):
    """The editor says that these files changed: it may know before the kernel does, or alone."""

    root: str
    paths: tuple[str, ...]


class StopPass(Message, frozen=True, kw_only=True, tag="stop_pass"):
    """Stop comparing all files with the index, if that is being done. What was done stays."""

    root: str


class RebuildIndex(Message, frozen=True, kw_only=True, tag="rebuild_index"):
    """Throw the index away and make it again."""

    root: str


class IndexState(Message, frozen=True, kw_only=True, tag="index_state"):
    """What the keeper is doing, and how many files it took in since it said so last."""

    root: str
    phase: Phase
    n_changed: int = 0


class IndexProgress(Message, frozen=True, kw_only=True, tag="index_progress"):
    """How far a pass is, in files. Sent a few times a second."""

    root: str
    done: int
    total: int


class IndexNote(Message, frozen=True, kw_only=True, tag="index_note"):
    """What a person should be told. Never holds source text."""

    root: str
    text: str


class IndexOutOfReach(Message, frozen=True, kw_only=True, tag="index_out_of_reach"):
    """This process may not open the root as it is now: another one is needed."""

    root: str


ToKeeper = KeepRoot | DropRoot | Hold | Release | Saved | StopPass | RebuildIndex
FromKeeper = IndexState | IndexProgress | IndexNote | IndexOutOfReach


def message_of(root: str, report: Report) -> FromKeeper:
    """The message that carries a keeper's report."""
    if isinstance(report, Note):
        return IndexNote(root=root, text=report.text)
    if isinstance(report, OutOfReach):
        return IndexOutOfReach(root=root)
    if isinstance(report, Progress):
        return IndexProgress(root=root, done=report.done, total=report.total)
    return IndexState(root=root, phase=report.phase, n_changed=report.n_changed)
