"""What comes first of all that may be shown at a cursor, what is guessed, and what stands last."""

from __future__ import annotations

from typing import get_args

import pytest

from indoors_indexing.rank import LIMITS, LISTED, WEIGHTS, WITH_BODY, Candidate, Why, ordered
from indoors_indexing.recent import Ring
from support.example_workspaces import MORE, PYTHON
from support.small_workspace import Workspace, check


def test_every_reason_has_a_weight_and_a_meaning() -> None:
    assert set(WEIGHTS) == set(get_args(Why))
    assert set(LIMITS) | LISTED | WITH_BODY <= set(WEIGHTS)


def test_each_thing_is_ranked_once_by_its_best_reason() -> None:
    def one(why: Why, start: int, score: float) -> Candidate:
        return Candidate(why=why, path="a", score=score, reason=why, start=start, end=start + 5)

    many = [one("usage", at, 30 - at) for at in range(1, 10)]
    found = ordered([*many, one("similar", 1, 99), one("similar", 50, 0)])
    assert [(each.why, each.start) for each in found[:2]] == [("similar", 1), ("usage", 2)]
    assert sum(each.why == "usage" for each in found) == LIMITS["usage"]


def test_of_many_members_the_rest_is_named() -> None:
    found = MORE.ask("app.py", "python", "import ui\n\nc = ui.Screen()\nc.<|>\n", budget=200)
    check(found, "def part0(self): ...", reason="member of Console", shown=["# also: part"])


def test_a_member_that_shares_a_word_with_the_line_comes_before_others() -> None:
    found = MORE.ask("app.py", "python", "import ui\n\nc = ui.Screen()\nstyle = c.<|>\n", budget=60)
    check(found, "def get_style(self): ...", reason="member of Console", absent=["def part5"])


def test_a_hidden_member_that_is_used_here_comes_before_others() -> None:
    workspace = Workspace(
        {
            "app/core.py": (
                "class Core:\n    def _start(self): ...\n    def _stop(self): ...\n",
                """class Core | class Core:
                hidden method Core._start | def _start(self):
                hidden method Core._stop | def _stop(self):""",
            ),
            "app/main.py": ("", "import app.core Core"),
        }
    )
    text = (
        "from app.core import Core\n\ndef f(c: Core):\n    c._stop()\n\ndef g(core: Core):\n"
        "    core.<|>\n"
    )
    found = workspace.ask("app/main.py", "python", text, budget=24)
    check(found, "def _stop(self): ...", reason="member of Core", absent=["_start"])


def test_similar_code_is_shown_and_says_what_it_stands_for() -> None:
    found = MORE.ask("app.py", "python", "def twice():\n    frozen_value = Data().freeze()<|>\n")
    assert any(one.path == "old.py" and "similar code" in one.reason for one in found)


def test_the_most_similar_code_stands_last() -> None:
    found = MORE.ask("app.py", "python", "def twice():\n    frozen_value = Data().freeze()<|>\n")
    alike = [number for number, one in enumerate(found) if "similar code" in one.reason]
    assert len(alike) > 1
    assert alike == list(range(len(found) - len(alike), len(found)))
    assert found[-1].path == "old.py"


def test_where_similar_code_takes_nearly_all_room_it_stands_alone() -> None:
    text = "def twice():\n    frozen_value = Data().freeze(<|>\n"
    for budget, others in ((100, False), (250, True)):
        found = MORE.ask("app.py", "python", text, budget=budget)
        assert "similar code" in found[-1].reason
        assert any("similar code" not in one.reason for one in found) == others
    found = MORE.ask("app.py", "python", "import ui\n\nc = ui.Screen()\nc.<|>\n", budget=150)
    assert [one.reason[:12] for one in found] == ["member of Co", "similar code"]


def test_recent_edits_are_shown_and_looked_at_ones_after_them() -> None:
    ring = Ring().viewed("docs/b.txt", "seen one\nseen two\n", 0, 10, 1.0)
    ring = ring.edited("docs/a.txt", "fresh edit\nmore of it\n", 0, 0, 5, 2.0)
    found = PYTHON.ask("notes.txt", "plaintext", "hello <|>", ring=ring)
    assert [(one.path, one.reason) for one in found] == [
        ("docs/a.txt", "edited lately"), ("docs/b.txt", "looked at lately"),
    ]  # fmt: skip


GUESSED = Workspace(
    {
        "app/config.py": (
            """class ServerConfig:
    timeout: int
    retries: int
    def merge(self): ...

class Window:
    width: int
    def close_all(self): ...
    def raise_up(self): ...
""",
            """class ServerConfig | class ServerConfig:
            field ServerConfig.timeout : int | timeout: int
            field ServerConfig.retries : int | retries: int
            method ServerConfig.merge | def merge(self):
            class Window | class Window:
            field Window.width : int | width: int
            method Window.close_all | def close_all(self):
            method Window.raise_up | def raise_up(self):""",
        ),
        "app/other.py": (
            "def show(pane):\n    pane.close_all()\n    pane.raise_up()\n",
            "function show | def show(pane):",
        ),
        "app/errors.py": (
            "class Query: pass\n\nclass QueryFailed: pass\n\nclass QueryError: pass\n"
            "\ndef make_query(): ...\n",
            """class Query | class Query:
            class QueryFailed | class QueryFailed:
            class QueryError | class QueryError:
            function make_query | def make_query():""",
        ),
        "app/main.py": (
            "",
            """import app.config ServerConfig
            import app.errors Query
            import app.errors QueryFailed
            import app.errors QueryError
            import app.errors make_query""",
        ),
    }
)


def test_a_variable_may_be_of_the_type_that_is_called_like_it() -> None:
    found = GUESSED.ask("app/main.py", "python", "def f(config):\n    config.<|>\n")
    check(found, "timeout: int", reason="config is called like ServerConfig")


def test_a_variable_may_be_of_the_type_that_has_what_is_used_of_it() -> None:
    text = "def f(pane):\n    pane.width = 1\n    pane.<|>\n    pane.raise_up()\n"
    check(
        GUESSED.ask("app/main.py", "python", text),
        "def close_all(self): ...",
        reason="Window has width, close_all",
    )


def test_what_other_files_use_of_a_name_says_what_it_is() -> None:
    found = GUESSED.ask("app/main.py", "python", "def f(pane):\n    pane.<|>\n")
    check(found, "width: int", reason="Window has close_all, raise_up, used of pane")


def test_an_unknown_name_that_is_used_nowhere_is_not_guessed() -> None:
    found = GUESSED.ask("app/main.py", "python", "def f(thing):\n    thing.<|>\n", budget=60)
    assert not any("thing" in snippet.reason for snippet in found)


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("raise <|>", "class QueryError:"),
        ("def f(query: <|>", "class Query:"),
        ("query = <|>", "class Query:"),
    ],
)
def test_what_fits_the_line_comes_first(line: str, first: str) -> None:
    text = f"from app.errors import Query, QueryFailed, QueryError, make_query\n\n{line}\n"
    found = GUESSED.ask("app/main.py", "python", text, budget=18)
    check(found, first, reason="is imported and")


def test_the_outlines_of_types_fill_room_that_nothing_better_takes() -> None:
    kinds = Workspace(
        {
            "app/kinds.py": (
                "class Kind:\n    def turn(self): ...\n",
                """class Kind | class Kind:
                method Kind.turn | def turn(self):""",
            ),
            "app/many.py": (
                "".join(f"def make{n}(): ...\n" for n in range(80)),
                "".join(f"function make{n} | def make{n}():\n" for n in range(80)),
            ),
            "app/main.py": ("", "import app.kinds Kind"),
            "app/full.py": (
                "",
                "import app.kinds Kind\n"
                + "".join(f"import app.many make{n}\n" for n in range(80)),
            ),
        }
    )
    few = kinds.ask("app/main.py", "python", "from app.kinds import Kind\n\nif Kind:\n    <|>\n")
    check(few, "def turn(self): ...", reason="member of Kind, named nearby")
    names = ", ".join(f"make{n}" for n in range(80))
    calls = "".join(f"make{n}()\n" for n in range(80))
    text = f"from app.kinds import Kind\nfrom app.many import {names}\n{calls}\nif Kind:\n    <|>\n"
    found = kinds.ask("app/full.py", "python", text, budget=750)
    check(found, "class Kind:", absent=["def turn"])
    found = kinds.ask("app/full.py", "python", text, budget=1500)
    check(found, "class Kind:", shown=["def turn"])


def test_what_is_imported_from_a_library_is_no_namesake_of_ours() -> None:
    workspace = Workspace(
        {
            "shop/values.py": ("class Decimal:\n    pass\n", "class Decimal | class Decimal:"),
            "app.py": ("", "import decimal Decimal"),
        }
    )
    text = "from decimal import Decimal\n\nprice = Decimal(<|>"
    assert workspace.ask("app.py", "python", text) == ()
    check(workspace.ask("other.py", "python", "price = Decimal(<|>"), "class Decimal:")
