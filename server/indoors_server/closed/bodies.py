"""Messages as bodies of requests, and answers as text, for each kind of API. No IO.

One question and one streamed answer, with nothing that newer models refuse: no temperature, no stop
texts, no begun answer. What a person is shown are the bytes that `body_of` gives, so they are laid
out for reading. The sources are the APIs' own references, as of November 2026:

    OpenAI     POST /v1/chat/completions, POST /v1/responses     (store: false, both)
    Anthropic  POST /v1/messages
    Google     POST /v1beta/models/MODEL:streamGenerateContent?alt=sse
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from indoors_completion.chat import Message
from indoors_server import endpoint_files
from indoors_server.endpoints import Endpoint
from indoors_server.event_stream import DONE, EventStream, TooLong
from indoors_server.policy.operators import operator_at

# How an answer ended: whole, cut off at the limit, refused by the API, or broken off.
Ending = Literal["", "stop", "length", "refused", "error"]
_MAX_EVENT_BYTES = 4 * 1024 * 1024
_MAX_TOLD = 300


class Body(NamedTuple):
    """A request: the call below the endpoint's address, and the bytes."""

    call: str
    data: bytes


def body_of(endpoint: Endpoint, messages: Sequence[Message], max_tokens: int) -> Body:
    """The request that asks an endpoint for the next turn of a chat."""
    system = "\n\n".join(_text(one.text) for one in messages if one.role == "system")
    turns = [one for one in messages if one.role != "system"]
    call, make = _APIS[endpoint.api]
    if make is _plain_chat and operator_at(endpoint_files.destination(endpoint)) == "OpenAI":
        make = _chat  # by whatever name it is called, it is asked to store nothing
    made = msgspec.json.encode(make(endpoint.model, system, turns, max_tokens))
    text = msgspec.json.format(made, indent=2).decode()
    return Body(call, "".join(map(_as_shown, text)).encode())


def _as_shown(character: str) -> str:
    """A character of JSON text, by its number where no screen shows what it is (a space that does
    not break, a mark of direction): what a person reads are the bytes.
    """
    if character.isprintable() or character == "\n":
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def can_ask(endpoint: Endpoint) -> bool:
    """Whether it is known how to ask this kind of API for an edit."""
    return endpoint.api in _APIS


def _chat(model: str, system: str, turns: Sequence[Message], max_tokens: int) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "system", "content": system}, *_turns(turns)],
        "max_completion_tokens": max_tokens,
        "store": False,
        "stream": True,
    }


def _plain_chat(
    model: str, system: str, turns: Sequence[Message], max_tokens: int
) -> dict[str, Any]:
    """As servers that speak OpenAI's first dialect have it."""
    return {
        "model": model,
        "messages": [{"role": "system", "content": system}, *_turns(turns)],
        "max_tokens": max_tokens,
        "stream": True,
    }


def _responses(
    model: str, system: str, turns: Sequence[Message], max_tokens: int
) -> dict[str, Any]:
    return {
        "model": model,
        "instructions": system,
        "input": _turns(turns),
        "max_output_tokens": max_tokens,
        "store": False,
        "stream": True,
    }


def _anthropic(
    model: str, system: str, turns: Sequence[Message], max_tokens: int
) -> dict[str, Any]:
    return {
        "model": model,
        "system": system,
        "messages": _turns(turns),
        "max_tokens": max_tokens,
        "stream": True,
    }


def _google(_model: str, system: str, turns: Sequence[Message], max_tokens: int) -> dict[str, Any]:
    roles = {"user": "user", "assistant": "model"}
    return {
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": [
            {"role": roles[one.role], "parts": [{"text": _text(one.text)}]} for one in turns
        ],
        "generationConfig": {"maxOutputTokens": max_tokens, "candidateCount": 1},
    }


def _turns(turns: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": one.role, "content": _text(one.text)} for one in turns]


def _text(text: str) -> str:
    """A text that UTF-8 can have: editors send half characters."""
    return text.encode("utf-8", "replace").decode()


_Make = Callable[[str, str, Sequence[Message], int], dict[str, Any]]
_APIS: dict[str, tuple[str, _Make]] = {
    "openai-api": ("/v1/chat/completions", _chat),
    "openai-responses-api": ("/v1/responses", _responses),
    "anthropic-api": ("/v1/messages", _anthropic),
    "google-api": ("/v1beta/models/{model}:streamGenerateContent?alt=sse", _google),
    "chat": ("/v1/chat/completions", _plain_chat),
    "openai": ("/v1/chat/completions", _plain_chat),
}


# --- answers ------------------------------------------------------------------------------------


class Reader:
    """Reads one streamed answer, in whatever pieces it comes.

    `ending` says how it ended, once it has; `told` is what the API says of a refusal or a fault.
    Tokens are those that the API counted, 0 where it does not say.
    """

    def __init__(self, api: str) -> None:
        self._read: Callable[[Reader, dict[str, Any]], str] = _READERS[api]
        self._stream = EventStream(_MAX_EVENT_BYTES)
        self.ending: Ending = ""
        self.told = ""
        self.n_input = self.n_output = 0

    def feed(self, data: bytes) -> str:
        """The text in some more bytes."""
        return self._texts(lambda: self._stream.feed(data))

    def close(self) -> str:
        """The text in what is left: an event that no blank line ends."""
        return self._texts(self._stream.end)

    def failed(self, told: str, ending: Ending = "error") -> str:
        """The API says that it does not go on."""
        self.ending, self.told = ending, told[:_MAX_TOLD]
        return ""

    def _texts(self, read: Callable[[], list[bytes]]) -> str:
        try:
            return "".join(map(self._text, read()))
        except TooLong:
            return self.failed("a line of the answer is too long")

    def _text(self, data: bytes) -> str:
        if data == DONE:
            return ""
        try:
            event = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.failed("a part of the answer is no JSON")
        if not isinstance(event, dict):
            return ""
        if isinstance(event.get("error"), dict | str):
            return self.failed(message_in(data))
        return self._read(self, event)


def _read_chat(reader: Reader, event: dict[str, Any]) -> str:
    usage = _object(event.get("usage"))
    reader.n_input = _number(usage.get("prompt_tokens")) or reader.n_input
    reader.n_output = _number(usage.get("completion_tokens")) or reader.n_output
    choice = _object(_first(event.get("choices")))
    delta = _object(choice.get("delta")) or _object(choice.get("message"))
    reason = choice.get("finish_reason")
    if isinstance(delta.get("refusal"), str) and delta["refusal"]:
        # It comes in pieces, as a text does.
        before = reader.told if reader.ending == "refused" else ""
        return reader.failed(before + delta["refusal"], "refused")
    if reason == "content_filter":
        return reader.failed("its content filter stopped the answer", "refused")
    if isinstance(reason, str) and reader.ending == "":
        reader.ending = "length" if reason == "length" else "stop"
    return _string(delta.get("content"))


def _read_responses(reader: Reader, event: dict[str, Any]) -> str:
    kind, response = event.get("type"), _object(event.get("response"))
    usage = _object(response.get("usage"))
    reader.n_input = _number(usage.get("input_tokens")) or reader.n_input
    reader.n_output = _number(usage.get("output_tokens")) or reader.n_output
    if kind == "response.output_text.delta":
        return _string(event.get("delta"))
    if kind == "response.refusal.done":
        return reader.failed(_string(event.get("refusal")), "refused")
    if kind == "response.completed" and reader.ending == "":
        reader.ending = "stop"
    elif kind == "response.incomplete":
        why = _object(response.get("incomplete_details")).get("reason")
        if why != "max_output_tokens":
            return reader.failed(f"the answer is not whole ({_string(why)})", "refused")
        reader.ending = "length"
    elif kind in ("response.failed", "error"):
        error = _object(response.get("error")) or event
        return reader.failed(_string(error.get("message")))
    return ""


def _read_anthropic(reader: Reader, event: dict[str, Any]) -> str:
    kind, delta = event.get("type"), _object(event.get("delta"))
    message = _object(event.get("message"))
    usage = _object(event.get("usage")) or _object(message.get("usage"))
    reader.n_input = _number(usage.get("input_tokens")) or reader.n_input
    reader.n_output = _number(usage.get("output_tokens")) or reader.n_output
    if kind == "content_block_delta" and delta.get("type") == "text_delta":
        return _string(delta.get("text"))
    if kind == "message_delta" and isinstance(reason := delta.get("stop_reason"), str):
        if reason == "refusal":
            return reader.failed("the model refused", "refused")
        lengths = ("max_tokens", "model_context_window_exceeded")
        reader.ending = "length" if reason in lengths else "stop"
    return ""


def _read_google(reader: Reader, event: dict[str, Any]) -> str:
    usage = _object(event.get("usageMetadata"))
    reader.n_input = _number(usage.get("promptTokenCount")) or reader.n_input
    n_output = _number(usage.get("candidatesTokenCount")) + _number(usage.get("thoughtsTokenCount"))
    reader.n_output = n_output or reader.n_output
    blocked = _object(event.get("promptFeedback")).get("blockReason")
    if isinstance(blocked, str):
        return reader.failed(f"the question was blocked ({blocked})", "refused")
    candidate = _object(_first(event.get("candidates")))
    parts = _object(candidate.get("content")).get("parts")
    text = "".join(
        _string(part.get("text"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and part.get("thought") is not True
    )
    reason = candidate.get("finishReason")
    if reason in ("STOP", "MAX_TOKENS"):
        reader.ending = "length" if reason == "MAX_TOKENS" else "stop"
    elif isinstance(reason, str) and reason != "FINISH_REASON_UNSPECIFIED":
        reader.failed(f"the answer was stopped ({reason})", "refused")
    return text


_READERS: dict[str, Callable[[Reader, dict[str, Any]], str]] = {
    "openai-api": _read_chat,
    "openai-responses-api": _read_responses,
    "anthropic-api": _read_anthropic,
    "google-api": _read_google,
    "chat": _read_chat,
    "openai": _read_chat,
}


def message_in(data: bytes) -> str:
    """What an answer with an error says, "" if nothing: `{"error": {"message": …}}`, also in a
    list.
    """
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    whole = whole[0] if isinstance(whole, list) and whole else whole
    error = _object(whole).get("error")
    text = error if isinstance(error, str) else _object(error).get("message")
    return _string(text)[:_MAX_TOLD]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if type(value) is int and value >= 0 else 0
