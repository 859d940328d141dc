"""Many random editing actions in a real VS Code: suggestions never change a buffer unless they are
accepted.

The same keys are pressed twice in one window, with suggestions and without. What was accepted the
first time is written by an edit the second time; after each action, text and selections are equal.
VS Code keeps other selections for the undo and redo of an edit than for those of an accept, and
another column that the keys up and down aim at, so that where there were accepts these keys are
compared by their text, and the selections put right.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.editor_server import units
from support import code_server
from support.code_server import CodeServer, until
from support.vscode_probe import COMMIT, HIDE, LANGUAGE, NEXT, PLAIN, WORD, Probe, extension
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

START = "import os\n\n\ndef größe(名前):\n\treturn f(名前, [1, 2])\n\n\nx = {'a': \"🎉\"}\n"
TYPED = ["a", "x = ", "f(", ")", "[0]", "'", '"', "{", "名前", "🎉", " ", "def g():", "#", ":"]
KEYS = [
    "Enter", "Enter", "Backspace", "Backspace", "Backspace", "Delete", "Control+Backspace",
    "Control+Delete", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "Tab",
    "Shift+Tab", "Control+ArrowLeft", "Control+ArrowRight", "Control+z", "Control+z",
    "Control+Shift+z", "Control+Enter", "Control+Slash", "Alt+ArrowUp", "Alt+ArrowDown",
    "Control+Shift+k", "Shift+ArrowLeft", "Shift+ArrowDown", "Shift+End", "Control+d", "Escape",
    "Escape", "Control+End", "Control+Home", "Control+Shift+ArrowDown", "Control+BracketRight",
    "Alt+Shift+ArrowDown", "Control+l",
]  # fmt: skip
UNDO = ("Control+z", "Control+Shift+z")
VERTICAL = ("ArrowUp", "ArrowDown", "Shift+ArrowDown", "Control+Shift+ArrowDown")
ON, OFF = f"on.{LANGUAGE}", f"off.{LANGUAGE}"
# At every cursor there is something; some of it begins with what was just typed.
TEXTS = ["a, b)", "x = f(名前)\n    return 🎉", "\n\tnext()", ")", "'quoted'", "g():\n\tpass"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random")


@pytest.fixture(scope="module")
def editor(told: Path, vsix: Path) -> Iterator[CodeServer]:
    python = scripted_python(told / "script")
    with code_server.running(told / "home", vsix, indoors__python=str(python)) as server:
        server.install(extension(told))
        server.keys(PLAIN)
        yield server


def action(rng: random.Random, accepts: bool) -> tuple[str, str]:
    """What is done next, and how: `type`, `press`, or what there is with suggestions only."""
    dice = rng.random()
    if accepts and dice < 0.12:
        return "accept", rng.choice([COMMIT, COMMIT, WORD])
    if dice < 0.18:
        return "aside", rng.choice([HIDE, NEXT])
    if dice < 0.6:
        return "type", rng.choice(TYPED)
    return "press", rng.choice(KEYS)


def n_same(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    unlike = (number for number, (left, right) in pairs if left != right)
    return next(unlike, min(len(one), len(other)))


def change(before: str, after: str) -> list[tuple[int, int, str]]:
    """The one edit that makes a text of another, at UTF-16 offsets."""
    start = n_same(before, after)
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    gone, new = before[start : len(before) - end], after[start : len(after) - end]
    at = units(before[:start])
    return [(at, at + units(gone), new)] if gone or new else []


def is_of_a_suggestion(before: str, after: str, earlier: list[str]) -> bool:
    """Whether a part of what is suggested, in place of some text, makes a text of another. The
    shortest edit does not tell: where "b" is written between "a" and "ba", it may begin elsewhere.

    A suggestion that takes in what stands behind it shows that again where it was deleted since
    (`earlier` has the texts before): VS Code keeps it on the screen, and it is what is accepted.
    """
    same = n_same(before, after)
    ends = {text[start:] for text in TEXTS for start in range(len(text))}  # some of it was typed
    for text in ends:
        for start in range(max(0, same - 60), same + 1):
            if after.startswith(text, start) and len(after) - len(before) > len(text):
                behind = after[start + len(text) :]
                deleted = behind[: len(after) - len(before) - len(text)]
                kept = behind[len(deleted) :]
                if before == after[:start] + kept and any(
                    deleted + kept[:20] in old for old in earlier
                ):
                    return True
    parts = {text[:end] for text in ends for end in range(1, len(text) + 1)}
    return any(
        after.startswith(part, start)
        and before.endswith(behind := after[start + len(part) :])
        and start + len(behind) <= len(before)
        for start in range(max(0, same - 60), same + 1)
        for part in parts
    )


def is_written_over(before: dict[str, Any], after: dict[str, Any], keys: str) -> bool:
    """Whether keys took the place of a closing bracket that VS Code had written by itself. It knows
    which ones those are, through an accept as well, and forgets it where a probe writes the same.
    """
    selections = before["selections"]
    is_typing = all(start == end for start, end in selections)
    return is_typing and len(after["text"]) - len(before["text"]) < len(selections) * len(keys)


def compare(window: Window, script: Script, probe: Probe, n: int, seed: int, accepts: bool) -> None:
    """Both runs, action by action."""
    take = {"take": True} if seed % 2 == 0 else {}
    script.rules(*({"text": text, "least": 0, "turn": True} | take for text in TEXTS))
    rng = random.Random(seed)
    actions = [action(rng, accepts) for _ in range(n)]
    n_seen = 0
    window.open(ON)
    probe.note()
    for number, (what, keys) in enumerate(actions):
        if what == "accept" or number % 8 == 0:
            appears(window)
        n_seen += window.ghost.count() > 0
        perform(window, what, keys)
        probe.note()
    states = probe.states()
    pairs = list(itertools.pairwise(states))
    n_accepted = 0
    for number, ((what, keys), (before, after)) in enumerate(zip(actions, pairs, strict=True)):
        assert what != "aside" or after == before, f"{keys} changes nothing"
        if what == "accept" and (found := change(before["text"], after["text"])):
            n_accepted += 1
            many = len(before["selections"]) > 1
            since = slice(max(0, number - 3), number + 1)
            earlier = [state["text"] for state in states[since]]
            assert many or is_of_a_suggestion(before["text"], after["text"], earlier), (
                found,
                actions[since],
            )
    window.wait(lambda: script.text(ON) == states[-1]["text"], "the server to have the same")
    assert n_seen > n / 20, "there was something to get in the way"
    assert n_accepted > n / 100 or not accepts

    window.command("Indoors: Pause for 10 Minutes")
    window.wait_label("paused")
    window.open(OFF)
    probe.note()
    for (what, keys), (before, after) in zip(actions, pairs, strict=True):
        is_over = accepts and what == "type" and is_written_over(before, after, keys)
        if (what == "accept" and after != before) or is_over:
            probe.edit(change(before["text"], after["text"]), after["selections"])
        else:
            if what in {"type", "press"}:
                perform(window, what, keys)
            # Past ghost text, too, VS Code aims up and down at another column.
            if keys in VERTICAL or (accepts and keys in UNDO):
                probe.edit([], after["selections"])
            else:
                probe.note()
    again = probe.states()[n + 1 :]
    for number, (wanted, found_again) in enumerate(zip(states, again, strict=True)):
        last = actions[number - 1] if number else "the beginning"
        assert found_again == wanted, f"seed {seed}, action {number}: {last}"
    assert window.ghost.count() == 0
    print(f"{n} actions, ghost text there at {n_seen}, {n_accepted} accepted")


def appears(window: Window) -> None:
    """Let ghost text come, if any comes."""
    with contextlib.suppress(AssertionError):
        until(lambda: window.page.wait_for_timeout(20) or window.ghost.count(), "ghost text", 1)


def perform(window: Window, what: str, keys: str) -> None:
    if what == "type":
        window.page.keyboard.type(keys)
    else:
        window.press(keys)


def run(page: Any, editor: CodeServer, folder: Path, n: int, seed: int, accepts: bool) -> None:
    for name in (ON, OFF):
        (folder / name).write_text(START)
    script = Script(editor.home.parent / "script")
    script.forget()
    window = Window(page, editor, folder)
    window.wait_label("ready")
    compare(window, script, Probe(window, editor.home.parent), n, seed, accepts)


ACCEPTS = pytest.mark.parametrize("accepts", [False, True], ids=["none", "accepts"])


@pytest.mark.parametrize(("accepts", "seed"), [(False, 1), (True, 2)], ids=["none", "accepts"])
def test_the_buffer_is_what_it_is_without_suggestions(
    page: Any, editor: CodeServer, tmp_path: Path, accepts: bool, seed: int
) -> None:
    run(page, editor, tmp_path, 100, seed, accepts)


@ACCEPTS
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.soak
def test_two_thousand_actions(
    page: Any, editor: CodeServer, tmp_path: Path, accepts: bool, seed: int
) -> None:
    run(page, editor, tmp_path, 2000, seed, accepts)
