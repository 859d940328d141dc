"""The proof that `indoors doctor --prove` gives: every way out is tried, with and without the lock.

    battery    starts one child without the lock-down and one for each role, and judges
    child      what such a child does: makes what it needs, locks itself, tries, tells
    ways       the table of ways, each with how the kernel refuses it
    lines      what a person sees of them              verdicts   what came of it, as values
    network, kernel, native   the attempts themselves; `native` has what Python has no name for
    targets    what there is to reach: listeners on this machine, held by the command
    running    the processes of ours that run now, as /proc shows them

A refusal proves something only where the same attempt succeeds without the lock-down (the
control). Nothing here leaves the machine, and nothing that is made stays: targets are on the
loopback address and in a folder of their own, and other processes are children of the child.
"""

from __future__ import annotations

import sys

from indoors_server import seccomp


def has_lock_down() -> bool:
    """Whether there is a lock-down for this system that has been tested; else nothing is tried."""
    return sys.platform == "linux" and seccomp.machine() is not None
