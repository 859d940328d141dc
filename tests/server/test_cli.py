"""`complete`, `demo` and `status` with a fake core: what they read, print and answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from indoors_completion.types import (
    Alternative,
    Completion,
    CompletionRequest,
    Document,
    FilterStep,
    InputError,
    ModelInfo,
    Span,
    Stage,
)
from indoors_server import cli, lockdown
from indoors_server.cli import complete, demo, session
from indoors_server.settings import Settings, resolve
from indoors_server.status import Facts

MODEL = ModelInfo(
    key="k",
    name="Fake 1B",
    family="qwen2.5-coder",
    architecture="qwen2",
    instruct=True,
    n_params=1,
    size_bytes=1,
    n_ctx=1,
    n_ctx_train=1,
    n_layers=1,
    n_gpu_layers=0,
    device="CPU",
    can_shift=True,
    reuse="prefix",
    reuse_reason="a sliding window",
)


class Answering:
    """A core that answers every request with one text."""

    model = MODEL
    facts = Facts(phase="ready", model="fake-1b", device="CPU")

    def __init__(self, text: str) -> None:
        self.text = text
        self.requests: list[CompletionRequest] = []

    def model_for(self, kind: str, document: Document) -> Any:
        return self.model

    async def complete_patiently(self, request: CompletionRequest) -> Completion:
        self.requests.append(request)
        return Completion(
            id="1",
            text=self.text,
            span=Span(request.offset, request.offset),
            source="model" if self.text else "none",
            stop_reason="eos",
            filtered_by="" if self.text else "repetition",
            raw="raw " + self.text,
            n_prompt=12,
            n_evaluated=4,
            n_reused=8,
            n_generated=3,
            n_moved=5,
            n_stale=2,
            alternatives=(Alternative("c + d", Span(request.offset, request.offset)),),
            ttft_ms=20.04,
            total_ms=50.0,
            stages=(Stage("gate", "one line", "text follows the cursor"),),
            filters=(FilterStep("repetition", "kept", self.text),),
        )


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, private_home: Path) -> Answering:
    core = Answering("b + c")

    @contextlib.asynccontextmanager
    async def loaded(
        resolved: Settings,
        quiet: bool = False,
        retrieval: Any = None,
        policies: Any = None,
        **_: Any,
    ) -> AsyncIterator[Any]:
        yield core

    monkeypatch.setattr(session, "loaded_core", loaded)
    # The real one would lock down the test's own process.
    monkeypatch.setattr(session, "prepare", lambda model="": resolve())
    return core


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_bytes("é = 1\r\na = \r\n".encode())
    return path


def test_json_is_one_object_with_the_promised_keys(
    answering: Answering, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["complete", f"{source}:2:5", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == [
        "text",
        "range",
        "ttft_ms",
        "total_ms",
        "n_prompt",
        "n_evaluated",
        "n_generated",
        "stop_reason",
        "filtered_by",
    ]
    assert printed["range"]["start"] == {"line": 2, "column": 5}
    assert printed["ttft_ms"] == 20.0
    (request,) = answering.requests
    assert request.document.text[: request.offset] == "é = 1\r\na = "
    assert request.document.language == "python"


def test_explain_shows_every_part(
    answering: Answering, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["complete", f"{source}:2:5", "--explain"]) == 0
    out = capsys.readouterr().out
    for part in ("fake-1b on CPU", "one line", "8 reused", "4 evaluated", "raw b + c", "repetition",
                 "b + c", "20 ms to the first token", "50 ms in all", "c + d",
                 "5 moved, stale by 2", "reuse prefix: a sliding window"):  # fmt: skip
        assert part in out


def test_an_empty_answer_says_why_and_prints_no_text(
    answering: Answering, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.text = ""
    assert cli.main(["complete", f"{source}:2:5"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "repetition" in err


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("a.py", "FILE:LINE:COL"),
        ("a.py:1", "FILE:LINE:COL"),
        ("a.py:x:1", "FILE:LINE:COL"),
        ("missing.py:1:1", "cannot be read"),
        (".:1:1", "cannot be read"),
        ("a.py:0:1", "no line 0"),
        ("a.py:9:1", "no line 9"),
        ("a.py:1:0", "no column 0"),
        ("a.py:1:7", "no column 7"),
    ],
)
def test_a_place_that_is_none_is_an_input_error(
    source: Path, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    monkeypatch.chdir(source.parent)
    with pytest.raises(InputError, match=says):
        complete.read_place(place)


@pytest.mark.parametrize(
    ("place", "offset"), [("a.py:1:1", 0), ("a.py:1:6", 5), ("a.py:2:1", 7), ("a.py:3:1", 13)]
)
def test_lines_and_columns_count_from_one(
    source: Path, monkeypatch: pytest.MonkeyPatch, place: str, offset: int
) -> None:
    monkeypatch.chdir(source.parent)
    assert complete.read_place(place)[1] == offset


def test_a_file_that_is_not_utf_8_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes(b"caf\xe9 = 1\n")
    document, offset = complete.read_place(f"{path}:1:5")
    assert document.text[:offset] == "caf\ufffd"


# --- demo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", demo.PLACES, ids=lambda place: place.module)
def test_every_place_of_the_demonstration_is_in_the_sources(place: demo.Place) -> None:
    document, offset, rest = demo.cut(place)
    assert rest.strip()
    assert document.text[:offset].endswith(place.kept)
    assert document.text[offset] == "\n"
    assert place.line not in document.text


def test_the_demonstration_says_which_answers_stood_there(
    answering: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.text = demo.cut(demo.PLACES[0])[2]
    assert cli.main(["demo"]) == 0
    out = capsys.readouterr().out
    assert f"{len(demo.PLACES)} of {len(demo.PLACES)} places completed, 1 as in the source" in out
    assert "\x1b" not in out


def test_a_demonstration_without_any_completion_fails(
    answering: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.text = ""
    assert cli.main(["demo"]) == 1
    assert "indoors doctor" in capsys.readouterr().err


def test_row_15_a_denied_file_outside_of_any_project_is_not_completed(
    private_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else it would be the process of all tests that is locked down.
    monkeypatch.setattr(lockdown, "apply", lambda *_: lockdown.state())
    for folder, is_denied in (("secrets", True), ("public", False)):
        file = private_home / folder / "x.py"
        file.parent.mkdir()
        file.write_text("password = \n")
        assert cli.main(["complete", f"{file}:1:12"]) != 0
        said = capsys.readouterr().err
        # Without an engine the other one fails too, and for another reason.
        assert ("not completed" in said) == is_denied
