"""Messages about the index survive the frame they travel in."""

import pytest

from indoors_indexing import messages
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
    StopPass,
    ToKeeper,
    message_of,
)
from indoors_indexing.reports import Note, Progress, Report, State

TO_KEEPER = [
    KeepRoot(root="/r", cache="/c", wanted=("vendor",)), DropRoot(root="/r"),
    Hold(uri="u", root="/r", path="a.py"), Release(uri="u"),
    Saved(root="/r", paths=("a.py", "b.py")), StopPass(root="/r"), RebuildIndex(root="/r"),
]  # fmt: skip


@pytest.mark.parametrize("message", TO_KEEPER, ids=lambda message: type(message).__name__)
def test_what_is_said_to_the_keeper_arrives(message: ToKeeper) -> None:
    assert messages.decode_to_indexer(messages.encode(message)) == message


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (Note("text"), IndexNote(root="/r", text="text")),
        (Progress(1, 2), IndexProgress(root="/r", done=1, total=2)),
        (State("ready", 3), IndexState(root="/r", phase="ready", n_changed=3)),
    ],
)
def test_what_the_keeper_tells_arrives(report: Report, message: FromKeeper) -> None:
    assert message_of("/r", report) == message
    assert messages.decode_from_indexer(messages.encode(message)) == message
