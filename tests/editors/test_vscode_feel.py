"""How ghost text feels in a real VS Code: what is accepted stands in the file as it was suggested,
in any script, indentation and line ending, and one step takes it back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from support.code_server import CodeServer
from support.vscode_script import Script
from support.vscode_window import FLICKER, SEEN, Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

LARGE = "".join(f"value_{number} = {number}\n" for number in range(10_000))


class Case(NamedTuple):
    """A file as it is, what is typed at its end, what is suggested then, and the file behind an
    accept. `ghost` is a part of what is to be seen.
    """

    start: str
    typed: str
    rule: dict[str, Any]
    ghost: str
    result: str


CASES = {
    "bracket": Case(
        "", "print(", {"text": "print(total)", "least": 6, "take": ")"}, "total", "print(total)"
    ),
    "quote": Case(
        "x = ", '"', {"text": 'x = "abc"', "least": 5, "take": '"'}, "abc", 'x = "abc"'
    ),
    "brackets": Case(
        "", "f([", {"text": "f([1, 2])", "least": 3, "take": "])"}, "1, 2", "f([1, 2])"
    ),
    "closed-by-suggestion": Case(
        "", "x = sum", {"text": "x = sum((1, 2))", "least": 7}, "((1, 2))", "x = sum((1, 2))"
    ),
    "tabs": Case(
        "def f(a):\n\tif a:\n\t\tpass\n\n\ndef g(a):\n\t",
        "if",
        {"text": "if a:\n\t\treturn f(a)", "least": 2},
        "return f(a)",
        "def f(a):\n\tif a:\n\t\tpass\n\n\ndef g(a):\n\tif a:\n\t\treturn f(a)",
    ),
    "two-spaces": Case(
        "def f(a):\n  if a:\n    pass\n\n\ndef g(a):\n  ",
        "if",
        {"text": "if a:\n    return f(a)", "least": 2},
        "return f(a)",
        "def f(a):\n  if a:\n    pass\n\n\ndef g(a):\n  if a:\n    return f(a)",
    ),
    "crlf": Case(
        "a = 1\r\n\r\n\r\ndef g():\r\n    ",
        "ret",
        {"text": "return (\n        a\n    )", "least": 3},
        "urn (",
        "a = 1\r\n\r\n\r\ndef g():\r\n    return (\r\n        a\r\n    )",
    ),
    "other-scripts": Case(
        "größe = 1\n🎉 = '🙂'; ",
        "名",
        {"text": "名前 = größe + '🎉мир'", "least": 1},
        "前 = größe",
        "größe = 1\n🎉 = '🙂'; 名前 = größe + '🎉мир'",
    ),
    "emoji": Case(
        "",
        "print('🎉a",
        {"text": "ab🙂👩‍👩‍👧')", "least": 1, "take": "')"},
        "b🙂",
        "print('🎉ab🙂👩‍👩‍👧')",
    ),
    "ten-thousand-lines": Case(
        LARGE, "val", {"text": "value_x = 1", "least": 3}, "ue_x = 1", f"{LARGE}value_x = 1"
    ),
}  # fmt: skip


def read(window: Window, name: str) -> str:
    """The file as it was saved, with its line ends."""
    window.saved(name)
    return (window.folder / name).read_bytes().decode()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_accepted_is_what_was_suggested_and_one_step_takes_it_back(
    window: Window, script: Script, case: Case
) -> None:
    script.rules(case.rule)
    (window.folder / "a.py").write_bytes(case.start.encode())
    window.open("a.py")
    window.type(case.typed)
    window.wait(lambda: case.ghost in window.ghost_text(), f"{case.ghost!r} as ghost text")
    before = read(window, "a.py")
    assert before.startswith(case.start + case.typed)
    window.wait(lambda: case.ghost in window.ghost_text(), "it to be there still")
    window.press("Tab")
    window.wait(lambda: script.commands("indoors.accepted"), "a note of the accept")
    assert read(window, "a.py") == case.result
    window.wait(lambda: script.text("a.py") == case.result, "the server to have the same")
    window.press("Control+z")
    assert read(window, "a.py") == before, "one step to undo"
    window.press("Control+Shift+z")
    assert read(window, "a.py") == case.result, "and to redo"
    assert script.got("textDocument/didPartiallyAcceptCompletion") == []
    sent = script.got("textDocument/didChange")
    changes = [change for one in sent for change in one["contentChanges"]]
    assert all("range" in one for one in changes), "the server is told of the changes alone"


def test_a_bracket_that_is_typed_over_is_not_doubled(window: Window, script: Script) -> None:
    script.rules({"text": "print(total)", "least": 6, "take": ")"})
    window.open("a.py")
    window.type("print(")
    window.wait(lambda: "total" in window.ghost_text(), "ghost text")
    window.type("total")
    window.wait(lambda: "total" not in window.ghost_text(), "all of it to be typed")
    window.type(")")
    assert window.saved("a.py") == "print(total)"


def test_nothing_flickers_while_it_is_typed_along(window: Window, script: Script) -> None:
    window.open("a.py")
    window.type("d")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    window.page.evaluate(FLICKER)
    for key in "ef add":
        window.type(key)
    window.wait(lambda: window.ghost_text().startswith("(a, b):"), "the rest of it")
    assert window.page.evaluate("window.gone") == 0
    window.type("[")
    window.wait(lambda: window.ghost.count() == 0, "nothing where something else is typed")
    # VS Code may draw it once or twice more before it closes the bracket.
    assert window.page.evaluate("window.gone") >= 1, "the watch sees it"


@pytest.mark.parametrize("then", ["x", "Home", "Enter"])
def test_an_answer_that_comes_when_the_text_has_moved_on_is_not_shown(
    window: Window, script: Script, then: str
) -> None:
    (window.folder / "late.py").write_text("")
    window.open("late.py")
    window.page.evaluate(SEEN)
    window.type("de")
    window.wait(lambda: script.got("textDocument/inlineCompletion"), "a question")
    window.press(then)
    window.page.wait_for_timeout(3_000)  # the answer takes a second
    assert window.page.evaluate("window.seen") == []
    assert window.ghost.count() == 0
    # The control: where nobody moves on, it is shown.
    window.press("Control+a")
    window.type("def")
    window.wait(lambda: "add(a, b)" in window.ghost_text(), "ghost text")
    assert window.page.evaluate("window.seen"), "the watch sees it"


def test_several_cursors_get_the_same_or_nothing(window: Window, script: Script) -> None:
    script.rules({"text": "read()", "least": 2})
    (window.folder / "a.py").write_text("a = \nb = \nc = 3\n")
    window.open("a.py")
    window.press("Control+Home")
    window.press("End")
    window.press("Control+Shift+ArrowDown")
    # The status bar's own count: the drawn ones of an editor that is hidden are in the page too.
    window.page.locator(".statusbar-item", has_text="2 selections").first.wait_for()
    window.type("re")
    window.wait(lambda: "ad()" in window.ghost_text(), "ghost text")
    window.press("Tab")
    window.wait(lambda: script.commands("indoors.accepted"), "a note of the accept")
    assert window.saved("a.py") == "a = read()\nb = read()\nc = 3\n"
    window.press("Control+z")
    assert window.saved("a.py") == "a = re\nb = re\nc = 3\n"


def test_the_list_and_ghost_text_are_there_together(
    window: Window, script: Script, vscode: CodeServer
) -> None:
    script.rules({"text": "addition(1, 2)", "least": 2})
    (window.folder / "a.py").write_text("addition = additive = 1\n")
    window.open("a.py")
    window.type("addi")
    window.wait(lambda: "tion(1, 2)" in window.ghost_text(), "ghost text")
    window.press("Control+Space")
    window.page.locator(".suggest-widget.visible").wait_for()
    # What the list has is drawn apart from what goes beyond it.
    window.wait(lambda: "\naddition(1, 2)" in window.text(), "both")
    window.picture("list-and-ghost")
    selected = [
        one["context"].get("selectedCompletionInfo", {}).get("text")
        for one in script.got("textDocument/inlineCompletion")
    ]
    assert "addition" in selected, "the server knows what is chosen in the list"
    window.press("Enter")
    window.page.locator(".suggest-widget.visible").wait_for(state="hidden")
    window.wait(lambda: window.ghost_text().startswith("(1, 2)"), "what follows the word")
    window.press("Tab")
    window.wait(lambda: script.commands("indoors.accepted"), "a note of the accept")
    assert window.saved("a.py") == "addition = additive = 1\naddition(1, 2)"
    window.press("Control+z")
    assert window.saved("a.py") == "addition = additive = 1\naddition"
