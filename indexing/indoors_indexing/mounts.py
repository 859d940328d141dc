"""What kind of file system a path lies on, as the mount table of Linux tells it.

Two questions depend on it: whether SQLite may use shared memory there, and whether the kernel
learns of every change. It does not where somebody else changes the files: another machine, or the
system around this virtual one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# File systems whose locks and shared memory cross machines, or do not work at all.
NETWORK = _words(
    """nfs nfs4 cifs smb3 smbfs smb2 ncpfs afs coda ceph glusterfs lustre gpfs beegfs ocfs2
    gfs2 9p davfs drvfs fuse.sshfs fuse.glusterfs fuse.cephfs fuse.s3fs fuse.rclone
    fuse.davfs fuse.smbnetfs fuse.gvfsd-fuse"""
)
# Beside those, folders of the system around us: WSL's drives are 9p or drvfs, which are above.
_SHARED = _words(
    """virtiofs vboxsf vmhgfs prl_fs hgfs fakeowner osxfs grpcfuse fuse.grpcfuse fuse.osxfs
    fuse.vmhgfs-fuse"""
)
# File systems in user space whose files nobody changes but through us.
_LOCAL_FUSE = _words(
    """fuse.ntfs-3g fuse.exfat fuse.encfs fuse.gocryptfs fuse.bindfs fuse.mergerfs
    fuse.fuse-overlayfs fuse.portal fuse.securefs fuse.cryfs"""
)

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A place where a file system begins, and its kind."""

    point: str
    kind: str


def parse(table: str) -> list[Mount]:
    """The mounts of a table in the form of /proc/self/mountinfo. Lines that make no sense are
    left out.
    """
    mounts: list[Mount] = []
    for line in table.split("\n"):
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        kind = after.split(" ")[0]
        if len(fields) >= 5 and kind and fields[4].startswith("/"):
            mounts.append(Mount(_ESCAPE.sub(_character, fields[4]), kind))
    return mounts


def kind_of(path: str, mounts: list[Mount]) -> str:
    """The kind of file system that holds a real path, "" if the table does not say."""
    best = Mount("", "")
    for mount in mounts:
        # The last of equal ones lies over the others.
        if _is_at_or_below(path, mount.point) and len(mount.point) >= len(best.point):
            best = mount
    return best.kind


def changes_unseen(kind: str) -> bool:
    """Whether files of such a file system change without the kernel's knowledge.

    Of the kinds in user space only the ones that are known to be local count as such.
    """
    if kind in NETWORK or kind in _SHARED:
        return True
    return (kind == "fuse" or kind.startswith("fuse.")) and kind not in _LOCAL_FUSE


def unseen_below(path: str, mounts: list[Mount]) -> bool:
    """Whether such a file system is mounted somewhere below a real path."""
    return any(
        mount.point != path
        and _is_at_or_below(mount.point, path)
        and changes_unseen(kind_of(mount.point, mounts))
        for mount in mounts
    )


def read_table() -> str:
    """The mount table of this process, "" where there is none."""
    try:
        return Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return ""


def is_on_network(path: str | os.PathLike[str], table: str | None = None) -> bool:
    """Whether a path lies on a network file system, as far as the mount table tells."""
    mounts = parse(read_table() if table is None else table)
    return kind_of(os.path.realpath(path), mounts) in NETWORK


def _is_at_or_below(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _character(match: re.Match[str]) -> str:
    # The kernel writes a space, a tab, a line end and a backslash as three octal digits.
    return chr(int(match[1], 8))
