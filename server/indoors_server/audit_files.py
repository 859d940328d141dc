"""The three files of the audit log in the state directory: `audit.jsonl`, its key and its lock.

Each is opened without following a link and looked at through its descriptor before it is used: a
regular file, ours, for us alone. Whatever is wrong becomes an AuditError with the next step.
Where a system has no owners and modes (Windows), that part is left out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from indoors_server import private_files
from indoors_server.audit_records import KEY_BYTES, AuditError

LOG = "audit.jsonl"
KEY = "audit.key"
LOCK = "audit.lock"
_SAFE = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its other end
    | getattr(os, "O_BINARY", 0)
)
_POLL_S = 0.002


def open_private(path: Path, flags: int) -> int:
    """Open `path`, return its descriptor. FileNotFoundError passes, the rest is an AuditError."""
    try:
        descriptor = os.open(path, flags | _SAFE, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        # ELOOP, or EMLINK on the BSDs, is how O_NOFOLLOW refuses.
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise _refused(path, "It is a symbolic link.", "remove the link") from error
        raise unusable(path, error) from error
    try:
        _look(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_directory(directory: Path) -> None:
    """Make it if it is missing; AuditError where somebody else could replace the files in it."""
    try:
        private_files.make_tree(directory)
        found = directory.stat()
    except OSError as error:
        raise unusable(directory, error) from error
    if not hasattr(os, "getuid"):
        return
    shown = private_files.show(directory)
    if found.st_uid != os.getuid():
        raise _refused(directory, "It belongs to another user.", "use a directory of your own")
    if found.st_mode & 0o022:
        raise _refused(directory, "Others may write into it.", f"chmod 700 {shown}")


def read_key(directory: Path) -> bytes:
    """The key, 32 bytes. Raises AuditError if there is none that can be used."""
    path = directory / KEY
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        raise AuditError(
            "The key of the audit log is missing.",
            why=f"{private_files.show(path)} is not there. Without it the log can be neither "
            "checked nor continued.",
            next_step=f"put the key back; or move {LOG} elsewhere: a new log begins",
        ) from None
    try:
        key = os.read(descriptor, KEY_BYTES + 1)
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        os.close(descriptor)
    if len(key) != KEY_BYTES:
        raise _refused(path, f"It has not {KEY_BYTES} bytes.", "put the key of this log back")
    return key


def key_for_appending(directory: Path) -> bytes:
    """The key; made anew for a log that has no record yet. The lock must be held."""
    path, log = directory / KEY, directory / LOG
    if not path.is_symlink() and not path.exists() and not (log.exists() and log.stat().st_size):
        try:
            private_files.write_atomically(path, os.urandom(KEY_BYTES))
        except OSError as error:
            raise not_written(path, error) from error
    return read_key(directory)


@contextlib.contextmanager
def locked(directory: Path, patience_s: float, *, create: bool) -> Iterator[None]:
    """Hold the lock; AuditError if another process keeps it for longer than `patience_s`.

    Without `create`, a missing lock file is no lock: nobody has written here. The system drops the
    lock when its holder ends. It is asked for often, as it is held for one record only.
    """
    path = directory / LOCK
    until = time.monotonic() + patience_s
    while True:
        try:
            descriptor = open_private(path, os.O_RDWR | (os.O_CREAT if create else 0))
        except FileNotFoundError as error:
            if create:
                raise unusable(path, error) from error
            yield
            return
        try:
            while not private_files.try_lock(descriptor):
                if time.monotonic() > until:
                    raise AuditError(
                        "The audit log is in use, and nothing could be recorded.",
                        why=f"Another process has held {private_files.show(path)} "
                        f"for {patience_s:.0f} seconds.",
                        next_step="end the editor or command that hangs, then try again",
                    )
                time.sleep(_POLL_S)
            # A purge may have removed the file meanwhile: then others lock another one.
            if _is_same(path, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def not_written(path: Path, error: OSError) -> AuditError:
    """The error of a record (or key) that could not be written."""
    full = private_files.is_full(error)
    return AuditError(
        "The disk is full: nothing was recorded." if full else "Nothing could be recorded.",
        why=f"{private_files.show(path)}: {error.strerror}. "
        "What has no record is not done, so nothing was sent.",
        next_step="free some space, then try again" if full else "check the disk, then try again",
    )


def unusable(path: Path, error: OSError) -> AuditError:
    """The error of a file that cannot be opened or read."""
    return _refused(path, f"{error.strerror or type(error).__name__}.", "check its owner and mode")


def _look(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "It is not a regular file.", "move it away")
    if not hasattr(os, "getuid"):
        return
    if found.st_uid != os.getuid():
        raise _refused(path, "It belongs to another user.", "run this as the user whose log it is")
    mode = stat.S_IMODE(found.st_mode)
    if mode != 0o600:
        step = f"find out who changed it, then: chmod 600 {private_files.show(path)}"
        raise _refused(path, f"Its mode is {mode:04o}; it must be 0600.", step)


def _refused(path: Path, why: str, next_step: str) -> AuditError:
    shown = private_files.show(path)
    return AuditError(f"{shown} cannot be used for the audit log.", why=why, next_step=next_step)


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
