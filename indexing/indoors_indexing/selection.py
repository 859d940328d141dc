"""What of a root is indexed beyond what its kind and git say: the values that come from outside.

They travel with every look at the tree: a walk, the watches and an update of one file agree.
"""

from __future__ import annotations

from typing import NamedTuple

from indoors_indexing import sift
from indoors_indexing.denies import denies
from indoors_indexing.sift import Reason


class Selection(NamedTuple):
    """`wanted` names vendored folders that are entered all the same; `deny` are the patterns of a
    policy (see `denies`), and what they name is never read, whatever else is said.
    """

    wanted: frozenset[str] = frozenset()
    deny: tuple[str, ...] = ()

    def denies(self, path: str) -> bool:
        """Whether the policy denies a path, or a folder that it is in; a folder's ends in `/`."""
        return bool(self.deny) and denies(self.deny).match(path) != ""

    def folder_reason(self, path: str) -> Reason | None:
        """Why a folder is not entered, from its path below the root; None if it is."""
        reason = sift.folder_reason(path.rpartition("/")[2], self.wanted)
        return reason or ("denied" if self.denies(path + "/") else None)

    def file_reason(self, path: str, size: int) -> Reason | None:
        """Why a file is not indexed, from its path and size alone."""
        return sift.file_reason(path, size) or ("denied" if self.denies(path) else None)

    def entry_reason(self, path: str) -> Reason | None:
        """Why a file is not indexed, from its path alone, where its folder was entered."""
        if (reason := sift.file_reason(path, 0)) is not None:
            return reason
        return "denied" if self.deny and denies(self.deny).match_inside(path) else None


EVERYTHING = Selection()
