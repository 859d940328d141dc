"""The gateway's own lock-down, and how it ends: killed, renewed, without its launcher."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from support.gateways import ends, gateway, gateway_of, write_engines
from support.launchers import USERS, children_of, status_of
from support.processes import is_alive, locks_of, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
    pytest.mark.loopback,
]

GONE_S = 20.0


def whole_answers(locked) -> int:
    return locked.run("say(n=sum(kind == 'End' for _, kind, _ in outcomes))")["n"]


def has_more(locked, n_answers: int) -> bool:
    return whole_answers(locked) > n_answers


def has_new_child(launcher: int, old: set[int]) -> bool:
    return bool(children_of(launcher) - old)


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


def test_an_edited_entry_counts_for_the_next_request_also_where_no_rule_names_it(
    locked, home, fake
):
    """Else a consent to the new entry, which a closed API needs, would be refused by the old one,
    with the advice to consent.
    """
    code = "say(all=[await asked(body={'n': 1})], n=client.n_starts)"
    assert locked.run(code)["n"] == locked.run(code)["n"] == 1
    write_engines(home, team={"url": f"{fake.url}/new", "api": "openai", "model": "m"})
    found = locked.run(code)
    assert (ends(found), found["n"]) == ([("End", "")], 2)
    paths = ["/v1/completions", "/v1/completions", "/new/v1/completions"]
    assert [request.path for request in fake.requests] == paths


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
