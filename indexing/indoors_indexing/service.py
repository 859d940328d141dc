"""The indexer process: answers questions about syntax over a pair of byte streams.

One thread reads frames, the main thread parses. When the stream ends the process exits at once,
also in mid-parse: the parser's progress callback lets the reading thread run, and on Linux the
kernel kills the process with its parent in any case. A question is answered about the newest text
only; one about an older version is refused, because its asker has moved on.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections import OrderedDict
from typing import BinaryIO

from indoors_indexing.frames import FrameError, read_frame, write_frame
from indoors_indexing.lifeline import die_with_parent
from indoors_indexing.messages import (
    CountReply,
    ErrorCount,
    Failed,
    Forget,
    FromIndexer,
    Site,
    SiteReply,
    ToIndexer,
    Update,
    decode_to_indexer,
    encode,
)
from indoors_indexing.parse import SyntaxUnavailable, Trees

# The parent forgets documents as they are closed; this only bounds a parent that does not.
_MAX_TEXTS = 64


def run(reader: BinaryIO, writer: BinaryIO) -> int:
    """Answer frames from `reader` on `writer`; does not return before the stream ends."""
    if not die_with_parent():
        return 1
    inbox: queue.SimpleQueue[ToIndexer] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(reader, inbox), name="frames", daemon=True).start()
    service = _Service(writer)
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
    def __init__(self, writer: BinaryIO) -> None:
        self._writer = writer
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
            if isinstance(message, Site | ErrorCount):
                write_frame(self._writer, encode(self._answer(message)))

    def _drop(self, uri: str) -> None:
        self._texts.pop(uri, None)
        self._trees.forget(uri)

    def _answer(self, message: Site | ErrorCount) -> FromIndexer:
        try:
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
