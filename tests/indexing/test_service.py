"""The indexer's messages, frames and process, without the server's side."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from indoors_indexing import messages
from indoors_indexing.frames import (
    MAX_FRAME_BYTES,
    FrameError,
    body_length,
    frame,
    read_frame,
    write_frame,
)
from indoors_indexing.types import Span, SyntaxSite
from indoors_server import children
from support.hostile import SLOW_JAVASCRIPT

SITE = SyntaxSite(
    language="go", region="code", block=Span(0, 4), block_indent="\t", opens_block=False,
    statement=Span(1, 2), scope=("f",),
)  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        messages.Update(uri="a", language="go", version=3, text="é😀\0"),
        messages.Forget(uri="a"),
        messages.Site(request=1, uri="a", version=3, offset=2),
        messages.ErrorCount(request=2, language="go", text="x"),
    ],
)
def test_what_the_indexer_is_told_survives_the_wire(message: messages.ToIndexer) -> None:
    assert messages.decode_to_indexer(messages.encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        messages.SiteReply(request=1, site=SITE),
        messages.CountReply(request=2, count=7),
        messages.Failed(request=3, kind="slow", note="why"),
    ],
)
def test_what_the_indexer_says_survives_the_wire(message: messages.FromIndexer) -> None:
    assert messages.decode_from_indexer(messages.encode(message)) == message


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"\x81\xa1t\xa4load", b"\x80", b"\x91" * 5000 + b"\x80"]
)
def test_a_foreign_body_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        messages.decode_to_indexer(body)


def test_another_protocol_version_is_refused() -> None:
    with pytest.raises(FrameError, match="protocol 9"):
        messages.decode_to_indexer(messages.encode(messages.Forget(v=9, uri="a")))


class Trickle(io.RawIOBase):
    """A writer that takes at most three bytes at a time, as a pipe may."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.taken += bytes(data[:3])
        return min(3, len(data))


def test_frames_survive_partial_writes_and_end_cleanly() -> None:
    pipe = Trickle()
    write_frame(pipe, b"hello there")
    write_frame(pipe, b"")
    reader = io.BytesIO(bytes(pipe.taken))
    assert [read_frame(reader) for _ in range(3)] == [b"hello there", b"", None]


@pytest.mark.parametrize("cut", [1, 3, 4, 8])
def test_a_frame_cut_short_is_an_error(cut: int) -> None:
    with pytest.raises(FrameError, match="ended inside"):
        read_frame(io.BytesIO(frame(b"hello")[:cut]))


def test_a_frame_over_the_limit_is_an_error_before_it_is_read() -> None:
    with pytest.raises(FrameError, match="over the limit"):
        body_length((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(FrameError, match="over the limit"):
        frame(bytes(MAX_FRAME_BYTES + 1))


class Indexer:
    """The real process, spoken to by blocking frames."""

    def __init__(self) -> None:
        self.process = children.spawn("indexer")
        assert self.process.stdout is not None
        self._reader = io.BufferedReader(self.process.stdout)
        self.started = self.receive()

    def __enter__(self) -> "Indexer":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.close()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def send(self, *sent: messages.ToIndexer) -> None:
        data = memoryview(b"".join(frame(messages.encode(message)) for message in sent))
        while data:
            data = data[self.process.stdin.write(data) :]

    def receive(self) -> messages.FromIndexer:
        body = read_frame(self._reader)
        assert body is not None
        return messages.decode_from_indexer(body)


def update(version: int, text: str, language: str = "python") -> messages.Update:
    return messages.Update(uri="a", language=language, version=version, text=text)


def site(request: int, version: int, offset: int) -> messages.Site:
    return messages.Site(request=request, uri="a", version=version, offset=offset)


def test_questions_are_answered_about_the_newest_text() -> None:
    with Indexer() as indexer:
        # One write, so that both versions are there when the first question is looked at.
        indexer.send(update(1, "x"), site(1, 1, 1), update(2, "def f():\n"), site(2, 2, 9))
        first, second = indexer.receive(), indexer.receive()
        assert isinstance(second, messages.SiteReply)
        assert (second.request, second.site.opens_block) == (2, True)
        assert first.request == 1
        assert isinstance(first, messages.SiteReply) or first.kind == "stale"
        indexer.send(site(3, 1, 0))
        assert indexer.receive() == messages.Failed(request=3, kind="stale")
        indexer.send(messages.Forget(uri="a"), site(4, 2, 0))
        assert indexer.receive() == messages.Failed(request=4, kind="unknown")
        indexer.send(messages.ErrorCount(request=5, language="python", text="def f(:\n"))
        reply = indexer.receive()
        assert isinstance(reply, messages.CountReply)
        assert reply.count > 0
        indexer.send(messages.ErrorCount(request=6, language="cobol", text=""))
        reply = indexer.receive()
        assert isinstance(reply, messages.Failed)
        assert reply.kind == "language"


def test_it_says_first_how_far_it_is_locked_down() -> None:
    with Indexer() as indexer:
        assert isinstance(indexer.started, messages.Started)
        states = ("enforced", "network enforced, files not", "unproven")
        assert indexer.started.lock in states[: 2 if sys.platform == "linux" else 3]


def test_a_hostile_text_is_given_up_and_the_next_is_answered() -> None:
    with Indexer() as indexer:
        indexer.send(update(1, SLOW_JAVASCRIPT, "javascript"), site(1, 1, 9))
        reply = indexer.receive()
        assert isinstance(reply, messages.Failed)
        assert reply.kind == "slow"
        indexer.send(update(2, "f(a)\n", "javascript"), site(2, 2, 2))
        assert isinstance(indexer.receive(), messages.SiteReply)


def test_it_ends_with_its_stream_in_mid_parse() -> None:
    with Indexer() as indexer:
        indexer.send(update(0, "f(a)\n", "javascript"), site(1, 0, 2))
        indexer.receive()
        began = time.monotonic()
        for version in range(1, 60):
            indexer.send(
                messages.ErrorCount(request=version, language="javascript", text=SLOW_JAVASCRIPT)
            )
            if version == 8:
                break
        indexer.process.stdin.close()
        assert indexer.process.wait(timeout=20) == 0
        # Eight parses of a second each were waiting: it did not serve them.
        assert time.monotonic() - began < 8
        indexer.process.stdin = None


def test_garbage_on_the_stream_ends_it_with_a_status() -> None:
    process = children.spawn("indexer", stderr=subprocess.PIPE)
    _, stderr = process.communicate(b"\xff\xff\xff\xffGARBAGE", timeout=20)
    assert process.returncode == 1
    assert b"over the limit" in stderr
    assert b"GARBAGE" not in stderr


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the kernel's parent-death signal")
def test_it_dies_with_its_parent_even_if_the_stream_stays_open() -> None:
    """A middle process starts the indexer and is killed while we keep the indexer's pipe open."""
    reader, writer = os.pipe()
    code = (
        "import subprocess, sys;"
        f"child = subprocess.Popen({children.command('indexer')!r}, stdin={reader},"
        " stdout=subprocess.PIPE);"
        f"import os; os.write({writer}, bytes.fromhex(sys.argv[1]));"
        "child.stdout.read(1); print(child.pid, flush=True); child.wait()"
    )
    count = messages.ErrorCount(request=1, language="python", text="x")
    process = subprocess.Popen(
        [*children.command("indexer")[:2], "-c", code, frame(messages.encode(count)).hex()],
        stdout=subprocess.PIPE,
        pass_fds=(reader, writer),
    )
    try:
        handle = os.pidfd_open(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        deadline = time.monotonic() + 10
        while not _ended(handle):
            assert time.monotonic() < deadline, "the indexer outlived its parent"
            time.sleep(0.01)
        os.close(handle)
    finally:
        os.close(reader)
        os.close(writer)


def _ended(handle: int) -> bool:
    try:
        signal.pidfd_send_signal(handle, 0)
    except ProcessLookupError:
        return True
    import select

    return bool(select.select([handle], [], [], 0)[0])
