"""What the mount table says about a path."""

import pytest

from indoors_indexing import mounts

TABLE = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/me/local\040disk rw - xfs /dev/sdb rw
32 22 0:42 / /mnt/c rw,noatime shared:3 master:1 - 9p drvfs rw
33 22 0:43 / /mnt/back\134slash rw - fuse.sshfs me@there: rw
34 22 0:44 / /mnt/private rw - fuse.gocryptfs /x rw
35 22 0:45 / /mnt/unknown rw - fuse.something /x rw
36 22 0:46 / /over rw - nfs server:/ rw
37 22 0:47 / /over rw - tmpfs tmpfs rw
nonsense
38 22 0:48 / /cut
39 22 0:49 / relative rw - ext4 x rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "unseen"),
    [
        ("/", "ext4", False), ("/homely", "ext4", False), ("/home", "nfs4", True),
        ("/home/me/code", "nfs4", True), ("/home/me/local disk/x", "xfs", False),
        ("/mnt/c/code", "9p", True), ("/mnt/back\\slash", "fuse.sshfs", True),
        ("/mnt/private/x", "fuse.gocryptfs", False), ("/mnt/unknown", "fuse.something", True),
        ("/over/it", "tmpfs", False), ("/cut/x", "ext4", False),
    ],
)  # fmt: skip
def test_the_deepest_and_last_mount_counts(path: str, kind: str, unseen: bool) -> None:
    assert mounts.kind_of(path, mounts.parse(TABLE)) == kind
    assert mounts.changes_unseen(kind) == unseen


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", True), ("/mnt", True), ("/mnt/c", False), ("/over", False), ("/srv", False)],
)
def test_a_folder_may_hold_a_place_whose_changes_are_unseen(path: str, expected: bool) -> None:
    assert mounts.unseen_below(path, mounts.parse(TABLE)) == expected


def test_no_table_says_nothing() -> None:
    assert mounts.parse("") == []
    assert mounts.kind_of("/x", []) == ""
    assert not mounts.changes_unseen("")
    assert not mounts.is_on_network("/x", "")


def test_this_system_has_a_table_that_can_be_read() -> None:
    assert mounts.parse(mounts.read_table()) or not mounts.read_table()
