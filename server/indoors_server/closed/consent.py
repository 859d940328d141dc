"""Who agreed that code of a workspace goes to a closed API: outside of the workspace, for a time.

Consents lie beside the person's policy, where no process of ours can write: only the command
`indoors closed allow`, which a person runs in a terminal, does. Each is for one folder (its real
path and its inode, so that another folder in its place has none), one endpoint with all that
engines.json says of it, and the policy of machine and user as it was; it ends by itself. What
cannot be read, or could have been written by others, is no consent.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec

from indoors_completion.types import InputError
from indoors_server import paths, private_files
from indoors_server.endpoints import Endpoint

FILE = "closed-consents.json"
LASTS_S = 30 * 24 * 3600
_MAX_BYTES = 1_000_000
_MAX_CONSENTS = 2000


class Consent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One consent. Times are seconds since 1970; `device` and `inode` are the folder's. `entry` is
    the sha256 of all that engines.json says of the endpoint: a proxy or a CA file may lead the same
    address to another machine.
    """

    workspace: str
    device: int
    inode: int
    endpoint: str
    url: str
    model: str
    policy_hash: str
    entry: str = ""
    given_s: float
    ends_s: float


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    consents: tuple[Consent, ...]
    version: int = 1


class NoConsent(Exception):
    """Nobody agreed, or not to this; the message says what is wrong."""


def file() -> Path:
    """Where a person's consents lie."""
    return paths.config_dir() / FILE


def identity(workspace: str) -> tuple[str, int, int]:
    """A folder's real path, device and inode. Raises NoConsent where there is no such folder."""
    if not workspace or not Path(workspace).is_absolute():
        raise NoConsent("the file is in no folder that is open as a workspace")
    real = os.path.realpath(workspace)
    try:
        found = Path(real).stat()
    except OSError as error:
        raise NoConsent(f"the workspace cannot be looked at ({error.strerror})") from error
    if not stat.S_ISDIR(found.st_mode):
        raise NoConsent("the workspace is no folder")
    return real, found.st_dev, found.st_ino


def entry_of(endpoint: Endpoint) -> str:
    """What a consent was given for, in one value. What an entry does not say is not in it: another
    version of ours may know more keys.
    """
    plain = Endpoint(name=endpoint.name, url=endpoint.url, api=endpoint.api)
    said = {key: value for key, value in msgspec.structs.asdict(endpoint).items()
            if key in ("name", "url", "api") or value != getattr(plain, key)}  # fmt: skip
    return sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def given(
    consents: Iterable[Consent],
    workspace: str,
    endpoint: Endpoint,
    policy_hash: str,
    now_s: float,
) -> Consent:
    """The consent for sending. Raises NoConsent with what is wrong with the nearest one."""
    real, device, inode = identity(workspace)
    why = "nobody agreed to that for this workspace"
    for one in consents:
        if one.endpoint != endpoint.name or one.workspace != real:
            continue
        if (one.device, one.inode) != (device, inode):
            why = "the consent was given for another folder, which was in this place"
        elif (one.url, one.model) != (endpoint.url, endpoint.model):
            why = "the endpoint has another address or model since the consent was given"
        elif one.entry != entry_of(endpoint):
            why = "the endpoint's entry in engines.json has changed since the consent was given"
        elif one.policy_hash != policy_hash:
            why = "the policy has changed since the consent was given"
        elif not one.given_s - 60 <= now_s < one.ends_s:
            why = "the consent has ended"
        else:
            return one
    raise NoConsent(why)


def read(place: Path | None = None) -> tuple[Consent, ...]:
    """The consents that were given. Raises NoConsent where the file cannot be used."""
    place = place or file()
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(place, flags | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise NoConsent(f"the file of consents cannot be read ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as stream:
        _look(os.fstat(stream.fileno()))
        raw = stream.read(_MAX_BYTES + 1)
    try:
        return msgspec.json.decode(raw, type=_File).consents[:_MAX_CONSENTS]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NoConsent("the file of consents is damaged") from error


def _look(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NoConsent("the file of consents is not a regular file")
    if sys.platform == "win32":
        return
    if found.st_uid != os.geteuid():
        raise NoConsent("the file of consents belongs to another user")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise NoConsent(f"the file of consents has mode {mode:04o}, and must have 0600")


# --- for the command ----------------------------------------------------------------------------


def allow(
    workspace: str,
    endpoint: Endpoint,
    policy_hash: str,
    now_s: float,
    lasts_s: float = LASTS_S,
    place: Path | None = None,
) -> Consent:
    """Write down a consent, in place of one for the same. Raises InputError."""
    try:
        real, device, inode = identity(workspace)
    except NoConsent as error:
        raise InputError("Nothing was written.", why=str(error)) from error
    consent = Consent(
        workspace=real,
        device=device,
        inode=inode,
        endpoint=endpoint.name,
        url=endpoint.url,
        model=endpoint.model,
        policy_hash=policy_hash,
        entry=entry_of(endpoint),
        given_s=now_s,
        ends_s=now_s + min(lasts_s, LASTS_S),
    )
    kept = [
        one
        for one in _known(place)
        if (one.workspace, one.endpoint) != (real, endpoint.name) and one.ends_s > now_s
    ]
    _write([*kept, consent], place)
    return consent


def revoke(
    endpoint: str = "", workspace: str = "", place: Path | None = None
) -> tuple[Consent, ...]:
    """Take back the consents for an endpoint, a folder, or both; those. Raises InputError."""
    real = os.path.realpath(workspace) if workspace else ""
    known = _known(place)
    gone = tuple(
        one
        for one in known
        if endpoint in ("", one.endpoint) and (not real or real == one.workspace)
    )
    if gone:
        _write([one for one in known if one not in gone], place)
    return gone


def _known(place: Path | None) -> tuple[Consent, ...]:
    try:
        return read(place)
    except NoConsent as error:
        shown = private_files.show(place or file())
        raise InputError(
            "Nothing was written.",
            why=f"{str(error)[:1].upper()}{str(error)[1:]}.",
            next_step=f"look at {shown}, and remove it if it is not as you left it",
        ) from error


def _write(consents: list[Consent], place: Path | None) -> None:
    data = msgspec.json.format(msgspec.json.encode(_File(consents=tuple(consents))), indent=2)
    private_files.write_atomically(place or file(), data + b"\n")
