"""Which part of a text imports something."""

from __future__ import annotations

import pytest

from indoors_indexing.statements import split_imports

_TEXTS = [
    (
        "a.py",
        "import os\nfrom a import (\n    one,\n    two,\n)\nimportant = one  # import\n",
        ["os", "two"],
        ["important", "import"],
    ),
    ("a.go", 'import (\n\t"fmt"\n)\nfunc a() { imported() }\n', ["fmt"], ["imported"]),
    ("a.rs", "use a::{\n    B,\n};\nfn used() {}\n", ["B"], ["used"]),
    ("a.ts", 'import { A } from "./a";\nlet b = A;\n', ["A"], ["let b = A"]),
    ("a.py", "", [], []),
    ("a.py", "import (\n", ["import"], []),
]


@pytest.mark.parametrize(("path", "text", "imported", "left"), _TEXTS)
def test_a_text_is_split(path: str, text: str, imported: list[str], left: list[str]) -> None:
    others, imports = split_imports(text, path)
    assert all(part in imports and part not in others.split() for part in imported)
    assert all(part in others for part in left)
    assert len(others) + len(imports) <= 2 * len(text) + 2
