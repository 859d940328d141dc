from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from indoors_completion.engine.failures import WorkerFailure
from indoors_completion.engine.weights import opened, split_parts


def gguf(path: Path, body: bytes = b"GGUF body") -> str:
    path.write_bytes(body)
    return str(path)


def identity(path: str) -> tuple[int, ...]:
    found = Path(path).stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def kind_of(path: str, expected: tuple[int, ...] = ()) -> str:
    with pytest.raises(WorkerFailure) as caught, opened(path, expected):
        pass
    assert path in caught.value.why
    assert caught.value.next_step
    return caught.value.kind


def test_the_file_that_was_verified_is_the_one_that_is_loaded(tmp_path: Path) -> None:
    path = gguf(tmp_path / "m.gguf")
    with opened(path, identity(path)) as weights:
        if sys.platform == "linux":
            # The name is swapped after the check: what llama.cpp would read is still the first.
            (tmp_path / "other").write_bytes(b"GGUF evil")
            (tmp_path / "other").replace(path)
            assert Path(weights.load_as).read_bytes() == b"GGUF body"
        assert weights.size_bytes == 9


def test_another_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = gguf(tmp_path / "m.gguf", b"not even a model")
    before = identity(path)
    assert kind_of(path, (*before[:-1], before[-1] + 1)) == "identity"
    with (
        pytest.raises(WorkerFailure, match="changed") as caught,
        opened(path, (*before[:2], 1, 2, 3)),
    ):
        pass
    assert "size, modification time, change time" in caught.value.why


def test_what_is_not_a_model(tmp_path: Path) -> None:
    assert kind_of(str(tmp_path / "nothing.gguf")) == "missing"
    assert kind_of(str(tmp_path)) == "missing"
    assert kind_of(gguf(tmp_path / "empty", b"")) == "corrupt"
    assert kind_of(gguf(tmp_path / "text", b"#!/bin/sh\n")) == "corrupt"


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are POSIX")
def test_a_named_pipe_does_not_hang_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "pipe.gguf"
    os.mkfifo(path)
    assert kind_of(str(path)) == "missing"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_leads_to_its_target(tmp_path: Path) -> None:
    path = gguf(tmp_path / "blob")
    (tmp_path / "m.gguf").symlink_to(path)
    with opened(str(tmp_path / "m.gguf"), identity(path)) as weights:
        assert weights.identity == identity(path)


def test_split_files(tmp_path: Path) -> None:
    first = gguf(tmp_path / "m-00001-of-00002.gguf")
    assert split_parts(first) == [first, str(tmp_path / "m-00002-of-00002.gguf")]
    with pytest.raises(WorkerFailure, match="cannot be opened") as caught, opened(first):
        pass
    assert "00002-of-00002" in caught.value.why
    gguf(tmp_path / "m-00002-of-00002.gguf")
    with opened(first) as weights:
        # llama.cpp finds the second part by the first one's name.
        assert (weights.load_as, weights.size_bytes) == (first, 18)
    assert split_parts("m-00002-of-00002.gguf") == ["m-00002-of-00002.gguf"]
    assert split_parts("m-00001-of-00001.gguf") == ["m-00001-of-00001.gguf"]
