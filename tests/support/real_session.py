"""A whole session with a real server: an index is built, code is completed, files change in storms.

The work is the same wherever it runs: in a network of its own, under a tracer, as another user.
"""

from __future__ import annotations

from pathlib import Path

from fakes.lsp_client import LspClient
from indoors_server import paths
from support.index_server import Editor, Workspace

# What is asked here is what comes, not how fast: a loaded machine may take its time.
SETTINGS = {"completion": {"deadlineMs": 30_000}}
READY_S = 180.0
ANSWER_S = 120.0


def use_the_models_of_this_machine(work: Workspace) -> None:
    """The workspace's own cache has the person's models and engines, and indexes of its own."""
    work.cache.mkdir(parents=True)
    for place in (paths.models_dir(), paths.engines_dir()):
        (work.cache / place.name).symlink_to(place)


def fill(work: Workspace, n_files: int = 60) -> None:
    """Sources to index."""
    for number in range(n_files):
        body = "".join(
            f"def area_{number}_{k}(side_{k}: float) -> float:\n    return side_{k} * {k}\n\n\n"
            for k in range(12)
        )
        work.put(f"pkg/module_{number}.py", body)


def complete(client: LspClient, work: Workspace, n_requests: int) -> int:
    """Ask for so many completions, each in a document of its own; how many said something."""
    n_answered = 0
    for number in range(n_requests):
        uri = (work.root / f"use_{number}.py").as_uri()
        text = f"import math\n\n\ndef circle_area_{number}(radius: float) -> float:\n    return "
        client.open(uri, text + "\n")
        request = client.start_completion(uri, 4, len("    return "))
        answer = client.answer(request, ANSWER_S)
        assert "error" not in answer, answer
        n_answered += bool(answer["result"]["items"])
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    return n_answered


def edit(editor: Editor, work: Workspace) -> None:
    """Have the model write one edit, whatever comes of it: an editor that applies none."""
    client, uri = editor.client, (work.root / "edited.py").as_uri()
    client.open(uri, "def area(width, height):\n    total = width * height\n    return total\n")
    here = {"line": 1, "character": 4}
    wish = {"uri": uri, "range": {"start": here, "end": here}, "action": "document"}
    n_before = jobs_done(client)
    params = {"command": "indoors.refactor", "arguments": [wish]}
    result = client.request("workspace/executeCommand", params, 2 * ANSWER_S)
    assert result["applied"] is False
    assert jobs_done(client) > n_before, result


def storm(work: Workspace, n_files: int) -> Path:
    """Files are written, changed, renamed and removed: four events for each, or more.

    The folder in which it was.
    """
    for number in range(n_files):
        folder, name = f"storm/{number % 30}", f"file_{number}.py"
        file = work.put(f"{folder}/{name}", f"first_{number} = 1\n")
        file.write_text(f"second_{number} = 2\n")
        moved = file.rename(file.with_name(f"moved_{number}.py"))
        if number % 3 == 0:
            moved.unlink()
    work.put("storm/last.py", "the_calm_after = 1\n")
    work.finds("the_calm_after", "storm/last.py")
    return work.root / "storm"


def jobs_done(client: LspClient) -> int:
    """How many jobs the model has run."""
    status = client.request("workspace/executeCommand", {"command": "indoors.status"})
    return int(status["engine"]["n_jobs"])
