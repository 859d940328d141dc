"""How each kind of server is asked to go on with a prompt, and how its answer is read. Pure.

    openai        POST /v1/completions, the prompt as one text       vLLM, LM Studio, TensorRT-LLM
    llama-server  POST /completion, control tokens by number, all else as text; where only the
                  server knows how its model fills in the middle, POST /infill with both sides
    ollama        POST /api/generate with `raw`, the prompt as one text
    chat          POST /v1/chat/completions (`talk`)

What stands before the cursor and was left out of the prompt (`Job.begin`) is a constraint where a
server takes a grammar (llama-server), so that it is healed as on this machine; elsewhere it stands
at the end of the prompt, behind the middle marker.
"""

from __future__ import annotations

from typing import Any

import msgspec

from indoors_completion import fim
from indoors_completion.types import Job
from indoors_server.endpoints import Endpoint
from indoors_server.remote import talk
from indoors_server.remote.events import Form, NotUnderstood
from indoors_server.remote.faults import Feature
from indoors_server.remote.prompt import Fitted

# OpenAI's own limit, which some servers have taken over. More are watched for here in any case.
_MOST_STOPS = 4
# Who, by their own name, hide control tokens that were written unless they are asked not to.
_HIDE_TOKENS = frozenset({"vllm", "tensorrt_llm"})
# What a text in a grammar of llama.cpp's cannot have as it is.
_ESCAPED = {code: f"\\x{code:02X}" for code in (*range(0x20), 0x7F)} | str.maketrans(
    {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
)


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a server was found to be and to take (`probe`).

    `tokens` are the numbers of its control tokens, by their text (llama-server). `bos` begins every
    prompt of this model there, where it is not added by the server. `infills`: no family of ours
    is its model's, and it puts the prompt together itself. `lacks` was refused before.
    """

    model: str = ""
    owner: str = ""
    tokens: dict[str, int] = {}
    bos: int | None = None
    n_ctx: int = 4096
    infills: bool = False
    lacks: frozenset[Feature] = frozenset()

    @property
    def is_vllm(self) -> bool:
        """Whether it says of itself that it is vLLM."""
        return self.owner == "vllm"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `begin` is what its answer will spell first; `echo` what a chat may repeat."""

    call: str
    body: bytes
    form: Form
    begin: str = ""
    echo: str = ""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What one event of an answer says. Counts and times are 0, or -1, where it does not say."""

    text: str = ""
    logprobs: tuple[float, ...] = ()
    finish: str = ""
    n_prompt: int = 0
    n_cached: int = -1
    n_generated: int = 0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    error: Any = None
    is_passed_on: bool = False  # somebody else's machine wrote it


# The family in whose frame both sides of the cursor come to a server that makes its own prompt.
CARRIER = "generic-qwen"


def question(endpoint: Endpoint, job: Job, prompt: Fitted, able: Abilities) -> Question:
    """The request that asks a server for a job. Raises ValueError where it cannot be asked this."""
    if endpoint.api == "llama-server":
        return (_infill if able.infills else _llama_server)(job, prompt, able)
    if endpoint.api == "ollama":
        return _ollama(endpoint, job, prompt, able)
    if endpoint.api == "chat":
        return _chat(endpoint, job, prompt, able)
    return _openai(endpoint, job, prompt, able)


def read(endpoint: Endpoint, event: Any) -> Piece:  # noqa: ANN401 - any JSON value
    """What an event says. Raises NotUnderstood."""
    if not isinstance(event, dict):
        raise NotUnderstood("an event of the answer is no object")
    if event.get("error") is not None:
        return Piece(error=event["error"])
    try:
        if endpoint.api == "llama-server":
            return _read_llama_server(event)
        if endpoint.api == "ollama":
            return _read_ollama(event)
        return _read_choices(event)
    except (
        msgspec.ValidationError, LookupError, TypeError, ValueError, AttributeError, OverflowError,
    ):  # fmt: skip
        raise NotUnderstood("an event of the answer is of another form") from None


# --- OpenAI's completions -------------------------------------------------------------------------


def _openai(endpoint: Endpoint, job: Job, prompt: Fitted, able: Abilities) -> Question:
    body: dict[str, Any] = {
        "model": able.model or endpoint.model,
        "prompt": prompt.text + prompt.begin,
        "max_tokens": prompt.max_tokens,
        "temperature": job.temperature,
        "stream": True,
        **_stops(job, None if able.is_vllm else _MOST_STOPS),
    }
    if job.temperature > 0:
        body["seed"] = job.seed
    if "logprobs" not in able.lacks:
        body["logprobs"] = 1
    if "usage" not in able.lacks:
        body["stream_options"] = {"include_usage": True}
    body |= _extras(able)
    return Question(call="/v1/completions", body=_json(body), form="sse")


def _read_choices(event: dict[str, Any]) -> Piece:
    """An event of OpenAI's completions or chat completions."""
    usage = event.get("usage") or {}
    choices = event.get("choices") or []
    choice = choices[0] if choices else {}
    if not choices and not usage and "choices" not in event:
        raise NotUnderstood("an event of the answer has no choices")
    delta = choice.get("delta")
    text = (delta.get("content") if isinstance(delta, dict) else choice.get("text")) or ""
    finish = choice.get("finish_reason") or ""
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens")
    return Piece(
        text=_text(text),
        logprobs=_numbers((choice.get("logprobs") or {}).get("token_logprobs")),
        finish="" if not finish else "length" if finish == "length" else "eos",
        n_prompt=_count(usage.get("prompt_tokens")),
        n_cached=_count(cached) if cached is not None else -1,
        n_generated=_count(usage.get("completion_tokens")),
    )


# --- llama-server ---------------------------------------------------------------------------------


def _llama_server(job: Job, prompt: Fitted, able: Abilities) -> Question:
    spells = bool(prompt.begin) and "begin" not in able.lacks
    pieces: list[int | str] = [] if able.bos is None else [able.bos]
    for text, is_special in prompt.pieces:
        number = able.tokens.get(text) if is_special else None
        pieces.append(text if number is None else number)
    if prompt.begin and not spells:
        pieces.append(prompt.begin)
    body = _of_llama_cpp(job, able) | {
        "prompt": _joined(pieces),
        "n_predict": prompt.max_tokens + (len(prompt.begin) if spells else 0),
    }
    if spells:
        body["grammar"] = _spelling(prompt.begin)
    return Question(
        call="/completion", body=_json(body), form="sse", begin=prompt.begin if spells else ""
    )


def _infill(job: Job, prompt: Fitted, able: Abilities) -> Question:
    before, after = _sides(prompt)
    body = _of_llama_cpp(job, able) | {
        "input_prefix": before,
        "input_suffix": after,
        "prompt": prompt.begin,  # it stands behind the middle marker there
        "n_predict": prompt.max_tokens,
    }
    return Question(call="/infill", body=_json(body), form="sse")


def _sides(prompt: Fitted) -> tuple[str, str]:
    """What stands before the cursor, other files above it, and what behind it."""
    family = fim.by_name(CARRIER)
    assert family is not None
    sides = {family.prefix_token: "", family.suffix_token: "", family.middle_token: ""}
    side = ""
    for text, is_special in prompt.pieces:
        if is_special:
            side = text
        if side not in sides:
            raise ValueError("this prompt has no two sides")
        sides[side] += "" if is_special else text
    return sides[family.prefix_token], sides[family.suffix_token]


def _of_llama_cpp(job: Job, able: Abilities) -> dict[str, Any]:
    body: dict[str, Any] = {
        "temperature": job.temperature,
        "repeat_penalty": 1.0,
        "cache_prompt": True,
        "stream": True,
        **_stops(job, None),
    }
    if job.temperature > 0:
        body["seed"] = job.seed
    if "logprobs" not in able.lacks:
        body["n_probs"] = 1
    return body


def _joined(pieces: list[int | str]) -> list[int | str]:
    """Text that meets text is one text: tokens may cross the border, as they do elsewhere."""
    joined: list[int | str] = []
    for piece in pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _read_llama_server(event: dict[str, Any]) -> Piece:
    probabilities = event.get("completion_probabilities") or []
    timings = event.get("timings") or {}
    finish = ""
    if event.get("stop"):
        is_limit = event.get("stop_type") == "limit" or event.get("stopped_limit") is True
        finish = "length" if is_limit else "eos"
    elif "content" not in event:
        raise NotUnderstood("an event of the answer has no content")
    n_prompt = _count(event.get("tokens_evaluated")) if finish else 0
    evaluated = timings.get("prompt_n")
    known = finish and evaluated is not None
    return Piece(
        text=_text(event.get("content") or ""),
        logprobs=_numbers([one.get("logprob") for one in probabilities]),
        finish=finish,
        n_prompt=n_prompt,
        n_cached=max(0, n_prompt - _count(evaluated)) if known else -1,
        n_generated=_count(event.get("tokens_predicted")) if finish else 0,
        prefill_ms=_milliseconds(timings.get("prompt_ms")) if finish else 0.0,
        decode_ms=_milliseconds(timings.get("predicted_ms")) if finish else 0.0,
    )


# --- Ollama ---------------------------------------------------------------------------------------


def _ollama(endpoint: Endpoint, job: Job, prompt: Fitted, able: Abilities) -> Question:
    options: dict[str, Any] = {
        "num_predict": prompt.max_tokens,
        "temperature": job.temperature,
        "repeat_penalty": 1.0,
        # Without it a longer prompt is cut in silence, at its beginning.
        "num_ctx": able.n_ctx,
        **_stops(job, None),
    }
    if job.temperature > 0:
        options["seed"] = job.seed
    body = {
        "model": able.model or endpoint.model,
        "prompt": prompt.text + prompt.begin,
        "raw": True,
        "stream": True,
        "options": options,
    }
    if "logprobs" not in able.lacks:
        body["logprobs"] = True
    return Question(call="/api/generate", body=_json(body), form="lines")


def _read_ollama(event: dict[str, Any]) -> Piece:
    if "response" not in event:
        raise NotUnderstood("an event of the answer has no response")
    if event.get("remote_host"):
        return Piece(is_passed_on=True)
    is_done = event.get("done") is True
    reason = event.get("done_reason")
    n_prompt = _count(event.get("prompt_eval_count")) if is_done else 0
    return Piece(
        text=_text(event["response"] or ""),
        logprobs=_numbers([one.get("logprob") for one in event.get("logprobs") or []]),
        finish="" if not is_done else "length" if reason == "length" else "eos",
        n_prompt=n_prompt,
        n_generated=_count(event.get("eval_count")) if is_done else 0,
        prefill_ms=_milliseconds(event.get("prompt_eval_duration")) / 1e6 if is_done else 0.0,
        decode_ms=_milliseconds(event.get("eval_duration")) / 1e6 if is_done else 0.0,
    )


# --- a chat ---------------------------------------------------------------------------------------


def _chat(endpoint: Endpoint, job: Job, prompt: Fitted, able: Abilities) -> Question:
    messages, begun = talk.messages_of(prompt)
    body: dict[str, Any] = {
        "model": able.model or endpoint.model,
        "messages": messages,
        "max_tokens": prompt.max_tokens + talk.SPARE_TOKENS,
        "temperature": job.temperature,
        "stream": True,
    }
    if job.temperature > 0:
        body["seed"] = job.seed
    if "usage" not in able.lacks:
        body["stream_options"] = {"include_usage": True}
    body |= _extras(able)
    return Question(call="/v1/chat/completions", body=_json(body), form="sse", echo=begun)


# --- what several have ----------------------------------------------------------------------------


def _extras(able: Abilities) -> dict[str, Any]:
    """What servers with OpenAI's calls have besides, each by its own name.

    Many punish by default what was said before (llama-cpp-python, LM Studio and Ollama do, and vLLM
    where a file beside the model says so): in code, names and brackets are there to be said again.
    """
    if "extras" in able.lacks:
        return {}
    if able.owner in _HIDE_TOKENS:
        # Else it would hide a control token that it wrote, and go on behind it.
        return {"skip_special_tokens": False, "repetition_penalty": 1.0}
    return {"repeat_penalty": 1.0}


def _stops(job: Job, most: int | None) -> dict[str, Any]:
    # A server that is told fewer only writes a little further: all are watched for here.
    stops = list(job.stops)[:most]
    return {"stop": stops} if stops else {}


def _spelling(begin: str) -> str:
    """A grammar, in llama.cpp's form, of all texts that begin with `begin`.

    Its escapes are few (llama.cpp's grammars/README.md): JSON's `\\b` and `\\f` are none of them,
    and a pair of surrogates would be two characters that nothing spells.
    """
    return f'root ::= "{begin.translate(_ESCAPED)}" rest\nrest ::= [^\\x00]*\n'


def _json(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NotUnderstood("the text of an answer is no text")
    return value


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        return ()
    return tuple(float(one) for one in values if isinstance(one, int | float))


def _count(value: object) -> int:
    return int(_number(value, 1e9))


def _milliseconds(value: object) -> float:
    return _number(value, 1e18)


def _number(value: object, most: float) -> float:
    """A number that is not negative, 0 for whatever else came."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < most else 0.0
