"""What a person gets of edits: is everything that is shown safe, and how often is nothing shown?

Real files of seven languages (data/holes_sources.jsonl.gz) are opened in a real server, as an
editor would. At a function or class that a seed chooses, an action that the menu has there is asked
for; in every fifth edit a key is typed while the model writes. Where a report shall be fixed, a
name was misspelled before. What comes is applied to the text that the "editor" has, and looked at
by other means than the server's: tree-sitter over the whole file, and Python's own parser.

    edits                     edits that were asked for, keys typed meanwhile aside
    shown                     those that came
    shown_with_syntax_error   of these, with more errors than before (must be 0)
    outside_range             of these, with a change outside of what was asked about (must be 0)
    no_safe_edit_percent      edits for which nothing was shown, and the person was told why
    seconds_by_action         median seconds of an edit that was shown, from the request to the
                              answer, all that the model wrote for it and all checks included
    wall_over_echo_by_action  the same over the time in which the model would only write what may
                              change once more, at its measured speed and with 3.5 characters a
                              token, reading no prompt at all: what an editor waits for that has the
                              model repeat the selection takes longer
    not_offered               of places where the action applies, those where the menu has it with a
                              reason why this model is not asked for it
    typed, lost_keystrokes    edits during which a key was typed, and those that came nevertheless
                              and would have undone it or hit another place (must be 0)

The last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import gzip
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from replay_lsp import LspClient

from indoors_completion.refactor import actions, asking
from indoors_completion.refactor.types import EditRequest
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Document, Outline, Span

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "data" / "holes_sources.jsonl.gz"
INSTRUCTIONS = (
    "Give the local variables clearer names.",
    "Return early where that makes it flatter.",
    "Check the arguments first, and fail with a clear message.",
    "Avoid doing the same work twice.",
    "Replace magic numbers with named constants.",
    "Add a comment where it is not obvious why something is done.",
)
_NAME = re.compile(
    r"\b(?!(?:return|else|while|continue|break|func|self|this|const|static|void|true|false|null|None"
    r"|char|long|import|from|async|await|throw|raise|default|case|switch|type|interface)\b)[a-z]\w{3,}\b"
)
CAPABILITIES: dict[str, Any] = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create"],
            "changeAnnotationSupport": {},
        },
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}},
            "dataSupport": True,
            "disabledSupport": True,
            "honorsChangeAnnotations": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
}
READY_S = 600.0
CHARACTERS_A_TOKEN = 3.5
_KINDS = frozenset({"function", "method", "constructor", "class"})
_MOST_LINES = 60


class Site(NamedTuple):
    """A place in a file, and what is asked for there."""

    path: str
    language: str
    text: str
    outline: Outline
    at: int
    end: int
    action: str
    instruction: str


class Seen(NamedTuple):
    """What came of one edit."""

    site: Site
    outcome: str
    seconds: float
    reason: str = ""
    detail: str = ""


class Editor:
    """The client's end: documents with versions, and a server."""

    def __init__(self) -> None:
        self.status, self.tokens_per_s = "", 0.0
        self.endings: list[str] = []  # why the engine ended, each time it did
        self.client = LspClient(self._hear)

    def _hear(self, method: str, params: Any) -> None:
        if method == "indoors/status":
            self.status = str(params["phase"])
            self.tokens_per_s = float(params["tokens_per_s"] or 0.0)
            reason = str(params.get("reason") or "")
            if "ended" in reason and reason not in self.endings[-1:]:
                self.endings.append(reason)

    async def begin(self, root: Path, settings: dict[str, Any]) -> None:
        await self.client.start()
        await self.client.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
                "capabilities": CAPABILITIES,
                "initializationOptions": {"settings": settings, "client": {"askInstruction": True}},
            },
        )
        self.client.notify("initialized", {})
        await self.ready()

    async def ready(self) -> None:
        """Wait for the model: also after its process ended, or no further edit says anything."""
        end = time.monotonic() + READY_S
        while self.status not in ("ready", "busy"):
            if time.monotonic() > end:
                sys.exit(f"the server is not ready after {READY_S:.0f} s: {self.status}")
            await asyncio.sleep(0.1)


async def sites(seed: int, n: int, names: Sequence[str] = ()) -> list[Site]:
    """The first `n` of a shuffled list in which languages and actions (all, or those named) take
    turns.
    """
    chance, syntax = random.Random(seed), DirectSyntax()
    by_language: dict[str, list[Site]] = defaultdict(list)
    with gzip.open(SOURCES, "rt", encoding="utf-8") as lines:
        files = [json.loads(line) for line in lines]
    for number, file in enumerate(files):
        text = file["text"].replace("\r\n", "\n")
        outline = await syntax.outline(file["language"], text)
        if outline is None or outline.n_errors or len(text) > 60_000:
            continue
        path = f"p{number}/{file['path']}"
        for one in outline.definitions:
            n_lines = text.count("\n", one.span.start, one.span.end)
            if one.kind in _KINDS and n_lines <= _MOST_LINES:
                by_language[file["language"]].append(
                    Site(path, file["language"], text, outline, one.head.end, one.span.end, "", "")
                )
    names, found = list(names) or [action.name for action in actions.ACTIONS], []
    for places in by_language.values():
        chance.shuffle(places)
    languages = sorted(by_language)
    number = 0
    while len(found) < n and any(by_language.values()):
        number += 1
        language = languages[number % len(languages)]
        wanted = names[(number // len(languages)) % len(names)]
        for place in list(by_language[language][:200]):
            said = chance.choice(INSTRUCTIONS) if wanted == "edit" else ""
            site: Site | None = place._replace(action=wanted, instruction=said)
            if wanted == "fix":
                site = await misspelled(place, syntax)
            if site is not None and target_of(site) is not None:
                by_language[language].remove(place)
                found.append(site)
                break
    return found


async def misspelled(site: Site, syntax: DirectSyntax) -> Site | None:
    """The file with one name in the function that is none, and what a tool says of it."""
    body = site.text[site.at : site.end]
    places = list(_NAME.finditer(body))
    names = Counter(match[0] for match in places)
    for match in reversed(places):
        wrong = f"{match[0]}{match[0][-1]}"
        if names[match[0]] < 2 or wrong in site.text:
            continue
        at = site.at + match.start()
        text = site.text[:at] + wrong + site.text[at + len(match[0]) :]
        outline = await syntax.outline(site.language, text)
        said = f"Cannot find name '{wrong}'."
        is_code = outline is not None and any(
            leaf.start == at and leaf.kind == "code" for leaf in outline.leaves
        )
        if outline is not None and is_code and not outline.n_errors:
            path = f"misspelled/{site.path}"
            return Site(path, site.language, text, outline, at + 1, site.end + 1, "fix", said)
    return None


def request_of(site: Site) -> EditRequest:
    """The place as the refactoring has it: a cursor, or some lines of the body for `extract`."""
    start, end = selection(site)
    return EditRequest(
        document=Document(
            uri="file:///x", path=site.path, language=site.language, version=1, text=site.text
        ),
        selection=Span(start, end), action=site.action, outline=site.outline,
    )  # fmt: skip


def selection(site: Site) -> tuple[int, int]:
    """What is selected."""
    if site.action != "extract":
        return site.at - 1, site.at - 1
    first = site.text.find("\n", site.at) + 1
    second = site.text.find("\n", first) + 1
    last = site.text.find("\n", second)
    return (first, last) if 0 < first < second < last < site.end else (site.at - 1, site.at - 1)


def target_of(site: Site) -> Span | None:
    """The lines that may change; None where the action does not apply."""
    request = request_of(site)
    if site.action == "fix":
        return Span(site.at - 1, site.at)
    if site.action == actions.TESTS:
        found = actions.BY_NAME[actions.TESTS].applies(request)
    else:
        found = asking.target_of(actions.BY_NAME[site.action], request)
    return None if found is None else found.span


def position(text: str, offset: int) -> dict[str, int]:
    """An LSP position, in UTF-16 units."""
    start = text.rfind("\n", 0, offset) + 1
    return {
        "line": text.count("\n", 0, offset),
        "character": len(text[start:offset].encode("utf-16-le")) // 2,
    }


def offset_of(text: str, at: dict[str, int]) -> int:
    """The offset of an LSP position."""
    lines = text.split("\n")
    line = lines[at["line"]] if at["line"] < len(lines) else ""
    before = sum(len(one) + 1 for one in lines[: at["line"]])
    units = line.encode("utf-16-le")[: 2 * at["character"]]
    return min(len(text), before + len(units.decode("utf-16-le")))


def apply(text: str, edits: list[dict[str, Any]]) -> tuple[str, list[Span]]:
    """The text with LSP's edits made, and where they were made."""
    spans = [
        (
            offset_of(text, one["range"]["start"]),
            offset_of(text, one["range"]["end"]),
            one["newText"],
        )
        for one in edits
    ]
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text, [Span(start, end) for start, end, _ in spans]


def place_of(site: Site) -> dict[str, Any]:
    """What is selected, as LSP has it."""
    start, end = selection(site)
    return {"start": position(site.text, start), "end": position(site.text, end)}


async def opened(editor: Editor, root: Path, site: Site) -> bool:
    """Open the file; whether the menu has the action, to be chosen. A fix is asked for without."""
    uri = (root / site.path).as_uri()
    document = {"uri": uri, "languageId": site.language, "version": 1, "text": site.text}
    editor.client.notify("textDocument/didOpen", {"textDocument": document})
    if site.action == "fix":
        return True
    asked = {
        "textDocument": {"uri": uri},
        "range": place_of(site),
        "context": {"diagnostics": [], "triggerKind": 1},
    }
    for entry in await editor.client.request("textDocument/codeAction", asked):
        if "disabled" not in entry:
            wish = entry["data"] if "data" in entry else entry["command"]["arguments"][0]
            if wish["action"] == site.action:
                return True
    return False


async def one_edit(editor: Editor, root: Path, site: Site, *, typed: bool) -> Seen:
    """Ask in an open file, perhaps type, and look at what came."""
    file = root / site.path
    uri, client = file.as_uri(), editor.client
    where = place_of(site)
    data: dict[str, Any] = {"uri": uri, "range": where, "action": site.action, "version": 1}
    data["instruction"] = site.instruction if site.action == "edit" else ""
    if site.action == "fix":
        data["problem"] = {"message": site.instruction, "range": where, "source": "lint"}
    begun = time.monotonic()
    entry = {"title": site.action, "kind": "refactor", "data": data}
    asked = asyncio.ensure_future(client.request("codeAction/resolve", entry))
    if typed:
        await asyncio.wait({asked}, timeout=1.0)
        here = position(site.text, 0)
        change = {"range": {"start": here, "end": here}, "text": "\n"}
        client.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]},
        )
    was_answered = asked.done()
    answer = await asked
    seconds = time.monotonic() - begun
    reason = (answer.get("disabled") or {}).get("reason", "")
    if "edit" not in answer:
        return Seen(site, "typed" if typed else "none", seconds, reason)
    if typed and not was_answered:
        # Its answer and the key may have crossed. Of an older version an editor takes no edit.
        changes = [one for one in answer["edit"]["documentChanges"] if "kind" not in one]
        if all(one["textDocument"]["version"] == 1 for one in changes):
            return Seen(site, "typed", seconds, "it came for the version before, which is refused")
        return Seen(site, "lost", seconds, "an edit of a text that was typed in meanwhile")
    return Seen(site, *await looked_at(site, uri, answer["edit"], seconds))


async def looked_at(
    site: Site, uri: str, edit: dict[str, Any], seconds: float
) -> tuple[str, float, str, str]:
    """Whether what came parses and stays where it may."""
    syntax = DirectSyntax()
    for change in edit["documentChanges"]:
        if "kind" in change:
            continue
        is_here = change["textDocument"]["uri"] == uri
        text = site.text if is_here else ""
        if is_here and change["textDocument"]["version"] != 1:
            return "outside", seconds, "another version", ""
        after, spans = apply(text, change["edits"])
        outline = await syntax.outline(site.language, after)
        before = await syntax.outline(site.language, text)
        assert outline is not None
        assert before is not None
        if outline.n_errors > before.n_errors or not python_takes(site, text, after):
            return "broken", seconds, "a new syntax error", after
        allowed = target_of(site)
        if is_here and site.action not in ("fix", actions.TESTS) and allowed is not None:
            lines = Span(text.rfind("\n", 0, allowed.start) + 1, _line_end(text, allowed.end))
            if any(one.start < lines.start or one.end > lines.end for one in spans):
                return "outside", seconds, "a change outside of its range", after
        if not is_here and site.action != actions.TESTS:
            return "outside", seconds, "a change of another file", after
    return "shown", seconds, "", ""


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def python_takes(site: Site, before: str, after: str) -> bool:
    """Whether Python parses what it parsed before."""
    if site.language != "python":
        return True
    try:
        ast.parse(before)
    except (SyntaxError, ValueError):
        return True
    try:
        ast.parse(after)
    except (SyntaxError, ValueError):
        return False
    return True


def report(seen: list[Seen], tokens_per_s: float) -> dict[str, Any]:
    """The figures; the model writes so many tokens a second."""
    edits = [one for one in seen if one.outcome not in ("typed", "lost")]
    counts = Counter(one.outcome for one in seen)

    def none_of(key: str) -> dict[str, str]:
        groups: dict[str, list[Seen]] = defaultdict(list)
        for one in edits:
            groups[getattr(one.site, key)].append(one)
        return {
            name: f"{sum(one.outcome == 'none' for one in group)}/{len(group)}"
            for name, group in sorted(groups.items())
        }

    def medians(measure: Callable[[Seen], float], *without: str) -> dict[str, float]:
        groups: dict[str, list[float]] = defaultdict(list)
        for one in seen:
            if one.outcome == "shown" and one.site.action not in without:
                groups[one.site.action].append(measure(one))
        return {name: round(statistics.median(group), 2) for name, group in sorted(groups.items())}

    def over_echo(one: Seen) -> float:
        site = one.site
        allowed = Span(site.at, site.end) if site.action == "fix" else target_of(site)
        n_characters = allowed.end - allowed.start if allowed is not None else 1
        return one.seconds * tokens_per_s * CHARACTERS_A_TOKEN / max(1, n_characters)

    return {
        "edits": len(edits),
        "shown": counts["shown"],
        "shown_with_syntax_error": counts["broken"],
        "outside_range": counts["outside"],
        "no_safe_edit_percent": round(100 * counts["none"] / max(1, len(edits)), 1),
        "typed": counts["typed"] + counts["lost"],
        "lost_keystrokes": counts["lost"],
        "wall_s_median": round(statistics.median(one.seconds for one in edits), 2) if edits else 0,
        "seconds_by_action": medians(lambda one: one.seconds),
        "wall_over_echo_by_action": medians(over_echo, actions.TESTS),
        "nothing_by_action": none_of("action"),
        "nothing_by_language": none_of("language"),
    }


async def run(options: argparse.Namespace) -> dict[str, Any]:
    # Some are not offered; of these a seventh of the actions, in most languages.
    chosen = await sites(options.seed, options.edits + options.edits // 3, options.actions)
    not_offered: Counter[str] = Counter()
    settings: dict[str, Any] = {
        "refactor": {"deadlineSeconds": options.deadline_s},
        "index": {"enabled": False},
    }
    if options.model:
        settings["model"] = options.model
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for site in chosen:
            (root / site.path).parent.mkdir(parents=True, exist_ok=True)
            (root / site.path).write_text(site.text, encoding="utf-8", newline="")
        editor = Editor()
        await editor.begin(root, settings)
        try:
            for site in chosen:
                await editor.ready()
                number = len(seen)
                if number == options.edits:
                    break
                if await opened(editor, root, site):
                    found = await one_edit(editor, root, site, typed=number % 5 == 4)
                    seen.append(found)
                else:
                    found = Seen(site, "not offered", 0.0)
                    not_offered[f"{site.language} {site.action}"] += 1
                closed = {"textDocument": {"uri": (root / site.path).as_uri()}}
                editor.client.notify("textDocument/didClose", closed)
                line = (
                    f"{number} {site.language} {site.action}: {found.outcome} {found.seconds:.1f} s"
                )
                sys.stderr.write(f"{line} {found.reason}\n")
                if found.outcome in ("broken", "outside", "lost"):
                    sys.stderr.write(f"{site.path}\n{found.detail}\n")
                sys.stderr.flush()
        finally:
            await editor.client.stop()
    figures = report(seen, editor.tokens_per_s)
    figures |= {"not_offered": dict(not_offered), "engine_ended": editor.endings}
    return figures | {"seed": options.seed, "model": options.model or "default"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edits", type=int, default=300, help="how many are asked for")
    parser.add_argument("--actions", nargs="+", default=[], help="only these; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="", help="name or path; else the one that is used")
    parser.add_argument("--deadline-s", type=int, default=60, help="refactor.deadlineSeconds")
    parser.add_argument("--json", action="store_true", help="the last line is JSON (always so)")
    options = parser.parse_args()
    sys.stdout.write(json.dumps(asyncio.run(run(options))) + "\n")


if __name__ == "__main__":
    main()
