"""The model files on this machine: found, checked, and never used damaged.

A file is hashed in full before its first use and again whenever its identity (device, inode, size,
mtime, ctime) differs from the one recorded when it was last hashed. A record lies beside each file
in the store (`FILE.json`); files elsewhere have theirs in the store's `elsewhere` directory.
Nothing here parses a model file or opens a connection.

    models/NAME.gguf          the file, 0600, present only when complete
    models/NAME.gguf.json     its record
    models/partial/NAME.gguf/ an unfinished pull or import (`model_install`)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from indoors_completion import catalog
from indoors_completion.catalog import ModelEntry
from indoors_completion.types import InputError, ModelError
from indoors_server import paths, private_files

_CHUNK = 1 << 20
_MAGIC = b"GGUF"
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$", re.IGNORECASE)

Progress = Callable[[int], None]
show = private_files.show


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one file since it was last hashed. `verified_at` is in Unix seconds."""

    name: str
    sha256: str
    bytes: int
    identity: tuple[int, int, int, int, int]
    verified_at: float
    source: str


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file, hashed while its `identity` was (dev, inode, size, mtime_ns, ctime_ns)."""

    path: Path
    identity: tuple[int, int, int, int, int]
    sha256: str


class ResolvedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that may be loaded.

    `path`, `identity` and `sha256` are those of the only file, or of the first of a split set,
    which llama.cpp opens by itself (`files` holds all). `verified` says that every byte equals what
    the catalogue knows of the publisher's file; a file of which nothing is known is unverified.
    """

    path: Path
    identity: tuple[int, int, int, int, int]
    sha256: str
    entry: ModelEntry | None
    verified: bool
    files: tuple[ModelFile, ...]

    @property
    def name(self) -> str:
        """The catalogue's name, else the file's."""
        return self.entry.name if self.entry else self.path.stem

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(file.identity[2] for file in self.files)


def resolve(name_or_path: str, progress: Progress | None = None) -> ResolvedModel:
    """Find a model by catalogue name, imported name, or path, and check its bytes if need be.

    `progress` gets the number of bytes hashed so far (a first use reads the whole file). ModelError
    if the model is not on this machine, incomplete, or damaged; InputError for an unknown name.
    """
    return resolve_path(locate(name_or_path), progress)


def locate(name_or_path: str) -> Path:
    """The path that a name or path means; the file need not exist if the catalogue has the name."""
    text = name_or_path.strip()
    given = Path(text).expanduser()
    if given.is_absolute() or len(given.parts) > 1:
        return given
    stored = paths.models_dir() / text
    if text and (stored.is_file() or not text.lower().endswith(".gguf")):
        return stored if stored.is_file() else _imported(text) or store_path(catalog.find(text))
    if not text:
        raise InputError("No model is named.", next_step="indoors models list")
    entry = catalog.by_file(text)
    return store_path(entry) if entry and not given.exists() else given


def store_path(entry: ModelEntry) -> Path:
    """Where the store keeps an entry's file."""
    return paths.models_dir() / entry.file


def resolve_path(path: Path, progress: Progress | None = None) -> ResolvedModel:
    """As `resolve`, for a path."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a cache's links
    files: list[ModelFile] = []
    entry: ModelEntry | None = None
    done = 0
    for part in shard_paths(absolute):
        counted = None if progress is None else _offset(progress, done)
        file, entry = _checked(part, counted)
        files.append(file)
        done += file.identity[2]
    first = files[0]
    return ResolvedModel(
        path=first.path,
        identity=first.identity,
        sha256=first.sha256,
        entry=entry if len(files) == 1 else None,
        verified=len(files) == 1 and entry is not None and entry.sha256 == first.sha256,
        files=tuple(files),
    )


def verify_path(path: Path, progress: Progress | None = None) -> ResolvedModel:
    """As `resolve_path`, but every byte is read, whatever the records say."""
    for part in shard_paths(Path(os.path.abspath(path))):  # noqa: PTH100 - as in resolve_path
        record = read_record(part)
        if record is not None:
            stale = msgspec.structs.replace(record, identity=(0, 0, 0, 0, 0))
            private_files.write_atomically(_record_path(part), msgspec.json.encode(stale))
    return resolve_path(path, progress)


def shard_paths(path: Path) -> tuple[Path, ...]:
    """All files of a split set (`…-00001-of-0000N.gguf`) in order; the path alone if not split."""
    match = _SHARD.search(path.name)
    if match is None:
        return (path,)
    stem, count = path.name[: match.start()], int(match.group(2))
    if not 1 <= count <= 999:
        raise InputError(f"A split set of {count} files cannot be.", why=private_files.show(path))
    return tuple(path.with_name(f"{stem}-{n:05d}-of-{count:05d}.gguf") for n in range(1, count + 1))


def is_installed(entry: ModelEntry) -> bool:
    """Whether the entry's file is in the store (whole, by its size; `resolve` checks its bytes)."""
    path = store_path(entry)
    return path.is_file() and (not entry.bytes or path.stat().st_size == entry.bytes)


def stored_files() -> list[Path]:
    """The model files in the store, by name."""
    directory = paths.models_dir()
    return sorted(directory.glob("*.gguf")) if directory.is_dir() else []


def read_record(path: Path) -> Record | None:
    """The record of a file, None if there is none that can be read."""
    try:
        return msgspec.json.decode(_record_path(path).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(path: Path, sha256: str, *, name: str, source: str) -> Record:
    """Record that `path`, as it is now, has this hash."""
    identity = identity_of(path)
    record = Record(
        name=name,
        sha256=sha256,
        bytes=identity[2],
        identity=identity,
        verified_at=time.time(),
        source=source,
    )
    private_files.write_atomically(_record_path(path), msgspec.json.encode(record))
    return record


def identity_of(path: Path) -> tuple[int, int, int, int, int]:
    """(dev, inode, size, mtime_ns, ctime_ns): changes whenever the bytes may have."""
    return _identity(path.stat())


def _identity(state: os.stat_result) -> tuple[int, int, int, int, int]:
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def hash_file(path: Path, progress: Progress | None = None) -> str:
    """The sha256 of a file, read once, in chunks."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done)
    return digest.hexdigest()


def begins_as_gguf(path: Path) -> bool:
    """Whether the file starts with GGUF's magic number (a login page saved as a model does not)."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def damaged(path: Path, name: str, *, against: str = "the catalogue's") -> ModelError:
    """The error for a file whose bytes are not what they should be."""
    return ModelError(
        f"The model file is damaged: sha256 differs from {against}.",
        why=private_files.show(path),
        next_step=f"indoors models pull {name}   (removes the damaged file first)",
    )


def _checked(path: Path, progress: Progress | None) -> tuple[ModelFile, ModelEntry | None]:
    """The file with its hash, from its record if its identity is unchanged, else by hashing."""
    in_store = path.parent == paths.models_dir()
    expected = catalog.by_file(path.name) if in_store else None
    try:
        before = identity_of(path)
        record = read_record(path)
        if record is not None and record.identity == before:
            sha256 = record.sha256
        else:
            if expected and expected.bytes and before[2] != expected.bytes:
                raise damaged(path, expected.name)
            if not begins_as_gguf(path):
                raise ModelError("This is not a GGUF file.", why=private_files.show(path))
            sha256 = hash_file(path, progress)
            if identity_of(path) != before:
                raise ModelError(
                    "The model file changed while it was being checked.",
                    why=private_files.show(path),
                    next_step="wait for the other program to finish writing it, then try again",
                )
    except FileNotFoundError:
        raise missing(path) from None
    except OSError as error:
        raise ModelError(
            "The model file cannot be read.", why=f"{private_files.show(path)}: {error.strerror}"
        ) from error
    if expected and expected.sha256 and sha256 != expected.sha256:
        raise damaged(path, expected.name)
    if in_store and record and not (expected and expected.sha256) and sha256 != record.sha256:
        raise ModelError(
            "The model file is damaged: sha256 differs from the one recorded when it was stored.",
            why=private_files.show(path),
            next_step=f"indoors models pull {expected.name}   (removes the damaged file first)"
            if expected
            else "import it again: indoors models import FILE",
        )
    if record is None or record.identity != before:
        kept = record.name if record else ""
        origin = record.source if record else ("found in the store" if in_store else "local file")
        # A cache that cannot be written (a read-only home, the lock-down) costs a hash at each
        # start, never the model.
        with contextlib.suppress(OSError):
            write_record(path, sha256, name=kept, source=origin)
    file = ModelFile(path=path, identity=before, sha256=sha256)
    return file, expected or catalog.by_sha256(sha256)


def missing(path: Path) -> ModelError:
    """The error for a model file that is not there."""
    entry = catalog.by_file(path.name)
    if entry and path.parent == paths.models_dir():
        return ModelError(
            f"The model {entry.name} is not on this machine.",
            why=private_files.show(path),
            next_step=f"indoors models pull {entry.name}",
        )
    if _SHARD.search(path.name):
        return ModelError(
            "A file of this split model is missing.",
            why=private_files.show(path),
            next_step="put all files of the set into one directory",
        )
    return ModelError(
        "There is no model file here.",
        why=private_files.show(path),
        next_step="indoors models list",
    )


def _imported(name: str) -> Path | None:
    """The stored file that was imported under `name`."""
    folded = name.lower()
    for path in stored_files():
        record = read_record(path)
        if path.stem.lower() == folded or (record and record.name.lower() == folded):
            return path
    return None


def _record_path(path: Path) -> Path:
    directory = paths.models_dir()
    if path.parent == directory:
        return path.with_name(path.name + ".json")
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
    return directory / "elsewhere" / f"{key}.json"


def _offset(progress: Progress, start: int) -> Progress:
    return lambda done: progress(start + done)
