"""The chunks that llama.vim would send along: other files, picked blindly.

Described from reading ggml-org/llama.vim (ring_n_chunks 16, ring_chunk_size 64): on entering a
buffer it takes the 32 lines on either side of the cursor, and of these a run of 32 lines at random;
shorter texts as they are, those under three lines not at all. A chunk throws out those that share
more than 0.9 of their lines with it; the ring keeps the last sixteen, and the server, which has
less room than that, the newest.

What a person looked at before is not known for a row. So sixteen different files were entered, at
random places: first any files of the same language, last those of the row's own folder, so that
what is most likely to help stands first. That, and true file names, is in llama.vim's favour.
Chunks of the edited file itself are left out: it is in the prompt already.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

N_CHUNKS, CHUNK_LINES = 16, 64
MIN_LINES = 3
MAX_SIMILARITY = 0.9


@dataclass(frozen=True)
class Chunk:
    """Some lines of a file."""

    path: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as they stand in the file."""
        return "\n".join(self.lines)


def similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of lines that two chunks have in common, 0 to 1."""
    known = set(other)
    common = sum(1 for line in one if line in known)
    return 2 * common / (len(one) + len(other))


def pick(path: str, lines: Sequence[str], rng: random.Random) -> Chunk | None:
    """The chunk of a buffer that was entered somewhere."""
    half = CHUNK_LINES // 2
    at = rng.randrange(max(1, len(lines)))
    seen = lines[max(0, at - half) : at + half + 1]
    if len(seen) < MIN_LINES:
        return None
    if len(seen) + 1 >= CHUNK_LINES:
        first = rng.randint(0, max(0, len(seen) - half))
        seen = seen[first : first + half + 1]
    return Chunk(path, tuple(seen))


def chunks(path: str, files: Sequence[tuple[str, str]], rng: random.Random) -> list[Chunk]:
    """The ring at a hole in the file `path`, the newest chunk first. `files` are (path, text)."""
    folder = path.rpartition("/")[0]
    others = sorted(file for file in files if file[0] != path)
    rng.shuffle(others)
    others.sort(key=lambda file: file[0].rpartition("/")[0] == folder)
    ring: list[Chunk] = []
    for name, text in others[-N_CHUNKS:]:
        chunk = pick(name, text.split("\n"), rng)
        if chunk is not None:
            ring = [old for old in ring if similarity(old.lines, chunk.lines) <= MAX_SIMILARITY]
            ring.append(chunk)
    return ring[::-1][:N_CHUNKS]
