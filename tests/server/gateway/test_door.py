"""What the door refuses, in which order, and what it leaves behind: with sites that record."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from indoors_server import audit_records
from indoors_server.audit import Log
from indoors_server.endpoints import CALLS, Endpoint
from indoors_server.gateway import records, wire
from indoors_server.gateway.door import Door
from indoors_server.gateway.in_force import InForce
from indoors_server.policy.decision import Policy, merge
from indoors_server.policy.layers import from_value
from support.policies import A, B

TEAM = Endpoint(name="team", url=A, api="openai")
OPENAI = "https://api.openai.com:443"
# A closed API that its entry calls an engine of one's own, with all addresses there are.
NEAR = Endpoint(name="near", url=OPENAI, api="openai", addresses=("0.0.0.0/0",), model="m")
API = Endpoint(name="api", url=B, api="anthropic-api", model="m")
BODY = b'{"prompt": "def add("}'


class Site:
    def __init__(self) -> None:
        self.asked: list[wire.Ask] = []

    async def ask(self, ask: wire.Ask) -> AsyncIterator[Any]:
        self.asked.append(ask)
        yield wire.Head(status=200)
        yield wire.End()


def policy(**values: object) -> Policy:
    return merge([from_value("user", "policy.json", values)])


def refactor(**more: Any) -> wire.Ask:
    accepted = sha256(BODY).hexdigest()
    values: dict[str, Any] = {
        "endpoint": "api",
        "kind": "refactor",
        "call": "/v1/messages",
        "body": BODY,
        "workspace": "/w",
        "sources": ("src/a.py",),
        "accepted_sha256": accepted,
    }
    return wire.Ask(**(values | more))


def completion(**more: Any) -> wire.Ask:
    return refactor(
        **({"endpoint": "team", "kind": "completion", "call": "/v1/completions"} | more)
    )


class Counter:
    """Locks of closed APIs that count what passes."""

    def __init__(self, refused: wire.Refused | None = None) -> None:
        self.asked: list[wire.Ask] = []
        self.refused = refused

    def __call__(self, ask: wire.Ask, *_: object) -> wire.Refused | None:
        self.asked.append(ask)
        return self.refused


class Place:
    """A door over a state directory, as a process would have it."""

    def __init__(self, folder: Path, of: Policy, locks: Counter | None = None) -> None:
        self.folder, self.site = folder, Site()
        self.steps: list[str] = []
        self.reasons: list[str] = []
        sites = {"team": self.site, "api": self.site, "near": self.site}
        self.door = Door(
            {"team": TEAM, "api": API, "near": NEAR},
            sites,
            InForce(of, lambda: of),
            records.Records(lambda: Log.open(folder)),
            **({"closed_locks": locks} if locks else {}),
        )

    def ask(self, *asks: wire.Ask) -> list[str]:
        async def run() -> list[str]:
            ends = []
            for ask in asks:
                async with contextlib.aclosing(self.door.ask(ask)) as answers:
                    found = [answer async for answer in answers]
                ends.append(getattr(found[-1], "kind", "end"))
                self.steps.append(getattr(found[-1], "next_step", ""))
                self.reasons.append(getattr(found[-1], "why", ""))
            return ends

        return asyncio.run(run())

    @property
    def log(self) -> list[audit_records.Record]:
        lines = (self.folder / "audit.jsonl").read_bytes().splitlines()
        return [record for line in lines if (record := audit_records.parse(line))]


OPEN = {"mode": "closed", "onprem_hosts": [A], "closed_hosts": [B]}


@pytest.mark.parametrize("workspace", ["/home/me/.aws", "/home/me/secrets/project"])
def test_a_workspace_that_is_a_place_of_secrets_lets_nothing_out(tmp_path, workspace):
    place = Place(tmp_path, policy(**OPEN), Counter())
    assert place.ask(completion(workspace=workspace), refactor(workspace=workspace)) == [
        "policy",
        "policy",
    ]
    assert place.ask(completion(workspace="/home/me/project")) == ["end"]  # the control
    assert len(place.site.asked) == 1


class Ends(Site):
    """A site whose answer is always the same."""

    def __init__(self, answer: wire.Refused) -> None:
        super().__init__()
        self.answer = answer

    async def ask(self, ask: wire.Ask) -> AsyncIterator[Any]:
        self.asked.append(ask)
        yield self.answer


@pytest.mark.parametrize("mode", ["off", "local"])
def test_below_onprem_nothing_passes(tmp_path, mode):
    place = Place(tmp_path, policy(**OPEN | {"mode": mode}), Counter())
    assert (
        place.ask(completion(), refactor(), completion(kind="probe", sources=())) == ["policy"] * 3
    )
    assert place.site.asked == []


REFUSED = [
    (completion(workspace=""), "policy"),
    (completion(endpoint="other"), "unknown"),
    (completion(call="/v1/files"), "unknown"),
    (completion(call="/v1/completions?x=/../.."), "unknown"),
    (completion(call="//evil.example/v1/completions"), "unknown"),
    (completion(body=b"x" * (wire.MAX_BODY_BYTES + 1)), "size"),
    (completion(method="GET"), "size"),
    (completion(sources=()), "policy"),
    (completion(sources=("../other/a.py",)), "policy"),
    (completion(sources=("/etc/passwd",)), "policy"),
    (completion(sources=("src/a.py", ".env")), "policy"),
    (completion(sources=("a.py",) * 1001), "size"),
    (refactor(kind="completion"), "policy"),
    (refactor(kind="probe", sources=(), body=b""), "policy"),
    (refactor(accepted_sha256="x"), "preview"),
]


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("kind", ["connect", "timeout", "broken"])
def test_what_found_no_connection_does_not_stay_sent_in_the_log(tmp_path, kind, is_sent):
    place = Place(tmp_path, policy(**OPEN), Counter())
    ends = Ends(wire.Refused(kind=kind, what="Nobody is there.", sent=is_sent))
    place.door._sites = {"team": ends, "api": ends}
    assert place.ask(refactor(), completion(), refactor()) == [kind] * 3
    closed = ["sent"] if is_sent else ["sent", "unsent"]
    assert [one.event for one in place.log] == [*closed, "reached", *closed]
    told = [one for one in place.log if one.event == "unsent"]
    assert all((one.host, one.size) == (B, len(BODY)) for one in told)
    assert {one.body_sha256 for one in told} <= {sha256(BODY).hexdigest()}


@pytest.mark.parametrize(("ask", "kind"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_reaches_no_site_and_no_lock_of_closed_apis(tmp_path, ask, kind):
    locks = Counter()
    place = Place(tmp_path, policy(**OPEN), locks)
    assert place.ask(ask) == [kind]
    assert (place.site.asked, locks.asked) == ([], [])
    assert [(one.event, one.decision) for one in place.log] == [("refused", "deny")]


def test_the_control_passes(tmp_path):
    locks = Counter()
    place = Place(tmp_path, policy(**OPEN), locks)
    assert place.ask(completion(), refactor()) == ["end", "end"]
    assert [one.endpoint for one in place.site.asked] == ["team", "api"]
    assert [one.endpoint for one in locks.asked] == ["api"]


def test_row_13_completion_goes_to_no_closed_api_however_it_is_listed(tmp_path):
    for values in (OPEN, {"mode": "closed", "onprem_hosts": [B]}, OPEN | {"onprem_hosts": [A, B]}):
        place = Place(tmp_path, policy(**values), Counter())
        assert place.ask(refactor(kind="completion")) == ["policy"]
        assert place.reasons == ["Completion never goes to one."]
    place = Place(tmp_path, policy(mode="closed", closed_hosts=[A]), Counter())
    assert place.ask(completion()) == ["policy"]
    assert place.site.asked == []


def test_a_closed_api_is_no_engine_of_ones_own_by_being_listed_as_one(tmp_path):
    steps = {"onprem": "indoors policy mode closed", "closed": f"indoors policy allow {B} --closed"}
    for mode, step in steps.items():
        place = Place(tmp_path, policy(mode=mode, onprem_hosts=[B]), Counter())
        assert place.ask(refactor()) == ["policy"]
        assert place.steps == [step]


def test_row_13_a_known_closed_api_is_one_whatever_its_entry_and_the_policy_call_it(tmp_path):
    own = {"onprem_hosts": [A, OPENAI]}
    for mode in ("onprem", "closed"):
        place = Place(tmp_path, policy(mode=mode, **own), Counter())
        asks = [completion(endpoint="near", kind=kind) for kind in ("completion", "refactor")]
        probe = completion(endpoint="near", kind="probe", sources=())
        assert place.ask(*asks, probe) == ["policy"] * 3
        assert place.reasons[::2] == ["Completion never goes to one."] * 2
        assert place.site.asked == []
    locks = Counter(wire.Refused(kind="consent", what="No."))
    place = Place(tmp_path, policy(mode="closed", closed_hosts=[OPENAI]), locks)
    assert place.ask(completion(endpoint="near", kind="refactor")) == ["consent"]
    assert len(locks.asked) == 1


@pytest.mark.parametrize("kind", ["consent", "preview", "secret", "limit"])
def test_row_20_what_the_locks_of_closed_apis_refuse_is_not_sent_and_is_recorded(tmp_path, kind):
    place = Place(tmp_path, policy(**OPEN), Counter(wire.Refused(kind=kind, what="No.")))
    assert place.ask(refactor(), refactor()) == [kind] * 2
    assert place.site.asked == []
    digest = sha256(BODY).hexdigest()
    assert [(one.event, one.body_sha256, one.size) for one in place.log] == [
        ("refused", digest, len(BODY))
    ] * 2


def test_while_the_locks_of_closed_apis_wait_other_engines_answer(tmp_path):
    """Their month's count may be with another process, and a body may be long to look through."""
    has_answered, n_waited = threading.Event(), 0

    def waiting(*_: object) -> wire.Refused | None:
        nonlocal n_waited
        n_waited += has_answered.wait(10)
        return None

    place = Place(tmp_path, policy(**OPEN), waiting)

    async def ends(ask: wire.Ask) -> str:
        async with contextlib.aclosing(place.door.ask(ask)) as answers:
            found = [answer async for answer in answers]
        return getattr(found[-1], "kind", "end")

    async def run() -> None:
        closed = asyncio.create_task(ends(refactor()))
        await asyncio.sleep(0)
        assert await ends(completion()) == "end"
        assert [one.endpoint for one in place.site.asked] == ["team"]
        has_answered.set()
        assert await closed == "end"

    asyncio.run(run())
    assert n_waited == 1
    assert [one.endpoint for one in place.site.asked] == ["team", "api"]


def test_row_13_without_locks_nothing_goes_to_a_closed_api(tmp_path):
    place = Place(tmp_path, policy(**OPEN))
    assert place.ask(refactor()) == ["consent"]
    assert place.site.asked == []


def test_row_14_each_closed_request_is_recorded_before_it_is_sent_with_its_hash(tmp_path):
    of = policy(**OPEN)
    place = Place(tmp_path, of, Counter())
    assert place.ask(refactor(), refactor()) == ["end", "end"]
    for one in place.log:
        assert (one.event, one.host, one.decision, one.policy_hash) == ("sent", B, "allow", of.hash)
        assert (one.size, one.body_sha256) == (len(BODY), sha256(BODY).hexdigest())
    assert len(place.log) == 2
    assert b"def add" not in (tmp_path / "audit.jsonl").read_bytes()


def test_row_14_what_cannot_be_recorded_is_not_sent(tmp_path):
    place = Place(tmp_path, policy(**OPEN), Counter())
    (tmp_path / "audit.jsonl").symlink_to("/dev/null")
    assert place.ask(refactor(), completion()) == ["audit", "audit"]
    assert place.site.asked == []


def test_refusals_of_ones_own_engines_are_recorded_once_and_end(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_REFUSALS", 5)
    place = Place(tmp_path, policy(**OPEN))
    place.ask(*[completion(sources=(".env",)) for _ in range(4)])
    assert len(place.log) == 1
    place.ask(*[completion(sources=(f"{number}.pem",)) for number in range(20)])
    assert [one.reason for one in place.log][-2:] == [
        "the policy does not allow it",
        "further refusals of this session are not listed",
    ]
    assert len(place.log) == 6


def test_every_call_is_a_path_of_its_own():
    for calls in CALLS.values():
        for call in calls:
            assert call.startswith("/")
            assert not call.startswith("//")
            assert ".." not in call
            assert "#" not in call
