"""HTTP to one endpoint: the only module of ours that has a client for it, and no freedom in it.

`httpx`'s transport is used without `httpx`'s client: what the client adds is what must not happen
(the environment's proxies and certificates, redirects, cookies, decompression). Names are resolved
by the resolver and judged, and the connection goes to a judged address while TLS and `Host` keep
the name. A connection that is not read to its end is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import httpcore
import httpx

import indoors_server
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import addresses, wire
from indoors_server.gateway.failures import Failure
from indoors_server.gateway.resolver import NoAddress

Resolve = Callable[[str], Awaitable[list[str]]]
Answer = wire.Head | wire.Chunk | wire.End | wire.Refused

MAX_TRIED = 4
_MAX_CONNECTIONS, _MAX_IDLE = 64, 8
# Servers end an idle connection after 5 s (uvicorn, and vLLM with it; llama-server): a request that
# meets that end is lost, because nobody knows whether it was read.
_IDLE_S = 4.0
# A server that is being restarted refuses for a moment; nothing has been sent then.
_AGAIN_S = 0.15


class _NotAllowed(Exception):
    """No connection is made to this name; the message completes "the name ..."."""


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to judged addresses only, whatever a client would do with the name."""

    def __init__(self, one: Endpoint, resolve: Resolve) -> None:
        self._one = one
        self._resolve = resolve
        # What httpcore puts in its place where anyio is missing is no backend; httpx needs anyio.
        self._inner: Any = httpcore.AnyIOBackend()
        self._places = places(one)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first judged address that answers."""
        is_proxy = self._places.get((host, port))
        if is_proxy is None:
            raise _NotAllowed(f"{host}:{port} is not the endpoint's")
        try:
            found = [host] if _is_address(host) else await self._resolve(host)
        except NoAddress as error:
            raise _NotAllowed(str(error)) from error
        if why := addresses.judge(self._one, found, is_proxy=is_proxy):
            raise _NotAllowed(why)
        last: Exception | None = None
        for address in found[:MAX_TRIED]:
            try:
                stream: httpcore.AsyncNetworkStream = await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
                return stream
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        assert last is not None
        raise last

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:  # noqa: ANN401
        """There is none."""
        raise _NotAllowed("is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """What httpcore asks for."""
        await asyncio.sleep(seconds)


class Site:
    """One endpoint, with its key and certificates in memory and its idle connections.

    Raises ValueError, ssl.SSLError or OSError where its files cannot be used.
    """

    def __init__(self, one: Endpoint, key: str, resolve: Resolve) -> None:
        self._one = one
        self._headers = _headers(one, key)
        self._transport = httpx.AsyncHTTPTransport(
            verify=_context(one),
            trust_env=False,
            http1=True,
            http2=False,
            retries=0,
            limits=httpx.Limits(
                max_connections=_MAX_CONNECTIONS,
                max_keepalive_connections=_MAX_IDLE,
                keepalive_expiry=_IDLE_S,
            ),
            proxy=_proxy(one),
        )
        pool: Any = self._transport._pool
        if not hasattr(pool, "_network_backend"):
            raise ValueError("this version of httpx or httpcore is not known")
        pool._network_backend = _Checked(one, resolve)

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer, None]:
        """Ask, and give what is answered, with End or Refused at the end.

        Closing it before closes the connection.
        """
        sent = _Sent()
        deadline = asyncio.get_running_loop().time() + ask.timeout_s
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._begin(ask, sent)
            yield self._head(response)
            async with contextlib.aclosing(_bounded(response, deadline)) as chunks:
                async for chunk in chunks:
                    yield chunk
            yield wire.End(request=ask.request)
        except (
            Failure,
            TimeoutError,
            httpx.HTTPError,
            _NotAllowed,
            ssl.SSLError,
            OSError,
        ) as error:
            yield _refused(error, self._one, is_sent=sent.is_sent)
        finally:
            if response is not None:
                await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _begin(self, ask: wire.Ask, sent: _Sent) -> httpx.Response:
        """The answer's beginning. A connection that nobody takes is tried once more, no more."""
        read_s = self._one.read_limit_s(is_edit=ask.kind == "refactor")
        url = self._one.url + ask.call.replace("{model}", self._one.model)
        extensions = {
            "timeout": {
                "connect": self._one.connect_s,
                "pool": self._one.connect_s,
                "read": read_s,
                "write": read_s,
            },
            "trace": sent.trace,
        }

        def request() -> httpx.Request:
            return httpx.Request(
                ask.method, url, headers=self._headers, content=ask.body, extensions=extensions
            )

        try:
            return await self._transport.handle_async_request(request())
        except httpx.ConnectError as error:
            if sent.is_sent or _tls_error(error) is not None:
                raise
        await asyncio.sleep(_AGAIN_S)
        return await self._transport.handle_async_request(request())

    def _head(self, response: httpx.Response) -> wire.Head:
        """Any answer but one that sends us elsewhere, or that would have to be unpacked."""
        if 300 <= response.status_code < 400:
            raise Failure(
                "redirect",
                f"{self._one.name} answered with a redirection ({response.status_code}).",
                why="Redirections are never followed: the policy names hosts exactly.",
                next_step="put the address that it leads to into engines.json, and allow it",
            )
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise Failure(
                "broken",
                f"{self._one.name} answered in a coding that was not asked for.",
                next_step="turn compression off there, or in the proxy before it",
            )
        return wire.Head(
            status=response.status_code,
            content_type=response.headers.get("content-type", "")[:200],
            retry_after_s=_retry_after_s(response.headers.get("retry-after", "")),
        )


class _Sent:
    """Whether any byte of a request may have gone to the endpoint."""

    def __init__(self) -> None:
        self.is_sent = False

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """httpcore's report of what it does."""
        if event.endswith("send_request_headers.started"):
            # A proxy is asked for a tunnel first, which has nothing of ours in it.
            self.is_sent = self.is_sent or info["request"].method != b"CONNECT"


async def _bounded(response: httpx.Response, deadline: float) -> AsyncGenerator[wire.Chunk, None]:
    pieces = response.aiter_raw()
    size = 0
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        size += len(piece)
        if size > wire.MAX_ANSWER_BYTES:
            raise Failure("size", f"The answer is longer than {wire.MAX_ANSWER_BYTES} bytes.")
        if piece:
            yield wire.Chunk(data=piece)


def _proxy(one: Endpoint) -> httpx.Proxy | None:
    """The proxy of an endpoint, which sees no certificate of whoever asks."""
    if not one.proxy:
        return None
    is_tls = one.proxy.startswith("https:")
    return httpx.Proxy(one.proxy, ssl_context=_trusting(one) if is_tls else None)


def _context(one: Endpoint) -> ssl.SSLContext:
    """TLS for an endpoint."""
    context = _trusting(one)
    if one.client_cert:
        # A key with a password would be asked for on a terminal that we do not have.
        context.load_cert_chain(one.client_cert, one.client_key, password=lambda: b"")
    return context


def _trusting(one: Endpoint) -> ssl.SSLContext:
    """Whose certificates count: an endpoint's own CA alone if it has one, else this system's."""
    context = ssl.create_default_context(cafile=one.ca_file or None)
    if not one.ca_file:
        found = ssl.get_default_verify_paths()
        if found.cafile is None and found.capath is None:
            import certifi

            context.load_verify_locations(certifi.where())
    return context


def _headers(one: Endpoint, key: str) -> dict[str, str]:
    found = {
        **one.headers,
        "User-Agent": f"indoors/{indoors_server.__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    if one.api == "anthropic-api":
        found.setdefault("anthropic-version", "2023-06-01")
    if key:
        name = {"anthropic-api": "x-api-key", "google-api": "x-goog-api-key"}.get(one.api)
        found |= {name: key} if name else {"Authorization": f"Bearer {key}"}
    return found


def places(one: Endpoint) -> dict[tuple[str, int], bool]:
    """The hosts and ports that are connected to, and whether each is the endpoint's proxy."""
    if one.proxy:
        return {_place(one.proxy): True}
    return {_place(one.url): False}


def _place(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    return parsed.raw_host.decode("ascii"), parsed.port or (443 if parsed.scheme == "https" else 80)


def _is_address(host: str) -> bool:
    try:
        addresses.plain(host)
    except ValueError:
        return False
    return True


def _retry_after_s(text: str) -> float | None:
    if not text:
        return None
    try:
        left_s = float(text) if text.isdigit() else _seconds_until(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, left_s), 86_400.0)


def _seconds_until(date: str) -> float:
    return email.utils.parsedate_to_datetime(date).timestamp() - time.time()


# --- what went wrong, in words --------------------------------------------------------------------


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _refused(error: BaseException, one: Endpoint, *, is_sent: bool) -> wire.Refused:
    """What to say of an error. The texts of others stay out: they could have parts of anything."""
    failure = error if isinstance(error, Failure) else _failure(error, one)
    return failure.refused(is_sent=is_sent)


def _failure(error: BaseException, one: Endpoint) -> Failure:
    if isinstance(error, _NotAllowed):
        step = "check url, pin and addresses in engines.json, and what the name resolves to"
        return Failure("resolve", f"{one.name} was not connected to.", f"Its name {error}.", step)
    if (tls := _tls_error(error)) is not None:
        return _tls_failure(tls, one)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        what = f"{one.name} did not take a connection within {one.connect_s:g} s."
        return Failure("timeout", what, next_step="indoors engines check " + one.name)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        what = f"{one.name} did not answer in time."
        return Failure("timeout", what, next_step="raise read_s, or ask it for less")
    if isinstance(error, httpx.ProxyError):
        what = f"The proxy of {one.name} did not let us through."
        return Failure("connect", what, next_step="check proxy in engines.json")
    if isinstance(error, httpx.ConnectError):
        what = f"Nobody answers at {one.name}."
        return Failure("connect", what, next_step="start the server there, or check url")
    what = f"The connection to {one.name} ended early, or what came was no HTTP."
    # In TLS 1.3 a client certificate is refused when everything seems to be well already.
    step = "if it asks for a client certificate, check client_cert; else look into its log"
    return Failure("broken", what, f"({type(error).__name__})", step)


def _tls_failure(error: ssl.SSLError, one: Endpoint) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"Its certificate is not accepted: {error.verify_message}."
        step = "renew the certificate, or name the right ca_file"
    else:
        why = f"TLS failed ({error.reason or 'no reason given'})."
        step = "check the server's TLS, and client_cert if it asks for one"
    return Failure("tls", f"There is no safe connection to {one.name}.", why, step)
