"""What a keeper says about its root, as values. Light: the server reads them too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

Phase = Literal["waiting", "indexing", "ready", "gone", "off"]


class Note(NamedTuple):
    """What a person should be told, once."""

    text: str


class Progress(NamedTuple):
    """How far a pass is: files done, files to do."""

    done: int
    total: int


class State(NamedTuple):
    """What the keeper is doing.

    "waiting" is for another process that writes this index, "gone" is a root that is not there,
    "off" the end. `n_changed` counts the files that were indexed or removed since the last state.
    """

    phase: Phase
    n_changed: int = 0


class OutOfReach(NamedTuple):
    """The root, or what its ignore rules come from, is another file than when this process started:
    the kernel may refuse it here. The keeper waits to be replaced.
    """


Report = Note | Progress | State | OutOfReach
# Called in the keeper's thread, for each report. It must not wait for the keeper.
Tell = Callable[[Report], None]
