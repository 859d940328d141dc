"""Keys by reference: `file:/path` or `keyring:service/user`, read once and kept by the gateway.

A key's file is for its owner alone; root's may be read by a group as well, because a key of a whole
machine is of no use otherwise. It is opened without following a link and looked at when it is open.
The keyring is asked through the package `keyring`, if a person has installed it: no program is
started for it. No message has any part of a key.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

_MAX_BYTES = 16 * 1024


class NoKey(Exception):
    """There is no key; `str()` completes "the key ...", `next_step` says what to do."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.next_step = next_step


def read(reference: str) -> str:
    """The key; "" for no reference. Raises NoKey."""
    kind, _, rest = reference.partition(":")
    if not reference:
        return ""
    found = _from_file(rest) if kind == "file" else _from_keyring(rest)
    if not found or not found.isascii() or not found.isprintable():
        raise NoKey("is not one line of printable ASCII text", f"look at {reference}")
    return found


def _from_file(name: str) -> str:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(name, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise NoKey(f"in {name} cannot be read ({error.strerror})", _step(error, name)) from None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NoKey(f"in {name} is in no regular file", "name a file")
        if sys.platform != "win32":
            if status.st_uid not in (0, os.geteuid()):
                raise NoKey(
                    f"in {name} belongs to another user", f"chown it, then chmod 600 {name}"
                )
            if status.st_mode & (0o037 if status.st_uid == 0 else 0o077):
                raise NoKey(f"in {name} can be read by others", f"chmod 600 {name}")
        return stream.read(_MAX_BYTES).decode(errors="replace").strip()


def _step(error: OSError, name: str) -> str:
    if isinstance(error, PermissionError):
        # The launcher's rules about files, or the file's own.
        return (
            "put it into the folder of your config.json with chmod 600, or below /etc, where root "
            "lets a group of yours read it with chmod 640"
        )
    return f"write the key into {name}, with chmod 600"


def _from_keyring(rest: str) -> str:
    service, _, user = rest.partition("/")
    try:
        import keyring  # pyright: ignore[reportMissingImports]
    except ImportError:
        step = (
            "pip install keyring beside Indoors, or keep the key in a file and say file:/its/path"
        )
        raise NoKey("is in a keyring, and the package keyring is not installed", step) from None
    _find_bus()
    try:
        found = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - each backend has errors of its own
        what = f"cannot be had from the keyring ({type(error).__name__})"
        raise NoKey(what, "unlock it, or keep the key in a file") from None
    if not found:
        raise NoKey(
            f"of {service} for {user} is not in the keyring", f"keyring set {service} {user}"
        )
    return str(found)


def _find_bus() -> None:
    """Our processes get a short environment; where the session's bus is, is known without it."""
    bus = Path(f"/run/user/{os.getuid()}/bus") if sys.platform == "linux" else None
    if bus is not None and bus.exists():
        os.environ.setdefault("DBUS_SESSION_BUS_ADDRESS", f"unix:path={bus}")
