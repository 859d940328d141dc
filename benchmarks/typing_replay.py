"""Replay typing, key by key, against Indoors, llama-server as llama.vim drives it, and plain code.

The traces say when each key comes (replay_trace.py has their form; --traces runs other people's).
Every system gets the same keys at the same times with the same model and the same threads, one
system after the other in one run. A document is open for two seconds before typing begins.

    python benchmarks/typing_replay.py                         all three, four to five minutes each
    python benchmarks/typing_replay.py --limit 1 --systems indoors,llama-cpp-python    a smoke test

Progress goes to stderr; the last line of stdout is one JSON object:
{"systems": {NAME: S, …}, "ratios": {…}, "model", "threads", "traces", …}. benchmarks/README.md says
what each figure of S means.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import build_peer
from replay_indoors import Indoors
from replay_llama_server import LlamaServer
from replay_metrics import ratios, summary
from replay_plain import PlainLlama
from replay_system import Replay, System, SystemFailed
from replay_trace import Trace, read_or_leave
from replay_workspace import lay_out

from indoors_completion.engine.threads import usable_cpus
from indoors_completion.types import IndoorsError
from indoors_server import engine_store, model_store

HERE = Path(__file__).resolve().parent
SYSTEMS = ("indoors", "llama-server", "llama-cpp-python")
_USAGE = 2


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Settings with others laid over them, section by section."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(old or {}, value) if both else value
    return result


def make(name: str, model: Path, workspace: Path | None, options: argparse.Namespace) -> System:
    """A system by its name; leaves with a message where something is missing."""
    verbose = options.verbose
    if name == "indoors":
        settings = {"model": options.model, "engine": {"threads": options.threads}}
        return Indoors(merged(settings, options.settings), workspace=workspace, verbose=verbose)
    if name == "llama-server":
        binary = options.llama_server or build_peer.server_path()
        if not binary.exists():
            leave(f"there is no llama-server at {binary}: run benchmarks/build_peer.py")
        return LlamaServer(binary, model, options.threads, verbose=verbose)
    build = engine_store.find()
    if build is None:
        leave("no engine: indoors engine install")
    return PlainLlama(model, str(build.directory or ""), options.threads, verbose=verbose)


async def run(names: list[str], traces: list[Trace], options: argparse.Namespace) -> dict[str, Any]:
    """Every system in turn; their figures by name."""
    task = asyncio.current_task()
    assert task is not None
    # Whoever ends this program must not leave a server behind that goes on computing.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    model = model_store.resolve(options.model).path
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        workspace = Path(folder).resolve() / "workspace" if options.index else None
        if workspace is not None:
            lay_out(workspace, traces)
        systems = {name: make(name, model, workspace, options) for name in names}
        for name, system in systems.items():
            replay = Replay(speed=options.speed, patient=options.patient)
            totals = await replay.run(system, traces)
            figures[name] = summary(replay.keys, totals)
            if options.verbose:
                _tell(name, replay)
    return figures


def _tell(name: str, replay: Replay) -> None:
    for key in replay.keys:
        text = key.shown.text if key.shown else ""
        sys.stderr.write(f"{name} {key.source} {key.before!r} + {text!r} {key.is_right}\n")


def leave(text: str) -> NoReturn:
    """End with a message and the status of wrong usage."""
    sys.stderr.write(text + "\n")
    sys.exit(_USAGE)


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="benchmarks/README.md explains the figures."
    )
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which, with commas")
    parser.add_argument("--traces", type=Path, default=HERE / "data" / "typing_traces.jsonl.gz")
    parser.add_argument("--limit", type=int, help="only the first N traces")
    parser.add_argument("--seed", type=int, help="take the traces in this random order")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--speed", type=float, default=1.0, help="2: twice as fast as the trace")
    parser.add_argument("--patient", action="store_true", help="wait for each answer")
    parser.add_argument("--settings", default="{}", help="JSON, laid over Indoors' settings")
    parser.add_argument("--index", action="store_true", help="with Indoors' workspace index")
    parser.add_argument("--llama-server", type=Path, help="another binary than build_peer.py's")
    parser.add_argument("--verbose", action="store_true", help="every key, and the systems' logs")
    options = parser.parse_args()
    try:
        options.settings = json.loads(options.settings)
    except json.JSONDecodeError as error:
        leave(f'--settings is not JSON ({error}): write {{"completion": {{"maxLines": 8}}}}')
    if not isinstance(options.settings, dict):
        leave("--settings must be a JSON object, in the form of docs/configuration.md")
    if options.speed <= 0:
        leave("--speed must be more than 0: 1 is the trace's own speed")
    return options


def main() -> None:
    options = arguments()
    names = [name for name in options.systems.split(",") if name]
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown or not names:
        leave(f"--systems: {', '.join(unknown) or 'nothing'} is not one of {', '.join(SYSTEMS)}")
    traces = read_or_leave(options.traces, options.limit)
    if options.seed is not None:
        random.Random(options.seed).shuffle(traces)
    try:
        figures = asyncio.run(run(names, traces, options))
    except IndoorsError as error:
        leave(str(error))
    except SystemFailed as error:
        sys.exit(str(error))
    except asyncio.CancelledError:
        sys.exit("stopped before the end: there is no result")
    result = {
        "systems": figures,
        "ratios": ratios(figures),
        "model": options.model,
        "threads": options.threads,
        "traces": len(traces),
        "trace_file": options.traces.name,
        "speed": options.speed,
        "patient": options.patient,
        "settings": options.settings,
        "index": options.index,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
