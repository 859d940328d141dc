"""The indexer process: answers questions about syntax on a pair of byte streams, and keeps indexes.

One thread reads frames, the main thread parses. The index of each root is kept by a thread of its
own (`keepers`), which parses nothing here: its makers are other processes. When the stream ends
this process exits at once, also in mid-parse: the parser's progress callback lets the reading
thread run, and on Linux the kernel kills it with its parent in any case. A question is answered
about the newest text only; one about an older version is refused, because its asker has moved on.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO

from indoors_indexing.frames import FrameError, read_frame, write_frame
from indoors_indexing.index_messages import (
    DropRoot,
    Hold,
    KeepRoot,
    RebuildIndex,
    Release,
    Saved,
    StopPass,
)
from indoors_indexing.keepers import Held, Keepers, Released
from indoors_indexing.lifeline import die_with_parent
from indoors_indexing.message import Message
from indoors_indexing.messages import (
    Answer,
    CountReply,
    ErrorCount,
    Failed,
    Forget,
    OutlineOf,
    OutlineReply,
    Question,
    SiteReply,
    Started,
    ToIndexer,
    Update,
    decode_to_indexer,
    encode,
)
from indoors_indexing.outline import outline_of
from indoors_indexing.parse import SyntaxUnavailable, Trees

if TYPE_CHECKING:
    from indoors_indexing.pool import Spawn
    from indoors_indexing.reach import Reach

# The parent forgets documents as they are closed; this only bounds a parent that does not.
_MAX_TEXTS = 64
# How long a thread may keep the interpreter while another one wants it: with the usual 5 ms the
# threads that keep indexes made a site question of 1 ms last 7, and 20 in one of twenty.
_SWITCH_S = 0.0005


def run(
    reader: BinaryIO,
    writer: BinaryIO,
    spawn: Spawn | None = None,
    *,
    reach: Reach | None = None,
    lock: str = "unproven",
) -> int:
    """Answer frames from `reader` on `writer`; does not return before the stream ends.

    `spawn` starts a maker; without it files are parsed in this process, beside the questions.
    `reach` says which roots this process may read, None for all; `lock` is told to the server.
    """
    if not die_with_parent():
        return 1
    sys.setswitchinterval(_SWITCH_S)
    inbox: queue.SimpleQueue[ToIndexer] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(reader, inbox), name="frames", daemon=True).start()
    service = _Service(writer, spawn, reach)
    try:
        service.send(Started(lock=lock))
    except BrokenPipeError:
        return 0
    while True:
        batch = [inbox.get()]
        with contextlib.suppress(queue.Empty):
            while True:
                batch.append(inbox.get_nowait())
        try:
            service.serve(batch)
        except BrokenPipeError:
            return 0


class _Service:
    def __init__(self, writer: BinaryIO, spawn: Spawn | None, reach: Reach | None) -> None:
        self._writer = writer
        self._writing = threading.Lock()
        self._keepers = Keepers(spawn, self.send, reach=reach)
        self._trees = Trees()
        self._texts: OrderedDict[str, Update] = OrderedDict()

    def serve(self, batch: list[ToIndexer]) -> None:
        """Take in all texts of the batch first, then answer its questions in order."""
        for message in batch:
            if isinstance(message, Update):
                self._texts[message.uri] = message
                self._texts.move_to_end(message.uri)
                if len(self._texts) > _MAX_TEXTS:
                    self._drop(next(iter(self._texts)))
            elif isinstance(message, Forget):
                self._drop(message.uri)
        for message in batch:
            if isinstance(message, Question):
                self.send(self._answer(message))
            elif isinstance(message, Hold):
                if (known := self._texts.get(message.uri)) is not None:
                    held = Held(message.uri, message.root, message.path, known.text)
                    self._keepers.post(held)
            elif isinstance(message, Release | Forget):
                self._keepers.post(Released(message.uri))
            elif isinstance(message, KeepRoot | DropRoot | Saved | StopPass | RebuildIndex):
                self._keepers.post(message)

    def send(self, message: Message) -> None:
        """Write a frame whole. Raises OSError when nobody reads any more."""
        with self._writing:
            write_frame(self._writer, encode(message))

    def _drop(self, uri: str) -> None:
        self._texts.pop(uri, None)
        self._trees.forget(uri)

    def _answer(self, message: Question) -> Answer:
        try:
            if isinstance(message, OutlineOf):
                parsed = self._trees.parsed(message.language, message.text)
                return OutlineReply(request=message.request, outline=outline_of(parsed))
            if isinstance(message, ErrorCount):
                count = self._trees.error_count(message.language, message.text)
                return CountReply(request=message.request, count=count)
            known = self._texts.get(message.uri)
            if known is None:
                return Failed(request=message.request, kind="unknown")
            if known.version != message.version:
                return Failed(request=message.request, kind="stale")
            site = self._trees.site(known.uri, known.language, known.text, message.offset)
            return SiteReply(request=message.request, site=site)
        except SyntaxUnavailable as error:
            return Failed(request=message.request, kind=error.kind, note=str(error))
        except Exception as error:  # noqa: BLE001 - one question must not cost the process; no text in the note
            return Failed(request=message.request, kind="internal", note=type(error).__name__)


def _read(reader: BinaryIO, inbox: queue.SimpleQueue[ToIndexer]) -> None:
    status = 0
    try:
        while (body := read_frame(reader)) is not None:
            inbox.put(decode_to_indexer(body))
    except FrameError as error:
        print(f"indoors indexer: {error}", file=sys.stderr, flush=True)  # noqa: T201 - stderr, not the stream
        status = 1
    except OSError:
        status = 1
    # Nothing here needs flushing, and the main thread may be inside a parse.
    os._exit(status)
