"""Writes the server's settings into doc/indoors.txt, from the table that the server reads.

python editors/neovim/options.py          write it
python editors/neovim/options.py --check  exit status 1 if it is not up to date
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

from indoors_server.settings_table import TABLE

HELP = Path(__file__).parent / "doc" / "indoors.txt"
BEGIN = "The server's settings, generated from its own table:\n"
END = "\n------------------------------------------------------------------------------\nMAPPINGS"
WIDTH = 78
_NARROWING = {
    "fixed": "",
    "off": "A workspace's `.indoors.json` can switch it off.",
    "lower": "A workspace's `.indoors.json` can lower it.",
    "add": "A workspace's `.indoors.json` can add entries.",
}


def section() -> str:
    """The settings as they stand in the help file."""
    parts = []
    for setting in TABLE:
        tag = f"*indoors-{setting.key}*"
        head = f"{setting.key}  (default: {json.dumps(setting.default)})"
        accepts = setting.accepts[0].upper() + setting.accepts[1:]
        words = f"{accepts}. {setting.text} {_NARROWING[setting.narrowing]}".strip()
        # In help files `*` and `|` around a word are links; a pattern is none.
        body = textwrap.wrap(re.sub(r"(?<=\S)\|(?=\S)", "/", words), WIDTH - 4)
        parts.append("\n".join([tag.rjust(WIDTH), head, *(f"    {line}" for line in body), ""]))
    return "\n".join(parts)


def updated(text: str) -> str:
    """The help file with the settings as they are now."""
    start = text.index(BEGIN) + len(BEGIN)
    return f"{text[:start]}\n{section()}{text[text.index(END) :]}"


def main(arguments: list[str]) -> int:
    """Write or check the file."""
    text = HELP.read_text()
    if "--check" in arguments:
        return int(updated(text) != text)
    HELP.write_text(updated(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
