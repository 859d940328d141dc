"""`indoors engine`: show, install or rebuild llama.cpp."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

from indoors_completion.types import EngineError
from indoors_server import engine_store, private_files
from indoors_server.cli import screen
from indoors_server.engine_store import EngineBuild

# What installs (pip, compilers) is imported only by the action that needs it.


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    showing = actions.add_parser("show", help="the engines on this machine, and their devices")
    showing.add_argument("--json", action="store_true", help="one JSON object")
    installing = actions.add_parser("install", help="install the engine that suits this machine")
    add_backend_options(installing)
    installing.add_argument("--rebuild", action="store_true", help="build again, from the source")
    installing.add_argument("--wheel", metavar="FILE", default="", help="use this wheel")
    probing = actions.add_parser("probe")  # what a child process of ours is asked
    probing.add_argument("--under-server", action="store_true")
    probing.add_argument("directory")
    actions.add_parser("probe-driver")
    loading = actions.add_parser("probe-libraries")
    loading.add_argument("names", nargs="+")


def add_backend_options(parser: argparse.ArgumentParser) -> None:
    """Declare --cpu, --cuda, --vulkan and --metal, of which one at most may be given."""
    group = parser.add_mutually_exclusive_group()
    for name in reversed(engine_store.BACKENDS):
        group.add_argument(
            f"--{name}",
            dest="backend",
            action="store_const",
            const=name,
            default="",
            help=f"the {name.upper()} engine"
            if name != "cpu"
            else "the CPU, even if there is a card",
        )


def run(options: argparse.Namespace) -> int:
    """Run one action; its exit status."""
    actions = {
        "show": _show,
        "install": _install,
        "probe": _probe,
        "probe-driver": _probe_driver,
        "probe-libraries": _probe_libraries,
    }
    return actions[str(options.action)](options)


def confirm_cpu(error: EngineError) -> bool:
    """Tell a person why the card cannot be used and ask whether the CPU will do."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    screen.warn(str(error))
    sys.stderr.write("  Use the CPU instead? It works, but is slower. [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def describe(build: EngineBuild) -> str:
    """A build in a few words."""
    names = {"cuda": "CUDA", "metal": "Metal", "vulkan": "Vulkan", "cpu": "CPU"}
    return f"llama.cpp, {names.get(build.backend, build.backend)} build ({build.version})"


def _show(options: argparse.Namespace) -> int:
    from indoors_server import engine_probe

    current = engine_store.find()
    builds = engine_store.list_builds()
    problem, found = "", None
    if current is not None:
        try:
            found = engine_probe.probe(current)
        except EngineError as error:
            problem = str(error)
    if options.json:
        screen.say(
            json.dumps(
                {
                    "current": None if current is None else _as_json(current),
                    "devices": [
                        {"name": d.name, "description": d.description, "kind": d.kind,
                         "total_bytes": d.total_bytes, "free_bytes": d.free_bytes}
                        for d in (found.devices if found else ())
                    ],
                    "builds": [_as_json(build) for build in builds],
                    "problem": problem,
                }
            )
        )  # fmt: skip
        return 0 if current is not None and not problem else 1
    if current is None:
        screen.say("No engine is installed.")
        screen.say(f"  Next: {engine_store.INSTALL_HINT}")
        return 1
    for build in builds or [current]:
        mark = "*" if build.directory == current.directory else " "
        place = private_files.show(Path(build.directory)) if build.directory else "site-packages"
        fits = "" if build.matches_cpu else f"  (for another CPU: {build.cpu_key})"
        screen.say(f"{mark} {describe(build)}{fits}  {screen.paint(place, 'dim')}")
    for device in found.devices if found else ():
        memory = f"{screen.human_bytes(device.free_bytes)} free" if device.total_bytes else ""
        screen.say(f"    {device.kind:<4} {device.description}  {memory}")
    if problem:
        screen.warn(problem)
    return 1 if problem else 0


def _as_json(build: EngineBuild) -> dict[str, object]:
    return {
        "directory": build.directory,
        "version": build.version,
        "backend": build.backend,
        "cpu": build.cpu_key,
        "matches_cpu": build.matches_cpu,
        "built_at": build.built_at,
        "source": build.source,
        "sha256": build.sha256,
    }


def _install(options: argparse.Namespace) -> int:
    from indoors_server import engine_install
    from indoors_server.cli.report import ConsoleReport

    report = ConsoleReport()
    if options.wheel:
        build = engine_install.install_wheel(Path(options.wheel).expanduser(), report)
    else:
        build = engine_install.install(
            report,
            backend=options.backend,
            rebuild=options.rebuild,
            confirm_cpu=confirm_cpu,
        )
    screen.say(f"{screen.paint('✓', 'green')} engine: {describe(build)}")
    return 0


def _probe(options: argparse.Namespace) -> int:
    import msgspec

    from indoors_server import engine_probe

    package = Path(options.directory)
    lock_as_worker(package.parent, under_server=options.under_server)
    screen.say(msgspec.json.encode(engine_probe.measure(package)).decode())
    return 0


def _probe_driver(_options: argparse.Namespace) -> int:
    import msgspec

    from indoors_server import cuda_driver

    screen.say(msgspec.json.encode(cuda_driver.query()).decode())
    return 0


def _probe_libraries(options: argparse.Namespace) -> int:
    import ctypes

    lock_as_worker(Path(os.devnull))
    for name in options.names:
        ctypes.CDLL(name)
    return 0


def lock_as_worker(engine: Path, *, under_server: bool = False) -> None:
    """Give this process the engine worker's lock, `under_server` that of a server before it.

    Native code that is about to be loaded for the first time gets it, with a model that is none:
    what cannot be opened then is not found by a completion first. What a server may not do its
    worker may not either, and the worker of a command in a terminal may.
    """
    from indoors_server import landlock, lockdown, role_files

    if under_server and sys.platform == "linux":
        files = role_files.files_of("serve", [])
        assert files is not None
        # A kernel that refuses the rules does so to a server too, which goes on.
        with contextlib.suppress(OSError):
            landlock.restrict(files)
    lockdown.apply("worker", ["--model", os.devnull, "--engine", str(engine)])
