"""Which functions a compiled library takes from others: the undefined names of its symbol table.

64-bit little-endian ELF, which is what Linux has on x86-64 and aarch64. Format: `man 5 elf`.
"""

from __future__ import annotations

import struct
from pathlib import Path

_DYNSYM = 11


def is_library(path: Path) -> bool:
    """Whether it is an ELF file that is there, whatever it is called."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(6) == b"\x7fELF\x02\x01"


def imported_names(path: Path) -> set[str]:
    """The names that the dynamic linker has to find elsewhere."""
    data = path.read_bytes()
    (offset,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    # name, type, flags, address, offset, size, link, info, alignment, size of an entry
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + k * size) for k in range(count)]
    found = set()
    for _, kind, _, _, start, length, link, _, _, entry in sections:
        if kind != _DYNSYM:
            continue
        names = sections[link][4]
        for place in range(start, start + length, entry):
            name, _, _, defined_in = struct.unpack_from("<IBBH", data, place)
            if name and defined_in == 0:
                end = data.index(b"\0", names + name)
                found.add(data[names + name : end].decode())
    return found
