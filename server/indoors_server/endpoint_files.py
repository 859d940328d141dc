"""Reading endpoints: `/etc/indoors/engines.json` and the person's `engines.json`. Strict, and said.

    { "team": { "url": "https://gpu.example:8443", "api": "openai", "model": "coder-32b" } }

An entry with a mistake is none, with a message; the others count. A name that a machine's file has
is the machine's alone, also where that entry has a mistake: nobody's own file steps in its place,
and in that of a machine's file that cannot be read none does.
Where the machine's policy lists hosts, a person's own entry has neither `proxy` nor `ca_file`.
What an address or a header may look like is decided here, once, for all who use an `Endpoint`.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from indoors_server import paths
from indoors_server.endpoints import Api, Endpoint
from indoors_server.policy import files, hosts, layers
from indoors_server.policy.decision import Policy
from indoors_server.policy.files import MachinePlace

FILE = "engines.json"
MAX_ENDPOINTS = 100
_MAX_HEADERS, _MAX_ADDRESSES = 20, 64

# "local" and "none" are words of the router's rules.
_NAME = re.compile(r"(?!(?:local|none)\Z)[a-z0-9][a-z0-9-]{0,39}")
_URL = re.compile(r"(https?://[^/?#]*)((?:/[A-Za-z0-9._~-]{1,100}){0,8})/?")
_PROXY = re.compile(r"(https?)(://[^/?#]*:[0-9]{1,5})/?")
# Hugging Face's have a slash, and vLLM and llama-server call a model by its path.
_MODEL = re.compile(r"[A-Za-z0-9./~][A-Za-z0-9._:/+@~-]{0,199}")
_CLOSED_MODEL = re.compile(r"[A-Za-z0-9][^~]*")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,998}[\x21-\x7e])?")
_KEY = re.compile(r"file:(/.+)|keyring:([^/]{1,100})/(.{1,100})")
# With these the name of a listed host is enough for somebody else to get what is sent to it.
_DIVERTING = ("proxy", "ca_file")
_CURRENCY = re.compile(r"[A-Z]{3}")
# A key has a place of its own, and these decide where a request begins, ends or goes.
_KEPT_HEADERS = {
    "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie",
    "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-api-key",
    "x-goog-api-key",
}  # fmt: skip


class Found(NamedTuple):
    """The endpoints by name, and what is wrong with the files, for people."""

    endpoints: dict[str, Endpoint]
    problems: tuple[str, ...]


class _Unfit(ValueError):
    """The message completes "file: name: ..."."""


class _Twice(dict[str, Any]):
    """A JSON object in which some key occurs twice."""

    def __init__(self, pairs: list[tuple[str, Any]], twice: set[str]) -> None:
        super().__init__(pairs)
        self.twice = twice


def user_file() -> Path:
    """The person's own file."""
    return paths.config_dir() / FILE


def load(*, machine: MachinePlace | None = None, user: Path | None = None) -> Found:
    """All endpoints. Never raises. `machine` and `user` are other places, for tests."""
    place = machine or files.machine_place()
    own = user or user_file()
    problems: list[str] = []
    theirs, taken = _read(
        str(place.directory / FILE), "machine", lambda: files.read_machine(FILE, place), problems
    )
    mine, _ = _read(str(own), "user", lambda: files.read_user(own), problems)
    if taken is None:
        for name in sorted(mine):
            wait = "does not count until this machine's file can be read"
            problems.append(f"{own}: {name}: {wait}")
        mine, taken = {}, set()
    for name in sorted(mine.keys() & taken):
        problems.append(f"{own}: {name}: is named by this machine's file, which counts")
        del mine[name]
    if any(one.proxy or one.ca_file for one in mine.values()) and _lists_hosts(place):
        for name in sorted(mine):
            if given := " and ".join(key for key in _DIVERTING if getattr(mine[name], key)):
                problems.append(
                    f"{own}: {name}: {given} may lead to a host that this machine's policy does "
                    "not list, so that only the machine's file may say it. This engine does not "
                    "count. Next: ask whoever runs this machine to put the engine into "
                    f"{place.directory / FILE}"
                )
                del mine[name]
    endpoints = mine | theirs
    return Found(dict(sorted(endpoints.items())), tuple(problems))


def _lists_hosts(place: MachinePlace) -> bool:
    """Whether the machine's policy says which hosts get code, or cannot be read."""
    return any(
        one.is_invalid or {"onprem_hosts", "closed_hosts"} & set(one.values)
        for one in files.machine_layers(place)
    )


def parse(
    raw: bytes, file: str, layer: Literal["machine", "user"]
) -> tuple[dict[str, Endpoint], set[str] | None, list[str]]:
    """The endpoints of a file's content, all names that it uses (None: they cannot be told), and
    what is wrong with it.
    """
    try:
        whole = _json(layers.text_of(raw))
    except ValueError as error:
        return {}, None, [f"{file}: {error}. No engine of it counts"]
    if not isinstance(whole, dict):
        return {}, None, [f"{file}: must be an object of engines by name. None of it counts"]
    names = {name for name in whole if name != "$schema"}
    if len(names) > MAX_ENDPOINTS:
        return {}, names, [f"{file}: has more than {MAX_ENDPOINTS} engines. None of it counts"]
    found, problems = {}, []
    for name in sorted(names):
        try:
            if isinstance(whole, _Twice) and name in whole.twice:
                raise _Unfit("occurs twice")
            found[name] = _endpoint(name, whole[name], layer)
        except _Unfit as error:
            shown = "".join(c if c.isprintable() else "·" for c in name[:40])
            problems.append(f"{file}: {shown}: {error}. This engine does not count")
    return found, names, problems


def _read(
    file: str,
    layer: Literal["machine", "user"],
    read: Callable[[], bytes | None],
    problems: list[str],
) -> tuple[dict[str, Endpoint], set[str] | None]:
    try:
        raw = read()
    except files.Unusable as error:
        problems.append(f"{file}: {error}. No engine of it counts")
        return {}, None
    if raw is None:
        return {}, set()
    found, names, wrong = parse(raw, file, layer)
    problems += wrong
    return found, names


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value. Raises ValueError; where a key occurs twice the object is a `_Twice`."""

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = {name for name in names if names.count(name) > 1} if len(names) < 1000 else set()
        if len({*names}) == len(names):
            return dict(pairs)
        return _Twice(pairs, twice or set(names))

    def constant(name: str) -> None:
        raise ValueError(f"has {name}, which is not JSON")

    try:
        return json.loads(text, object_pairs_hook=object_of, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not valid JSON ({error.msg})") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _endpoint(name: str, given: object, layer: Literal["machine", "user"]) -> Endpoint:
    if not _NAME.fullmatch(name):
        raise _Unfit("a name has small letters, digits and hyphens, and is neither local nor none")
    if not isinstance(given, dict):
        raise _Unfit("must be an object")
    if isinstance(given, _Twice):
        raise _Unfit(f"{min(given.twice)[:40]!r} occurs twice")
    if unknown := sorted(set(given) - set(_CHECKS)):
        raise _Unfit(f"{unknown[0][:40]!r} is not a key of an engine")
    if missing := [key for key in ("url", "api") if key not in given]:
        raise _Unfit(f"has no {missing[0]}")
    values = {}
    for key, value in given.items():
        try:
            values[key] = _CHECKS[key](value)
        except _Unfit as error:
            raise _Unfit(f"{key} {error}") from None
    # Pages name an API's address with what each call of ours begins with.
    begins = {"google-api": "/v1beta", "ollama": "", "llama-server": ""}.get(values["api"], "/v1")
    values["url"] = values["url"].removesuffix(begins)
    found = Endpoint(name=name, layer=layer, **values)
    _fit_together(found)
    return found


def _fit_together(one: Endpoint) -> None:
    """What one key says about another. Raises _Unfit."""
    is_plain = one.url.startswith("http://")
    if is_plain and (one.ca_file or one.client_cert or one.proxy):
        raise _Unfit("ca_file, client_cert and proxy are for https://")
    if one.proxy and (one.pin or one.addresses):
        raise _Unfit("pin and addresses count without a proxy only: it resolves the name itself")
    if bool(one.client_cert) != bool(one.client_key):
        raise _Unfit("client_cert and client_key belong together")
    if one.is_closed and not one.model:
        raise _Unfit("a closed API needs a model")
    if one.is_closed and not _CLOSED_MODEL.fullmatch(one.model):
        raise _Unfit("model must be the model's name there")
    if one.answer_tokens and one.api in ("llama-server", "ollama"):
        raise _Unfit("answer_tokens is for closed APIs")
    if one.api == "google-api" and not re.fullmatch(r"[A-Za-z0-9._-]+", one.model):
        raise _Unfit("model must be a name of letters, digits, dots and hyphens")
    if (one.price_input or one.price_output) and not one.currency:
        raise _Unfit("prices need a currency, as in USD")


def destination(one: Endpoint) -> str:
    """Where it is, as the policy names it: scheme://host:port."""
    scheme, _, rest = one.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def is_closed(one: Endpoint, policy: Policy) -> bool:
    """Whether it is an API of others, by its kind of API or because its host is. Who decides where
    code goes asks this and nothing else: completion goes to none of them, and an edit only through
    the locks in `closed`.
    """
    return one.is_closed or policy.calls_closed(destination(one))


# --- values: each gives what counts, or raises _Unfit with "must ..." -----------------------------


def cannot(one: Endpoint, kind: Literal["completion", "refactor"]) -> str:
    """Why an engine cannot do what is asked for, whoever allows it; "" if it can."""
    if one.api == "chat" and kind == "completion":
        return f"{one.name} is asked by chat, which edits and does not complete"
    return ""


def _text(value: object, what: str, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _Unfit(f"must be {what}")
    return value


def _url(value: object) -> str:
    found = _URL.fullmatch(value) if isinstance(value, str) and value.isascii() else None
    if found is None or {".", ".."} & set(found[2].split("/")):
        raise _Unfit("must be scheme, host and port, as in https://models.example:8443")
    try:
        return hosts.canonical(found[1]) + found[2]
    except hosts.BadAddress as error:
        raise _Unfit(str(error)) from None


def _proxy(value: object) -> str:
    """Plain `http` to a proxy is usual: what passes through it is TLS all the same."""
    found = _PROXY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _Unfit("must be scheme, host and port, as in http://proxy.example:3128")
    try:
        return found[1] + hosts.canonical(f"https{found[2]}").removeprefix("https")
    except hosts.BadAddress as error:
        raise _Unfit(str(error)) from None


def _api(value: object) -> str:
    if value not in get_args(Api):
        raise _Unfit(f"must be one of {', '.join(get_args(Api))}")
    return str(value)


def _key(value: object) -> str:
    """Says nothing of what was given: it may be a key."""
    return _text(value, '"file:/its/path" or "keyring:service/user", never the key itself', _KEY)


def _file(value: object) -> str:
    if not isinstance(value, str) or not Path(value).is_absolute() or not value.isprintable():
        raise _Unfit("must be the absolute path of a file")
    return value


def _headers(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or isinstance(value, _Twice) or len(value) > _MAX_HEADERS:
        raise _Unfit(f"must be an object of at most {_MAX_HEADERS} headers, each once")
    for name, text in value.items():
        lower = name.lower()
        if not _HEADER.fullmatch(name) or lower in _KEPT_HEADERS or lower.startswith("proxy-"):
            raise _Unfit(f"cannot have {name[:40]!r}")
        _text(text, f"printable ASCII text in {name}", _HEADER_VALUE)
    if len({name.lower() for name in value}) < len(value):
        raise _Unfit("has a header twice")
    return dict(value)


def _addresses(value: object) -> tuple[str, ...]:
    return _each(value, "addresses, as in 10.0.0.0/8", lambda text: ipaddress.ip_network(text))


def _pins(value: object) -> tuple[str, ...]:
    return _each(value, "addresses, as in 10.1.2.3", lambda text: ipaddress.ip_address(text))


def _each(value: object, what: str, read: Callable[[str], object]) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_ADDRESSES:
        raise _Unfit(f"must be a list of 1 to {_MAX_ADDRESSES} {what}")
    try:
        # A number would be taken for an address, too.
        return tuple(str(read(one)) for one in _texts(value))
    except ValueError:
        raise _Unfit(f"must be a list of {what}") from None


def _texts(value: Iterable[object]) -> Iterable[str]:
    for one in value:
        if not isinstance(one, str):
            raise ValueError
        yield one


def _number(low: float, high: float) -> Callable[[object], float]:
    def check(value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:  # type: ignore[operator]
            raise _Unfit(f"must be a number from {low:g} to {high:g}")
        return float(value)  # type: ignore[arg-type]

    return check


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 10_000_000:
        raise _Unfit("must be a whole number of tokens")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("must be true or false")
    return value


_CHECKS: dict[str, Callable[[object], Any]] = {
    "url": _url,
    "api": _api,
    "model": lambda value: _text(value, "the model's name there", _MODEL),
    "family": lambda value: _text(value, "a family's name", re.compile(r"[a-z0-9._-]{1,40}")),
    "instruct": _switch,
    "context_tokens": _whole,
    "answer_tokens": _whole,
    "key": _key,
    "ca_file": _file,
    "client_cert": _file,
    "client_key": _file,
    "headers": _headers,
    "proxy": _proxy,
    "pin": _pins,
    "addresses": _addresses,
    "connect_s": _number(0.1, 60),
    "read_s": _number(1, 600),
    "price_input": _number(0, 1_000_000),
    "price_output": _number(0, 1_000_000),
    "currency": lambda value: _text(value, "three letters, as in USD", _CURRENCY),
}
assert set(_CHECKS) | {"name", "layer"} == {one.name for one in msgspec.structs.fields(Endpoint)}
