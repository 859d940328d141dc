"""`indoors demo`: real places in Indoors' own sources, cut out, completed, and compared.

The rest of a line is removed, the model completes it, and both are shown. Nothing is prepared: the
places are found in the installed sources by their text, and an answer that differs is shown so.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import msgspec

from indoors_completion.types import Completion, CompletionRequest, Document, InputError
from indoors_server.cli import screen

# Each module is new to the model, so give a slow and busy machine time for the whole prompt.
_DEADLINE_MS = 60_000.0
_LINES_ABOVE = 2


class Place(msgspec.Struct, frozen=True):
    """A line of a module, and how much of it stays; the rest of the line is cut out."""

    module: str
    line: str
    kept: str


PLACES: tuple[Place, ...] = (
    Place("indoors_server/children.py", "        close_fds=True,", "        close_fds="),
    Place("indoors_server/paths.py", '    return cache_dir() / "models"', "    return "),
    Place(
        "indoors_server/positions.py",
        "        if line >= len(self._starts):",
        "        if line >= ",
    ),
    Place(
        "indoors_server/positions.py",
        "        offset = min(max(offset, 0), len(self.text))",
        "        offset = min(max(offset, 0), ",
    ),
    Place(
        "indoors_completion/engine/wire.py",
        '        raise ProtocolError("the stream ended inside a frame")',
        "        raise ",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model can be chosen."""
    parser.add_argument("--model", default="", help="a model's name or file, for this run")


def run(options: argparse.Namespace) -> int:
    """Complete every place. Exit status 1 if nothing at all was completed."""
    from indoors_server.cli import session

    resolved = session.prepare(options.model)
    cuts = [cut(place) for place in PLACES]

    async def complete_all() -> list[Completion]:
        started_s = time.monotonic()
        async with session.loaded_core(resolved) as core:
            model = core.model
            took_s = time.monotonic() - started_s
            about = f"{core.facts.model} · {model.device}" if model else ""
            screen.say(screen.paint(f"{about} · ready in {took_s:.1f} s", "bold"))
            answers = []
            for place, (document, offset, rest) in zip(PLACES, cuts, strict=True):
                request = CompletionRequest(
                    document=document,
                    offset=offset,
                    trigger="explicit",
                    deadline_ms=_DEADLINE_MS,
                    multiline=False,
                )
                answers.append(await core.complete_patiently(request))
                _show(place, document, offset, rest, answers[-1])
            return answers

    answers = asyncio.run(complete_all())
    n_equal = sum(
        same(answer, at, rest) for answer, (_, at, rest) in zip(answers, cuts, strict=True)
    )
    return _conclude(answers, n_equal)


def cut(place: Place) -> tuple[Document, int, str]:
    """The document without the rest of the line, the cursor, and the rest. Raises InputError."""
    root = Path(__file__).resolve().parents[2]
    candidates = [root / place.module, *root.parent.glob(f"*/{place.module}")]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    text = path.read_text(encoding="utf-8") if path else ""
    at = text.find(f"\n{place.line}\n")
    if at < 0 or not place.line.startswith(place.kept):
        raise InputError(
            f"The demonstration's place in {place.module} is not there.",
            next_step="reinstall Indoors: its sources were changed",
        )
    offset = at + 1 + len(place.kept)
    end = at + 1 + len(place.line)
    document = Document(
        uri=f"untitled:{place.module}",
        path=place.module.rsplit("/", 1)[-1],
        language="python",
        version=1,
        text=text[:offset] + text[end:],
    )
    return document, offset, text[offset:end]


def same(completion: Completion, offset: int, rest: str) -> bool:
    """Whether the answer is what stood there."""
    ahead = completion.text[max(0, offset - completion.span.start) :]
    return ahead.rstrip() == rest.rstrip()


def _show(place: Place, document: Document, offset: int, rest: str, completion: Completion) -> None:
    paint = screen.paint
    line = document.text.count("\n", 0, offset) + 1
    screen.say()
    screen.say(paint(f"{place.module}:{line}", "cyan"))
    above = document.text[:offset].split("\n")[-_LINES_ABOVE - 1 : -1]
    for text in above:
        screen.say(paint(f"    {text}", "dim"))
    screen.say(f"    {place.kept}{paint('▏', 'cyan')}")
    if not completion.text:
        late = f": not ready after {_DEADLINE_MS / 1000:.0f} s"
        why = late if completion.stop_reason == "deadline" else ""
        screen.say(paint(f"    nothing to show{why}", "yellow"))
        return
    screen.say(f"    {place.kept}{paint(completion.text, 'green')}")
    equal = same(completion, offset, rest)
    verdict = paint("as in the source", "green") if equal else f"in the source: {rest.strip()}"
    timing = f"first token {completion.ttft_ms:.0f} ms, all {completion.total_ms:.0f} ms"
    screen.say(f"    {verdict}   {paint(timing, 'dim')}")


def _conclude(answers: list[Completion], n_equal: int) -> int:
    n_shown = sum(bool(answer.text) for answer in answers)
    screen.say()
    screen.say(
        f"{n_shown} of {len(answers)} places completed, {n_equal} as in the source; "
        "nothing left this machine."
    )
    if n_shown == 0:
        screen.warn("No place was completed.\n  Next: indoors doctor")
        return 1
    return 0
