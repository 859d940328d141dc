import io
from pathlib import Path

import pytest

from indoors_server import cli, paths

pytestmark = pytest.mark.usefixtures("private_home")


@pytest.fixture
def kept() -> dict[str, Path]:
    """One of everything that Indoors keeps."""
    places = {
        "model": paths.models_dir() / "a.gguf",
        "record": paths.models_dir() / "a.gguf.json",
        "partial": paths.models_dir() / "partial/b.gguf/part",
        "engine": paths.engines_dir() / "llama-cpp-python-1-cpu-a/engine.json",
        "half": paths.engines_dir() / ".unpack-x/file",
        "wheel": paths.cache_dir() / "wheels/w/w.whl",
        "build": paths.cache_dir() / "build/engine-x/file",
        "index": paths.cache_dir() / "index/0123456789abcdef.db",
        "log": paths.state_dir() / "engine-build.log",
        "counters": paths.state_dir() / "counters.json",
        "config": paths.config_dir() / "config.json",
    }
    for path in places.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    return places


def left(kept: dict[str, Path]) -> set[str]:
    return {name for name, path in kept.items() if path.exists()}


def test_leftovers_go_and_what_is_used_stays(kept: dict[str, Path]) -> None:
    assert cli.main(["purge", "--yes"]) == 0
    assert left(kept) == {"model", "record", "engine", "counters", "config"}


def test_all_leaves_nothing_but_the_persons_own_file(kept: dict[str, Path]) -> None:
    assert cli.main(["purge", "--all", "--yes"]) == 0
    assert left(kept) == {"config"}
    assert not paths.cache_dir().exists()
    assert not paths.state_dir().exists()


def test_what_goes_is_listed_with_its_size(
    kept: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["purge", "--all", "--yes"])
    text = capsys.readouterr().out
    for word in ("a.gguf", "wheels", "engines", "index", "engine-build.log", "1.0 kB"):
        assert word in text
    assert "Removed" in text


def test_without_a_terminal_and_without_yes_nothing_goes(
    kept: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(["purge", "--all"]) == 1
    assert left(kept) == set(kept)
    assert "--yes" in capsys.readouterr().err


def test_an_empty_machine_has_nothing_to_remove(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["purge", "--all", "--yes"]) == 0
    assert "Nothing to remove" in capsys.readouterr().out


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    wheels = paths.cache_dir() / "wheels"
    wheels.parent.mkdir(parents=True)
    wheels.symlink_to(outside)
    (paths.cache_dir() / "models").mkdir()
    (paths.cache_dir() / "models/link.gguf").symlink_to(outside / "mine.txt")
    assert cli.main(["purge", "--all", "--yes"]) == 0
    assert (outside / "mine.txt").read_text() == "mine"
    assert not wheels.is_symlink()
