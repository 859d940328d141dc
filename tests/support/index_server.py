"""A workspace, the index that running servers keep of it, and a fresh one to compare it with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.lsp_client import LspClient, running_server
from indoors_indexing.build import bring_up_to_date
from indoors_indexing.store import Reader, Writer
from support.index_records import content, without_ids
from support.processes import children_of, is_alive

# Generous: a machine may be busy, and nothing here says how fast anything is.
PATIENCE_S = 120.0


def until(is_so: Callable[[], object], what: Callable[[], object] = lambda: "") -> None:
    """Wait for something; AssertionError with `what()` if it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


class Workspace:
    """One folder, and a home with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.home = folder / "home"
        self.cache = self.home / ".cache" / "indoors"
        self.root.mkdir()
        self.home.mkdir()

    @classmethod
    def of(cls, root: Path, home: Path) -> Workspace:
        """A folder and a home that are there already."""
        made = cls.__new__(cls)
        made.root, made.home, made.cache = root, home, home / ".cache" / "indoors"
        return made

    def environment(self) -> dict[str, str]:
        """For a server whose home this is."""
        places = {
            "XDG_CACHE_HOME": ".cache", "XDG_STATE_HOME": ".state", "XDG_CONFIG_HOME": ".config",
        }  # fmt: skip
        named = {name: str(self.home / place) for name, place in places.items()}
        return {"HOME": str(self.home), **named}

    def put(self, path: str, text: str) -> Path:
        """Write a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def found(self, word: str, root: Path | None = None) -> list[str]:
        """The files in which the index has a word."""
        with Reader.open(root or self.root, self.cache) as reader:
            return sorted({hit.path for hit in reader.containing(word)})

    def finds(self, word: str, *paths: str, root: Path | None = None) -> None:
        """Wait until the index has a word in exactly these files."""
        until(
            lambda: self.found(word, root) == sorted(paths), lambda: (word, self.found(word, root))
        )

    def rows(self, cache: Path) -> dict[str, list[tuple]]:
        """All that an index says, without what depends on the order of events."""
        found = without_ids(content(self.root, cache))
        # The time of a file is only kept once it is settled.
        return found | {"files": [(*row[:3], *row[4:]) for row in found["files"]]}

    def is_whole(self, beside: str = "/") -> None:
        """Wait until the index equals one that is made of the files as they are now.

        Of files whose paths begin with `beside` only the names are compared: how far a parser got
        with a hostile file may depend on the machine.
        """

        def rows(cache: Path) -> dict[str, list[tuple]]:
            found = self.rows(cache)
            names = [row[0] for row in found["files"]]
            kept = {
                kind: [row for row in some if not row[0].startswith(beside)]
                for kind, some in found.items()
            }
            return kept | {"names": names}

        fresh = self.home / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        with Writer.open(self.root, fresh) as writer:
            assert bring_up_to_date(writer, str(self.root)).is_complete
        truth = rows(fresh)
        assert truth["files"]
        until(
            lambda: rows(self.cache) == truth,
            lambda: {
                kind: sorted(set(rows(self.cache)[kind]) ^ set(some))[:4]
                for kind, some in truth.items()
            },
        )


class Editor:
    """A client of a real server, and what it heard about indexes."""

    def __init__(self, client: LspClient, pid: int) -> None:
        self.client = client
        self.pid = pid

    def states(self) -> dict[str, Any]:
        """The last status of each folder's index."""
        reports = self.client.notifications("indoors/status")
        return {one["root"]: one for one in (reports[-1]["index"] if reports else ())}

    def phase(self, root: Path, phase: str) -> None:
        """Wait until a folder's index is in a phase."""
        self.client.wait_for(
            lambda: self.states().get(str(root), {}).get("phase") == phase, PATIENCE_S
        )

    def indexer(self) -> int:
        """The indexer's process id, once there is one."""
        until(lambda: "indexer" in children_of(self.pid))
        return children_of(self.pid)["indexer"]

    def progress(self) -> list[dict[str, Any]]:
        """What was said about passes."""
        said = self.client.notifications("$/progress")
        tokens = {one["token"] for one in said if "indexing" in one["value"].get("title", "")}
        return [{"token": one["token"], **one["value"]} for one in said if one["token"] in tokens]


@contextmanager
def editing(
    workspace: Workspace,
    *folders: Path,
    log_to: Path | None = None,
    command: Sequence[str] | None = None,
    **options: Any,
) -> Iterator[Editor]:
    """A server with these folders (without any: the workspace's), ended afterwards.

    `log_to` and `command` are those of `running_server`, `options` those of `initialize`.
    """
    with running_server(workspace.environment(), log_to, command) as (client, process):
        client.initialize(
            folders=folders or (workspace.root,),
            capabilities={"window": {"workDoneProgress": True}},
            **options,
        )
        yield Editor(client, process.pid)
        ours = list(children_of(process.pid).values())
    until(lambda: not any(map(is_alive, ours)))
