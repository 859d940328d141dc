"""The real server process, locked down as ever, but for its engine: that one writes prompts down.

They go into `prompts` in the state directory, which the lock-down leaves writable.
"""

from __future__ import annotations

import sys
from pathlib import Path

from indoors_server import children, lockdown

lockdown.apply("serve", [])

from indoors_completion.engine import wire  # noqa: E402 - after the lock-down, as in the real one
from indoors_server import cli, core, paths  # noqa: E402
from indoors_server.engine_store import EngineBuild  # noqa: E402
from indoors_server.located import Located  # noqa: E402
from indoors_server.model_store import ModelFile, ResolvedModel  # noqa: E402

_MODEL = Path("/models/fake.gguf")
_real_command = children.command


def _command(role: str, *arguments: str) -> list[str]:
    if role != "worker":
        return _real_command(role, *arguments)
    script = Path(__file__).with_name("recording_worker.py")
    return [sys.executable, "-I", str(script), str(paths.state_dir() / "prompts")]


def _locate(*_: object) -> Located:
    identity = (1, 2, 3, 4, 5)
    model = ResolvedModel(
        path=_MODEL, identity=identity, sha256="ab", entry=None, verified=False,
        files=(ModelFile(path=_MODEL, identity=identity, sha256="ab"),),
    )  # fmt: skip
    build = EngineBuild(directory="", version="1", backend="cpu", cpu_key="any", matches_cpu=True)
    return Located(model, build, wire.Load(path=str(_MODEL)))


children.command = _command
core.locate = _locate

if __name__ == "__main__":
    sys.exit(cli.main(["serve"]))
