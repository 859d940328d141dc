"""Several processes at one list of files: all is answered, whatever a file does to a process."""

import io
import os
import sys
from pathlib import Path

import pytest

from indoors_indexing import maker
from indoors_indexing.frames import FrameError, frame, read_frame
from indoors_indexing.maker import Made, Make, Result, Task, decode_made, encode
from indoors_indexing.pool import Pool, PoolBroken
from indoors_indexing.reading import open_root
from indoors_server import children
from support.makers import Spawn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def files(root: Path, *more: str, n: int = 0) -> list[Task]:
    paths = [*(f"{n}.py" for n in range(n)), *more]
    for path in paths:
        (root / path).write_text(f"x = '{path}'\n")
    return [Task(path) for path in paths]


def run(root: Path, spawn: Spawn, tasks: list[Task], **more) -> dict[str, Result]:
    results: dict[str, Result] = {}
    for some in Pool(spawn, 2, **more).make(os.fsencode(root), tasks):
        for result in some:
            assert result.path not in results
            results[result.path] = result
    assert all(child.poll() is not None for child in spawn.started)
    return results


def test_every_task_is_answered_once(root: Path, tmp_path: Path) -> None:
    tasks = [*files(root, n=130), Task("gone.py")]
    spawn = Spawn(tmp_path / "mark")
    results = run(root, spawn, tasks)
    assert set(results) == {task.path for task in tasks}
    assert results["gone.py"].record is None
    record = results["7.py"].record
    assert record is not None
    assert (record.language, record.n_lines, len(record.chunks)) == ("python", 1, 1)
    assert len(spawn.started) == 2


def test_a_hash_that_is_known_costs_no_content(root: Path, tmp_path: Path) -> None:
    (task,) = files(root, "a.py")
    spawn = Spawn(tmp_path / "mark")
    record = run(root, spawn, [task])["a.py"].record
    assert record is not None
    again = run(root, spawn, [Task("a.py", record.hash)])["a.py"]
    assert again.is_same
    assert again.record is not None
    assert (again.record.size, again.record.chunks) == (record.size, ())


def test_a_file_that_kills_is_given_up_and_the_others_are_not(root: Path, tmp_path: Path) -> None:
    tasks = files(root, "kill.py", "a.py", n=60)
    results = run(root, Spawn(tmp_path / "mark"), tasks)
    assert set(results) == {task.path for task in tasks}
    skipped = {path: result.record.skipped for path, result in results.items() if result.record}
    assert skipped.pop("kill.py") == "crash"
    assert set(skipped.values()) == {""}


def test_a_process_that_dies_once_costs_no_file(root: Path, tmp_path: Path) -> None:
    results = run(root, Spawn(tmp_path / "mark"), files(root, "once.py", "a.py", n=60))
    assert {result.record.skipped for result in results.values() if result.record} == {""}
    assert len(results) == 62


def test_a_file_that_stalls_is_given_up(root: Path, tmp_path: Path) -> None:
    results = run(
        root, Spawn(tmp_path / "mark"), files(root, "stall.py", "a.py"), stalled_after_s=0.5
    )
    assert results["stall.py"].record.skipped == "crash"
    assert results["a.py"].record.skipped == ""


@pytest.mark.parametrize(
    "command", [("/bin/false",), (sys.executable, "-c", "print('hello' * 1000)"), ("/bin/cat",)]
)
def test_processes_that_are_no_makers_are_not_tried_for_ever(
    root: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with pytest.raises(PoolBroken):
        run(root, Spawn(tmp_path, *command), files(root, n=5))


def test_who_stops_asking_ends_the_processes(root: Path, tmp_path: Path) -> None:
    spawn = Spawn(tmp_path / "mark")
    results = Pool(spawn, 2).make(os.fsencode(root), files(root, n=500))
    next(results)
    results.close()
    assert spawn.started
    assert all(child.poll() is not None for child in spawn.started)


def test_the_real_role_makes_records(root: Path, tmp_path: Path) -> None:
    """The launch form of the product: locked down, isolated, spoken to by frames."""
    process = children.spawn("indexer", "--maker", f"--root={root}")
    request = frame(encode(Make(maker.PROTOCOL_VERSION, os.fsencode(root), files(root, "a.py"))))
    out, _ = process.communicate(request, timeout=30)
    stream = io.BytesIO(out)
    first, second = read_frame(stream), read_frame(stream)
    assert decode_made(first or b"").results == []
    assert [result.path for result in decode_made(second or b"").results] == ["a.py"]
    assert process.returncode == 0


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"\x80", encode(Made(99, [], is_last=True)), b"\x91" * 5000]
)
def test_a_foreign_answer_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        decode_made(body)


def test_a_task_never_raises(root: Path) -> None:
    os.mkfifo(root / "fifo.py")
    (root / "noise.py").write_bytes(bytes(range(256)) * 10)
    descriptor = open_root(str(root))
    for path in ("fifo.py", "noise.py", "../x.py", "", "a/b.py", "x.unknown"):
        result = maker.make(descriptor, Task(path))
        assert result.record is None or result.record.skipped == "binary"
    os.close(descriptor)
