"""The store: a file is used only when its bytes are what they should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indoors_completion import catalog
from indoors_completion.catalog import ModelEntry
from indoors_completion.types import InputError, ModelError
from indoors_server import model_store, paths
from support.model_files import entry_for, gguf_bytes

DATA = gguf_bytes(50_000)


@pytest.fixture
def entry(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    made = entry_for(DATA)
    monkeypatch.setattr(catalog, "load", lambda: (made,))
    return made


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read in full."""
    seen: list[Path] = []
    real = model_store.hash_file

    def spy(path: Path, progress: model_store.Progress | None = None) -> str:
        seen.append(path)
        return real(path, progress)

    monkeypatch.setattr(model_store, "hash_file", spy)
    return seen


def put(name: str, data: bytes) -> Path:
    directory = paths.make_private(paths.models_dir())
    (directory / name).write_bytes(data)
    return directory / name


def test_a_model_that_is_not_here_names_the_command(entry: ModelEntry) -> None:
    with pytest.raises(ModelError, match="not on this machine") as caught:
        model_store.resolve("tiny-model")
    assert caught.value.next_step == "indoors models pull tiny-model"


def test_a_file_is_hashed_before_its_first_use_and_not_again(
    entry: ModelEntry, hashed: list[Path]
) -> None:
    path = put(entry.file, DATA)
    seen: list[int] = []
    first = model_store.resolve("Tiny_Model", seen.append)
    again = model_store.resolve("tiny-model")
    assert hashed == [path]
    assert seen[-1] == len(DATA)
    assert first == again
    assert first.verified
    assert first.entry == entry
    assert first.sha256 == entry.sha256
    assert first.identity == model_store.identity_of(path)


def test_a_changed_identity_means_hashing_again(entry: ModelEntry, hashed: list[Path]) -> None:
    path = put(entry.file, DATA)
    model_store.resolve(entry.name)
    os.utime(path, ns=(1, 1))
    assert model_store.resolve(entry.name).verified
    assert len(hashed) == 2


def test_damage_is_named_as_the_product_says(entry: ModelEntry) -> None:
    path = put(entry.file, DATA)
    model_store.resolve(entry.name)
    flipped = bytearray(DATA)
    flipped[12_345] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ModelError) as caught:
        model_store.resolve(entry.name)
    assert str(caught.value) == (
        "The model file is damaged: sha256 differs from the catalogue's.\n"
        "  ~/.cache/indoors/models/tiny-model.gguf\n"
        "  Next: indoors models pull tiny-model   (removes the damaged file first)"
    )


def test_a_truncated_file_is_damaged_without_reading_it(
    entry: ModelEntry, hashed: list[Path]
) -> None:
    put(entry.file, DATA[:-1])
    with pytest.raises(ModelError, match="damaged"):
        model_store.resolve(entry.name)
    assert hashed == []


def test_a_record_that_lies_about_the_hash_does_not_help(entry: ModelEntry) -> None:
    path = put(entry.file, b"GGUF" + bytes(len(DATA) - 4))
    model_store.write_record(path, "0" * 64, name="", source="test")
    with pytest.raises(ModelError, match="damaged"):
        model_store.resolve(entry.name)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_broken_record_costs_a_hash_and_nothing_else(entry: ModelEntry, content: bytes) -> None:
    path = put(entry.file, DATA)
    model_store.resolve(entry.name)
    path.with_name(path.name + ".json").write_bytes(content)
    assert model_store.resolve(entry.name).verified


def test_a_file_elsewhere_works_by_path_and_is_unverified(
    entry: ModelEntry, tmp_path: Path, hashed: list[Path]
) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(gguf_bytes(1000, seed=2))
    first = model_store.resolve(str(mine))
    assert not first.verified
    assert first.entry is None
    assert first.name == "mine"
    model_store.resolve(str(mine))
    assert hashed == [mine]
    mine.write_bytes(gguf_bytes(2000, seed=3))  # a person may replace their own file
    assert model_store.resolve(str(mine)).size_bytes == 2000
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["mine.gguf"]


def test_the_publishers_file_elsewhere_is_recognised_by_its_hash(
    entry: ModelEntry, tmp_path: Path
) -> None:
    copy = tmp_path / "renamed.gguf"
    copy.write_bytes(DATA)
    found = model_store.resolve(str(copy))
    assert found.verified
    assert found.entry == entry


def test_an_entry_without_a_hash_is_unverified_but_its_bytes_are_still_watched(
    entry: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = entry_for(DATA, sha256="", bytes=0)
    monkeypatch.setattr(catalog, "load", lambda: (unknown,))
    path = put(unknown.file, DATA)
    assert not model_store.resolve(unknown.name).verified
    path.write_bytes(gguf_bytes(50_000, seed=9))
    with pytest.raises(ModelError, match="recorded when it was stored"):
        model_store.resolve(unknown.name)


def test_what_is_not_gguf_is_refused(entry: ModelEntry, tmp_path: Path) -> None:
    page = tmp_path / "page.gguf"
    page.write_bytes(b"<!doctype html>")
    with pytest.raises(ModelError, match="not a GGUF file"):
        model_store.resolve(str(page))


def test_a_split_set_is_one_model_and_a_missing_file_is_named(
    entry: ModelEntry, tmp_path: Path
) -> None:
    for n in (1, 2, 3):
        (tmp_path / f"big-{n:05d}-of-00003.gguf").write_bytes(gguf_bytes(100 * n, seed=n))
    found = model_store.resolve(str(tmp_path / "big-00002-of-00003.gguf"))
    assert found.path.name == "big-00001-of-00003.gguf"
    assert found.size_bytes == 600
    assert [file.path.name[-19:-14] for file in found.files] == ["00001", "00002", "00003"]
    (tmp_path / "big-00003-of-00003.gguf").unlink()
    with pytest.raises(ModelError, match="split model is missing") as caught:
        model_store.resolve(str(tmp_path / "big-00001-of-00003.gguf"))
    assert "big-00003-of-00003.gguf" in caught.value.why


def test_an_unknown_name_is_an_input_error_with_the_nearest(entry: ModelEntry) -> None:
    with pytest.raises(InputError) as caught:
        model_store.resolve("tiny-modle")
    assert "tiny-model" in caught.value.why


def test_records_are_private(entry: ModelEntry) -> None:
    path = put(entry.file, DATA)
    model_store.resolve(entry.name)
    assert path.with_name(path.name + ".json").stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
