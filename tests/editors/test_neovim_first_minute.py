"""The page for a newcomer to Neovim: what it quotes is what is shown, and no step is without its
next one.
"""

from __future__ import annotations

import re

from support.nvim import PLUGIN

PAGE = PLUGIN.parents[1] / "docs" / "first-minute-neovim.md"
# What is put together of several parts, or is typed and not shown.
MADE = {
    'require("indoors").status()',
    "uv tool install PATH/TO/indoors-….whl",
    "--no-index --find-links FOLDER",
    "indoors engine install --wheel FILE",
    "indoors models import FILE",
    ":checkhealth indoors",
    ":Indoors status",
    ":Indoors setup",
    ":Indoors explain",
    ":Indoors pause off",
    "⌂ 7b, files not",
    "⇄ on-prem 7b",
    "⇄ closed 7b",
}


# A shorter piece stands for nothing: what is said is put together of other messages then.
MARKED = 5


def rows(page: str) -> list[str]:
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith(("| you ", "| in the"))]


def test_the_page_has_the_words_that_are_shown() -> None:
    page = PAGE.read_text()
    source = "\n".join(file.read_text() for file in sorted((PLUGIN / "lua").rglob("*.lua")))
    quoted = {words for words in re.findall(r"`([^`]*)`", "\n".join(rows(page))) if len(words) > 10}
    assert quoted >= MADE
    shown = quoted - MADE
    assert len(shown) > 10
    assert not {words for words in shown if words not in source}


def told() -> list[str]:
    """What is said with a next step: of each message the longest piece that is always the same,
    of what stands before the step, or of the step where nothing does.
    """
    pieces = []
    for file in sorted((PLUGIN / "lua").rglob("*.lua")):
        for line in file.read_text().splitlines():
            for _, message in re.findall(r"""(['"])((?:(?!\1).)*Next: (?:(?!\1).)*)\1""", line):
                for part in message.partition("Next: ")[::2]:
                    piece = max(re.split(r"%[a-z]|\\n|`", part), key=len).strip(" .:")
                    if len(piece) > MARKED:
                        pieces.append(piece)
                        break
    return pieces


def test_what_is_shown_is_on_the_page() -> None:
    quoted = " ".join(re.findall(r"`([^`]*)`", "\n".join(rows(PAGE.read_text()))))
    pieces = told()
    assert len(pieces) > 20
    assert not [piece for piece in pieces if piece not in quoted]


def test_no_step_is_without_its_next_one() -> None:
    page = PAGE.read_text()
    before, behind = page.split("## 5.")
    lock, others = behind.split("## 6.")
    steps = before + others
    assert len(rows(steps)) > 15
    for line in rows(steps):
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        assert len(cells) == 3, line
        assert all(cells), line
    assert all(len(line.strip("| ").split(" | ")) == 2 for line in rows(lock))


def test_its_commands_are_commands_of_the_plugin() -> None:
    source = (PLUGIN / "lua" / "indoors" / "command.lua").read_text()
    named = set(re.findall(r"`:Indoors ([a-z]+)", PAGE.read_text()))
    assert named >= {"status", "setup", "explain", "prove", "pause"}
    assert not {
        name for name in named if not re.search(rf"\brun\.{name}\b|^  {name} =", source, re.M)
    }
