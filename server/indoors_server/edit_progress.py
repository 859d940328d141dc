"""What a person is told of an edit: how far it is, and in the end how it is known to be one."""

from __future__ import annotations

from indoors_completion.refactor import asking, verify
from indoors_completion.refactor.actions import BY_NAME
from indoors_completion.refactor.types import Edit, EditRequest
from indoors_server.edit_values import plain
from indoors_server.ports import Working


class Progress:
    """What is shown of an answer while it is written: how much there is of it, none of its text."""

    def __init__(self, work: Working, request: EditRequest) -> None:
        self._work = work
        target = asking.target_of(BY_NAME[request.action], request)
        self._expected = max(1, len(target.text) if target is not None else 1)
        self._n_characters = self._n_lines = 0
        self._n_answers = 1

    def __call__(self, text: str) -> None:
        """So much of the answer is there."""
        is_new = len(text) < self._n_characters
        self._n_characters, before = len(text), self._n_lines
        self._n_lines = n_lines = text.count("\n") + 1
        if n_lines == before and not is_new:
            return  # a message for each token would be some fifty a second
        self._n_answers += is_new
        number = f"answer {self._n_answers}: " if self._n_answers > 1 else ""
        lines = f"{n_lines} line" if n_lines == 1 else f"{n_lines} lines"
        self._work.report(f"{number}{lines}", min(95, 100 * len(text) // self._expected))


def checked(edit: Edit, model: str) -> str:
    """What was done to know that an edit is one, for the person who confirms it."""
    number = f" (answer {len(edit.attempts)})" if len(edit.attempts) > 1 else ""
    return plain(
        f"Written by {model or 'the model'}{number}. {len(verify.CHECKS)} checks passed: syntax, "
        "names in use, public names, signatures, documentation, style. Nothing was run."
    )
