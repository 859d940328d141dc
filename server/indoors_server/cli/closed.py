"""`indoors closed allow | list | revoke`: who agreed that code of a folder goes to a closed API.

Consents are written here and nowhere else, because no process of ours that sees code can write
where they lie.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from indoors_completion.types import InputError
from indoors_server import endpoint_files, policy, private_files
from indoors_server.cli import screen
from indoors_server.closed import consent, ledger, locks, preview
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire

_DAY_S = 24 * 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions."""
    chosen = parser.add_subparsers(dest="does", metavar="allow | list | revoke", required=True)
    allow = chosen.add_parser("allow", help="agree that code of a folder goes to a closed API")
    allow.add_argument("name", help="of engines.json")
    allow.add_argument("--days", type=int, default=30, help="how long (30 at most)")
    allow.add_argument("--yes", action="store_true", help="do not ask")
    chosen.add_parser("list", help="what was agreed to, and this month's use")
    revoke = chosen.add_parser("revoke", help="take consents back")
    revoke.add_argument("name", nargs="?", default="", help="of engines.json; all without")
    for action in (allow, revoke):
        action.add_argument("--workspace", default="", metavar="DIR", help="(default: this folder)")
    revoke.add_argument("--everywhere", action="store_true", help="for every folder")


def run(options: argparse.Namespace) -> int:
    """Do one of them."""
    if options.does == "allow":
        return _allow(options)
    if options.does == "revoke":
        return _revoke(options)
    return _list()


def _allow(options: argparse.Namespace) -> int:
    endpoint = _endpoint(options.name)
    own = policy.load()
    workspace = str(_folder(options.workspace))
    if not 1 <= options.days <= consent.LASTS_S // _DAY_S:
        raise InputError("--days must be from 1 to 30.")
    _require_the_other_locks(endpoint, workspace)
    for line in _terms(endpoint, workspace, options.days):
        screen.say(screen.clean(line))
    if not options.yes and not _confirmed("Do you agree?"):
        screen.say("Nothing was written.")
        return 1
    lasts_s = options.days * _DAY_S
    consent.allow(workspace, endpoint, own.hash, time.time(), lasts_s)
    screen.say(f"Written to {private_files.show(consent.file())}.")
    where = f"--workspace {shlex.quote(workspace)}"
    screen.say(screen.clean(f"Take it back: indoors closed revoke {endpoint.name} {where}"))
    return 0


def _require_the_other_locks(endpoint: Endpoint, workspace: str) -> None:
    """Raise InputError where a consent would be of no use: an earlier lock holds."""
    ask = wire.Ask(endpoint=endpoint.name, kind="refactor", call="", workspace=workspace)
    verdict = locks.check(ask, endpoint, policy.load(), locks.stores(), stage="offer")
    if not verdict and verdict.lock in (1, 2, 3):
        raise InputError(verdict.what, why=verdict.why, next_step=verdict.next_step)


def _terms(endpoint: Endpoint, workspace: str, days: int) -> list[str]:
    own = policy.load()
    return [
        f"host       {endpoint_files.destination(endpoint)}",
        f"operator   {preview.operator_of(endpoint)}",
        f"model      {endpoint.model}",
        *([f"proxy      {endpoint.proxy}"] if endpoint.proxy else []),
        f"workspace  {private_files.show(Path(workspace))}",
        f"until      {_day(time.time() + days * _DAY_S)}",
        "sent       for each edit that you ask for there by name: the lines that may change, what",
        "           you say, a tool's message about them; never a whole project, never completion",
        "shown      the exact bytes, each time, before they are sent",
        "not sent   files that the policy denies, and anything with a secret that is recognised",
        f"limit      {own.closed_monthly_requests} requests and "
        f"{screen.human_bytes(own.closed_monthly_bytes)} a month, for all closed APIs together",
        "What the operator does with it is between you and them.",
    ]


def _list() -> int:
    try:
        consents = consent.read()
        used = ledger.Ledger().used(time.time())
    except (consent.NoConsent, ledger.Full) as error:
        raise InputError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    own, endpoints, now_s = policy.load(), endpoint_files.load().endpoints, time.time()
    for one in consents:
        endpoint = endpoints.get(one.endpoint)
        state = "the endpoint is gone"
        if endpoint is not None:
            try:
                consent.given((one,), one.workspace, endpoint, own.hash, now_s)
                state = f"until {_day(one.ends_s)}"
            except consent.NoConsent as error:
                state = f"does not count: {error}"
        shown = private_files.show(Path(one.workspace))
        screen.say(screen.clean(f"{one.endpoint:<16} {shown}  ({state})"))
    if not consents:
        screen.say("Nobody agreed to anything: no code goes to a closed API.")
    screen.say(f"this month: {used.requests} requests, {screen.human_bytes(used.bytes)}")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    workspace = "" if options.everywhere else str(_folder(options.workspace))
    gone = consent.revoke(options.name, workspace)
    for one in gone:
        shown = private_files.show(Path(one.workspace))
        screen.say(screen.clean(f"taken back: {one.endpoint} for {shown}"))
    if not gone:
        screen.say("There was no such consent. Those that there are: indoors closed list")
    return 0


def _endpoint(name: str) -> Endpoint:
    found = endpoint_files.load()
    for problem in found.problems:
        screen.warn(screen.clean(problem))
    endpoint = found.endpoints.get(name)
    if endpoint is None:
        shown = private_files.show(endpoint_files.user_file())
        step = f"write it into {shown}: url, api, model, key"
        raise InputError(f"There is no engine named {name!r}.", next_step=step)
    if not endpoint_files.is_closed(endpoint, policy.load()):
        raise InputError(f"{name} is no closed API.", why="Engines of your own need no consent.")
    return endpoint


def _folder(given: str) -> Path:
    """The folder that is named, else this one, and none around it: more than was meant would be
    agreed to. One that is named may be gone by now.
    """
    from indoors_server import index_place

    return Path(given).resolve() if given else index_place.root_of(".")


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        step = "add --yes to the command"
        raise InputError("There is no terminal to ask on: nothing was written.", next_step=step)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
