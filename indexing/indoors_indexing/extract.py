"""From a file on disk to its record: read, judged, hashed, parsed, cut. Never raises on any file.

This is the part of indexing that several processes do at once; it knows nothing of the store.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import cast

import msgspec

from indoors_indexing import sift
from indoors_indexing.chunks import chunks_of
from indoors_indexing.facts import FileFacts
from indoors_indexing.languages import LanguageRecord, by_path
from indoors_indexing.reading import Content, Unreadable, read_source
from indoors_indexing.records import FileRecord, digest

FactsOf = Callable[[LanguageRecord, bytes], FileFacts]

# File systems count time in steps of up to two seconds (FAT) and the kernel in ticks: a file that
# changed this recently may change again and look the same.
_SETTLED_NS = 2_000_000_000


def record_of(
    root: int, path: str, known_hash: bytes = b"", facts_of: FactsOf | None = None
) -> FileRecord | None:
    """The record of one file below an open root; None if it is not there or not to be read.

    Where the bytes are those of `known_hash` the record has only size, time and hash.
    """
    try:
        content = read_source(root, path, sift.MAX_SOURCE_BYTES)
    except Unreadable as error:
        if error.reason in ("gone", "kind", "size"):
            return None
        return FileRecord(
            path=path, language="", size=-1, mtime_ns=-1, hash=b"", skipped="unreadable"
        )
    return record_of_content(path, content, known_hash, facts_of)


def record_of_content(
    path: str, content: Content, known_hash: bytes = b"", facts_of: FactsOf | None = None
) -> FileRecord | None:
    """The record of a file whose bytes are at hand; None for a kind that is not indexed."""
    data = content.data
    language = sift.language_of(path)
    if language is None or sift.file_reason(path, len(data)) is not None:
        return None
    is_settled = time.time_ns() - content.mtime_ns > _SETTLED_NS
    empty = FileRecord(
        path=path,
        language=language,
        size=len(data),
        mtime_ns=content.mtime_ns if is_settled else -1,
        hash=digest(data),
    )
    if empty.hash == known_hash:
        return empty
    if reason := sift.text_reason(path, data):
        return msgspec.structs.replace(empty, skipped=reason)
    facts = _facts(path, data, facts_of)
    return msgspec.structs.replace(
        empty,
        n_lines=data.count(b"\n") + (not data.endswith(b"\n") and bool(data)),
        facts=facts,
        chunks=chunks_of(data, facts),
    )


def _facts(path: str, data: bytes, facts_of: FactsOf | None) -> FileFacts | None:
    record = by_path(path)
    if record is None:
        return None
    try:
        return (facts_of or _default())(record, data)
    except Exception:  # noqa: BLE001 - a defect there must not cost the file its place in the search
        return no_facts(record, data)


_found: list[FactsOf] = []


def _default() -> FactsOf:
    # Loaded on first use: it brings the parser, and a process that only writes needs none.
    if not _found:
        try:
            module = importlib.import_module("indoors_indexing.symbols")
            _found.append(cast("FactsOf", module.facts_of))
        except (ImportError, AttributeError):
            _found.append(no_facts)
    return _found[0]


def no_facts(record: LanguageRecord, data: bytes) -> FileFacts:
    """Facts where nothing can read the language: search works, definitions are not known."""
    del record, data
    return FileFacts(definitions=(), imports=(), bases=(), has_errors=False)
