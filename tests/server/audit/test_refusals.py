"""What the policy refuses stands in the audit log: once, in fixed words, and without any text."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from fakes.lsp_client import running_server
from indoors_server import audit_check, audit_files, audit_records, paths, session_record
from indoors_server.asks import Ask
from indoors_server.audit_records import AuditError, Record
from indoors_server.cli import main
from indoors_server.policies import Policies
from indoors_server.policy.verdict import Verdict
from indoors_server.refusals import MAX_RECORDS, Refusal, Refusals
from indoors_server.service import Service

BUILT_IN = Policies().of("")
DENIED = Verdict(allowed=False, reason="'.env' is denied by x", key="deny_paths")


@pytest.fixture
def work(private_home: Path) -> Path:
    folder = private_home / "work"
    folder.mkdir()
    for name in ("main.py", ".env"):
        (folder / name).write_text("password = \n")
    return folder


def user_policy(**keys: Any) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    file = paths.config_dir() / "policy.json"
    file.write_text(json.dumps(keys))
    file.chmod(0o600)


def refused(log: Path | None = None) -> list[Record]:
    log = log or paths.state_dir()
    assert audit_check.verify(log).ok
    return [record for record in audit_check.read(log) if record.event == "refused"]


def is_about(record: Record, path: Path) -> bool:
    key = audit_files.read_key(paths.state_dir())
    return record.path_hmac == audit_records.path_hmac(key, str(path))


class Heard:
    """An outbox that keeps the messages for the person."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, _kind: str, text: str) -> None:
        self.texts.append(text)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Bench:
    """A service with one workspace folder, over a core that completes everything."""

    def __init__(self, work: Path, write: Callable[[Refusal], None]) -> None:
        self.heard = Heard()
        self.service = Service(FakeCore(), self.heard, lambda: 10.0, refused=write)
        self.service.session.add_folder(work.as_uri())
        self.service.apply_settings()
        self.service.start()

    async def complete(self, file: Path, times: int = 1) -> bool:
        uri = file.as_uri()
        self.service.opened(uri, "python", 1, "password = \n")
        ask = Ask(uri=uri, line=0, character=11, trigger="explicit")
        return [await self.service.complete(ask) is not None for _ in range(times)][-1]


def test_a_real_server_records_what_it_refused(work: Path, capsys: Any) -> None:
    with running_server() as (client, _):
        client.initialize(folders=(work,))
        for name, times in ((".env", 3), ("main.py", 3)):
            uri = (work / name).as_uri()
            client.open(uri, "password = \n")
            for _ in range(times):
                client.complete(uri, 0, 11)
        client.request("shutdown")
    (record,) = refused()
    assert (record.kind, record.decision) == ("complete", "deny")
    assert record.reason == "the policy denies this path"
    assert is_about(record, work / ".env")
    assert len(record.policy_hash) == 64
    text = (paths.state_dir() / audit_files.LOG).read_text()
    assert "password" not in text
    assert ".env" not in text
    assert str(work) not in text
    assert main(["audit", "show", "--path", str(work / ".env")]) == 0
    shown = capsys.readouterr().out
    assert "refused  complete  deny" in shown
    assert "(the policy denies this path)" in shown


def test_ten_thousand_keys_in_a_denied_file_are_one_record(work: Path) -> None:
    async def scenario() -> None:
        bench = Bench(work, session_record.refused)
        assert not await bench.complete(work / ".env", times=10_000)
        assert await bench.complete(work / "main.py"), "the control"
        await bench.service.close()
        assert bench.heard.texts == []

    asyncio.run(scenario())
    (record,) = refused()
    assert is_about(record, work / ".env")


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ({}, []),
        ({"complete": False}, [("complete", "the policy has complete false")]),
        ({"index": False}, [("index", "the policy has index false")]),
        (
            {"mode": "off"},
            [("index", "the policy's mode is off"), ("complete", "the policy's mode is off")],
        ),
    ],
)
def test_what_is_ruled_out_for_all_files(
    work: Path, policy: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    user_policy(**policy)

    async def scenario() -> None:
        bench = Bench(work, session_record.refused)
        await bench.complete(work / "main.py")
        await bench.service.close()

    asyncio.run(scenario())
    assert [(record.kind, record.reason) for record in refused()] == found
    for record in refused():
        assert is_about(record, work if record.kind == "index" else work / "main.py")


def test_what_a_setting_rules_out_is_no_refusal_of_the_policy(work: Path) -> None:
    async def scenario() -> None:
        bench = Bench(work, session_record.refused)
        bench.service.set_editor_settings({"completion": {"exclude": ["main.py"]}})
        bench.service.apply_settings()
        assert not await bench.complete(work / "main.py")
        await bench.service.close()

    asyncio.run(scenario())
    assert refused() == []


def test_a_snippet_that_was_held_back_is_recorded(work: Path) -> None:
    async def scenario() -> None:
        bench = Bench(work, session_record.refused)
        withheld = bench.service._retrieval.withheld
        await asyncio.to_thread(withheld, str(work), ".env")
        await asyncio.to_thread(withheld, str(work), "main.py")
        await bench.service.close()

    asyncio.run(scenario())
    (record,) = refused()
    assert record.kind == "show"
    assert is_about(record, work / ".env")


def test_a_log_that_cannot_be_written_is_told_once_and_costs_no_answer(work: Path) -> None:
    tried: list[str] = []

    def broken(refusal: Refusal) -> None:
        tried.append(refusal.path)
        raise AuditError(f"The log is damaged, try {len(tried)}.", next_step="look at it")

    async def scenario() -> None:
        bench = Bench(work, broken)
        assert not await bench.complete(work / ".env")
        (work / "a.pem").touch()
        assert not await bench.complete(work / "a.pem")
        assert await bench.complete(work / "main.py")
        await bench.service.close()
        await asyncio.sleep(0)
        (text,) = bench.heard.texts
        assert len(tried) == 2
        assert "damaged, try 1." in text
        assert "look at it" in text

    asyncio.run(scenario())


def test_a_log_that_is_slow_holds_up_nobody(work: Path) -> None:
    """The writing thread stands still, and answers come: what is refused waits for it."""
    go, written = threading.Event(), []

    def slow(refusal: Refusal) -> None:
        assert go.wait(30)
        written.append(refusal.kind)

    async def scenario() -> None:
        bench = Bench(work, slow)
        assert not await bench.complete(work / ".env", times=100)
        assert await bench.complete(work / "main.py", times=100)
        assert written == []
        go.set()
        await bench.service.close()

    asyncio.run(scenario())
    assert written == ["complete"]


def test_a_model_that_the_policy_forbids_is_recorded(work: Path) -> None:
    user_policy(strict=True)
    model = work / "unknown.gguf"

    async def scenario() -> None:
        bench = Bench(work, session_record.refused)
        # As the load asks, in its own thread (located.locate).
        ask = bench.service.policies.may_use_model
        assert await asyncio.to_thread(ask, str(model), verified=True, licence="MIT")
        for _ in range(3):
            assert not await asyncio.to_thread(ask, str(model), verified=False, licence="MIT")
        await bench.service.close()

    asyncio.run(scenario())
    (record,) = [record for record in refused() if record.kind == "model"]
    assert record.decision == "deny"
    assert "unverified" in record.reason
    assert is_about(record, model)


def test_a_session_that_is_refused_without_end_is_bounded() -> None:
    written: list[Refusal] = []

    async def scenario() -> None:
        refusals = Refusals(written.append, lambda _text: None)
        for number in range(MAX_RECORDS + 500):
            refusals.note("complete", DENIED, Path(f"/w/{number}.pem"), BUILT_IN)
        await refusals.close()
        refusals.note("complete", DENIED, Path("/w/late.pem"), BUILT_IN)

    asyncio.run(scenario())
    assert len(written) == MAX_RECORDS + 1
    assert (written[-1].path, written[-1].reason) == (
        "",
        "further refusals of this session are not listed",
    )
    assert "denied by x" not in {refusal.reason for refusal in written}
