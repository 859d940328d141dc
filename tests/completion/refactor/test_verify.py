"""Each check alone: what it refuses, and beside that what it lets through."""

# ruff: noqa: E501 - rows of a table

from __future__ import annotations

import pytest

from indoors_completion.refactor.verify import CHECKS
from indoors_indexing.types import Span
from support.edit_sites import Source, judge, site_of, source_of

PYTHON = '''import os
import sys

LIMIT = 3


def work(path, deep=False):
    """Walks a folder."""
    # Hidden ones count.
    found = []
    for name in os.listdir(path):
        if name in found:
            continue
        found.append(name)
    return sorted(found)


class Box:
    """Holds things."""

    def __init__(self, size):
        self.size = size
        self._used = 0

    def put(self, thing):
        self._check()
        self._used += 1
        return thing

    def _check(self):
        if self._used >= self.size:
            raise ValueError(LIMIT)


def last():
    return sys.argv
'''
GO = """package a

import "fmt"

// Sum adds.
func Sum(values []int, scale int) int {
	total := 0
	for _, value := range values {
		total += value * scale
	}
	fmt.Println(total)
	return total
}

func helper() int {
	return Sum(nil, 1)
}
"""
TYPESCRIPT = """import { a } from "./a";

export function f(x: number, y = 2) {
  const sum = x + y;
  return a(sum);
}

const last = f(1);
"""
CPP = """Box made(P p) {
  return Box::made(p.held, p.size);
}

Box made(Q q) {
  return Box::made(q.held, q.size);
}
"""
SOURCES = {"python": PYTHON, "go": GO, "typescript": TYPESCRIPT}


def source(language: str, text: str = "") -> Source:
    return source_of("a", language, text or SOURCES[language])


def verdict(
    old: str,
    new: str,
    *,
    at: str = "def work",
    action: str = "edit",
    wish: str = "Do it well.",
    language: str = "python",
    text: str = "",
    end: str = "",
) -> str:
    """The check that an edit fails, "" for none: `old` becomes `new`, where `at` stands."""
    given = source(language, text)
    assert given.text.count(old) == 1, old
    start = given.text.index(at)
    site = site_of(
        given, action, Span(start, given.text.index(end) + len(end) if end else start), wish
    )
    assert site is not None
    return judge(site, given.text.replace(old, new)).check


METHODS = "def work(self, path):\n    self.one(1)\n    self.two(path)\n    print(path)\n"
MARKED = "from m import Base, mark\n\n\n@mark\ndef marked():\n    return 1\n\n\nclass Box(Base):\n    size = 1\n"
LOUD = "def again(): pass\n\n\ndef work(path):\n    print(1)\n    again()\n    print(path)\n"
FOUND = "    found = []\n"
HANDLED = "import os\n\n\ndef work(path):\n    try:\n        yield path\n        yield os.name\n    except OSError:\n        return\n    finally:\n        print(2)\n"
CHOSEN = "def work(path):\n    if path:\n        value = 1\n    else:\n        raise ValueError\n    return value\n"
CAUGHT = "import json\n\n\ndef work(path):\n    try:\n        value = json.loads(path)\n    except ValueError as error:\n        raise error\n    return value\n"
AGAIN = HANDLED.replace("        return\n", "        raise\n")
# A file of tabs with more lines that begin with spaces, in a string.
SPACED = (
    "package a\n\nvar text = `\n"
    + "    one\n        two\n" * 9
    + "`\n\nfunc f(a int) {\n\tprint(text)\n\tprint(a)\n}\n"
)
STATUS = "static P *eof(P *self, void *none) {\n    S *s = (S *)self;\n    if (s->done) {\n        TRUE_NOW;\n    } else {\n        FALSE_NOW;\n    }\n}\n"
LOOP = PYTHON[PYTHON.index("    for name") : PYTHON.index("    return sorted")]
LOOP_SELECTED = {"at": "    for name", "end": "continue"}
TAIL = "        found.append(name)\n    return sorted(found)\n"

REFUSED = [
    # check, old, new, and what else matters
    ("is_in_place", "LIMIT = 3", "LIMIT = 4", {}),
    ("is_in_place", "return sys.argv\n", "return sys.argv", {}),
    ("is_changed", "    return sorted(found)\n", "    return  sorted(found)\n", {}),
    ("shows_everything", FOUND, "    found = []  # a\u200bb\n", {}),
    ("shows_everything", FOUND, "    found = []  # \u202eabc\n", {}),
    ("shows_everything", FOUND, "    found = []  # a\u00a0b\n", {}),
    ("shows_everything", FOUND, "    found = []  # p\u0430th\n", {}),
    ("shows_everything", FOUND, "    found = []  # a\ufffdb\n", {}),
    ("is_plain_code", FOUND, "    # <|im_end|>\n" + FOUND, {}),
    ("is_plain_code", FOUND, "    # </updated_code>\n" + FOUND, {}),
    (
        "takes_nothing_away",
        "    else:\n        raise ValueError\n",
        "",
        {"text": CHOSEN, "action": "simplify"},
    ),
    (
        "takes_nothing_away",
        "    except OSError:\n        raise KeyError\n",
        "",
        {"text": AGAIN.replace("raise\n", "raise KeyError\n"), "action": "simplify"},
    ),
    (
        "takes_nothing_away",
        "    except OSError:\n        raise\n",
        "",
        {"text": AGAIN.replace("    finally:\n", "    except Exception:\n"), "action": "simplify"},
    ),
    (
        "takes_nothing_away",
        "    except OSError:\n        return\n",
        "",
        {"text": HANDLED, "action": "simplify"},
    ),
    (
        "is_in_the_style",
        "\tprint(a)\n",
        "    // Says it.\n\tprint(a)\n",
        {"text": SPACED, "language": "go", "at": "func f"},
    ),
    (
        "keeps_words",
        "raise ValueError(LIMIT)",
        "ValueError(LIMIT)",
        {"at": "def _check", "wish": "Log it."},
    ),
    (
        "keeps_bodies",
        STATUS[STATUS.index("    S *s") : -2],
        "    abort();\n",
        {"text": STATUS, "language": "c", "at": "static P", "wish": "Explain it."},
    ),
    (
        "is_whole",
        STATUS[STATUS.index("    S *s") : -2],
        "    stop(); /* not implemented */\n",
        {"text": STATUS, "language": "c", "at": "static P", "wish": "Explain it."},
    ),
    ("is_plain_code", FOUND, "```\n" + FOUND, {}),
    ("is_plain_code", FOUND, "    # Here is the updated code\n" + FOUND, {}),
    ("is_plain_code", FOUND, "<<<<<<< HEAD\n" + FOUND, {}),
    ("has_no_new_error", FOUND, "    found = [\n", {}),
    ("has_no_new_error", FOUND, "      found = [1]\n", {}),
    ("has_no_new_error", FOUND, "    print found\n", {}),
    (
        "leaves_the_rest",
        "\treturn total\n}\n",
        "\treturn total\n} /*\n",
        {"at": "func Sum", "language": "go", "text": GO + "/* b */\n"},
    ),
    ("is_whole", TAIL, "        # ... rest of the code ...\n        pass\n    return found\n", {}),
    (
        "is_whole",
        TAIL,
        "        # weil es immer so war\n        pass\n    return sorted(found)\n",
        {},
    ),
    ("is_whole", FOUND, FOUND + "    # TODO: implement the rest\n", {}),
    ("is_whole", FOUND, FOUND + "    ...\n", {}),
    ("is_whole", LOOP, "    for name in os.listdir(path):\n        pass\n", {}),
    (
        "is_whole",
        "\t\ttotal += value * scale\n",
        "\t\t// as usual\n",
        {"at": "func Sum", "language": "go"},
    ),
    (
        "is_in_the_style",
        "\ttotal := 0\n",
        "    total := 0 + 0\n",
        {"at": "func Sum", "language": "go"},
    ),
    ("is_in_the_style", FOUND, "    found = [1]\r\n", {}),
    ("repeats_nothing", FOUND, FOUND * 5, {}),
    ("repeats_nothing", TAIL, TAIL + "    print(1)\n    print(2)\n" * 4, {}),
    (
        "comments_nothing_out",
        "        found.append(name)\n",
        "        # found.append(name)\n        found += [name]\n",
        {},
    ),
    (
        "keeps_words",
        "        return thing\n",
        "        thing\n        return 1\n",
        {"at": "def put"},
    ),
    ("keeps_words", "raise ValueError(LIMIT)", "ValueError(LIMIT)", {"at": "def _check"}),
    ("takes_nothing_away", "        if name in found:\n            continue\n", "", {}),
    ("takes_nothing_away", "        self._check()\n", "", {"at": "def put"}),
    (
        "takes_nothing_away",
        "        self._check()\n",
        "        # No check.\n",
        {"at": "def put", "wish": "Say in a comment what it checks."},
    ),
    (
        "takes_nothing_away",
        "\tfmt.Println(total)\n",
        "",
        {"at": "func Sum", "language": "go"},
    ),
    (
        "has_no_new_error",
        "  echo 1\n",
        "  echo 1\n  }\n  echo 2\n",
        {"at": "work() {", "language": "bash", "text": "work() {\n  echo 1\n  exit 1\n}\nwork\n"},
    ),
    (
        "has_no_new_error",
        "    g()\n",
        "    /* x\n    h()\n    g()\n",
        {
            "at": "func f",
            "language": "swift",
            "text": "func f() {\n    g()\n}\n\n/** B. */\nfunc h() {\n}\n",
        },
    ),
    ("has_no_new_error", FOUND, FOUND + "    +found\n    found +\n", {}),
    ("is_plain_code", FOUND, f"-{FOUND}+    found = list()\n", {}),
    ("is_plain_code", FOUND, FOUND + "    # <|eot_id|>\n", {}),
    ("is_plain_code", FOUND, FOUND + "    # <answer>\n", {}),
    ("shows_everything", FOUND, '    found = ["\ue000"]\n', {}),
    ("keeps_documentation", '    """Walks a folder."""\n', "", {}),
    ("is_whole", '    """Walks a folder."""\n', '    """... unchanged ..."""\n', {}),
    (
        "is_in_the_style",
        "  const sum = x + y;\n",
        "   const sum = x + y + 1;\n",
        {"at": "export", "language": "typescript"},
    ),
    ("only_documents", FOUND, "    found = list()\n", {"action": "document"}),
    ("only_documents", "    # Hidden ones count.\n", "", {"action": "document"}),
    (
        "only_documents",
        "    return sorted(found)\n",
        "        # Sorted.\n        return sorted(found)\n",
        {"action": "document"},
    ),
    (
        "only_documents",
        "\treturn total\n",
        "\treturn total + 0\n",
        {"action": "document", "at": "func Sum", "language": "go"},
    ),
    ("only_annotates", FOUND, "    found: list[str] = list()\n", {"action": "annotate"}),
    ("only_annotates", FOUND, FOUND + "    # one\n", {"action": "annotate"}),
    ("only_annotates", "path, deep=False):", "path: str, deep=True):", {"action": "annotate"}),
    (
        "only_documents",
        "        found.append(name)\n    return",
        "    found.append(name)\n    # In order.\n    return",
        {"action": "document"},
    ),
    ("is_the_same_thing", "def work(path", "def walk(path", {}),
    (
        "keeps_definitions",
        "    def put(self, thing):\n        self._check()\n        self._used += 1\n        return thing\n\n",
        "",
        {"at": "class Box"},
    ),
    (
        "keeps_definitions",
        "    def _check(self):\n        if self._used >= self.size:\n            raise ValueError(LIMIT)\n",
        "",
        {"at": "class Box"},
    ),
    (
        "keeps_definitions",
        "        self.size = size\n",
        "        self.length = size\n",
        {"at": "class Box"},
    ),
    (
        "defines_once",
        "    def _check(self):",
        "    def put(self, thing):\n        return 1\n\n    def _check(self):",
        {"at": "class Box"},
    ),
    ("keeps_parameters", "deep=False", "", {"action": "handle_errors"}),
    ("keeps_parameters", "path, deep=False", "path, deep=False, more=1", {"action": "simplify"}),
    ("keeps_parameters", "path, deep=False", "path", {}),
    ("keeps_parameters", "path, deep=False", "deep, path", {}),
    ("keeps_parameters", ", scale int", "", {"at": "func Sum", "language": "go"}),
    ("keeps_parameters", ", y = 2", "", {"at": "export", "language": "typescript"}),
    ("keeps_bodies", "    return sorted(found)\n", "    print(found)\n", {}),
    (
        "keeps_bodies",
        "  return Box::made(p.held, p.size);\n",
        "  return {};\n",
        {"at": "Box made(P p)", "language": "cpp", "text": CPP, "wish": "Make it robust."},
    ),
    (
        "extracts",
        TAIL,
        TAIL + "\n\ndef work_on(path):\n    return work(path)\n",
        {"action": "extract", **LOOP_SELECTED},
    ),
    (
        "extracts",
        TAIL,
        "        found.append(name)\n    return ordered(found)\n\n\ndef ordered(of):\n    raise KeyError(of)\n",
        {"action": "extract", **LOOP_SELECTED},
    ),
    ("extracts", FOUND, "    found = list()\n", {"action": "extract", **LOOP_SELECTED}),
    ("keeps_bodies", "\treturn total\n", "\t_ = total\n", {"at": "func Sum", "language": "go"}),
    ("uses_known_names", FOUND, "", {}),
    ("uses_known_names", FOUND, FOUND + "    check_all(found)\n", {}),
    ("keeps_definitions", "import os\n", "", {"at": "import os", "end": "import sys"}),
    (
        "keeps_definitions",
        "export function",
        "function",
        {"at": "export", "language": "typescript"},
    ),
    ("keeps_parameters", "deep=False", "deep", {}),
    ("keeps_parameters", "deep=False", "deep", {"wish": "Go deep."}),
    (
        "keeps_documentation",
        '    """Says it."""\n',
        "",
        {"text": '# Helpers.\ndef work(a):\n    """Says it."""\n    return a\n'},
    ),
    ("keeps_parameters", "path, deep=False", "path, much, deep=False", {}),
    ("keeps_parameters", "def work", "async def work", {}),
    (
        "keeps_parameters",
        "    private static int total(",
        "    private int total(",
        {
            "at": "private static",
            "language": "java",
            "text": "class A {\n    private static int total(int a) {\n        return a;\n    }\n}\n",
        },
    ),
    ("keeps_parameters", "@mark\n", "", {"text": MARKED, "at": "def marked"}),
    ("keeps_parameters", "(Base)", "", {"text": MARKED, "at": "class Box"}),
    ("is_whole", TAIL, "        'rest of the code'\n    return sorted(found)\n", {}),
    (
        "only_annotates",
        "def f(a: int)",
        "def f(a: str) -> None",
        {"text": "def f(a: int):\n    print(a)\n", "at": "def f", "action": "annotate"},
    ),
    ("uses_known_names", "\ttotal := 0\n", "", {"at": "func Sum", "language": "go"}),
    (
        "uses_known_names",
        'import "fmt"\n',
        "\n",
        {"at": "import", "end": '"fmt"', "language": "go"},
    ),
    ("uses_known_names", "  const sum = x + y;\n", "", {"at": "export", "language": "typescript"}),
    ("uses_known_names", "path, deep=False):", "path: Path, deep=False):", {"action": "annotate"}),
    ("comes_to_its_end", "    again()\n    print(path)\n", "", {"text": LOUD}),
    (
        "comes_to_its_end",
        "    self.two(path)\n    print(path)\n",
        "    self.tw\n",
        {"text": METHODS},
    ),
    ("keeps_documentation", '    """Walks a folder."""\n', "", {}),
]

ALLOWED = [
    (FOUND, FOUND + "    # The rest of the request is read lazily.\n", {}),
    (FOUND, "    if not path:\n        return []\n" + FOUND, {}),
    ("    except OSError:\n        raise\n", "", {"text": AGAIN, "action": "simplify"}),
    (
        CAUGHT[CAUGHT.index("    try") :],
        "    value = json.loads(path)\n    return value\n",
        {"text": CAUGHT, "action": "simplify"},
    ),
    (
        "    def send(self):\n",
        "    def send(self) -> None:\n        # 501 Not Implemented is what it answers.\n",
        {
            "text": "class Box:\n    def send(self):\n        print(501)\n        raise NotImplementedError\n",
            "at": "    def send",
            "wish": "Annotate and explain it.",
        },
    ),
    (FOUND, FOUND + "    # Note that order matters.\n", {}),
    ("path, deep=False", "path, deep=False, *, more=1", {}),
    ("path, deep=False", "path", {"wish": "Remove the parameter deep."}),
    ("def last", "def final", {"at": "def last", "wish": "Rename last to final."}),
    ('"""Walks a folder."""', '"""Gives all names."""', {"action": "document"}),
    (
        '"""Walks a folder."""',
        '"""Gives all names.\n\n    ```\n    work(".")\n    ```\n    """',
        {"action": "document"},
    ),
    ("path, deep=False):", "path: str, deep: bool = False) -> list[str]:", {"action": "annotate"}),
    ("    return sorted(found)\n", "    return sorted(found, key=str)\n", {}),
    ("        found.append(name)\n", "", {"wish": "Remove what fills found."}),
    (
        "        self._used = 0\n",
        "        self._used = 0\n        self.name = ''\n",
        {"at": "class Box"},
    ),
    ("    return sys.argv", "    return list(sys.argv)", {"at": "def last", "action": "edit"}),
    ("\ttotal := 0\n", "\tvar total int\n", {"at": "func Sum", "language": "go"}),
    (
        "// Sum adds.",
        "// Sum adds all values, each scaled.",
        {"at": "func Sum", "language": "go", "action": "document"},
    ),
    ("x: number, y = 2", "x: number, y = 2, z = 3", {"at": "export", "language": "typescript"}),
    ("import os\n", "import json\nimport os\n", {"at": "import os", "end": "import sys"}),
    ("        self._check()\n", "", {"at": "def put", "wish": "Remove the check."}),
    (
        "        self._check()\n",
        "        # self._check()\n",
        {"at": "def put", "wish": "Comment out the check."},
    ),
    (
        "        return thing\n",
        "        thing\n        return 1\n",
        {"at": "def put", "wish": "Return 1."},
    ),
    (FOUND, FOUND + "    print(1)\n" * 3, {}),
    (FOUND, "    found = []\n    # + and - count.\n", {}),
]


@pytest.mark.parametrize(("check", "old", "new", "given"), REFUSED)
def test_what_a_check_refuses(check: str, old: str, new: str, given: dict[str, str]) -> None:
    assert verdict(old, new, **given) == check


@pytest.mark.parametrize(("old", "new", "given"), ALLOWED)
def test_what_all_checks_allow(old: str, new: str, given: dict[str, str]) -> None:
    assert verdict(old, new, **given) == ""


def test_every_check_is_tried() -> None:
    tried = {check for check, *_ in REFUSED}
    elsewhere = {"keeps_most_of_it", "tests_its_subject"}  # below, and in test_tests.py
    assert {check.__name__ for check in CHECKS} - tried == elsewhere


def test_most_of_the_code_stays() -> None:
    body = PYTHON[PYTHON.index(FOUND) : PYTHON.index("\n\nclass Box")]
    other = "    total = LIMIT * 7\n    print(total, flush=True)\n    return {total: deep}\n"
    assert verdict(body, other) == "keeps_most_of_it"
    assert verdict(body, other, action="simplify") == ""


def test_a_text_without_an_outline_is_not_accepted() -> None:
    from indoors_completion.refactor.case import Case, Rules
    from indoors_completion.refactor.verify import verify

    site = site_of(
        source("python"), "edit", Span(PYTHON.index("def last"), PYTHON.index("def last"))
    )
    assert site is not None
    after = PYTHON.replace("sys.argv", "sys.argv[1:]")
    case = Case(site.request, site.target, Rules(head=True), after, None)
    assert verify(case).check == "has_no_new_error"


@pytest.mark.parametrize("action", ["edit", "handle_errors"])
def test_files_with_carriage_returns_and_without_a_last_line_end(action: str) -> None:
    text = PYTHON.rstrip("\n").replace("\n", "\r\n")
    old, new = "    return sys.argv", "    return list(sys.argv)"
    assert verdict(old, new, at="def last", text=text) == ""
    assert verdict("    found = []\r\n", "    found = []\r\n    # One.\r\n", text=text) == ""
    assert verdict("    found = []\r\n", "    found = []\r\n    # One.\n", text=text) != ""


def test_an_error_that_was_there_is_nobodys_fault() -> None:
    text = PYTHON + "def broken(:\n"
    assert verdict(FOUND, FOUND + "    # One.\n", text=text) == ""
    assert verdict(FOUND, FOUND + "    x = (\n", text=text) != ""
