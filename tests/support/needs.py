"""What a test needs of the machine: a reasoned skip at home, a failure where it must run."""

from __future__ import annotations

import os
import shutil

import pytest


def need(holds: object, what: str) -> None:
    """Go on if it holds. `what` says what is missing, as a person reads it in the summary."""
    if not holds:
        assert not os.environ.get("CI"), f"nothing is proven here: {what}"
        pytest.skip(what)


def need_programs(*names: str) -> None:
    """Programs that must be installed."""
    missing = [name for name in names if shutil.which(name) is None]
    need(not missing, f"not installed here: {', '.join(missing)}")


def need_root() -> None:
    """Namespaces and other users are root's to make."""
    need(
        os.getuid() == 0,
        "needs root, who alone makes namespaces, becomes others, and sees into locked processes",
    )
