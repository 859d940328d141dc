"""Writes a split copy of a GGUF file, for the test that split files load.

The format: ggml's docs/gguf.md. The tensors of the copy are holes (zeros) in sparse files: what is
tested is that all parts are found and that every tensor is where the header says.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY, _UINT16, _INT32 = 8, 9, 2, 5
_ALIGNMENT = 32  # the default, which the default model uses


def write_split(source: Path, directory: Path) -> Path:
    """Split `source` into two parts in `directory`; the path of the first."""
    with source.open("rb") as file:
        _magic, version, n_tensors, n_keys = struct.unpack("<4sIQQ", file.read(24))
        keys_from = file.tell()
        for _ in range(n_keys):
            _skip_string(file)
            _skip_value(file, *struct.unpack("<I", file.read(4)))
        keys_to = file.tell()
        tensors = [_tensor(file) for _ in range(n_tensors)]
        data_from = _align(file.tell())
        file.seek(keys_from)
        keys = file.read(keys_to - keys_from)
    ends = [offset for _, offset in tensors[1:]] + [source.stat().st_size - data_from]
    half = len(tensors) // 2
    for part, (first, last) in enumerate(((0, half), (half, len(tensors)))):
        base = tensors[first][1]
        infos = b"".join(
            info + struct.pack("<Q", offset - base) for info, offset in tensors[first:last]
        )
        own = _split_keys(part, n_tensors)
        count = 3 + (n_keys if part == 0 else 0)
        header = struct.pack("<4sIQQ", b"GGUF", version, last - first, count)
        header += (keys if part == 0 else b"") + own + infos
        path = directory / f"split-{part + 1:05d}-of-00002.gguf"
        path.write_bytes(header)
        os.truncate(path, _align(len(header)) + ends[last - 1] - base)
    return directory / "split-00001-of-00002.gguf"


def _split_keys(part: int, n_tensors: int) -> bytes:
    return (
        _string("split.no") + struct.pack("<IH", _UINT16, part)
        + _string("split.count") + struct.pack("<IH", _UINT16, 2)
        + _string("split.tensors.count") + struct.pack("<Ii", _INT32, n_tensors)
    )  # fmt: skip


def _tensor(file: BinaryIO) -> tuple[bytes, int]:
    """A tensor's description without its offset, and the offset."""
    begin = file.tell()
    _skip_string(file)
    (n_dimensions,) = struct.unpack("<I", file.read(4))
    file.seek(8 * n_dimensions + 4, os.SEEK_CUR)
    end = file.tell()
    file.seek(begin)
    info = file.read(end - begin)
    return info, struct.unpack("<Q", file.read(8))[0]


def _skip_value(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _skip_string(file)
    elif kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        for _ in range(count):
            _skip_value(file, inner)
    else:
        file.seek(_SIZES[kind], os.SEEK_CUR)


def _skip_string(file: BinaryIO) -> None:
    (length,) = struct.unpack("<Q", file.read(8))
    file.seek(length, os.SEEK_CUR)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _align(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT
