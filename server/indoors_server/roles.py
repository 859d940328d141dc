"""The child roles: connect stdin and stdout to the service that the process runs.

stdout carries frames, so the descriptor is moved away and fd 1 is pointed at stderr: a stray
print, in Python or in native code, can then never damage the stream (I5).
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from typing import BinaryIO

from indoors_server import children, lockdown


def frame_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take over stdin and stdout for frames and return them as (reader, writer)."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return reader, writer


def _declare_strict(parser: argparse.ArgumentParser) -> None:
    # Obeyed before anything else is imported (__main__).
    parser.add_argument("--strict", action="store_true", help="end unless the lock-down is proven")


def run_worker(arguments: list[str]) -> int:
    """Run the engine worker."""
    parser = argparse.ArgumentParser(prog="indoors worker")
    parser.add_argument("--engine", default="", help="directory that holds the llama_cpp package")
    # The lock-down has read it (role_files): nothing but this model can be opened.
    parser.add_argument("--model", default="", help="the model file that it will load")
    _declare_strict(parser)
    options = parser.parse_args(arguments)
    reader, writer = frame_streams()
    if options.engine:
        sys.path.insert(0, options.engine)
    from indoors_completion.engine import worker

    return worker.run(reader, writer, lockdown.state().state)


def run_indexer(arguments: list[str]) -> int:
    """Run the indexer (the one place where trees live, and the writer of indexes), or a maker."""
    parser = argparse.ArgumentParser(prog="indoors indexer")
    parser.add_argument("--maker", action="store_true", help="only make records for an indexer")
    # The lock-down has read them (role_files): no other folder can be opened.
    parser.add_argument("--root", action="append", default=[], help="a folder that it will index")
    _declare_strict(parser)
    options = parser.parse_args(arguments)
    reader, writer = frame_streams()
    if options.maker:
        from indoors_indexing import maker

        return maker.run(reader, writer)
    from indoors_indexing import reach, service

    return service.run(
        reader,
        writer,
        partial(children.spawn, "indexer", "--maker", *children.root_options(options.root)),
        reach=reach.Reach(options.root),
        lock=lockdown.state().state,
    )
