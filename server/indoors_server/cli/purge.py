"""`indoors purge`: remove what Indoors keeps on this machine, after listing it.

By default what is left over or can be made again at once: unfinished downloads and builds, the
wheels that engines were unpacked from, the indexes of projects, logs. With --all the engines, the
models and every counter too. `config.json` is the person's own and stays.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from indoors_completion.types import InputError
from indoors_server import paths, private_files
from indoors_server.cli import screen


class Item(NamedTuple):
    """Something that would be removed: what it is, where, and its size in bytes."""

    what: str
    path: Path
    size: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--all", action="store_true", help="engines, models and counters too")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """List, ask, remove; what could not be removed is an error at the end."""
    items = [item for item in find(everything=bool(options.all)) if item.size or options.all]
    if not items:
        screen.say("Nothing to remove.")
        return 0
    for item in items:
        shown = private_files.show(item.path)
        screen.say(f"  {screen.human_bytes(item.size):>8}  {item.what:<20} {shown}")
    total = screen.human_bytes(sum(item.size for item in items))
    if not options.yes and not _confirmed(f"Remove these, {total}?"):
        screen.say("Nothing was removed.")
        return 1
    failures = [failure for item in items if (failure := _remove(item.path))]
    for failure in failures:
        screen.warn(failure)
    if options.all:
        for root in _roots():
            _remove_empty(root)
    screen.say(f"Removed {len(items) - len(failures)} of {len(items)}, {total}.")
    return 1 if failures else 0


def find(*, everything: bool) -> Iterator[Item]:
    """What a purge would remove, in a stable order, nothing twice."""
    cache, state = paths.cache_dir(), paths.state_dir()
    yield from _items("unfinished download", paths.models_dir() / "partial")
    yield from _items("unfinished build", cache / "build")
    yield from _matching("unfinished engine", paths.engines_dir(), ".unpack-*")
    yield from _items("engine wheels", cache / "wheels")
    yield from _items("index of projects", cache / "index")
    yield from _matching("log", state, "*.log*")
    if not everything:
        return
    yield from _items("engines", paths.engines_dir())
    for path in _entries(paths.models_dir()):
        if path.name != "partial":
            yield from _items("model" if path.suffix == ".gguf" else "model record", path)
    listed = {"build", "wheels", "engines", "models", "index"}
    for path in _entries(cache):
        if path.name not in listed:
            yield from _items("cache", path)
    for path in _entries(state):
        if not path.match("*.log*") and path.name != "config.json":
            yield from _items("state", path)


def _items(what: str, path: Path) -> Iterator[Item]:
    if path.is_symlink() or path.exists():
        yield Item(what, path, _size(path))


def _matching(what: str, directory: Path, pattern: str) -> Iterator[Item]:
    for path in sorted(directory.glob(pattern)) if directory.is_dir() else ():
        yield from _items(what, path)


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    """The bytes that removing `path` frees: links count as nothing and are not followed."""
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    total = 0
    for parent, _, names in os.walk(path):
        for name in names:
            file = Path(parent) / name
            total += 0 if file.is_symlink() else file.lstat().st_size
    return total


def _remove(path: Path) -> str:
    """Remove a file, a link or a tree; what went wrong, "" if nothing did."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{private_files.show(path)} could not be removed: {error.strerror}"
    return ""


def _roots() -> tuple[Path, ...]:
    return (paths.models_dir(), paths.cache_dir(), paths.state_dir())


def _remove_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        return  # not there, or something of the person's own is in it


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise InputError(
            "There is no terminal to ask on, so nothing was removed.",
            next_step="add --yes to the command",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
