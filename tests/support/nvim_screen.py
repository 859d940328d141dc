"""What a person sees of a Neovim: the screen that it draws, as text, and as a picture.

Neovim sends a UI every cell with its colours (`:help ui-linegrid`). Here they are kept in a grid,
and a browser makes a PNG of them: no terminal is needed, and nothing is taken over by hand.
"""

from __future__ import annotations

import html
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.code_server import CHROMIUM, FLAGS
from support.needs import need
from support.nvim import Nvim

# A font size that makes every character exactly as wide as a cell, and frames without gaps.
CELL_WIDTH_PX, CELL_HEIGHT_PX, MARGIN_PX, FONT_PX = 10, 19, 12, 16.61
STYLE = """
    body { margin: 0; background: %(background)s; }
    div { position: relative; margin: %(margin)dpx; }
    div { font: %(font)spx/%(height)dpx "DejaVu Sans Mono", monospace; }
    span { position: absolute; height: %(height)dpx; white-space: pre; overflow: hidden; }
"""


@dataclass
class Highlight:
    """The attributes of a cell; colours are 24 bits, None where the default counts."""

    foreground: int | None = None
    background: int | None = None
    is_bold: bool = False
    is_italic: bool = False
    is_underlined: bool = False
    is_dotted: bool = False
    is_reversed: bool = False


@dataclass
class Screen:
    """The grid of one editor. Made by `watched`."""

    nvim: Nvim
    width: int
    height: int
    cells: list[list[tuple[str, int]]] = field(default_factory=list)
    highlights: dict[int, Highlight] = field(default_factory=dict)
    foreground: int = 0
    background: int = 0xFFFFFF
    cursor: tuple[int, int] = (0, 0)
    mode: str = "normal"

    def told(self, method: str, batches: list[Any]) -> None:
        """Take in what Neovim has drawn."""
        if method != "redraw":
            return
        for name, *events in batches:
            run = getattr(self, f"_{name}", None)
            for event in events if run is not None else ():
                run(*event)

    def _grid_resize(self, _: int, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells = [[(" ", 0)] * width for _ in range(height)]

    def _grid_clear(self, _: int) -> None:
        self._grid_resize(1, self.width, self.height)

    def _grid_line(self, _: int, row: int, column: int, cells: list[Any], *__: Any) -> None:
        highlight = 0
        for cell in cells:
            text, *more = cell
            highlight = more[0] if more else highlight
            for _n in range(more[1] if len(more) > 1 else 1):
                self.cells[row][column] = (text, highlight)
                column += 1

    def _grid_scroll(
        self, _: int, top: int, bottom: int, left: int, right: int, rows: int, *__: int
    ) -> None:
        lines = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in lines:
            self.cells[row][left:right] = self.cells[row + rows][left:right]

    def _grid_cursor_goto(self, _: int, row: int, column: int) -> None:
        self.cursor = (row, column)

    def _default_colors_set(self, foreground: int, background: int, *_: int) -> None:
        self.foreground, self.background = foreground, background

    def _hl_attr_define(self, number: int, rgb: dict[str, Any], *_: Any) -> None:
        self.highlights[number] = Highlight(
            foreground=rgb.get("foreground"),
            background=rgb.get("background"),
            is_bold=rgb.get("bold", False),
            is_italic=rgb.get("italic", False),
            is_underlined=rgb.get("underline", False),
            is_dotted=rgb.get("underdotted", False),
            is_reversed=rgb.get("reverse", False),
        )

    def _mode_change(self, mode: str, _: int) -> None:
        self.mode = mode

    def lines(self) -> list[str]:
        """The text of the screen; the second cell of a wide character is empty."""
        self.nvim.lua("vim.cmd.redraw()")
        self.nvim.lua("return 1")  # what was drawn comes before this answer
        return ["".join(text for text, _ in row).rstrip() for row in self.cells]

    def highlight_at(self, row: int, text: str) -> Highlight:
        """How a text is drawn where it begins on a row."""
        column = "".join(text or "\0" for text, _ in self.cells[row]).index(text)
        return self.highlights.get(self.cells[row][column][1], Highlight())

    def colour_at(self, row: int, text: str) -> int:
        """The foreground where a text begins on a row."""
        found = self.highlight_at(row, text).foreground
        return self.foreground if found is None else found

    def picture(self, file: Path) -> None:
        """Make a PNG of the screen, with the cursor in it."""
        need(shutil.which(CHROMIUM), "no Chromium here: apt install chromium")
        page = file.with_suffix(".html")
        page.write_text(self._page())
        width = self.width * CELL_WIDTH_PX + 2 * MARGIN_PX
        height = self.height * CELL_HEIGHT_PX + 2 * MARGIN_PX
        command = [
            CHROMIUM, "--headless", *FLAGS, "--hide-scrollbars", "--force-device-scale-factor=1",
            f"--user-data-dir={file.with_suffix('.profile')}",
            f"--window-size={width},{height}", f"--screenshot={file}", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        shutil.rmtree(file.with_suffix(".profile"), ignore_errors=True)
        page.unlink()

    def _page(self) -> str:
        spans = []
        for row, cells in enumerate(self.cells):
            column = 0
            while column < self.width:
                first, highlight = column, cells[column][1]
                # Wide characters stand alone, so that a font that draws them wider moves nothing.
                is_wide = column + 1 < self.width and cells[column + 1][0] == ""
                column += 2 if is_wide else 1
                while not is_wide and column < self.width and cells[column][1] == highlight:
                    if column + 1 < self.width and cells[column + 1][0] == "":
                        break
                    column += 1
                text = "".join(text for text, _ in cells[first:column])
                spans.append(self._span(row, first, column - first, text, highlight))
        row, column = self.cursor
        shape = 2 if self.mode.startswith("insert") else CELL_WIDTH_PX
        style = (
            f"left:{column * CELL_WIDTH_PX}px;top:{row * CELL_HEIGHT_PX}px;"
            f"width:{shape}px;background:#{self.foreground:06x};opacity:{1 if shape == 2 else 0.6}"
        )
        sheet = STYLE % {
            "background": f"#{self.background:06x}",
            "margin": MARGIN_PX,
            "height": CELL_HEIGHT_PX,
            "font": FONT_PX,
        }
        body = "".join(spans) + f'<span style="{style}"></span>'
        return f'<!doctype html><meta charset="utf-8"><style>{sheet}</style><div>{body}</div>'

    def _span(self, row: int, column: int, n_cells: int, text: str, number: int) -> str:
        found = self.highlights.get(number, Highlight())
        foreground = self.foreground if found.foreground is None else found.foreground
        background = self.background if found.background is None else found.background
        if found.is_reversed:
            foreground, background = background, foreground
        style = (
            f"left:{column * CELL_WIDTH_PX}px;top:{row * CELL_HEIGHT_PX}px;"
            f"width:{n_cells * CELL_WIDTH_PX}px;"
            f"color:#{foreground:06x};background:#{background:06x};"
            f"{'font-weight:bold;' if found.is_bold else ''}"
            f"{'font-style:italic;' if found.is_italic else ''}"
            f"{'text-decoration:underline;' if found.is_underlined else ''}"
        )
        return f'<span style="{style}">{html.escape(text)}</span>'


def watched(nvim: Nvim, width: int = 80, height: int = 24) -> Screen:
    """Attach a screen to an editor, with real colours."""
    screen = Screen(nvim, width, height)
    screen._grid_resize(1, width, height)
    nvim.notified = screen.told
    nvim.request("nvim_ui_attach", width, height, {"ext_linegrid": True, "rgb": True})
    nvim.lua("vim.o.termguicolors = true")
    return screen


def contrast(one: int, other: int) -> float:
    """The contrast of two colours, as WCAG 2 defines it."""

    def luminance(colour: int) -> float:
        parts = [((colour >> shift) & 255) / 255 for shift in (16, 8, 0)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
