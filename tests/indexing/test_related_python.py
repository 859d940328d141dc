"""What is shown at a cursor in Python: whose members, what is called, what is overridden or tested.

Each scenario says which definition comes first, what must be there and what must not, and why.
"""

from __future__ import annotations

from support.example_workspaces import APART, MORE, PYTHON
from support.small_workspace import check


def test_python_members_of_an_annotated_parameter_through_a_reexport() -> None:
    found = PYTHON.ask(
        "app/main.py",
        "python",
        "from shop import Client\n\ndef run(client: Client):\n    client.<|>\n",
    )
    check(
        found,
        "def fetch(self, path: str) -> Answer:",
        reason="member of Client, the type of client",
        shown=['"""Gets one thing."""', "class Client(Base):", "def close(self) -> None:"],
    )
    assert found[0].path == "shop/client.py"


def test_python_what_is_typed_already_chooses() -> None:
    found = PYTHON.ask(
        "app/main.py", "python",
        "from shop import Client\n\ndef run():\n    x = Client(None)\n    x.clo<|>\n", budget=48,
    )  # fmt: skip
    check(found, "def close(self) -> None:", absent=["fetch"])


def test_python_the_result_of_a_method_of_a_result() -> None:
    found = PYTHON.ask(
        "app/tool.py", "python",
        "from shop.client import connect\n\ndef run():\n    c = connect('u')\n"
        "    a = c.fetch('x')\n    a.<|>\n",
    )  # fmt: skip
    check(found, "def text(self) -> str: ...", reason="member of Answer, the type of a")
    assert found[0].path == "shop/answer.py"


def test_python_members_of_a_module() -> None:
    found = PYTHON.ask("app/other.py", "python", "import shop.client as sc\n\nsc.<|>\n")
    check(found, "def connect(url: str) -> Client: ...", reason="in the module sc")


def test_python_what_is_called_is_shown_with_its_body() -> None:
    found = PYTHON.ask(
        "app/tool.py", "python", "from shop.client import connect\n\nx = connect(<|>\n"
    )
    check(
        found, "def connect(url: str) -> Client:", reason="connect is called here",
        shown=["return Client(url)"],
    )  # fmt: skip


def test_python_making_a_value_shows_the_constructor() -> None:
    found = PYTHON.ask("app/main.py", "python", "from shop import Client\n\nx = Client(<|>)\n")
    check(found, 'def __init__(self, session: "Session") -> None:', reason="makes a Client")


def test_python_own_members_after_self() -> None:
    found = PYTHON.ask(
        "shop/cached.py", "python",
        "from .client import Client\n\nclass Cached(Client):\n"
        "    def fetch(self, path):\n        return self.<|>\n",
    )  # fmt: skip
    check(
        found,
        "def fetch(self, path: str) -> Answer:",
        shown=["self.session = session", "def close"],
    )


def test_python_a_method_sees_what_it_overrides_and_how_others_do_it() -> None:
    found = PYTHON.ask(
        "shop/client.py", "python",
        "from .base import Base\n\nclass Client(Base):\n    def fetch(self, path):\n        <|>\n",
    )  # fmt: skip
    check(
        found, 'def fetch(self, path: str) -> "Answer":', reason="fetch overrides it",
        shown=["raise NotImplementedError", "return self.memo[path]"],
    )  # fmt: skip
    assert any("Cached overrides fetch, too" in one.reason for one in found)


def test_python_a_new_method_may_override_one_of_a_base() -> None:
    found = PYTHON.ask(
        "shop/cached.py", "python",
        "from .client import Client\n\nclass Cached(Client):\n    memo = {}\n\n    def <|>\n",
    )  # fmt: skip
    assert any("Cached may override it" in one.reason for one in found)


def test_python_a_subject_is_shown_in_its_test() -> None:
    found = PYTHON.ask("tests/test_client.py", "python", "import pytest\n\n\ndef test_<|>\n")
    check(found, "class Client(Base):", reason="tested here")


def test_python_the_test_of_what_is_written() -> None:
    found = PYTHON.ask(
        "shop/client.py", "python", "class Client:\n    def fetch(self, path):\n        <|>\n"
    )
    assert any("tests fetch" in one.reason for one in found)


def test_python_imported_and_not_used_yet() -> None:
    found = PYTHON.ask("app/main.py", "python", "from shop import Client\n" + "\n" * 60 + "<|>")
    check(found, "class Client(Base):", reason="imported and not used yet")


def test_python_how_others_call_it() -> None:
    found = PYTHON.ask(
        "app/main.py", "python", "from shop.client import connect\n\nx = connect(<|>\n", budget=900
    )
    assert any("calls connect" in one.reason for one in found if one.path == "app/tool.py")


def test_a_comment_and_a_string_have_no_receiver() -> None:
    for text in (
        "from shop import Client\n# Client.<|>\n",
        "from shop import Client\nx = 'Client.<|>",
    ):
        found = PYTHON.ask("app/main.py", "python", text)
        assert not any("member of Client, the type" in one.reason for one in found)


def test_a_module_has_what_it_passes_on() -> None:
    found = MORE.ask("app.py", "python", "import ui\n\nui.<|>\n")
    check(found, "class Console:", reason="in the module ui")


def test_a_variable_is_what_its_own_function_says() -> None:
    text = (
        "from ui.data import Data, Other\n\ndef f(data: Data):\n    x = 1\n\n"
        "def g(data: Other):\n    y = 1\n\ndef h(data: Data):\n    data.<|>\n\n"
        "def i(data: Other):\n    pass\n"
    )
    check(APART.ask("app.py", "python", text, budget=40), "def freeze(self): ...", reason="of Data")
    other = text.replace("data.<|>", "pass").replace("    y = 1", "    data.<|>")
    check(APART.ask("app.py", "python", other, budget=40), "def thaw(self): ...", reason="of Other")


def test_a_parameter_has_the_type_that_the_overridden_method_gives_it() -> None:
    found = APART.ask(
        "ui/child.py", "python",
        "from .base import Base\n\nclass Child(Base):\n"
        "    def draw(self, data):\n        data.<|>\n",
    )  # fmt: skip
    shown = next(one for one in found if one.path == "ui/data.py")
    assert "def freeze(self)" in shown.text
    assert "member of Data, the type of data" in shown.reason
