"""A source file that a person named, to be read and put back as it was but for its text.

Replaced in one step: a file beside it, complete and on the disk, takes its name. What the name
leads to by links is what is replaced, and it keeps its mode, its owner, its encoding and its byte
order mark. A file that is not what was read any more is left alone.
"""

from __future__ import annotations

import codecs
import os
import tempfile
from pathlib import Path

import msgspec

from indoors_completion.types import InputError
from indoors_indexing import reading
from indoors_indexing.types import Document
from indoors_server.private_files import sync_directory

# What a person may name is a source; a disk image is a slip.
_MAX_BYTES = 16 * 1024 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class SourceFile(msgspec.Struct, frozen=True):
    """A file as it was read. `name` is what the person said, `path` where that led."""

    name: Path
    path: Path
    data: bytes
    mark: bytes
    encoding: str

    @property
    def text(self) -> str:
        """The text without the mark, with the line ends that the file has."""
        return self.data[len(self.mark) :].decode(self.encoding)


def read(name: Path) -> SourceFile:
    """Read a file. Raises InputError, also for one that is not text in UTF-8 or marked UTF-16."""
    try:
        path = name.resolve()
        data = reading.read_regular(str(path), None, _MAX_BYTES).data
    except reading.Unreadable as error:
        raise InputError(f"{name} cannot be read.", why=error.why) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{name} cannot be read.", why=str(error)) from error
    mark, encoding = next((one for one in _MARKS if data.startswith(one[0])), (b"", "utf-8"))
    source = SourceFile(name, path, data, mark, encoding)
    try:
        text = source.text
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not text in UTF-8.",
            why="its bytes could not be put back as they are",
            next_step="convert the file first, for example with iconv",
        ) from error
    if "\0" in text:
        raise InputError(f"{name} is not a text.", why="it has zero bytes in it")
    return source


def replace(source: SourceFile, text: str) -> None:
    """Give a file another text. Raises InputError if it cannot be done or is not safe, and then
    nothing has changed.
    """
    path, data = source.path, source.mark + text.encode(source.encoding)
    temporary = None
    try:
        status = path.stat()
        if not os.access(path, os.W_OK):
            raise InputError(f"{source.name} was not changed.", why="it is read-only")
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            _make_like(stream.fileno(), status)
            os.fsync(stream.fileno())
        _require_unchanged(source)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{source.name} was not changed.", why=why) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    sync_directory(path.parent)


def put(source: SourceFile, root: Path, document: Document, text: str) -> None:
    """Give the file of a document another text: `source` if it is that one, else another file of
    the project, which is created if it is not there. Raises InputError, and nothing has changed.
    """
    where = root / document.path
    if where.resolve() == source.path:
        replace(source, text)
    elif document.text or where.exists():
        there = read(where)
        if there.text != document.text:
            raise InputError(
                f"{document.path} was not changed.",
                why="something else has changed it meanwhile",
                next_step="the same command again",
            )
        replace(there, text)
    else:
        create(where, text)


def create(path: Path, text: str) -> None:
    """Make a new file, and the folders that it is in. Raises InputError, also if it is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="") as stream:
            try:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                path.unlink(missing_ok=True)  # a full disk leaves no half of a file
                raise
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{path.name} was not created.", why=why) from error
    sync_directory(path.parent)


def _make_like(descriptor: int, status: os.stat_result) -> None:
    """The owner first: to change it takes bits from the mode."""
    if os.name != "posix":
        return
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, status.st_mode & 0o7777)


def _require_unchanged(source: SourceFile) -> None:
    """Somebody may have written the file, or led its name elsewhere, while the model wrote."""
    try:
        now = read(source.name)
    except InputError:
        now = None
    if now is None or (now.path, now.data) != (source.path, source.data):
        raise InputError(
            f"{source.name} was not changed.",
            why="it is not what was read any more: something else has changed it meanwhile",
            next_step="the same command again",
        )
