"""The two quirks of tokenizers that would change a prompt, on a library that has them."""

from __future__ import annotations

import ctypes
import re

from indoors_completion.engine.vocabulary import Vocabulary

CONTROL, USER_DEFINED, NORMAL = 8, 16, 4
WORDS = {
    "<FIM>": (0, USER_DEFINED), "<END>": (1, CONTROL), "\n": (2, NORMAL), " ": (3, NORMAL),
    "a": (4, NORMAL), "b": (5, NORMAL), "<": (6, NORMAL), "F": (7, NORMAL), "I": (8, NORMAL),
    "M": (9, NORMAL), ">": (10, NORMAL), "E": (11, NORMAL), "N": (12, NORMAL), "D": (13, NORMAL),
}  # fmt: skip
BY_ID = {number: (text, attribute) for text, (number, attribute) in WORDS.items()}


class FakeLlama:
    """llama.cpp's vocabulary calls, for one token a character and two special tokens.

    As in llama.cpp, user-defined tokens are found in plain text too, and SentencePiece
    (`spm`) puts a space before a text.
    """

    def __init__(self, spm: bool) -> None:
        self.spm = spm

    def llama_vocab_n_tokens(self, _vocab: object) -> int:
        return len(WORDS)

    def llama_vocab_bos(self, _vocab: object) -> int:
        return 1

    def llama_vocab_get_add_bos(self, _vocab: object) -> bool:
        return self.spm

    def llama_vocab_type(self, _vocab: object) -> int:
        return 1 if self.spm else 2

    def llama_vocab_is_eog(self, _vocab: object, _token: int) -> bool:
        return False

    def llama_vocab_get_attr(self, _vocab: object, token: int) -> int:
        return BY_ID[token][1]

    def llama_vocab_get_text(self, _vocab: object, token: int) -> bytes:
        return BY_ID[token][0].encode()

    def llama_token_to_piece(
        self, _vocab: object, token: int, buffer: ctypes.Array[ctypes.c_char], size: int,
        _lstrip: int, special: bool,
    ) -> int:  # fmt: skip
        text, attribute = BY_ID[token]
        data = b"" if attribute == CONTROL and not special else text.encode()
        buffer[: len(data)] = data
        return len(data)

    def llama_tokenize(
        self, _vocab: object, data: bytes, _length: int, buffer: ctypes.Array[ctypes.c_int32],
        _size: int, _bos: bool, special: bool,
    ) -> int:  # fmt: skip
        text = data.decode()
        found = "<FIM>|<END>" if special else "<FIM>"
        words = re.findall(f"{found}|.", text, re.DOTALL)
        if self.spm and words and words[0] not in found.split("|"):
            words.insert(0, " ")
        for index, word in enumerate(words):
            buffer[index] = WORDS[word][0]
        return len(words)


def text_of(vocab: Vocabulary, tokens: list[int]) -> str:
    return b"".join(vocab.piece(token) for token in tokens).decode()


def test_sentencepiece_adds_no_space_before_source_text() -> None:
    vocab = Vocabulary(FakeLlama(spm=True), None)
    for text in ("ab", " a", "\na", ""):
        assert text_of(vocab, vocab.text_tokens(text)) == text
    assert vocab.bos == 1
    assert Vocabulary(FakeLlama(spm=False), None).bos is None


def test_a_sentinel_that_is_only_user_defined_stays_text() -> None:
    vocab = Vocabulary(FakeLlama(spm=False), None)
    assert 0 in vocab.text_tokens("a<FIM>b"), "the quirk that the guard is for"
    vocab.guard(("<FIM>", "<END>", "<NID>"))
    for text in ("a<FIM>b", "<FIM>", "<FIM><FIM>", "<<FIM>>"):
        tokens = vocab.text_tokens(text)
        assert 0 not in tokens
        assert text_of(vocab, tokens) == text


def test_special_tokens_by_their_exact_text() -> None:
    vocab = Vocabulary(FakeLlama(spm=False), None)
    assert vocab.special_token("<FIM>") == 0
    assert vocab.special_token("<END>") == 1
    for text in ("a", "<FIM>a", "<", "", "<FIM><END>"):
        assert vocab.special_token(text) is None


def test_sentinels_end_an_answer() -> None:
    vocab = Vocabulary(FakeLlama(spm=False), None)
    assert vocab.is_end(WORDS["<END>"][0])
    assert not vocab.is_end(WORDS["<FIM>"][0])
    vocab.guard(("<FIM>",))
    assert vocab.is_end(WORDS["<FIM>"][0])
    assert not vocab.is_end(WORDS["a"][0])
