"""Writes the server's settings into doc/indoors.txt, from the table that the server reads, and
doc/tags, with which `:help indoors` finds it where no plugin manager makes them.

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
TAGS = HELP.with_name("tags")
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


def tags(text: str) -> str:
    """What `:helptags` makes of the help file: each tag, its file, and how to find it there."""
    found = re.findall(r"(?:^|(?<=\s))\*([^*\s|]+)\*(?=\s|$)", text, re.MULTILINE)
    lines = {f"{tag}\t{HELP.name}\t/*{tag}*" for tag in found}
    return "".join(f"{line}\n" for line in sorted(lines))


def main(arguments: list[str]) -> int:
    """Write or check the files."""
    text = HELP.read_text()
    made = updated(text)
    if "--check" in arguments:
        return int(made != text or not TAGS.exists() or TAGS.read_text() != tags(made))
    HELP.write_text(made)
    TAGS.write_text(tags(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
