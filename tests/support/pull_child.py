"""A process that pulls one model, for tests that kill it or limit it.

argv: the catalogue entry as JSON, and the largest file in bytes that it may write (0: no limit).
"""

from __future__ import annotations

import resource
import sys

import msgspec

from indoors_completion import catalog
from indoors_completion.types import IndoorsError
from indoors_server import model_install, model_sources


def main() -> int:
    entry = msgspec.json.decode(sys.argv[1], type=catalog.ModelEntry)
    limit = int(sys.argv[2])
    catalog.load = lambda: (entry,)  # type: ignore[assignment]
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        model_install.pull(
            entry,
            model_sources.for_entry(entry),
            progress=lambda *_: None,
            say=lambda text: print(text, flush=True),
        )
    except IndoorsError as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
