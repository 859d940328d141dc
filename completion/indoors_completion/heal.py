"""Token healing: the last piece before the cursor, which is left out of the prompt.

The cursor is usually inside what a tokenizer would have made one token: `ret` ends in a token that
`return` does not have, `f(` in one that `f()` does not have, and a space belongs to the word that
follows. So the prompt ends before that piece, and the worker constrains the first tokens to spell
what was left out (`Job.begin`). It also keeps the prompt the same while somebody types inside a
word, so that all of it is reused. benchmarks/splice.py measures the gain (`--no-heal`).

What is one piece follows from how byte-level tokenizers cut text before they merge (Qwen2,
Llama 3 and GPT-4 use this pattern; GPT-2's differs in the first part):

    [^\\r\\n\\p{L}\\p{N}]?\\p{L}+  |  \\p{N}  |  \\x20?[^\\s\\p{L}\\p{N}]+[\\r\\n]*
    |  \\s*[\\r\\n]+  |  \\s+(?!\\S)  |  \\s+

Letters take along one character before them, unless that belongs to a run of punctuation: of
`my_foo` the last piece is `_foo`, of `f(foo` it is `(foo`, but of `__foo` it is `foo`. Punctuation
takes along one space.
"""

from __future__ import annotations

# A longer run is no word that somebody types (base64, a hash, a ruler), and spelling it takes a
# step of the model for every token.
MAX_BEGIN = 64


def split(prefix: str) -> tuple[str, str]:
    """Cut the last piece off the end of `prefix`: (what the prompt keeps, what is healed).

    The second is "" behind a line break, and where nothing but the piece is there: a prompt without
    a prefix is another question.
    """
    n_begin = _length(prefix)
    if not 0 < n_begin < len(prefix):
        return prefix, ""
    return prefix[:-n_begin], prefix[-n_begin:]


def _length(prefix: str) -> int:
    """The length of the piece at the end of `prefix`, with what is glued to it."""
    end = prefix[-MAX_BEGIN - 1 :]
    belongs = next((kind for kind in _KINDS if end and kind(end[-1])), None)
    if belongs is None:
        return 0
    size = 1
    while size < len(end) and belongs(end[-size - 1]):
        size += 1
    if size >= MAX_BEGIN:
        return 0
    before = end[:-size]
    if belongs is _is_letter:
        return size + _glues(before)
    # Digits are cut one by one, or in groups, but never together with what stands before them.
    return size + (belongs is _is_mark and before.endswith(" "))


def _is_letter(character: str) -> bool:
    return character.isalpha()


def _is_digit(character: str) -> bool:
    return character.isnumeric()


def _is_space(character: str) -> bool:
    return character.isspace() and character not in "\r\n"


def _is_mark(character: str) -> bool:
    return not (character.isspace() or character.isalnum())


_KINDS = (_is_letter, _is_digit, _is_space, _is_mark)


def _glues(before: str) -> bool:
    """Whether letters after `before` make one piece with its last character."""
    last, previous = before[-1:], before[-2:-1]
    if not last or last in "\r\n" or last.isalnum():
        return False
    if last.isspace():
        return True
    # Punctuation after a space or other punctuation is cut off together with that.
    return not previous or previous.isalnum() or (previous.isspace() and previous != " ")
