"""Row 22: which addresses a name may have, and that nothing is sent to any other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from indoors_server.endpoints import Endpoint
from indoors_server.gateway import addresses, http, wire
from indoors_server.gateway.resolver import NoAddress
from support.certificates import Authority
from support.fake_engine_server import Fake, serving

OWN = Endpoint(name="team", url="https://models.example:8443", api="openai")
CLOSED = Endpoint(name="api", url="https://api.example:443", api="openai-api", model="m")
RANGE = Endpoint(name="team", url=OWN.url, api="openai", addresses=("203.0.113.0/24", "fd12::/16"))
PINNED = Endpoint(name="team", url=OWN.url, api="openai", pin=("10.1.2.3", "8.8.8.8"))
PRIVATE = [
    "10.0.0.1",
    "172.16.9.9",
    "192.168.1.1",
    "127.0.0.1",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NEVER = [
    "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "0.0.0.0",
    "::", "255.255.255.255", "240.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
    "2002:a9fe:a9fe::1", "2001:0:1::1", "64:ff9b:1::a9fe:a9fe", "::a9fe:a9fe", "fec0::1",
    "::ffff:0:169.254.169.254",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_for_engines_of_ones_own(address):
    assert addresses.judge(OWN, [address]) == ""
    assert "not a public one" in addresses.judge(CLOSED, [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_for_closed_apis(address):
    assert addresses.judge(CLOSED, [address]) == ""
    assert "not in the private ranges" in addresses.judge(OWN, [address])


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("is_proxy", [False, True])
def test_row_22_some_addresses_are_nobodys_whatever_a_file_says(address, is_proxy):
    everything = Endpoint(name="team", url=OWN.url, api="openai", addresses=("0.0.0.0/0", "::/0"))
    pinned = Endpoint(name="team", url=OWN.url, api="openai", pin=(address.partition("%")[0],))
    for one in (OWN, CLOSED, everything, pinned):
        assert addresses.judge(one, [address], is_proxy=is_proxy) != "", address
    assert addresses.judge(everything, ["8.8.8.8"]) == ""


def test_ranges_and_pins_count_instead():
    assert addresses.judge(RANGE, ["203.0.113.7"]) == ""
    assert addresses.judge(RANGE, ["fd12::7"]) == ""
    assert addresses.judge(RANGE, ["10.0.0.1"]) != ""
    assert addresses.judge(PINNED, ["10.1.2.3", "8.8.8.8"]) == ""
    assert addresses.judge(PINNED, ["10.1.2.4"]) != ""


def test_one_address_that_is_not_allowed_is_enough():
    assert addresses.judge(OWN, ["10.0.0.1", "8.8.8.8"]) != ""
    assert addresses.judge(OWN, []) == "has no address"
    assert addresses.judge(OWN, ["10.0.0.1", "nonsense"]) != ""


# --- and nothing goes there -----------------------------------------------------------------------


class Resolver:
    """Answers in turn; the last one stays."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)
        self.names: list[str] = []

    async def __call__(self, name: str) -> list[str]:
        self.names.append(name)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def answers_of(site: http.Site, body: dict[str, Any]) -> list[Any]:
    ask = wire.Ask(
        endpoint="team",
        kind="completion",
        call="/v1/completions",
        body=json.dumps(body).encode(),
        timeout_s=30.0,
    )
    async with contextlib.aclosing(site.ask(ask)) as answers:
        return [answer async for answer in answers]


def ask(one: Endpoint, resolver: Resolver, *bodies: dict[str, Any]) -> list[Any]:
    """The last message of each of some requests."""

    async def run() -> list[Any]:
        site = http.Site(one, "", resolver)
        try:
            return [(await answers_of(site, body))[-1] for body in bodies or ({},)]
        finally:
            await site.close()

    return asyncio.run(run())


def endpoint(fake: Fake, **more: Any) -> Endpoint:
    values: dict[str, Any] = {"name": "team", "url": fake.url, "api": "openai", "connect_s": 2.0}
    return Endpoint(**(values | more))


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as one:
        yield one


@pytest.mark.loopback
@pytest.mark.parametrize("address", ["8.8.8.8", *NEVER])
def test_row_22_a_name_that_leads_elsewhere_is_not_connected_to(fake, address, monkeypatch):
    """No connection is begun to anywhere; the control is the same name with its own address."""
    (end,) = ask(endpoint(fake), Resolver(["127.0.0.1"]))
    assert isinstance(end, wire.End)
    begun: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, to: begun.append(to))
    for answer in ([address], ["127.0.0.1", address]):
        (refused,) = ask(endpoint(fake), Resolver(answer))
        assert (refused.kind, refused.sent) == ("resolve", False)
    assert begun == []
    assert fake.n_connections == 1


@pytest.mark.loopback
def test_row_22_answers_that_change_are_judged_each_time(fake):
    """Rebinding: good, then bad. Each connection asks again, and goes where it was judged."""
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"])
    outcomes = ask(endpoint(fake), resolver, {"do": "cut"}, {}, {})
    assert [getattr(one, "kind", "end") for one in outcomes] == ["broken", "resolve", "end"]
    assert resolver.names == ["localhost"] * 3
    assert len(fake.requests) == 2


@pytest.mark.loopback
def test_row_22_an_idle_connection_is_used_again_without_another_look_up(fake):
    resolver = Resolver(["127.0.0.1"])
    ask(endpoint(fake), resolver, {"n": 1}, {"n": 1}, {"n": 1})
    assert (resolver.names, fake.n_connections) == (["localhost"], 1)


@pytest.mark.loopback
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_22_no_redirection_is_followed(fake, status):
    with serving() as other:
        (refused,) = ask(
            endpoint(fake),
            Resolver(["127.0.0.1"]),
            {"do": "redirect", "status": status, "to": other.url},
        )
        assert refused.kind == "redirect"
        assert other.n_connections == 0
    assert len(fake.requests) == 1


@pytest.mark.loopback
def test_row_22_no_proxy_of_the_environment_is_used(fake, monkeypatch, tmp_path):
    """The control is `httpx`'s own client, which goes there."""
    import httpx

    with serving() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        (tmp_path / "netrc").write_text("machine localhost login me password secret\n")
        (end,) = ask(endpoint(fake), Resolver(["127.0.0.1"]))
        assert isinstance(end, wire.End)
        assert proxy.n_connections == 0
        assert "authorization" not in fake.requests[0].headers
        httpx.get("http://nowhere.invalid/")
        assert proxy.n_connections == 1


@pytest.mark.loopback
def test_a_connection_that_nobody_takes_is_tried_once_more_and_a_request_never():
    with serving() as gone:
        one = endpoint(gone)
    resolver = Resolver(["127.0.0.1"])
    (refused,) = ask(one, resolver)
    assert (refused.kind, refused.sent, len(resolver.names)) == ("connect", False, 2)
    with serving() as fake:
        resolver = Resolver(["127.0.0.1"])
        (refused,) = ask(endpoint(fake), resolver, {"do": "cut"})
        assert (refused.kind, refused.sent, len(resolver.names)) == ("broken", True, 1)
        assert len(fake.requests) == 1


@pytest.mark.loopback
def test_the_next_address_of_a_name_is_tried(fake):
    """Nobody listens at the first."""
    (end,) = ask(endpoint(fake), Resolver(["::1", "127.0.0.1"]))
    assert isinstance(end, wire.End)


def test_a_name_without_an_answer_is_said():
    one = Endpoint(name="team", url="https://models.example:8443", api="openai")
    (refused,) = ask(one, Resolver(NoAddress("was not resolved within 5 s")))
    assert (refused.kind, refused.why) == ("resolve", "Its name was not resolved within 5 s.")


@pytest.mark.loopback
def test_a_connection_is_given_up_before_a_server_ends_it(fake, monkeypatch):
    """uvicorn (vLLM) and llama-server do after 5 s; a request that meets that end is lost."""
    assert http._IDLE_S < 5

    async def ask_twice(pause_s: float) -> int:
        before = fake.n_connections
        site = http.Site(endpoint(fake), "", Resolver(["127.0.0.1"]))
        for _ in range(2):
            await answers_of(site, {"n": 1})
            await asyncio.sleep(pause_s)
        await site.close()
        return fake.n_connections - before

    assert asyncio.run(ask_twice(0.2)) == 1
    monkeypatch.setattr(http, "_IDLE_S", 0.05)
    assert asyncio.run(ask_twice(0.2)) == 2


# --- an explicit proxy ----------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy that lets TLS through to one place, whatever the name."""

    def __init__(self, port: int, status: int) -> None:
        self.port = port
        self.status = status
        self.asked: list[bytes] = []
        self.shown: list[object] = []  # the certificate of whoever asked, of each connection


@contextmanager
def proxying(to: int, status: int = 200, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    proxy = Proxy(0, status)
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    is_ready = threading.Event()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.shown.append(writer.get_extra_info("peercert") or None)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            proxy.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 %d x\r\n\r\n" % status)
            if status == 200:
                back, there = await asyncio.open_connection("127.0.0.1", to)
                with contextlib.closing(there):
                    await asyncio.gather(pump(reader, there), pump(back, writer))

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        async with server:
            proxy.port = server.sockets[0].getsockname()[1]
            is_ready.set()
            await over.wait()
        open_ones = asyncio.all_tasks() - {asyncio.current_task()}
        for one in open_ones:
            one.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await asyncio.sleep(0.01)  # for transports that are closing

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    is_ready.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.loopback
def test_a_proxy_that_is_named_carries_tls_for_the_name(authority):
    with serving(authority.sign("models.example")) as fake, proxying(fake.port) as proxy:
        one = endpoint(
            fake,
            url="https://models.example:8443",
            proxy=f"http://proxy.example:{proxy.port}",
            ca_file=str(authority.cert),
        )
        resolver = Resolver(["127.0.0.1"])
        (end,) = ask(one, resolver, {"n": 1})
        assert isinstance(end, wire.End)
    # The proxy resolves the endpoint's name; its certificate says whether it is the one.
    assert resolver.names == ["proxy.example"]
    assert proxy.asked[0].startswith(b"CONNECT models.example:8443 HTTP/1.1\r\n")
    assert b"completions" not in proxy.asked[0]
    assert fake.requests[0].headers["host"] == "models.example:8443"


@pytest.mark.loopback
def test_a_proxy_is_spoken_to_by_tls_under_the_same_ca_and_sees_no_client_certificate(
    authority, tmp_path
):
    """Both certificates are the company's own, as its proxy is."""
    at_proxy = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.cert))
    own = authority.sign("proxy.example")
    at_proxy.load_cert_chain(own.cert, own.key)
    # It would take one that is shown.
    at_proxy.verify_mode = ssl.CERT_OPTIONAL
    me = authority.sign("me")
    with (
        serving(authority.sign("models.example")) as fake,
        proxying(fake.port, tls=at_proxy) as proxy,
    ):
        one = endpoint(
            fake,
            url="https://models.example:8443",
            proxy=f"https://proxy.example:{proxy.port}",
            ca_file=str(authority.cert),
            client_cert=str(me.cert),
            client_key=str(me.key),
        )
        found = ask(one, Resolver(["127.0.0.1"]), {"n": 1})
    assert [type(each) for each in found] == [wire.End]
    assert proxy.shown == [None]
    assert len(fake.requests) == 1


@pytest.mark.loopback
def test_a_proxy_that_leads_to_another_server_gets_nothing(authority):
    with serving(authority.sign("evil.example")) as fake, proxying(fake.port) as proxy:
        one = endpoint(
            fake,
            url="https://models.example:8443",
            proxy=f"http://127.0.0.1:{proxy.port}",
            ca_file=str(authority.cert),
        )
        (refused,) = ask(one, Resolver(["127.0.0.1"]))
        assert (refused.kind, refused.sent) == ("tls", False)
    assert fake.requests == []


@pytest.mark.loopback
def test_a_proxy_that_refuses_is_said_and_nothing_was_sent(authority):
    with serving(authority.sign("models.example")) as fake, proxying(fake.port, 407) as proxy:
        one = endpoint(
            fake, url="https://models.example:8443", proxy=f"http://127.0.0.1:{proxy.port}"
        )
        (refused,) = ask(one, Resolver(["127.0.0.1"]))
    assert (refused.kind, refused.sent) == ("connect", False)
