"""The whole way: a locked server, its launcher, the gateway and real servers on this machine."""

from __future__ import annotations

import json
import sys

import pytest

from support.fake_engine_server import serving
from support.gateways import ends, gateway, write_engines
from support.launchers import USERS, children_of
from support.processes import wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
    pytest.mark.loopback,
]

GONE_S = 20.0


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
