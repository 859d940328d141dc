"""Names of people, homes and machines in what is to be sent become placeholders. Pure.

    text --redact--> text with INDOORS_USER_1 --answer of a model--> --restored--> text as it was

This is a courtesy and no lock: it finds the names that this machine knows of, and the homes of
others, where they stand as such. The preview says what was replaced. What a model leaves of a
placeholder in its answer is put back, so that an edit does not change what stood there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# Names that say nothing about anybody, or are words of code: as bare words they stay.
_COMMON = frozenset(
    {
        "root", "user", "users", "admin", "administrator", "test", "tests", "tester", "dev",
        "guest", "developer", "home", "default", "shared", "public", "ubuntu", "debian", "fedora",
        "arch",
        "centos", "ec2-user", "vagrant", "docker", "runner", "jenkins", "build", "builder", "ci",
        "git", "www", "www-data", "nobody", "daemon", "mail", "main", "app", "code", "work", "host",
        "worker", "local", "localhost", "server", "max", "min", "mark", "will", "bill", "rob",
        "art", "grant", "chase", "data", "node", "mac", "linux", "windows", "desktop", "laptop",
    }
)  # fmt: skip
# Shorter ones are too often words of code, or parts of some.
_LEAST_WORD = 3
_HOMES = re.compile(
    r"(?:(?<![A-Za-z0-9])/(?:home|Users)/|(?i:\b[A-Z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)))"
    r"([A-Za-z0-9._-]{1,64})"
)


class Machine(NamedTuple):
    """What this machine is called, and who uses it: `home` is a path, `hosts` are names."""

    home: str = ""
    user: str = ""
    hosts: tuple[str, ...] = ()


class Replaced(NamedTuple):
    """What stood there, what stands there now, and how often."""

    what: str
    placeholder: str
    original: str
    times: int


class Redaction(NamedTuple):
    """Texts with placeholders in them."""

    texts: tuple[str, ...]
    replaced: tuple[Replaced, ...] = ()

    def restored(self, text: str) -> str:
        """An answer to them with what stood there."""
        for one in self.replaced:
            text = _put(re.compile(rf"{one.placeholder}(?![0-9])"), one.original, text)
        return text


def redact(texts: Iterable[str], machine: Machine) -> Redaction:
    """Replace in all texts what names a person or a machine, by the same placeholder each time."""
    found = list(texts)
    whole = "\0".join(found)
    replaced: list[Replaced] = []
    for what, original, pattern in _wanted(whole, machine):
        matches = sum(len(pattern.findall(text)) for text in found)
        if not matches:
            continue
        placeholder = _free(what, whole, replaced)
        found = [_put(pattern, placeholder, text) for text in found]
        replaced.append(Replaced(what, placeholder, original, matches))
    return Redaction(tuple(found), tuple(replaced))


def _put(pattern: re.Pattern[str], new: str, text: str) -> str:
    return pattern.sub(lambda _match: new, text)


def _wanted(whole: str, machine: Machine) -> Iterable[tuple[str, str, re.Pattern[str]]]:
    """What is to be replaced, longest first: the home, then names in paths, then bare names."""
    home = machine.home.rstrip("/\\")
    if len(home) > 1 and home not in ("/root", "/home", "/Users"):
        yield "home", home, re.compile(rf"{re.escape(home)}(?![A-Za-z0-9._-])")
    if home == "/root":
        yield "home", home, re.compile(r"(?<![A-Za-z0-9._/-])/root(?=/)")
    names = {match[1].strip(".-") for match in _HOMES.finditer(whole)}
    for name in sorted((n for n in names if n and n.lower() not in _COMMON), key=_longest):
        before = r"(?<=/home/)|(?<=/Users/)|(?<=\\Users\\)|(?<=/Users\\)|(?<=\\\\Users\\\\)"
        yield "user", name, re.compile(rf"(?:{before}){re.escape(name)}(?![A-Za-z0-9_-])")
    if machine.user:
        yield "user", machine.user, _name(machine.user)
    for host in sorted(set(machine.hosts), key=_longest):
        if host and host.lower() not in _COMMON:
            yield "host", host, _name(host)


def _longest(name: str) -> tuple[int, str]:
    return -len(name), name


def _name(name: str) -> re.Pattern[str]:
    """A name where it can only be one; as a bare word only if it is none of code."""
    word = re.escape(name)
    bounded = rf"(?<![A-Za-z0-9.-]){word}(?![A-Za-z0-9-])"
    if len(name) >= _LEAST_WORD and name.lower() not in _COMMON:
        return re.compile(bounded)
    return re.compile(
        rf"(?<=[/~\\]){word}(?=[/\\@:\s'\"]|$)|(?<![A-Za-z0-9_.-]){word}(?=@)"
        rf"|(?<=@){word}(?![A-Za-z0-9_-])"
    )


def _free(what: str, whole: str, replaced: list[Replaced]) -> str:
    """A placeholder that stands nowhere in the texts."""
    taken = {one.placeholder for one in replaced}
    number = 1
    while (name := f"INDOORS_{what.upper()}_{number}") in taken or name in whole:
        number += 1
    return name
