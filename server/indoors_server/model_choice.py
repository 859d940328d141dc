"""Which model is used when no setting names one: what `indoors setup` chose, else the default.

Kept beside the models and not in config.json: that file is the person's own, and nothing of ours
writes into it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from indoors_completion import catalog
from indoors_completion.types import InputError
from indoors_server import model_store, paths, private_files

_FILE = "chosen.json"


class _Chosen(msgspec.Struct, frozen=True):
    model: str


def chosen() -> str:
    """The name (or path) of the model to use when the setting `model` is empty.

    The choice of `setup`; without one, the default model of the catalogue, or the only model that
    is on this machine.
    """
    name = recorded()
    if name:
        return name
    default = catalog.default()
    if not model_store.is_installed(default):
        installed = model_store.stored_files()
        if len(installed) == 1:
            return str(installed[0])
    return default.name


def recorded() -> str:
    """What `setup` chose and is still there, "" otherwise."""
    try:
        name = msgspec.json.decode(_path().read_bytes(), type=_Chosen).model
        return name if name and model_store.locate(name).is_file() else ""
    except (OSError, msgspec.DecodeError, InputError):
        return ""


def choose(name: str) -> None:
    """Remember `name` as the model to use."""
    private_files.write_atomically(_path(), msgspec.json.encode(_Chosen(name)))


def _path() -> Path:
    return paths.models_dir() / _FILE
