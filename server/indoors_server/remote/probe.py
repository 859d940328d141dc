"""What a server is: its models, its context, its control tokens; and whether it lives at all. No
question carries code.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast

import msgspec

from indoors_completion import fim
from indoors_completion.chat import CHATS
from indoors_completion.families import FAMILIES
from indoors_server.door import Door
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire
from indoors_server.remote import dialects, events, faults, talk
from indoors_server.remote.dialects import Abilities
from indoors_server.remote.events import NotUnderstood
from indoors_server.remote.faults import Fault

PROBE_S = 5.0
# Where nothing says how long a prompt may be: what every server can do.
DEFAULT_CONTEXT_TOKENS = 4096
# Ollama makes room for what it is asked; more than this helps no completion, and takes memory.
_OLLAMA_CONTEXT_TOKENS = 8192
_MOST_CONTEXT_TOKENS = 1 << 20
_MAX_BODY_BYTES = 4 * 1024 * 1024


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it is now. `family` is "" where nobody knows how to ask its model for code."""

    abilities: Abilities
    family: str
    n_params: int = 0
    models: tuple[str, ...] = ()
    advice: str = ""


class _Failed(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


async def probe(door: Door, endpoint: Endpoint, timeout_s: float = PROBE_S) -> Found | Fault:
    """Ask a server what it is. Never raises for what it answers."""

    async def ask(call: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON value
        return await _value(door, endpoint, call, body, timeout_s)

    try:
        if endpoint.api == "llama-server":
            return await _llama_server(endpoint, ask)
        if endpoint.api == "ollama":
            return await _ollama(endpoint, ask)
        return await _openai(endpoint, ask)
    except _Failed as failed:
        return failed.fault
    except NotUnderstood as error:
        return faults.not_understood(endpoint, str(error))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        return faults.not_understood(endpoint, "what it says of itself is of another form")


async def ping(door: Door, endpoint: Endpoint, timeout_s: float = PROBE_S) -> Fault | None:
    """Why a server does not say anything, None if it does: whatever it says.

    It is asked what takes no turn in its queue. (llama-cpp-python's own server ends the answer
    that it is writing for who asks for its models.)
    """
    call = "/api/version" if endpoint.api == "ollama" else "/health"
    ask = wire.Ask(
        endpoint=endpoint.name, kind="probe", method="GET", call=call, timeout_s=timeout_s
    )
    async with aclosing(cast(Any, door.ask(ask))) as answers:
        async for answer in answers:
            if isinstance(answer, wire.Refused):
                return faults.of_refusal(answer, has_code=False)
            return None
    return faults.broke_off(endpoint)


_Asker = Callable[..., Any]


async def _openai(endpoint: Endpoint, ask: _Asker) -> Found | Fault:
    listed = await ask("/v1/models")
    models = {str(one["id"]): one for one in listed["data"] if isinstance(one, dict)}
    name = _chosen(endpoint, list(models))
    if isinstance(name, Fault):
        return name
    if is_passed_on(name):
        return faults.passed_on(endpoint, clean(name))
    about = models[name]
    # vLLM and LM Studio say it, under different names.
    context = about.get("max_model_len") or about.get("max_context_length")
    abilities = Abilities(
        model=name,
        owner=str(about.get("owned_by") or ""),
        n_ctx=_context(endpoint, context),
    )
    root = str(about.get("root") or "")
    return _found(endpoint, abilities, f"{name} {root}", tuple(models))


async def _llama_server(endpoint: Endpoint, ask: _Asker) -> Found | Fault:
    props = await ask("/props")
    settings = props.get("default_generation_settings") or {}
    listed = await ask("/v1/models")
    about = (listed.get("data") or [{}])[0]
    meta = about.get("meta") or {}
    wanted = sorted(_control_tokens())
    told = await ask(
        "/tokenize",
        {"content": "\n".join(wanted), "add_special": False, "with_pieces": True},
    )
    tokens = {
        str(one["piece"]): int(one["id"])
        for one in told["tokens"]
        if isinstance(one, dict) and one.get("piece") in wanted
    }
    bos = None
    if props.get("bos_token"):
        # Whether a prompt begins with it is the model's to say: the server adds it to a text.
        with_bos = await ask("/tokenize", {"content": "x", "add_special": True})
        without = await ask("/tokenize", {"content": "x", "add_special": False})
        bos = (
            int(with_bos["tokens"][0]) if len(with_bos["tokens"]) > len(without["tokens"]) else None
        )
    path = str(props.get("model_path") or about.get("id") or "")
    abilities = Abilities(
        model=path.replace("\\", "/").rsplit("/", 1)[-1],
        owner="llamacpp",
        tokens=tokens,
        bos=bos,
        n_ctx=_context(endpoint, settings.get("n_ctx") or props.get("n_ctx")),
    )
    names = f"{abilities.model} {about.get('id', '')}"
    found = _found(endpoint, abilities, names, (abilities.model,))
    if not found.family and fim.may_infill({"general.name": names}) and await _infills(ask):
        abilities = msgspec.structs.replace(abilities, infills=True)
        found = msgspec.structs.replace(
            found, abilities=abilities, family=dialects.CARRIER, advice=""
        )
    if not found.advice and not _is_called(endpoint.model, f"{path} {about.get('id', '')}"):
        shown = clean(abilities.model)
        told = f"it has {shown} and not {endpoint.model}, and answers with what it has. Next: set "
        found = msgspec.structs.replace(found, advice=told + "`model` in engines.json")
    n_params = meta.get("n_params")
    return msgspec.structs.replace(found, n_params=int(n_params)) if n_params else found


def _is_called(wanted: str, names: str) -> bool:
    """Whether a model may be meant by a name: llama-server answers to any, with its one model."""
    wanted = wanted.replace("\\", "/").rsplit("/", 1)[-1].partition(":")[0]
    wanted, names = (re.sub(r"[^a-z0-9]", "", one.lower()) for one in (wanted, names))
    return wanted.removesuffix("gguf") in names


async def _infills(ask: _Asker) -> bool:
    """Whether the server itself knows how its model fills in the middle."""
    try:
        await ask("/infill", {"input_prefix": "x", "input_suffix": "", "n_predict": 1})
    except _Failed:
        return False
    return True


async def _ollama(endpoint: Endpoint, ask: _Asker) -> Found | Fault:
    listed = await ask("/api/tags")
    names = [str(one["name"]) for one in listed["models"]]
    wanted = endpoint.model
    named = [one for one in names if one in (wanted, f"{wanted}:latest")]
    name = named[0] if named else _chosen(endpoint, names)
    if isinstance(name, Fault):
        return name
    entry = next(one for one in listed["models"] if str(one["name"]) == name)
    if is_passed_on(name) or entry.get("remote_host"):
        return faults.passed_on(endpoint, clean(name))
    about = await ask("/api/show", {"model": name})
    if about.get("remote_host"):
        return faults.passed_on(endpoint, clean(name))
    info = about.get("model_info") or {}
    trained = next((v for k, v in info.items() if k.endswith(".context_length")), None)
    # It loads a model with the context that a request wants, whose memory nobody asked for.
    most = endpoint.context_tokens or _OLLAMA_CONTEXT_TOKENS
    context = min(most, int(trained)) if trained else None
    abilities = Abilities(model=name, owner="ollama", n_ctx=_context(endpoint, context))
    base = " ".join(str(info.get(f"general.{key}") or "") for key in ("basename", "name"))
    found = _found(endpoint, abilities, f"{name} {base}", tuple(names))
    n_params = info.get("general.parameter_count")
    return msgspec.structs.replace(found, n_params=int(n_params)) if n_params else found


# --- what is made of it ---------------------------------------------------------------------------


def _chosen(endpoint: Endpoint, names: list[str]) -> str | Fault:
    """The model that counts: the one named, or the only one."""
    if endpoint.model in names:
        return endpoint.model
    if not endpoint.model and len(names) == 1:
        return names[0]
    shown = ", ".join(clean(one) for one in names[:8]) or "none"
    what = (
        f"{endpoint.name} has no model called {endpoint.model}."
        if endpoint.model
        else f"{endpoint.name} has several models and `model` names none."
    )
    return Fault(
        kind="wrong",
        what=what,
        why=f"It has: {shown}.",
        next_step="set `model` of the endpoint in engines.json",
    )


def is_passed_on(model: str) -> bool:
    """Whether a name is one of those that Ollama passes on to its own company's machines, by the
    tags that these models have there: `NAME:cloud` and `NAME:SIZE-cloud`.
    """
    tag = model.rpartition(":")[2].casefold() if ":" in model else ""
    return tag == "cloud" or tag.endswith("-cloud")


def _found(endpoint: Endpoint, abilities: Abilities, names: str, models: tuple[str, ...]) -> Found:
    family, advice = family_of(endpoint, names, abilities.tokens)
    size = re.search(r"(?<![\w.])(\d{1,4}(?:\.\d)?)\s?b(?![a-z])", names, re.IGNORECASE)
    n_params = int(float(size[1]) * 1e9) if size else 0
    shown = tuple(clean(one) for one in models[:32])
    return Found(abilities=abilities, family=family, n_params=n_params, models=shown, advice=advice)


def family_of(endpoint: Endpoint, names: str, tokens: dict[str, int]) -> tuple[str, str]:
    """How a model is prompted, and why it is not where that is "".

    Where the server tells its control tokens they decide, as in a file; elsewhere only a name that
    a family's own record matches: what a vocabulary holds cannot be seen from here.
    """
    if endpoint.api == "chat":
        return talk.CARRIER, ""
    if endpoint.family:
        known = fim.by_name(endpoint.family) is not None
        what = f"{endpoint.family} is no family that is known here"
        return (endpoint.family, "") if known else ("", f"{what} (docs/teams.md lists them)")
    metadata = {"general.name": names.replace("/", " ")}
    found = fim.detect(metadata, tokens.__contains__ if tokens else lambda _text: True)
    if found is None or (not tokens and not (found.names or found.pres)):
        return "", (
            fim.advice(metadata)
            if found is None
            else f"nothing says how {clean(names.split(' ')[0])} is asked to fill in the middle. "
            "Next: set `family` of the endpoint in engines.json"
        )
    return found.name, ""


def _control_tokens() -> set[str]:
    """Every control token that may stand in a prompt of ours."""
    found = set()
    for family in FAMILIES:
        found |= {*family.sentinels, family.repo_token, family.file_token}
    for chat in CHATS:
        for frame in (*chat.begin.values(), *chat.end.values()):
            found |= {text for text, is_special in frame if is_special}
    return {text for text in found if text}


def _context(endpoint: Endpoint, told: object) -> int:
    """How long prompt and answer may be: what a person says, what the server says, or little."""
    is_number = isinstance(told, int | float) and not isinstance(told, bool) and told > 0
    known = min(int(told), _MOST_CONTEXT_TOKENS) if is_number else 0  # type: ignore[call-overload]
    if endpoint.context_tokens:
        return min(endpoint.context_tokens, known) if known else endpoint.context_tokens
    return known or DEFAULT_CONTEXT_TOKENS


def clean(text: str) -> str:
    """A name that a server gave, as it may be shown: one line, nothing invisible, not long."""
    return "".join(one for one in text[:100] if one.isprintable())


# --- asking ---------------------------------------------------------------------------------------


async def _value(door: Door, endpoint: Endpoint, call: str, body: object, timeout_s: float) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON that a call answers. Raises _Failed or NotUnderstood."""
    ask = wire.Ask(
        endpoint=endpoint.name,
        kind="probe",
        method="GET" if body is None else "POST",
        call=call,
        body=b"" if body is None else msgspec.json.encode(body),
        timeout_s=timeout_s,
    )
    head, data = None, b""
    answers = cast(AsyncIterator[Any], door.ask(ask))
    async with aclosing(cast(Any, answers)) as stream:
        async for message in stream:
            if isinstance(message, wire.Head):
                head = message
            elif isinstance(message, wire.Chunk):
                data += message.data
                if len(data) > _MAX_BODY_BYTES:
                    raise NotUnderstood("what it says of itself is too long")
            elif isinstance(message, wire.Refused):
                raise _Failed(faults.of_refusal(message, has_code=False))
    if head is None:
        raise _Failed(faults.broke_off(endpoint))
    if head.status >= 300:
        raise _Failed(faults.of_status(endpoint, head, data, call))
    return events.value_of(data)
