"""Of an answer the code is taken, whatever a model writes around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.refactor import reply

CODE = "def f():\n    return 1"


@pytest.mark.parametrize(
    "answer",
    [
        CODE,
        CODE + "\n",
        CODE + "\n```",
        CODE + "\n```\n\nThis returns one.\n",
        "```python\n" + CODE + "\n```\n",
        "\n\n```\n" + CODE + "\n```\nDone",
        "```\n```python\n" + CODE + "\n```",
        "Here is the code:\n\n```python\n" + CODE + "\n```\nmore",
        CODE.replace("\n", "\r\n") + "\r\n```",
        "\n" + CODE + "\n\n```\n```js\nother\n```",
    ],
)
def test_the_code_is_what_is_between_the_fences(answer: str) -> None:
    assert reply.code_of(answer) == CODE


def test_a_fence_within_documentation_belongs_to_the_code() -> None:
    code = 'def f():\n    """Use it so:\n\n    ```\n    f()\n    ```\n    """'
    assert reply.code_of(code + "\n```\n") == code


@pytest.mark.parametrize("answer", ["", "\n", "```", "```\n```", "```python\n"])
def test_an_answer_without_code_is_empty(answer: str) -> None:
    assert reply.code_of(answer) == ""


@given(st.text(st.sampled_from("`~\n ax\r"), max_size=40))
def test_no_answer_makes_it_fail(answer: str) -> None:
    code = reply.code_of(answer)
    assert not code.startswith("\n")
    assert "\r\n" not in code


def test_a_closing_fence_ends_an_answer() -> None:
    assert (reply.opening("go") + CODE + reply.stops()[0]).count("```") == 2
