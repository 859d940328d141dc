"""What a page gives to copy, as tests run it."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path


def block(page: Path, begins: str) -> str:
    """The Lua of a page that begins so, to the end of its block."""
    (found,) = re.findall(
        rf"^ *{re.escape(begins)}.*?(?=^```|^<)", page.read_text(), re.DOTALL | re.MULTILINE
    )
    return textwrap.dedent(found)
