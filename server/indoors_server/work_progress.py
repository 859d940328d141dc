"""Work-done progress that a person can cancel: one piece of work, from the offer to the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Notify = Callable[[str, dict[str, Any]], None]


class Work:
    """One token. What is said before the client agreed to it is said when it has."""

    def __init__(
        self, token: str, title: str, notify: Notify, on_cancel: Callable[[], None]
    ) -> None:
        self.token = token
        self.cancel = on_cancel
        self._title = title
        self._notify = notify
        self._begun = False
        self._ended = False
        self._message = ""
        self._percentage = 0

    def create(self) -> dict[str, Any]:
        """The request that offers the token; the request has the token's own id."""
        method = "window/workDoneProgress/create"
        return {"id": self.token, "method": method, "params": {"token": self.token}}

    def begin(self) -> None:
        """The client agreed."""
        if self._begun or self._ended:
            return
        self._begun = True
        self._say(
            kind="begin",
            title=self._title,
            cancellable=True,
            message=self._message,
            percentage=self._percentage,
        )

    def report(self, message: str, percentage: int) -> None:
        """Say how far it is; a percentage never goes back."""
        percentage = max(self._percentage, min(percentage, 100))
        if (message, percentage) == (self._message, self._percentage) or self._ended:
            return
        self._message, self._percentage = message, percentage
        if self._begun:
            self._say(kind="report", message=message, percentage=percentage)

    def end(self, message: str = "") -> None:
        """It is over."""
        if self._begun and not self._ended:
            self._say(kind="end", message=message)
        self._ended = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of it."""
        return self._ended

    def _say(self, **value: object) -> None:
        self._notify("$/progress", {"token": self.token, "value": value})
