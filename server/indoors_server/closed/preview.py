"""What a person is shown before anything is sent: the exact bytes, and what they mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from indoors_server import endpoint_files
from indoors_server.closed.locks import texts_of
from indoors_server.closed.redaction import Replaced
from indoors_server.endpoints import Endpoint
from indoors_server.policy.operators import operator_at

# A token of code has about so many characters; the price says "about".
_CHARACTERS_PER_TOKEN = 3.0


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it would be sent. `body` is its text, byte for byte; `text` is what stands in
    it to be read, without JSON's escapes. `sources` are the files that have text in it.
    """

    endpoint: str
    host: str
    operator: str
    model: str
    body: bytes
    sources: tuple[str, ...] = ()
    redactions: tuple[str, ...] = ()
    price: str = ""

    @property
    def sha256(self) -> str:
        """Of the body, in hex: what the person accepts."""
        return sha256(self.body).hexdigest()

    @property
    def text(self) -> str:
        """What the body says, read out of the body itself; all of it where it cannot be read."""
        texts = texts_of(self.body)
        if texts is None:
            return self.body.decode(errors="replace")
        return "\n".join(one for one in texts if "\n" in one or " " in one)

    def as_json(self) -> dict[str, Any]:
        """The parameters of `indoors/previewSend`."""
        return {
            "endpoint": self.endpoint,
            "host": self.host,
            "operator": self.operator,
            "model": self.model,
            "body": self.body.decode(),
            "text": self.text,
            "bytes": len(self.body),
            "sha256": self.sha256,
            "sources": list(self.sources),
            "redactions": list(self.redactions),
            "price": self.price,
        }


def of(
    endpoint: Endpoint,
    body: bytes,
    max_tokens: int,
    *,
    sources: Sequence[str] = (),
    replaced: Sequence[Replaced] = (),
) -> Preview:
    """The preview of a body for an endpoint."""
    return Preview(
        endpoint=endpoint.name,
        host=endpoint_files.destination(endpoint),
        operator=operator_of(endpoint),
        model=endpoint.model,
        body=body,
        sources=tuple(sources),
        redactions=tuple(
            f"{one.original} is sent as {one.placeholder} ({one.what}, {one.times}×)"
            for one in replaced
        ),
        price=price_of(endpoint, len(body.decode()), max_tokens),
    )


def operator_of(endpoint: Endpoint) -> str:
    """Who gets what is sent, as far as that is known."""
    host = endpoint_files.destination(endpoint)
    return operator_at(host) or f"whoever runs {host} (not known here)"


def price_of(endpoint: Endpoint, n_characters: int, max_tokens: int) -> str:
    """What it may cost by the figures that the person entered, "" where there are none."""
    if endpoint.price_input <= 0 and endpoint.price_output <= 0:
        return ""
    asked = n_characters / _CHARACTERS_PER_TOKEN * endpoint.price_input / 1e6
    answer = max_tokens * endpoint.price_output / 1e6
    currency = endpoint.currency
    return (
        f"about {asked:.4f} {currency} for what is sent, and {answer:.4f} {currency} at most for "
        "the answer, by the figures in engines.json"
    )
