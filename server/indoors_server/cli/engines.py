"""`indoors engines`: the engines elsewhere that are named here, and what they say of themselves.

Asking sends no code. Where the policy lets nothing out, nothing is asked, and the reason is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from indoors_completion.types import InputError
from indoors_server.cli import screen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`list` if no action is named."""
    actions = parser.add_subparsers(dest="action")
    shown = actions.add_parser("list", help="the engines that engines.json names (the default)")
    shown.add_argument("--json", action="store_true", help="one JSON object")
    check = actions.add_parser("check", help="ask one engine what it is and what it can do")
    check.add_argument("name", metavar="NAME")
    check.add_argument("--json", action="store_true", help="one JSON object")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if an entry has a mistake, or the engine that is checked cannot be used."""
    from indoors_server import endpoint_files, lockdown, policy
    from indoors_server.cli import session
    from indoors_server.endpoint_files import destination

    lockdown.apply("cli")
    found = endpoint_files.load()
    for problem in found.problems:
        screen.warn(problem)
    if options.action == "check":
        if options.name not in found.endpoints:
            known = ", ".join(found.endpoints) or "none"
            raise InputError(
                f"engines.json names no {options.name}.", why=f"It names: {known}",
                next_step="indoors engines, and docs/teams.md for the form of an entry",
            )  # fmt: skip
        session.policies_for()
        about = asyncio.run(_asked(options.name))
        _show_one(about, as_json=options.json)
        return 0 if about["usable"] else 1
    allowed = policy.load()
    rows: list[dict[str, Any]] = []
    for name, one in found.endpoints.items():
        is_closed = endpoint_files.is_closed(one, allowed)
        verdict = allowed.may_reach(destination(one), "refactor" if is_closed else "inline")
        rows.append(
            {"name": name, "api": one.api, "url": one.url, "model": one.model, "from": one.layer,
             "allowed": bool(verdict), "reason": verdict.reason}
        )  # fmt: skip
    if getattr(options, "json", False):
        screen.say(json.dumps({"engines": rows, "problems": found.problems}, ensure_ascii=False))
    else:
        _show(rows)
    return 1 if found.problems else 0


def _show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        screen.say("no engine elsewhere is named; docs/teams.md says how one is")
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        state = screen.paint("allowed", "green") if row["allowed"] else "not allowed"
        about = " ".join(filter(None, (row["url"], row["model"], f"({row['from']})")))
        screen.say(f"{row['name']:<{width}}  {row['api']:<12}  {state}  {screen.clean(about)}")
        if row["reason"]:
            screen.say(screen.paint(f"{'':<{width}}  {row['reason']}", "dim"))
    if any(row["allowed"] for row in rows):
        text = "next    indoors engines check NAME asks one of them what it is; no code is sent"
        screen.say(text)


async def _asked(name: str) -> dict[str, Any]:
    """What an engine says of itself, through the gateway."""
    from indoors_server import endpoint_files, policy, prelaunch
    from indoors_server.gateway_client import GatewayClient
    from indoors_server.launching import Launcher
    from indoors_server.remote.faults import Fault
    from indoors_server.remote.probe import probe

    endpoint = endpoint_files.load().endpoints[name]
    if endpoint_files.is_closed(endpoint, policy.load()):
        reason = "a closed API is asked nothing but what a person sends it"
        return {"name": name, "usable": False, "reason": reason}
    launcher = Launcher(prelaunch.outcome(), "this command")
    await launcher.open()
    try:
        begun_s = time.monotonic()
        found = await probe(GatewayClient(launcher), endpoint, timeout_s=15.0)
        took_ms = round((time.monotonic() - begun_s) * 1000)
    finally:
        await launcher.close()
    if isinstance(found, Fault):
        return {"name": name, "usable": False, "reason": found.what, "why": found.why,
                "next": found.next_step}  # fmt: skip
    able = found.abilities
    return {"name": name, "usable": bool(found.family), "reason": found.advice, "model": able.model,
            "models": found.models, "server": able.owner, "family": found.family,
            "context_tokens": able.n_ctx, "took_ms": took_ms}  # fmt: skip


def _show_one(about: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        screen.say(json.dumps(about, ensure_ascii=False))
        return
    head = screen.paint("usable", "green") if about["usable"] else screen.paint("not usable", "red")
    screen.say(f"{about['name']}  {head}")
    for key in ("reason", "why", "next", "model", "models", "server", "family", "context_tokens"):
        value = about.get(key)
        if isinstance(value, tuple):
            value = ", ".join(value)
        if value:
            screen.say(f"  {key.replace('_', ' '):<15} {screen.clean(str(value))}")
