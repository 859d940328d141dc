"""Private keys: blocks by their header, and lines inside of one without it.

Only the lines that were selected are sent, so a selection may begin in the middle of a key. Lines
of base64 that are as long as a key's and that nobody could read count as a key's, because the lines
themselves cannot tell which kind of data they are. Free are those whose beginning says that they
are something else: a certificate, a public key, a signature, a `data:` address or the first bytes
of an image, a font or an archive. A selection inside of one of those is refused too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from indoors_server.closed.secret_values import entropy
from indoors_server.closed.secret_views import read_base64

_HEADER = re.compile(
    r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
    r"|PuTTY-User-Key-File-\d: (?=ssh-|ecdsa-)"
)
# A line's end, also one that is written as in a string, and what comments and diffs write before.
_ON_THE_NEXT_LINE = re.compile(
    r"(?:\\{1,2}[rn]|\s){1,12}(?:[#*/|>+;]{1,3}[ \t]{0,20})?(?:\\{1,2}[rn]|\s){0,12}"
)
_IN_THE_NEXT_STRING = re.compile(r"(?:\\{1,2}[rn]){0,4}['\"`][\s,+.&\\]{0,100}['\"`]")
_FIELD = re.compile(
    r"(?:Proc-Type|DEK-Info|Version|Comment|Subject|Hash|Charset|MessageID|x-[A-Za-z\-]{1,20})"
    r"[ \t]{0,4}:[ \t]{0,4}\S"
)
_BODY = re.compile(r"[A-Za-z0-9+/=]{8,100}(?P<cut>\.{3}|…)?")

_LINE_END = re.compile(r"\r?\n|(?:\\{1,2}r)?\\{1,2}n")
_LINE = re.compile(
    r"[ \t]{0,80}(?:[#*/|>+;\-]{1,3}[ \t]{0,8})?(?:[bruf]{0,2}['\"`])?([A-Za-z0-9+/]{16,76})={0,2}"
    r"['\"`]?[ \t]{0,8}[,+.&\\;)]{0,3}[ \t]{0,8}"
)
# What stands between lines that are strings: quotes, and what puts them together.
_BETWEEN = re.compile(r"[ \t'\"`,+.&\\;()#*/|>]{0,100}")
_LONG = re.compile(r"[A-Za-z0-9+/]{60}")
_FREE_HEAD = re.compile(
    r"(?i)\bBEGIN (?!.{0,40}PRIVATE)|\bdata:[a-z]{1,20}/|;base64,|\bintegrity\b"
    r"|<[\w:]{0,40}(?:certificate|signature|digest)"
)
# Three lines of the least random key there is, one of Ed25519 as OpenSSH writes it, have 5.24.
_LEAST = 5.15
# A certificate begins with a sequence in a sequence, and a private key with a number in one.
_CERTIFICATE = re.compile(rb"0\x82..0\x82", re.DOTALL)
# First bytes of images, fonts and archives.
_MAGIC = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"\x00\x00\x01\x00", b"wOFF", b"wOF2",
    b"\x00\x01\x00\x00\x00", b"OTTO", b"%PDF", b"\x1f\x8b\x08", b"PK\x03\x04", b"7z\xbc\xaf",
    b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd", b"\x00asm", b"ID3", b"OggS", b"bplist",
    b"\xde\x12\x04\x95", b"\x95\x04\x12\xde",
)  # fmt: skip


def headers(text: str) -> Iterator[int]:
    """Places of headers of private keys that something of a key follows."""
    if "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text:
        for match in _HEADER.finditer(text):
            if match[0].startswith("PuTTY") or _is_followed_by_a_key(text, match.end()):
                yield match.start()


def _is_followed_by_a_key(text: str, at: int) -> bool:
    """Whether it is more than a header's text in code, an empty block or one with a placeholder."""
    gap = _ON_THE_NEXT_LINE.match(text, at)
    is_block = gap is not None
    gap = gap or _IN_THE_NEXT_STRING.match(text, at)
    if gap is None:
        return False
    if _FIELD.match(text, gap.end()):
        return True
    body = _BODY.match(text, gap.end())
    if body is None:
        return False
    # Words and names have hardly a digit, and eight characters of a key have none quite often.
    size = len(body[0])
    if body["cut"]:
        return size >= 40
    return size >= 40 or (size >= (8 if is_block else 16) and any(c.isdigit() for c in body[0]))


def lines(text: str) -> Iterator[int]:
    """Places of lines that look like those inside of a private key."""
    if _LONG.search(text) is None:
        return
    run: list[str] = []
    start, head = 0, ""
    for at, piece in _pieces(text):
        match = _LINE.fullmatch(piece)
        if match is not None:
            start = start if run else at
            run.append(match[1])
        elif not _BETWEEN.fullmatch(piece):
            if _is_key(run, head):
                yield start
            run, head = [], piece[-400:]
    if _is_key(run, head):
        yield start


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for end in _LINE_END.finditer(text):
        yield at, text[at : end.start()]
        at = end.end()
    yield at, text[at:]


def _is_key(run: list[str], head: str) -> bool:
    n_full = sum(len(one) >= 60 for one in run)
    is_long = n_full >= 3 or (n_full == 2 and len(run) >= 3 and len(run[2]) >= 24)
    is_free = "-----END" not in head and bool(_FREE_HEAD.search(head))
    if not is_long or is_free or _HEADER.search(head):
        return False
    body = "".join(run)
    if entropy(body) < _LEAST or not any(c.isdigit() for c in body):
        return False
    first = base64.b64decode(run[0][: len(run[0]) // 4 * 4])
    is_other = first.startswith(_MAGIC) or _CERTIFICATE.match(first)
    return not is_other and read_base64(body) is None
