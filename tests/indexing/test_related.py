"""What holds at any cursor: the budget, the deadline, and nothing that the window shows already."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.recent import Ring
from support.example_workspaces import GO, JAVA, MORE, PYTHON, RUST, TYPESCRIPT
from support.small_workspace import Workspace, check

MARKED = "from shop import Client\n\ndef run(client: Client):\n    client.<|>\n"


@pytest.mark.parametrize("budget", [0, 1, 20, 60, 150, 400, 3000])
def test_a_budget_is_kept(budget: int) -> None:
    found = PYTHON.ask("app/main.py", "python", MARKED, budget=budget)
    size = sum(len(one.text) + len(one.path) for one in found)
    assert size <= budget * 3


@pytest.mark.parametrize("budget", [20, 60, 120, 300])
def test_names_alone_do_not_go_beyond_the_budget(budget: int) -> None:
    text = "import ui\n\nc = ui.Screen()\nc.<|>\n"
    found = MORE.ask("app.py", "python", text, budget=budget)
    assert sum(len(snippet.path) + len(snippet.text) + 12 for snippet in found) <= 3 * budget


def test_the_same_question_has_the_same_answer() -> None:
    assert PYTHON.ask("app/main.py", "python", MARKED) == PYTHON.ask(
        "app/main.py", "python", MARKED
    )


def test_every_snippet_says_why_and_the_best_comes_first() -> None:
    found = PYTHON.ask("app/main.py", "python", MARKED, budget=2000)
    assert all(one.reason and one.text.strip() for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({one.path for one in found}) == len(found)


def test_what_the_window_shows_is_not_shown_again() -> None:
    text = PYTHON.source("shop/client.py", 0, 10_000).decode()
    found = PYTHON.ask("shop/client.py", "python", text.replace("return Client(url)", "x.<|>"))
    assert "shop/client.py" not in {one.path for one in found}


def test_what_is_outside_of_the_window_is_shown() -> None:
    found = PYTHON.ask("shop/client.py", "python", "def later():\n    return connect(<|>\n")
    check(found, "def connect(url: str) -> Client:", reason="connect is called here")


def test_nothing_is_asked_after_the_deadline() -> None:
    PYTHON.n_asked = 0
    assert PYTHON.ask("app/main.py", "python", MARKED, is_late=lambda: True) == ()
    assert PYTHON.n_asked == 0


def test_what_was_found_before_the_deadline_is_shown() -> None:
    full = PYTHON.ask("app/main.py", "python", MARKED, budget=2000)
    for n_asked in range(0, 60, 3):
        left = iter([False] * n_asked)
        found = PYTHON.ask(
            "app/main.py", "python", MARKED, budget=2000, is_late=lambda left=left: next(left, True)
        )
        assert len(found) <= len(full)
    assert found


def test_a_recent_edit_in_the_window_is_not_shown_again() -> None:
    text = "first line here\nsecond line here\n"
    ring = Ring().edited("notes.txt", text, 0, 0, 5, 1.0)
    assert PYTHON.ask("notes.txt", "plaintext", text + "<|>", ring=ring) == ()


def test_an_empty_workspace_has_nothing_to_say() -> None:
    assert Workspace({}).ask("a.py", "python", "x.<|>") == ()
    assert Workspace({}).ask("a", "unknown", "<|>") == ()


_SPACES = (PYTHON, TYPESCRIPT, GO, JAVA, RUST, MORE)
_WORDS = st.lists(
    st.sampled_from(
        ["client", "Client", "self", "Store", "shop", "Shape", "x", " ", "\n", "    ", ".", "(",
         ")", "{", "}", "[", "]", " = ", ": ", "::", "->", "def ", "class ", "func ", "impl ",
         "new ", "import ", "super", "'", '"', "é", "//", "#"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    space=st.sampled_from(_SPACES), before=_WORDS, after=_WORDS, budget=st.integers(0, 500),
    language=st.sampled_from(["python", "typescript", "go", "java", "rust", "ruby", "unknown"]),
    path=st.sampled_from(
        ["shop/client.py", "src/service.ts", "go/shop/store.go", "src/shape.rs", "a.rb", ""]
    ),
)  # fmt: skip
def test_any_text_has_an_answer_within_the_budget(
    space: Workspace, before: str, after: str, budget: int, language: str, path: str
) -> None:
    found = space.ask(path, language, before + "<|>" + after, budget=budget)
    assert sum(len(one.text) for one in found) <= budget * 3
    assert all(one.reason for one in found)
