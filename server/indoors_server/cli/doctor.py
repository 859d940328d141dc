"""`indoors doctor`: check this installation and say, for each problem, what to do next."""

from __future__ import annotations

import argparse
import json
import platform
import sys

import msgspec

from indoors_server import __version__, machine
from indoors_server.cli import screen
from indoors_server.health import Check

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--report", action="store_true", help="for a bug report: no code, no paths, no names"
    )
    kind.add_argument(
        "--prove",
        action="store_true",
        help="try every way out of the lock-down, with and without it, and show processes, policy "
        "and audit log; exit status 0: proven, 1: not, 3: not enforced by this system",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print all checks, exit status 1 if any is an error; or the proof (`prove`)."""
    if options.prove:
        from indoors_server.cli import prove

        return prove.run(as_json=options.json)
    from indoors_server import health, health_elsewhere

    checks = health_elsewhere.beside(health.run_all())
    if options.report:
        checks = [_scrubbed(check) for check in checks]
    failed = sum(check.state == "error" for check in checks)
    if options.json:
        body = {"version": __version__, "checks": [msgspec.to_builtins(c) for c in checks]}
        screen.say(json.dumps(body, ensure_ascii=False))
        return 1 if failed else 0
    if options.report:
        _say_system()
    for check in checks:
        mark, style = _MARKS[check.state]
        screen.say(f"{screen.paint(mark, style)} {check.name:<9} {check.text}")
        if check.next_step:
            screen.say(f"            Next: {check.next_step}")
    screen.say()
    screen.say(_summary(failed, sum(check.state == "warning" for check in checks)))
    return 1 if failed else 0


def _scrubbed(check: Check) -> Check:
    from indoors_server import health

    return msgspec.structs.replace(
        check, text=health.scrubbed(check.text), next_step=health.scrubbed(check.next_step)
    )


def _say_system() -> None:
    memory = machine.memory().total_bytes
    screen.say(f"Indoors {__version__}, Python {platform.python_version()}")
    screen.say(f"{platform.system()} {platform.release()}, {platform.machine()}, {sys.platform}")
    screen.say(f"{machine.cpu_name()}, {machine.cpu_count()} CPUs, {memory / 1e9:.1f} GB of memory")
    screen.say()


def _summary(failed: int, warned: int) -> str:
    if failed:
        return f"{failed} problem{'s' * (failed > 1)} to solve."
    if warned:
        return f"Works; {warned} thing{'s' * (warned > 1)} could be better."
    return "Nothing to do."
