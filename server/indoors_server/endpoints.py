"""Engines and APIs that are elsewhere: a record for each, as a machine's or person's file names it.

`/etc/indoors/engines.json` (checked as a machine's policy is) and `engines.json` beside the
person's policy; a machine's names win. A workspace and an editor can name none. Here are the
values; `endpoint_files` reads them. That an endpoint is named allows nothing: the policy decides.
"""

from __future__ import annotations

from typing import Literal

import msgspec

# How a server is talked to.
#   openai       /v1/completions with our prompt as text: vLLM, LM Studio, TensorRT-LLM,
#                llama-cpp-python
#   llama-server its own /completion, with token arrays; /infill where only it knows its model
#   ollama       /api/generate with `raw`
#   chat         /v1/chat/completions, for edits only: a server that takes no raw prompt
#   openai-api, openai-responses-api, anthropic-api, google-api
#                closed: documented HTTP APIs of others, for edits only
Api = Literal[
    "openai",
    "llama-server",
    "ollama",
    "chat",
    "openai-api",
    "openai-responses-api",
    "anthropic-api",
    "google-api",
]
CLOSED_APIS = frozenset({"openai-api", "openai-responses-api", "anthropic-api", "google-api"})

# What may be called, below the endpoint's address: nothing else ever is. `{model}` is its model.
CALLS: dict[str, frozenset[str]] = {
    "openai": frozenset({"/v1/completions", "/v1/models", "/health", "/v1/chat/completions"}),
    "llama-server": frozenset(
        {
            "/completion",
            "/infill",
            "/tokenize",
            "/props",
            "/health",
            "/v1/models",
            "/v1/completions",
        }
    ),
    "ollama": frozenset({"/api/generate", "/api/tags", "/api/show", "/api/version"}),
    "chat": frozenset({"/v1/chat/completions", "/v1/models", "/health"}),
    "openai-api": frozenset({"/v1/chat/completions"}),
    "openai-responses-api": frozenset({"/v1/responses"}),
    "anthropic-api": frozenset({"/v1/messages"}),
    "google-api": frozenset({"/v1beta/models/{model}:streamGenerateContent?alt=sse"}),
}

_READ_S, _EDIT_READ_S, _CLOSED_READ_S = 30.0, 300.0, 600.0


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One engine or API.

    `url` is scheme://host:port, with a path in front of all calls if there is one (a `/v1` at its
    end is none where calls begin with it). `model` is its name there; `family` how it is prompted
    (`families.FAMILIES`), "" to be told by its name; `instruct` whether it follows instructions;
    `context_tokens` 0: asked, else assumed; `answer_tokens` the longest answer that a closed API's
    model can be asked for, 0: not known.

    `key` says where the bearer token (or API key) is: "file:/absolute/path" (0600) or
    "keyring:service/user", never the key itself. `ca_file`, `client_cert`, `client_key` are PEM
    files. `headers` are fixed ones, not Authorization. `proxy` is an HTTP proxy, never taken from
    the environment. `pin` are the only addresses that its name may have; `addresses` the ranges
    (CIDR) that they must lie in: by default private and loopback ones for engines of one's own, and
    public ones for closed APIs.

    `connect_s` is the longest wait for a connection, `read_s` that for the next piece of an answer
    (0: `read_limit_s` says how long). `price_input` and `price_output` are what a
    million tokens cost, in `currency`: shown if the person entered them, never guessed.
    """

    name: str
    url: str
    api: Api
    model: str = ""
    family: str = ""
    instruct: bool = True
    context_tokens: int = 0
    answer_tokens: int = 0
    key: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    headers: dict[str, str] = {}
    proxy: str = ""
    pin: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    connect_s: float = 5.0
    read_s: float = 0.0
    price_input: float = 0.0
    price_output: float = 0.0
    currency: str = ""
    layer: Literal["machine", "user"] = "user"

    @property
    def is_closed(self) -> bool:
        """Whether it speaks a closed API (the policy has a say of its own, by host)."""
        return self.api in CLOSED_APIS

    def read_limit_s(self, *, is_edit: bool) -> float:
        """How long the next piece of an answer is waited for. An edit has a long prompt, and may
        stand in a queue; an API whose model thinks first sends nothing meanwhile, for minutes.
        """
        if self.read_s:
            return self.read_s
        return _CLOSED_READ_S if self.is_closed else _EDIT_READ_S if is_edit else _READ_S
