"""Messages about the index survive the frame they travel in."""

import msgspec
import pytest

from indoors_indexing.index_messages import (
    DropRoot,
    FromKeeper,
    Hold,
    IndexNote,
    IndexProgress,
    IndexState,
    KeepRoot,
    RebuildIndex,
    Release,
    Saved,
    ToKeeper,
    message_of,
)
from indoors_indexing.keeper import Note, Progress, Report, State
from indoors_indexing.messages import encode

TO_KEEPER = [
    KeepRoot(root="/r", cache="/c", wanted=("vendor",)), DropRoot(), Hold(uri="u", path="a.py"),
    Release(uri="u"), Saved(paths=("a.py", "b.py")), RebuildIndex(),
]  # fmt: skip


@pytest.mark.parametrize("message", TO_KEEPER, ids=lambda message: type(message).__name__)
def test_what_is_said_to_the_keeper_arrives(message: ToKeeper) -> None:
    assert msgspec.msgpack.decode(encode(message), type=ToKeeper) == message


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (Note("text"), IndexNote(text="text")),
        (Progress(1, 2), IndexProgress(done=1, total=2)),
        (State("ready", 3), IndexState(phase="ready", n_changed=3)),
    ],
)
def test_what_the_keeper_tells_arrives(report: Report, message: FromKeeper) -> None:
    assert message_of(report) == message
    assert msgspec.msgpack.decode(encode(message), type=FromKeeper) == message
