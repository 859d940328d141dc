"""Tokens and text of a loaded model. Text of the person's never becomes a special token."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from typing import Any

_ATTR_CONTROL, _ATTR_USER_DEFINED = 1 << 3, 1 << 4
_TYPE_SPM = 1
_NONE = -1


class Vocabulary:
    """A view of llama.cpp's vocabulary `handle`, reached through the binding `api`."""

    def __init__(self, api: Any, handle: Any) -> None:  # noqa: ANN401 - ctypes
        self._api = api
        self._handle = handle
        self.n_tokens = int(api.llama_vocab_n_tokens(handle))
        bos = int(api.llama_vocab_bos(handle))
        self.bos = bos if api.llama_vocab_get_add_bos(handle) and bos != _NONE else None
        self._ends: dict[int, bool] = {}
        self._guarded: dict[int, str] = {}
        self._guard: re.Pattern[str] | None = None
        # SentencePiece puts a space before a text. Tokenized behind a newline, which is a token of
        # its own that nothing merges with, the text gets none, and the lead is cut off again.
        self._lead: list[int] = []
        if int(api.llama_vocab_type(handle)) == _TYPE_SPM:
            self._lead = self._tokenize("\n", special=False)

    def text_tokens(self, text: str) -> list[int]:
        """Tokenize source text: no special tokens, no leading space, no BOS."""
        tokens = self._plain(text)
        if self._guard is None or self._guarded.keys().isdisjoint(tokens):
            return tokens
        # A token that is special to us is only "user defined" in this file, and llama.cpp makes
        # those from plain text too. Cut the text inside each occurrence: no piece contains it.
        pieces, start = [], 0
        for match in self._guard.finditer(text):
            pieces.append(text[start : match.start() + 1])
            start = match.start() + 1
        pieces.append(text[start:])
        return [token for piece in pieces for token in self._plain(piece)]

    def special_token(self, text: str) -> int | None:
        """The id of the special token whose text is exactly `text`, None if there is none."""
        if not text:
            return None
        tokens = self._tokenize(text, special=True)
        if len(tokens) != 1 or not self._attributes(tokens[0]) & (
            _ATTR_CONTROL | _ATTR_USER_DEFINED
        ):
            return None
        stored = self._api.llama_vocab_get_text(self._handle, tokens[0]) or b""
        return tokens[0] if stored.decode("utf-8", "replace") == text else None

    def guard(self, texts: tuple[str, ...]) -> None:
        """Make these special tokens ends of every answer, and never part of source text."""
        found = {text: self.special_token(text) for text in texts}
        self._guarded = {token: text for text, token in found.items() if token is not None}
        longest_first = sorted(self._guarded.values(), key=len, reverse=True)
        pattern = "|".join(re.escape(text) for text in longest_first if len(text) > 1)
        self._guard = re.compile(pattern) if pattern else None
        self._ends.clear()

    def is_end(self, token: int) -> bool:
        """Whether a generated token ends the answer: end of generation, or any control token."""
        known = self._ends.get(token)
        if known is None:
            known = self._ends[token] = (
                token in self._guarded
                or bool(self._api.llama_vocab_is_eog(self._handle, token))
                or bool(self._attributes(token) & _ATTR_CONTROL)
            )
        return known

    def piece(self, token: int) -> bytes:
        """The bytes of a token; may be a part of a code point. Control tokens give none."""
        buffer = ctypes.create_string_buffer(64)
        size = int(self._api.llama_token_to_piece(self._handle, token, buffer, 64, 0, False))
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = int(self._api.llama_token_to_piece(self._handle, token, buffer, -size, 0, False))
        return buffer.raw[: max(0, size)]

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Every token that may stand in an answer, with its bytes."""
        api, handle = self._api, self._handle
        to_piece, size = api.llama_token_to_piece, 256
        buffer = ctypes.create_string_buffer(size)
        for token in range(self.n_tokens):
            length = to_piece(handle, token, buffer, size, 0, False)
            if length > 0 and not self.is_end(token):
                yield token, ctypes.string_at(buffer, length)

    def _plain(self, text: str) -> list[int]:
        if not self._lead:
            return self._tokenize(text, special=False)
        tokens = self._tokenize("\n" + text, special=False)
        length = len(self._lead)
        if tokens[:length] == self._lead:
            return tokens[length:]
        return self._tokenize(text, special=False)

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        # A lone surrogate has no UTF-8 form; it is replaced like any other damage.
        data = text.encode("utf-8", "replace")
        if not data:
            return []
        size = len(data) + 8  # a token has at least one byte; SentencePiece adds a space
        buffer = (ctypes.c_int32 * size)()
        count = int(
            self._api.llama_tokenize(self._handle, data, len(data), buffer, size, False, special)
        )
        return list(buffer[: max(0, count)])

    def _attributes(self, token: int) -> int:
        return int(self._api.llama_vocab_get_attr(self._handle, token))
