"""A child of ours does not outlive who started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> bool:
    """Ask Linux to kill this process when its parent dies; False if the parent is dead already.

    The signal is sent when the parent's *thread* that started us ends, so whoever starts a child
    does so from a thread that lasts as long as the child should. Elsewhere the end of the stream
    does the work alone.
    """
    if sys.platform != "linux":
        return True
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent
