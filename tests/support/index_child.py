"""A process that writes an index until it is killed: `python index_child.py ROOT CACHE SEED`.

It prints a line whenever a batch is in the database, so that the parent knows what must be there.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from indoors_indexing.store import Writer
from support.index_records import record


def batch(number: int) -> list[tuple[str, str]]:
    """The files of one batch and their text: some new, some that were there before."""
    rng = random.Random(number)
    names = rng.sample(range(30), 8)
    return [(f"{name}.py", f"word{rng.randrange(50)} batch{number}\n" * 6) for name in names]


def removed(number: int) -> list[str]:
    """The files that go away after a batch."""
    return [f"{random.Random(-number).randrange(30)}.py"]


def main() -> None:
    root, cache, first = sys.argv[1:]
    with Writer.open(Path(root), Path(cache)) as writer:
        for note in writer.notes:
            print("note", note, flush=True)
        number = int(first)
        while True:
            writer.apply([record(path, text) for path, text in batch(number)])
            print("applied", number, flush=True)
            writer.remove(removed(number))
            print("removed", number, flush=True)
            if number % 5 == 0:
                writer._change(lambda connection: connection.execute(
                    "INSERT INTO chunk_words (chunk_words) VALUES ('optimize')"))  # fmt: skip
            number += 1


if __name__ == "__main__":
    main()
