"""What a secret looks like by itself, whatever stands around it. Pure, and for short texts.

A value is a secret if it looks made by a machine or like a password, and not like a word, a path,
a name of something in code or a placeholder.
"""

from __future__ import annotations

import base64
import math
import re
from collections import Counter

_PLACEHOLDER = re.compile(
    r"(?i)^(?:x{3,}|\*{3,}|\.{3,}|-{3,}|_{3,}|0+|1+|a+|foo\w*|bar\w*|baz|n/?a|none|null|nil|true"
    r"|false|undefined|default|empty|string|text|test\w*|change[_-]?me|change[_-]?it|todo|fixme"
    r"|redacted|hidden|masked|optional|required|hunter|dummy\w*|fake\w*|mock\w*|sample\w*"
    r"|example\w*|placeholder|secret|token|user|username|admin|key|value"
    r"|(?:new|old|user|confirm|repeat)?[_-]?(?:password|passwd|pwd|pass)[_-]?\d?)$"
    r"|example|changeme|placeholder|your[_-]|[_-]here|<\w|\$\{|\$\(|\{\{|%\(|^%\w$|\{\w*\}|^\$\w"
    r"|xxxx|\*\*\*|\\[dwsb]|\(\?|A-Z|a-z|\[\^?\w-\w|^arn:"
)
# Rules of a validator and types of a protocol stand where a password would: `min:8|confirmed`.
_RULES = re.compile(
    r"[A-Za-z_]{1,40}(?::[\w,./\-]{1,80})?(?:\|[A-Za-z_]{1,40}(?::[\w,./\-]{1,80})?){1,20}"
    r"|[A-Za-z]{1,40}\?"
)
# Words of code that have digits: names with them are written by people.
_TECHNICAL = re.compile(
    r"(?i)(?:h?mac_?)?sha_?\d{1,3}(?:_\d{3})?|md[2456]|[hre]s(?:256|384|512)|pbkdf_?2|argon_?2\w{0,2}"
    r"|aes_?\d{0,3}|rsa_?\d{3,4}|p(?:256|384|521)|(?:ed|x|curve)_?25519|secp\d{3}[kr]1|x_?509|pkcs_?\d{1,2}"
    r"|base_?\d{2}|b64|utf_?\d{1,2}(?:mb\d)?|latin_?1|iso_?8859(?:_\d{1,2})?|cp\d{3,4}"
    r"|oauth_?\d|http_?[12]|ipv[46]|tls_?v?1|web3|log4j|x?chacha_?20|x?salsa_?20|poly1305|blake[23][bs]?"
    r"|crc_?\d{2}|ripemd_?\d{3}|i18n|l10n|a11y|arm64|amd64"
    r"|(?:u?int|float)(?:8|16|32|64|128)|v\d{1,3}(?!\d)"
    r"|(?-i:(?<![a-z])|(?<=[a-z])(?=[A-Z]))"
    r"(?:e2e|b2b|p2p|k8s|s3|ec2|d3|mp[34]|h26[45]|h5|x86|x64|[iuf](?:8|16|32|64)|[23]d)(?-i:(?![a-z]))"
)
# Names of variables count their things: `user1`, `passwordField2`.
_COUNTED = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|user|name|config|conf|field|value|val|api"
    r"|auth|client|server|admin|hash|param|arg|input|data|str|string|item|type|db|host|node|account"
    r"|credentials?|cred|login|session|app|part|line|col|row|res|result|tmp|temp|new|old|my)"
    r"_?\d{1,2}(?!\d)"
)
# A digit that stands for a letter: `Passw0rd`. A 2 and an 8 are words in code: `str2int`.
_FOR_A_LETTER = re.compile(r"[A-Za-z][013457][a-z]{2}")
_YEAR = re.compile(r"[A-Za-z][0-9]{3,12}$")
_INSIDE = re.compile(r"[A-Za-z][0-9@$!#^&*%?]{1,8}[A-Za-z]")
_VARIABLE = re.compile(r"%\w{1,40}%")
_LETTERS = re.compile(r"[A-Za-z0-9+/_\-]*={0,2}")
SPECIAL = frozenset("!@#$^&*?~+=|")
_SEQUENCES = "abcdefghijklmnopqrstuvwxyz0123456789"


def is_secret(value: str, *, is_password: bool) -> bool:
    """Whether a value that is named as a secret is one."""
    value = value.removesuffix("\\n").removesuffix("\\r")
    if is_placeholder(value) or is_repeated(value) or _RULES.fullmatch(value):
        return False
    if _TECHNICAL.fullmatch(value.replace("-", "_")):
        return False
    if is_password:
        # People choose passwords, so they are not random; a word or names of code are none.
        is_mixed = any(c.isdigit() or c in SPECIAL for c in value)
        is_name = is_dotted(value) and not value.isalnum()
        is_chosen = len(value) >= 6 and _kinds(value) >= 2 and is_mixed and not is_name
        return is_chosen or _is_of_random_letters(value)
    return len(value) >= 12 and looks_random(value, least=2.8)


def is_secret_with_blanks(value: str) -> bool:
    """Whether it is a password of a few words: of words alone nobody can tell it from a message."""
    if not 2 <= value.count(" ") + 1 <= 4 or len(value) > 48 or is_placeholder(value):
        return False
    return any(_INSIDE.search(_without_words(part)) for part in value.split(" "))


def is_made(value: str) -> bool:
    """Whether digits stand in it as in no name of code, which stands there without quotes too."""
    rest = _without_words(value)
    runs = re.findall(r"[0-9]{1,512}", rest)
    if len(runs) >= 2 or _FOR_A_LETTER.search(rest) or _is_of_random_letters(value):
        return True
    return bool(_YEAR.search(rest))


def _without_words(value: str) -> str:
    return _COUNTED.sub("", _TECHNICAL.sub("", value))


def looks_random(value: str, *, least: float) -> bool:
    """Whether letters and digits stand in it as nobody writes them."""
    if is_placeholder(value) or is_repeated(value):
        return False
    n_digits = sum(c.isdigit() for c in value)
    if n_digits < 2:
        return _is_of_random_letters(value)
    if is_dotted(value):
        return False
    return any(c.isalpha() for c in value) and entropy(value) >= least


def _is_of_random_letters(value: str) -> bool:
    """Whether a long one has hardly a digit by chance: its letters make no words."""
    n_upper, n_lower = sum(c.isupper() for c in value), sum(c.islower() for c in value)
    if len(value) < 16 or min(n_upper, n_lower) < 4 or not _LETTERS.fullmatch(value):
        return False
    words = re.findall(r"[A-Z]?[a-z]{3,512}|[A-Z]{4,512}", value)
    return entropy(value) >= 3.4 and sum(map(len, words)) < 0.45 * len(value)


def is_machine_made(value: str) -> bool:
    """Whether it is long and random: a secret also where the name speaks of something else."""
    return len(value) >= 20 and is_made(value) and looks_random(value, least=3.0)


def is_random_key(value: str) -> bool:
    """Whether it can be nothing but a key, without any name."""
    core = value.rstrip("=")
    n_digits = sum(c.isdigit() for c in core)
    n_upper, n_lower = sum(c.isupper() for c in core), sum(c.islower() for c in core)
    if min(n_digits, n_upper, n_lower) < 4 or is_repeated(core):
        return False
    if _is_alphabet(core):
        return False
    words = re.findall(r"[A-Z]?[a-z]{4,512}|[A-Z]{5,512}", core)
    return entropy(core) >= 4.3 and sum(map(len, words)) < 0.5 * len(core)


def is_basic(value: str) -> bool:
    """Whether it is a name and a password as HTTP's basic scheme writes them."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return False
    user, colon, password = text.partition(":")
    is_pair = bool(user and colon and password) and text.isprintable()
    return is_pair and not is_placeholder_password(user, password)


def is_placeholder_password(user: str, password: str, host: str = "") -> bool:
    """Whether a password that stands beside its user's name is none that protects something."""
    if _PLACEHOLDER.search(password):
        return True
    is_near = bool(host) and ("." not in host or host.startswith(("127.", "0.0.0.0")))
    if user == password and (_PLACEHOLDER.search(user) or is_near):
        # As services on one's own machine have it: `postgres:postgres@localhost`.
        return True
    is_port = password.isdigit() and len(password) <= 5
    return password.lower() in ("pass", "pwd", "port", "pw") or is_port


def is_dotted(value: str) -> bool:
    """Whether it is words with something between them, as names of things in code and paths are."""
    parts = re.split(r"[._/:@\-\\]", value)
    return all(re.fullmatch(r"[A-Za-z]*\d{0,4}", part) for part in parts)


def is_placeholder(value: str) -> bool:
    """Whether it stands for a secret; a long and random text does not, whatever words it has."""
    n_digits = sum(c.isdigit() for c in value)
    is_random = len(value) >= 24 and n_digits >= 4 and entropy(value) >= 3.8
    is_key = is_random and bool(re.fullmatch(r"[A-Za-z0-9_+/=\-]*", value))
    return bool(_PLACEHOLDER.search(value)) and not is_key


def is_place(value: str) -> bool:
    """Whether it is an address or a path."""
    is_path = value.startswith(("/", "~", ".")) and not is_random_key(value[1:])
    return is_path or "://" in value or bool(_VARIABLE.match(value))


def is_repeated(value: str) -> bool:
    """Whether a person wrote it as an example: a few characters again and again."""
    return len(set(value.lower()[-16:])) <= 3


def _is_alphabet(value: str) -> bool:
    """Whether a long part of the alphabet, or of the digits, stands in it."""
    low = value.lower()
    return (
        any(
            _SEQUENCES[start : start + 10] in low or _SEQUENCES[start : start + 10][::-1] in low
            for start in range(len(_SEQUENCES) - 9)
        )
        or "1234567890" in low
    )


def _kinds(value: str) -> int:
    return sum(
        (
            any(c.isalpha() for c in value),
            any(c.isdigit() for c in value),
            any(not c.isalnum() for c in value),
        )
    )


def entropy(value: str) -> float:
    """Bits for each character, by how often each stands in it."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0
