"""The whole way: a locked server, its launcher, the gateway and real servers on this machine."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from support.certificates import Authority
from support.fake_engine_server import serving
from support.gateways import gateway, write_engines
from support.launchers import USERS, children_of, status_of
from support.processes import is_alive, locks_of, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
    pytest.mark.loopback,
]

GONE_S = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


@pytest.fixture
def fake():
    with serving() as one:
        yield one


@pytest.fixture
def locked(home, fake):
    """A server that may send to `fake`, which is the engine "team"."""
    write_engines(home, team={"url": fake.url, "api": "openai", "model": "m"})
    with gateway(home, onprem_hosts=[fake.host]) as found:
        yield found


def ends(found: dict[str, object]) -> list[tuple[str, str]]:
    """How each of some requests ended: (End or the kind of its refusal, whether it was sent)."""
    return [(one[-1].get("kind", one[-1]["t"]), one[-1].get("sent", "")) for one in found["all"]]  # type: ignore[attr-defined]


def whole_answers(locked) -> int:
    return locked.run("say(n=sum(kind == 'End' for _, kind, _ in outcomes))")["n"]


def has_more(locked, n_answers: int) -> bool:
    return whole_answers(locked) > n_answers


def has_new_child(launcher: int, old: set[int]) -> bool:
    return bool(children_of(launcher) - old)


def gateway_of(launcher: int) -> tuple[int, int]:
    """The gateway and its resolver."""
    (pid,) = children_of(launcher)
    (resolver,) = children_of(pid)
    return pid, resolver


# --- an answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", USERS)
def test_an_answer_streams_through_and_the_server_stays_locked(home, fake, user):
    key = home / ".config/indoors/team.key"
    key.parent.mkdir(parents=True)
    key.write_text("sk-abc\n")
    key.chmod(0o600)
    team = {"url": f"{fake.url}/base", "api": "openai", "key": f"file:{key}"}
    write_engines(home, team=team | {"headers": {"X-Team": "blue"}})
    with gateway(home, user, onprem_hosts=[fake.host]) as locked:
        found = locked.run("""
            answers = await asked(body={"n": 3, "say": "word"})
            say(answers=answers, text=text_of(answers), ready=plain(client.ready),
                reason=client.reason, socket=internet(), n=client.n_starts)
        """)
    assert [one["t"] for one in found["answers"]] == ["Head", "Chunk", "Chunk", "Chunk", "End"]
    assert found["answers"][0]["content_type"] == "text/event-stream"
    assert found["text"] == "data: word 0\n\ndata: word 1\n\ndata: word 2\n\n"
    assert found["ready"]["endpoints"] == ["team"]
    assert found["ready"]["lock"] == "enforced"
    assert (found["reason"], found["socket"], found["n"]) == ("", "EPERM", 1)
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/base/v1/completions")
    assert json.loads(request.body) == {"n": 3, "say": "word"}
    assert request.headers == {
        "host": f"localhost:{fake.port}",
        "x-team": "blue",
        "authorization": "Bearer sk-abc",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "user-agent": request.headers["user-agent"],
    }
    assert "sk-abc" not in json.dumps(found)
    assert found["answers"][-1]["stopped"] is False


def test_many_requests_at_a_time_get_their_own_answers(locked, fake):
    found = locked.run("""
        wishes = [dict(body={"n": 5, "say": f"<{n}>", "pause_s": 0.01}) for n in range(20)]
        answers = await asyncio.gather(*[asked(**wish) for wish in wishes])
        say(texts=[text_of(one) for one in answers])
    """)
    for number, text in enumerate(found["texts"]):
        assert text == "".join(f"data: <{number}> {piece}\n\n" for piece in range(5))
    assert len(fake.requests) == 20


def test_what_a_server_can_do_is_asked_without_any_file(locked, fake):
    found = locked.run("""
        say(all=[await asked(kind="probe", method="GET", call="/v1/models"),
            await asked(kind="probe", body=b"x" * 5000),
            await asked(kind="probe", method="GET", call="/v1/models", sources=("a.py",))])
    """)
    assert ends(found) == [("End", ""), ("size", False), ("size", False)]
    assert len(fake.requests) == 1


@pytest.mark.parametrize("wish", [{"do": "endless"}, {"do": "hang"}], ids=["streaming", "waiting"])
def test_stopping_a_request_closes_its_connection(locked, fake, wish):
    """Whatever the server is doing: the control is that it goes on until then."""
    locked.run(f"""
        async def begin():
            async with aclosing(client.ask(ask_of(body={wish!r}))) as answers:
                async for answer in answers: pass
        globals()["task"] = asyncio.create_task(begin())
        say(ok=True)
    """)
    wait_until(lambda: fake.requests, GONE_S, "it is asked")
    assert not fake.left.wait(0.2)
    locked.run("task.cancel(); say(ok=True)")
    assert fake.left.wait(GONE_S)
    found = locked.run("say(text=text_of(await asked(body={'n': 1})))")
    assert found["text"] == "data: piece 0\n\n"


@pytest.mark.parametrize(
    ("wish", "kind", "sent"),
    [
        ({"do": "redirect", "to": "http://localhost:9/"}, "redirect", True),
        ({"do": "redirect", "status": 301, "to": "/v1/models"}, "redirect", True),
        ({"do": "gzip"}, "broken", True),
        ({"do": "cut"}, "broken", True),
        ({"do": "noise"}, "broken", True),
        ({"do": "hang"}, "timeout", True),
        ({"do": "endless", "size": 300_000, "pause_s": 0}, "size", True),
        ({"do": "status", "status": 503, "headers": {"Retry-After": "7"}}, "End", ""),
        ({"do": "status", "status": 404}, "End", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_that_is_none_says_what_happened(home, fake, wish, kind, sent):
    write_engines(home, team={"url": fake.url, "api": "openai", "read_s": 1})
    with gateway(home, onprem_hosts=[fake.host]) as locked:
        found = locked.run(f"say(all=[await asked(body={wish!r})])")
        assert ends(found) == [(kind, sent)]
        if wish["do"] == "status":
            head = found["all"][0][0]
            assert head["status"] == wish["status"]
            assert head["retry_after_s"] == (7.0 if "headers" in wish else None)
            assert found["all"][0][1]["data"] == '{"error": "full"}'
        assert len(fake.requests) == 1
        # And the next one is served.
        assert locked.run("say(all=[await asked(body={})])")["all"][0][-1]["t"] == "End"


def test_a_whole_request_has_an_end_in_time(locked, fake):
    wish = {"do": "endless", "pause_s": 0.05}
    found = locked.run(f"say(all=[await asked(body={wish!r}, timeout_s=0.5)])")
    assert ends(found) == [("timeout", True)]
    assert fake.left.wait(GONE_S)


def test_no_cookie_comes_back(locked, fake):
    locked.run("""
        await asked(body={"do": "cookie"})
        await asked(body={})
        say(ok=True)
    """)
    assert ["cookie" in request.headers for request in fake.requests] == [False, False]


def test_nobody_there_is_said_and_nothing_was_sent(home):
    with serving() as gone:
        pass
    write_engines(home, team={"url": gone.url, "api": "openai"})
    with gateway(home, onprem_hosts=[gone.host]) as locked:
        found = locked.run("say(all=[await asked(body={})])")
    assert ends(found) == [("connect", False)]
    assert found["all"][0][0]["next_step"] == "start the server there, or check url"


def test_a_server_that_is_being_restarted_is_waited_for_once(home):
    """A connection that nobody took has carried nothing, so it may be tried again."""
    with serving() as fake:
        write_engines(home, team={"url": fake.url, "api": "openai"})
        with gateway(home, onprem_hosts=[fake.host]) as locked:
            assert locked.run("say(all=[await asked(body={})])")["all"][0][-1]["t"] == "End"
    assert fake.n_connections == 1


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "Another CA")


def kept(home: Path, name: str, source: Path) -> str:
    """A file where the gateway may read it."""
    file = home / ".config/indoors" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(source.read_bytes())
    file.chmod(0o600)
    return str(file)


def tls_answer(home: Path, fake, **more: str) -> tuple[str, str, list[str]]:
    write_engines(home, team={"url": fake.url, "api": "openai", **more})
    with gateway(home, onprem_hosts=[fake.host]) as locked:
        found = locked.run("say(all=[await asked(body={'n': 1})], problems=client.ready.problems)")
    last = found["all"][0][-1]
    return last.get("kind", last["t"]), last.get("why", ""), found["problems"]


def test_tls_with_a_ca_of_ones_own(home, authority, stranger):
    with serving(authority.sign("localhost")) as fake:
        right = {"ca_file": kept(home, "ca.pem", authority.cert)}
        assert tls_answer(home, fake, **right)[0] == "End"
        for more in ({}, {"ca_file": kept(home, "other.pem", stranger.cert)}):
            kind, why, _ = tls_answer(home, fake, **more)
            assert kind == "tls"
            assert "Its certificate is not accepted" in why
    assert len(fake.requests) == 1


@pytest.mark.parametrize(("name", "days"), [("localhost", -1), ("other.example", 2)])
def test_a_certificate_that_expired_or_is_anothers_sends_nothing(home, authority, name, days):
    with serving(authority.sign(name, days=days)) as fake:
        ca = kept(home, "ca.pem", authority.cert)
        kind, why, _ = tls_answer(home, fake, ca_file=ca)
    assert kind == "tls"
    assert ("expired" if days < 0 else "mismatch") in why
    assert fake.requests == []


def test_a_client_certificate_is_shown(home, authority, stranger):
    own, ca = authority.sign("me"), kept(home, "ca.pem", authority.cert)
    files = {
        "client_cert": kept(home, "c.pem", own.cert),
        "client_key": kept(home, "c.key", own.key),
    }
    with serving(authority.sign("localhost"), clients=authority.cert) as fake:
        assert tls_answer(home, fake, ca_file=ca, **files)[0] == "End"
        # In TLS 1.3 the server's refusal may be overtaken by its end of the connection.
        assert tls_answer(home, fake, ca_file=ca)[0] in {"tls", "broken"}
        wrong = stranger.sign("me")
        kept(home, "c.pem", wrong.cert)
        kept(home, "c.key", wrong.key)
        assert tls_answer(home, fake, ca_file=ca, **files)[0] in {"tls", "broken"}
    assert len(fake.requests) == 1


def test_files_that_cannot_be_used_are_said_and_the_other_engines_work(home, tmp_path, fake):
    outside = tmp_path / "elsewhere.pem"
    outside.write_text("x")
    key = home / ".config/indoors/open.key"
    key.parent.mkdir(parents=True)
    key.write_text("sk-abc")
    key.chmod(0o644)
    write_engines(
        home,
        team={"url": fake.url, "api": "openai"},
        locked={"url": "https://a.example", "api": "openai", "key": f"file:{key}"},
        far={"url": "https://a.example", "api": "openai", "ca_file": str(outside)},
        bad={"url": "nowhere", "api": "openai"},
    )
    with gateway(home, onprem_hosts=[fake.host, "https://a.example"]) as locked:
        found = locked.run("""
            names = ("team", "locked", "far", "bad")
            found = [await asked(endpoint=name, body={}) for name in names]
            say(all=found, problems=client.ready.problems)
        """)
    assert ends(found) == [("End", ""), ("config", False), ("config", False), ("unknown", False)]
    assert "chmod 600" in found["all"][1][0]["next_step"]
    assert len(found["problems"]) == 3
    assert "sk-abc" not in json.dumps(found)


# --- policy ---------------------------------------------------------------------------------------


def test_row_12_without_a_wider_policy_nothing_is_started_and_nothing_asked(home, fake):
    write_engines(home, team={"url": fake.url, "api": "openai"})
    with gateway(home, mode="local", onprem_hosts=[fake.host]) as locked:
        found = locked.run("say(all=[await asked(body={})], reason=client.reason)")
        assert not children_of(locked.process.pid)
    assert ends(found) == [("policy", False)]
    assert "mode was local" in found["reason"]
    assert fake.n_connections == 0


def test_row_10_a_policy_that_became_narrower_counts_at_once_also_for_a_new_gateway(home, fake):
    write_engines(home, team={"url": fake.url, "api": "openai"})
    code = "say(all=[await asked(body={}, sources=('src/a.py', 'legal/x.md'))])"
    hosts = [fake.host]
    with gateway(home, onprem_hosts=hosts) as locked:
        assert ends(locked.run(code)) == [("End", "")]
        locked.policy(mode="onprem", onprem_hosts=hosts, deny_paths=["legal/"])
        refused = [locked.run(code)]
        locked.policy(mode="onprem", onprem_hosts=[])
        refused.append(locked.run(code))
        # Wider again: not for this gateway, and not for another one under the same server.
        locked.policy(mode="onprem", onprem_hosts=hosts)
        refused.append(locked.run(code))
        locked.policy(mode="onprem", onprem_hosts=[])
        locked.run("client.renew(); await client._running(); say(ok=True)")
        locked.policy(mode="onprem", onprem_hosts=hosts)
        for _ in range(2):
            refused.append(locked.run(code))
            locked.run("client.renew(); say(ok=True)")
    assert [ends(one) for one in refused] == [[("policy", False)]] * 5
    assert "legal/" in refused[0]["all"][0][0]["what"]
    assert len(fake.requests) == 1
    with gateway(home) as locked:  # a new server: the control
        assert ends(locked.run(code)) == [("End", "")]


def test_row_13_a_closed_api_gets_nothing(home, fake):
    """By its kind of API and by the list alike; its locks hold a refactoring (here: no https)."""
    own = {"model": "m", "addresses": ["127.0.0.0/8"]}
    write_engines(
        home,
        api={"url": fake.url, "api": "openai-responses-api"} | own,
        listed={"url": fake.url, "api": "openai"},
    )
    asks = """
        say(all=[await asked(endpoint="api", call="/v1/responses", body={}),
            await asked(endpoint="api", call="/v1/responses", kind="probe"),
            await asked(endpoint="api", call="/v1/responses", kind="refactor", body={}),
            await asked(endpoint="listed", body={}), await asked(endpoint="listed", kind="probe")])
    """
    with gateway(home, mode="closed", closed_hosts=[fake.host]) as locked:
        found = locked.run(asks)
    policy = ("policy", False)
    assert ends(found) == [policy, policy, ("config", False), policy, policy]
    with gateway(home, mode="onprem", closed_hosts=[fake.host]) as locked:
        assert ends(locked.run(asks)) == [policy] * 5
    assert fake.n_connections == 0
    # A closed API on the list of one's own engines stays one; "listed" is then no closed one.
    with gateway(home, mode="closed", onprem_hosts=[fake.host]) as locked:
        assert ends(locked.run(asks))[:3] == [policy] * 3
    assert [request.path for request in fake.requests] == ["/v1/completions"] * 2


def test_what_is_sent_and_refused_is_in_the_audit_log(home, fake):
    from indoors_server import audit_records

    write_engines(home, team={"url": fake.url, "api": "openai"})
    with gateway(home, onprem_hosts=[fake.host], deny_paths=["legal/"]) as locked:
        locked.run("""
            for _ in range(3): await asked(body={"n": 1})
            for _ in range(3): await asked(body={"n": 1}, sources=("legal/secret-plan.md",))
            say(ok=True)
        """)
    text = (home / ".local/state/indoors/audit.jsonl").read_bytes()
    records = [audit_records.parse(line) for line in text.splitlines()]
    assert [(one.event, one.kind, one.decision) for one in records if one] == [
        ("reached", "completion", "allow"),
        ("refused", "completion", "deny"),
    ]
    assert {one.host for one in records if one} == {fake.host}
    assert b"secret-plan" not in text


def test_what_cannot_be_recorded_is_not_sent(home, fake):
    write_engines(home, team={"url": fake.url, "api": "openai"})
    (home / ".local/state/indoors").mkdir(parents=True, mode=0o700)
    (home / ".local/state/indoors/audit.jsonl").symlink_to("/dev/null")
    with gateway(home, onprem_hosts=[fake.host]) as locked:
        found = locked.run("say(all=[await asked(body={})])")
    assert ends(found) == [("audit", False)]
    assert fake.n_connections == 0


# --- names ----------------------------------------------------------------------------------------


def test_row_22_a_name_that_does_not_resolve_or_resolves_elsewhere_is_not_connected_to(home, fake):
    """By the real resolver: `localhost` is in no range of 10.0.0.0/8, and the other is no name."""
    port = fake.port
    write_engines(
        home,
        team={"url": fake.url, "api": "openai", "addresses": ["10.0.0.0/8"]},
        pinned={"url": fake.url, "api": "openai", "pin": ["127.0.0.2"]},
        nowhere={"url": f"https://nowhere.invalid:{port}", "api": "openai"},
        metadata={"url": f"https://169.254.169.254:{port}", "api": "openai"},
        good={"url": fake.url, "api": "openai"},
    )
    hosts = [fake.host, f"https://nowhere.invalid:{port}", f"https://169.254.169.254:{port}"]
    with gateway(home, onprem_hosts=hosts) as locked:
        found = locked.run("""
            names = ("team", "pinned", "nowhere", "metadata")
            say(all=[await asked(endpoint=name, body={}) for name in names])
        """)
        assert ends(found) == [("resolve", False)] * 4
        assert fake.n_connections == 0
        assert ends(locked.run("say(all=[await asked(endpoint='good', body={})])")) == [("End", "")]


# --- its lock-down, and its end -------------------------------------------------------------------


@pytest.mark.parametrize("user", USERS)
def test_row_3_every_task_of_gateway_and_resolver_is_under_a_filter_of_its_own(home, fake, user):
    write_engines(home, team={"url": fake.url, "api": "openai"})
    with gateway(home, user, onprem_hosts=[fake.host]) as locked:
        locked.run("say(all=[await asked(body={})])")
        launcher = locked.launcher
        pids = gateway_of(launcher)
        for pid in pids:
            status = status_of(pid)
            assert set(locks_of(pid)) == {("2", "1")}
            assert int(status["Seccomp_filters"]) == int(status_of(launcher)["Seccomp_filters"]) + 1
        limits = [Path(f"/proc/{pid}/limits").read_text() for pid in pids]
        for pid in pids:
            code = f'say(memory=attempt(lambda: os.open("/proc/{pid}/mem", os.O_RDWR)))'
            assert locked.run(code)["memory"] in {"EACCES", "EPERM"}
    for text in limits:
        (core,) = [line for line in text.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]


def test_row_7_the_gateway_has_no_descriptor_that_it_did_not_make(home, fake):
    write_engines(home, team={"url": fake.url, "api": "openai"})
    with gateway(home, onprem_hosts=[fake.host]) as locked:
        locked.run("say(ok=str(await client._running()))")
        pid, resolver = gateway_of(locked.launcher)
        links = {
            one: [str(link.readlink()) for link in Path(f"/proc/{one}/fd").iterdir()]
            for one in (pid, resolver)
        }
    sockets = [link for link in links[pid] if link.startswith("socket:")]
    assert len(sockets) == 2  # its event loop's pair
    assert not [link for link in links[resolver] if link.startswith("socket:")]
    assert not [link for found in links.values() for link in found if "memfd" in link]


def test_a_gateway_that_hears_no_frame_ends_and_the_next_request_is_served(locked, fake):
    found = locked.run("""
        link = await client._running()
        link._outgoing.write(b"\\x00\\x00\\x00\\x05noise")
        while link.is_alive: await asyncio.sleep(0.01)
        say(all=[await asked(body={"n": 1})], n=client.n_starts)
    """)
    assert ends(found) == [("End", "")]
    assert found["n"] == 2


def test_row_12_a_gateway_killed_under_load_hangs_nobody_and_comes_back(locked, fake):
    """20 times: every open request ends as gone, and the next one has its own answer. How soon is
    printed: this machine may be busy with other things.
    """
    begin = """
        async def asker(number):
            while not over:
                wish = {"n": 40 if number % 2 else 2, "say": f"<{number}>", "pause_s": 0.01}
                found = await asked(body=wish)
                outcomes.append((number, found[-1].get("kind", found[-1]["t"]), text_of(found)))
        over, outcomes = [], []
        globals().update(over=over, outcomes=outcomes, asker=asker)
        tasks = [asyncio.create_task(asker(number)) for number in range(20)]
        globals()["tasks"] = tasks
        while client.ready is None: await asyncio.sleep(0.01)
        say(ok=True)
    """
    locked.run(begin)
    launcher, killed, n_ended = locked.launcher, set(), 0
    killed_s, came_back_s = time.monotonic(), []
    for number in range(20):
        # Somebody has had a whole answer since the last one was killed.
        wait_until(partial(has_more, locked, n_ended), GONE_S, f"gateway {number} came back")
        came_back_s.append(round(time.monotonic() - killed_s, 2))
        wait_until(partial(has_new_child, launcher, killed), GONE_S, "it lives")
        (pid,) = children_of(launcher) - killed
        os.kill(pid, signal.SIGKILL)
        killed_s = time.monotonic()
        killed.add(pid)
        n_ended = whole_answers(locked)
    found = locked.run("""
        over.append(True)
        await asyncio.gather(*tasks)
        # The last one killed may have no successor before somebody asks.
        last = await asked(body={"n": 1})
        say(outcomes=outcomes, n_open=len(client._link._open), state=launcher.state,
            n=client.n_starts, all=[last], socket=internet())
    """)
    kinds = [kind for _, kind, _ in found["outcomes"]]
    assert set(kinds) == {"End", "gone"}
    assert kinds.count("gone") >= 20
    assert kinds.count("End") >= 20
    for number, kind, text in found["outcomes"]:
        n_pieces = 40 if number % 2 else 2
        whole = "".join(f"data: <{number}> {piece}\n\n" for piece in range(n_pieces))
        assert whole == text if kind == "End" else whole.startswith(text)
    print(json.dumps({"came_back_s": came_back_s[1:]}))
    assert found["n_open"] == 0
    assert (found["state"], found["socket"]) == ("waiting", "EPERM")
    assert found["n"] == 21
    assert ends(found) == [("End", "")]


def test_row_12_without_its_launcher_everything_is_refused(locked, fake):
    locked.run("say(all=[await asked(body={})])")
    pid, resolver = gateway_of(locked.launcher)
    os.kill(locked.launcher, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid) and not is_alive(resolver), GONE_S, "both ended with it")
    n_requests = len(fake.requests)
    found = locked.run("say(all=[await asked(body={})], reason=client.reason)")
    assert ends(found) == [("gone", False)]
    assert "restart the server" in found["reason"]
    assert len(fake.requests) == n_requests


def test_a_killed_server_takes_gateway_and_resolver_with_it(locked):
    locked.run("say(all=[await asked(body={})])")
    pid, resolver = gateway_of(locked.launcher)
    os.kill(locked.process.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid) and not is_alive(resolver), GONE_S, "both ended")


def test_a_resolver_that_was_killed_costs_its_gateway_and_no_later_request(locked, fake):
    locked.run("say(all=[await asked(body={})])")
    gateways = [gateway_of(locked.launcher)]
    os.kill(gateways[0][1], signal.SIGKILL)
    wait_until(lambda: not is_alive(gateways[0][0]), GONE_S, "it ended with it")
    found = locked.run("""
        while client.ready is not None: await asyncio.sleep(0.001)
        say(all=[await asked(body={}) for _ in range(2)], n=client.n_starts)
    """)
    assert (ends(found), found["n"]) == ([("End", "")] * 2, 2)
    # Also one that nobody has asked anything yet.
    locked.run("client.renew(); await client._running(); say(ok=True)")
    gateways.append(gateway_of(locked.launcher))
    os.kill(gateways[1][1], signal.SIGKILL)
    wait_until(lambda: not is_alive(gateways[1][0]), GONE_S, "it ended with it")
    assert gateways[0][0] != gateways[1][0]


def test_a_gateway_is_renewed_once_no_request_is_open(locked, fake):
    found = locked.run("""
        long = client.ask(ask_of(body={"do": "endless"}))
        head = plain(await anext(long))
        client.renew()
        say(head=head, all=[await asked(body={})], n=client.n_starts)
    """)
    assert (found["head"]["t"], ends(found), found["n"]) == ("Head", [("End", "")], 1)
    found = locked.run("""
        await long.aclose()
        say(all=[await asked(body={}) for _ in range(2)], n=client.n_starts)
    """)
    assert (ends(found), found["n"]) == ([("End", "")] * 2, 2)


def test_a_key_that_was_not_accepted_is_read_again_but_not_at_every_request(home, fake):
    key = home / ".config/indoors/team.key"
    key.parent.mkdir(parents=True)

    def write_key(text: str) -> None:
        key.write_text(text)
        key.chmod(0o600)

    def last_key() -> str:
        return fake.requests[-1].headers["authorization"]

    write_key("sk-old")
    write_engines(home, team={"url": fake.url, "api": "openai", "key": f"file:{key}"})
    with gateway(home, onprem_hosts=[fake.host]) as locked:
        locked.run('await asked(body={"do": "status", "status": 401}); say(ok=True)')
        write_key("sk-new")
        found = locked.run("await asked(body={}); say(n=client.n_starts)")
        assert (found["n"], last_key()) == (1, "Bearer sk-old")  # it is young
        locked.run("""
            from indoors_server import gateway_client
            gateway_client.RENEW_S = 0.0
            say(ok=True)
        """)
        found = locked.run("await asked(body={}); say(n=client.n_starts)")
        assert (found["n"], last_key()) == (2, "Bearer sk-new")
        found = locked.run("await asked(body={}); say(n=client.n_starts)")
        assert found["n"] == 2  # nothing was wrong since
