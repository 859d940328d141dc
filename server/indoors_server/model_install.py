"""Bring a model into the store: fetch, check every byte, and only then give it its name.

Whatever happens on the way (a cut, a kill, a full disk, wrong bytes) the store holds either the
complete, checked file or none. What arrived waits in `partial/FILE/` for the next attempt, except
bytes that were found to be wrong, which are removed. One process at a time works on a file.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from indoors_completion import catalog
from indoors_completion.catalog import ModelEntry
from indoors_completion.types import IndoorsError, InputError, ModelError
from indoors_server import model_store, paths, private_files
from indoors_server.model_sources import LocalFile, Reporter, Source
from indoors_server.model_store import ResolvedModel

# Left free beside the model: a system with a full disk serves nobody.
_SPARE_BYTES = 64 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")

Progress = Callable[[str, int, int], None]


def pull(
    entry: ModelEntry, sources: Sequence[Source], *, progress: Progress, say: Callable[[str], None]
) -> ResolvedModel:
    """Install an entry from the first source that can give it, and return it ready to load.

    `progress(label, done, total)` counts bytes; `say` gets short sentences. An undamaged file that
    is already there is kept; a damaged one is removed first. IndoorsError if no source can.
    """
    target = model_store.store_path(entry)
    with _locked(target, say):
        present = _already(entry, target, progress, say)
        if present is not None:
            return present
        failures: list[IndoorsError] = []
        for source in sources:
            say(f"from {source.describe()}")
            try:
                _install(target, source, entry, entry.name, progress, say)
            except ModelError as error:
                if isinstance(error, private_files.NoRoom) or source is sources[-1]:
                    raise _all_failed([*failures, error]) from error
                failures.append(error)
                say(f"{error.what} {error.why}".strip())
                continue
            return model_store.resolve_path(target)
    raise InputError(f"No source is left for {entry.name}.", next_step="indoors models list")


def import_files(
    given: Path,
    *,
    name: str = "",
    link: bool = False,
    progress: Progress,
    say: Callable[[str], None],
) -> ResolvedModel:
    """Copy (or link) a model from this machine into the store and return it ready to load.

    `given` is a GGUF file, any file of a split set, or a directory that holds one model. A file
    with a hash that the catalogue knows takes the catalogue's name; `name` is for all others.
    """
    files = _chosen(given)
    if name and (len(files) > 1 or not _NAME.fullmatch(name)):
        raise InputError(
            "This name cannot be given to this model.",
            why="names are letters, digits and . _ + - ; a split set keeps its files' names",
        )
    total = sum(file.stat().st_size for file in files)
    installed: list[Path] = []
    before = 0
    for file in files:
        say(f"checking {file.name}")
        digest = model_store.hash_file(file, _counting(progress, before, total))
        entry = catalog.by_sha256(digest)
        own = f"{name}.gguf" if name else file.name
        target = paths.models_dir() / (entry.file if entry else own)
        with _locked(target, say):
            if not _holds(target, digest, file):
                label = entry.name if entry else target.stem
                _install(target, LocalFile(file, link), entry, label, progress, say, digest)
        installed.append(target)
        before += file.stat().st_size
    return model_store.resolve_path(installed[0])


def _holds(target: Path, digest: str, file: Path) -> bool:
    """Whether the store has this very file; raises if another model has its place."""
    claimed = catalog.by_file(target.name)
    if claimed and claimed.sha256 and claimed.sha256 != digest:
        raise InputError(
            "The file has a catalogue model's file name but not its bytes: sha256 differs.",
            why=private_files.show(file),
            next_step=f"indoors models pull {claimed.name}, or import the file with --name NAME",
        )
    if not target.exists():
        return False
    if model_store.hash_file(target) == digest:
        return True
    if claimed:
        return False  # a damaged copy of the very model that is being imported
    raise InputError(
        "Another model of this file name is in the store.",
        why=private_files.show(target),
        next_step="import the file with --name NAME",
    )


def remove(path: Path) -> None:
    """Remove a stored file and its record."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".json").unlink(missing_ok=True)


def _install(
    target: Path,
    source: Source,
    entry: ModelEntry | None,
    name: str,
    progress: Progress,
    say: Callable[[str], None],
    expected_sha256: str = "",
) -> None:
    """Fetch into the partial directory, check, publish. The lock is held."""
    expected = expected_sha256 or (entry.sha256 if entry else "")
    everything = paths.models_dir() / "partial" / target.name
    workspace = everything / source.key
    private_files.make_tree(workspace)
    partial = workspace / "data"
    total = [entry.bytes if entry else 0]

    def admit(needed: int) -> None:
        total[0] = total[0] or needed
        # This source answers, so what an earlier one left unfinished is only in the way.
        for other in everything.iterdir():
            if other != workspace:
                shutil.rmtree(other, ignore_errors=True)
        _check_room(workspace, needed)

    reporter = Reporter(lambda done: progress("download", done, total[0]), say, admit)
    with private_files.explain_full_disk(workspace, _again(entry)):
        source.fetch(partial, reporter)
        size = partial.stat().st_size
        digest = model_store.hash_file(partial, lambda done: progress("check", done, size))
        _refuse_wrong(partial, digest, expected, entry, workspace)
        private_files.publish(partial, target)
        model_store.write_record(target, digest, name=name, source=source.describe())
    shutil.rmtree(everything, ignore_errors=True)


def _refuse_wrong(
    partial: Path, digest: str, expected: str, entry: ModelEntry | None, workspace: Path
) -> None:
    """Raise, and remove what arrived, if it is not the expected file or no model at all."""
    what = ""
    if expected and digest != expected:
        what = (
            "The file that arrived is not the publisher's: sha256 differs from the catalogue's."
            if entry
            else "The file changed while it was copied."
        )
    elif not model_store.begins_as_gguf(partial):
        what = "What arrived is not a GGUF file."
    elif entry and entry.bytes and partial.stat().st_size != entry.bytes:
        what = "The file that arrived does not have the catalogue's length."
    if not what:
        return
    shutil.rmtree(workspace, ignore_errors=True)
    raise ModelError(
        what,
        why="It was removed; nothing was installed.",
        next_step="run the same command again, or take another source (--from, --mirror)",
    )


def _already(
    entry: ModelEntry, target: Path, progress: Progress, say: Callable[[str], None]
) -> ResolvedModel | None:
    """The installed model if it is sound; a damaged file is removed."""
    if not target.exists():
        return None
    try:
        return model_store.resolve_path(target, lambda done: progress("check", done, entry.bytes))
    except ModelError as error:
        say(f"{error.what} Removing it.")
        remove(target)
        return None


def _check_room(workspace: Path, needed: int) -> None:
    """Raise if what is still to come does not fit. What arrived before counts."""
    present = sum(file.stat().st_size for file in workspace.iterdir() if file.is_file())
    missing = needed - present + _SPARE_BYTES
    free = shutil.disk_usage(workspace).free
    if needed and missing > free:
        raise private_files.NoRoom(
            f"There is not enough room: {missing / 1e9:.2f} GB are needed, "
            f"{free / 1e9:.2f} GB are free.",
            why=private_files.show(paths.models_dir()),
            next_step="free some space, or point XDG_CACHE_HOME at a larger disk",
        )


def _chosen(given: Path) -> tuple[Path, ...]:
    """The file or split set that a person means by a path."""
    try:
        if given.is_dir():
            candidates = sorted(given.glob("*.gguf"))
            sets = {model_store.shard_paths(file) for file in candidates}
            if len(sets) != 1:
                names = ", ".join(file.name for file in candidates) or "none"
                raise InputError(
                    f"{len(sets)} models are in this directory; name one file.",
                    why=f"{private_files.show(given)}: {names}",
                )
            files = next(iter(sets))
        else:
            files = model_store.shard_paths(given)
        for file in files:
            if not model_store.begins_as_gguf(file):
                raise InputError("This is not a GGUF file.", why=private_files.show(file))
    except FileNotFoundError as error:
        raise InputError("There is no such file.", why=str(error.filename)) from error
    except OSError as error:
        raise InputError(
            "The file cannot be read.", why=f"{error.filename}: {error.strerror}"
        ) from error
    return files


def _locked(target: Path, say: Callable[[str], None]) -> AbstractContextManager[None]:
    lock = paths.models_dir() / "partial" / f"{target.name}.lock"
    return private_files.exclusive(
        lock, lambda: say(f"another Indoors is installing {target.name}: waiting for it")
    )


def _counting(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress("check", before + done, total)


def _again(entry: ModelEntry | None) -> str:
    return f"indoors models pull {entry.name}" if entry else "the same command"


def _all_failed(failures: Sequence[IndoorsError]) -> IndoorsError:
    """The last failure, with the earlier ones named."""
    last = failures[-1]
    if len(failures) == 1:
        return last
    why = "; ".join(f"{error.what} {error.why}".strip() for error in failures)
    return ModelError("No source could give the model.", why=why, next_step=last.next_step)
