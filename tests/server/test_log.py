"""Logs hold no source text (I10), whoever logs it."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_server import log, paths

CANARY = "canary_4711"


@pytest.fixture
def log_file(private_home: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    log.configure("debug", True)
    yield paths.state_dir() / "server.log"
    for handler in list(root.handlers):
        if handler not in before[1]:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(before[0])


def test_a_library_cannot_log_what_it_was_given(log_file: Path) -> None:
    """pygls logs whole messages and parameters; asyncio puts exceptions into its template."""
    pygls = logging.getLogger("pygls.protocol.json_rpc")
    pygls.warning("Unknown message %r", CANARY)
    pygls.error("Failed to handle %s", {"text": CANARY})
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {CANARY}")
    try:
        raise ValueError(CANARY)
    except ValueError:
        pygls.exception("Unable to handle message")
        logging.getLogger("indoors.x").exception("a completion failed")
    text = log_file.read_text()
    assert CANARY not in text
    assert "Failed to handle %s" in text
    assert "[ValueError]" in text
    assert "test_log.py" in text


def test_our_own_lines_are_written_in_full(log_file: Path) -> None:
    logging.getLogger("indoors.core").info("loaded in %d ms", 12)
    assert "info indoors.core: loaded in 12 ms" in log_file.read_text()


def test_the_file_is_private_and_begun_anew_when_large(log_file: Path, monkeypatch) -> None:
    assert stat.S_IMODE(log_file.stat().st_mode) == 0o600
    logging.getLogger("indoors.x").error("old")
    monkeypatch.setattr(log, "MAX_FILE_BYTES", 1)
    log.configure("debug", True)
    logging.getLogger("indoors.x").error("new")
    assert "old" not in log_file.read_text()
    assert "new" in log_file.read_text()


def test_a_log_file_that_cannot_be_opened_leaves_stderr(private_home: Path, capfd) -> None:
    directory = paths.state_dir() / "server.log"
    directory.mkdir(parents=True)
    log.configure("warning", True)
    assert "no log file" in capfd.readouterr().err
    log.configure("warning", False)
