"""Where Indoors keeps things: one function per place, nothing created until asked for.

    cache   models, engines, wheels   $XDG_CACHE_HOME/indoors, else ~/.cache/indoors
    state   logs, counters            $XDG_STATE_HOME/indoors, else ~/.local/state/indoors
    config  config.json               $XDG_CONFIG_HOME/indoors, else ~/.config/indoors

macOS uses ~/Library/Caches and ~/Library/Application Support where those variables are not set.
Windows uses %LOCALAPPDATA%\\indoors for all three. Directories are 0700, files 0600.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_dir() -> Path:
    """The directory of what can be fetched or built again."""
    return _base("XDG_CACHE_HOME", ".cache", "Library/Caches", "cache")


def state_dir() -> Path:
    """The directory of logs and counters."""
    return _base("XDG_STATE_HOME", ".local/state", "Library/Application Support", "state")


def config_dir() -> Path:
    """The directory of what a person wrote."""
    return _base("XDG_CONFIG_HOME", ".config", "Library/Application Support", "config")


def models_dir() -> Path:
    """Verified model files and their records."""
    return cache_dir() / "models"


def engines_dir() -> Path:
    """Unpacked engine builds, one directory per version, backend and CPU features."""
    return cache_dir() / "engines"


def make_private(directory: Path) -> Path:
    """Create `directory` (and parents) as 0700 and return it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _base(variable: str, home_relative: str, mac_relative: str, windows_leaf: str) -> Path:
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(root) / "indoors" / windows_leaf
    value = os.environ.get(variable, "")
    if value and Path(value).is_absolute():
        # The XDG base directory specification says to ignore relative values.
        return Path(value) / "indoors"
    relative = mac_relative if sys.platform == "darwin" else home_relative
    return Path.home() / relative / "indoors"
