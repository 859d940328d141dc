"""What `indoors models` prints and returns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_completion import catalog
from indoors_completion.catalog import HttpsFile
from indoors_server import cli, model_sources, paths
from support.model_files import entry_for, gguf_bytes
from support.model_server import Behaviour, serve

pytestmark = pytest.mark.loopback

DATA = gguf_bytes(100_000)


@pytest.fixture
def hub(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behaviour]:
    monkeypatch.delenv(model_sources.MIRROR_VARIABLE, raising=False)
    behaviour = Behaviour(data=DATA)
    with serve(behaviour) as address:
        free = entry_for(DATA, HttpsFile(url=f"{address}/tiny-model.gguf"))
        bound = entry_for(
            DATA,
            HttpsFile(url=f"{address}/bound.gguf"),
            name="bound",
            file="bound.gguf",
            licence="restricted",
            licence_reason="for research only",
        )
        monkeypatch.setattr(catalog, "load", lambda: (free, bound))
        monkeypatch.setattr(catalog, "default", lambda: free)
        yield behaviour


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(["models", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_real_list_is_tidy(private_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "list")
    assert status == 0
    lines = out.splitlines()
    assert max(len(line) for line in lines) <= 100
    assert all(any(line.startswith(e.name) for line in lines) for e in catalog.load())
    column = lines[0].index("LICENCE")
    assert all(line[column - 1] == " " for line in lines[1 : len(catalog.load()) + 1])


def test_list_json_is_one_object_per_line(
    hub: Behaviour, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "pull", "tiny-model")[0] == 0
    (paths.models_dir() / "stray.gguf").write_bytes(gguf_bytes(10))
    rows = [json.loads(line) for line in run(capsys, "list", "--json")[1].splitlines()]
    assert {row["name"]: row["state"] for row in rows} == {
        "tiny-model": "verified",
        "bound": "",
        "stray": "unverified",
    }


def test_pull_reports_and_path_prints_only_the_path(
    hub: Behaviour, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "pull", "TINY-MODEL", "--from", "https")
    assert status == 0
    assert "sha256 matches the publisher's file" in out
    assert "100%" in err
    assert run(capsys, "path") == (0, f"{paths.models_dir() / 'tiny-model.gguf'}\n", "")


def test_path_of_an_absent_model_is_an_error(
    hub: Behaviour, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "path", "tiny-model")
    assert (status, out) == (1, "")
    assert "Next: indoors models pull tiny-model" in err


def test_a_restricted_licence_must_be_accepted(
    hub: Behaviour, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "pull", "bound")
    assert status == 1
    assert "for research only" in err
    assert "--accept-licence" in err
    assert hub.requests == []
    assert run(capsys, "pull", "bound", "--accept-licence")[0] == 0


def test_verify_reads_every_byte_again_whatever_the_record_says(
    hub: Behaviour, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "pull", "tiny-model")
    assert run(capsys, "verify")[0] == 0
    path = paths.models_dir() / "tiny-model.gguf"
    record = path.with_name(path.name + ".json")
    spoiled = bytearray(DATA)
    spoiled[5000] ^= 1
    path.write_bytes(spoiled)
    # A record that claims to have seen exactly this file.
    known = json.loads(record.read_bytes())
    state = path.stat()
    known["identity"] = [
        state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
    ]  # fmt: skip
    record.write_text(json.dumps(known))
    status, out, err = run(capsys, "verify", "tiny-model")
    assert status == 1
    assert "The model file is damaged" in err
    assert "verified" not in out


def test_unverified_is_said(
    hub: Behaviour, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.gguf").write_bytes(gguf_bytes(100, seed=5))
    status, out, _ = run(capsys, "import", str(tmp_path / "mine.gguf"))
    assert status == 0
    assert out.startswith("unverified  mine")
    assert "unverified" in run(capsys, "list")[1]


def test_an_interrupted_pull_says_how_to_go_on(
    hub: Behaviour, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_server.fetch._ATTEMPTS", 1)
    hub.cuts = [10_000] + [0] * 20
    status, _, err = run(capsys, "pull", "tiny-model")
    assert status == 1
    assert "run the same command again" in err


def test_the_server_never_imports_the_downloader() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from indoors_server import model_store; "
        "from indoors_server.cli import models; "
        "bad = {'http.client', 'urllib.request', 'ssl', 'indoors_server.fetch'} & set(sys.modules);"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
