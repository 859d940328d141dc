"""`indoors policy`: what Indoors may do here, who decided that, and a person's own part of it.

`mode` and `allow` write the user's policy.json. They ask before they widen anything, and refuse
what the machine's policy would not let count: a file that says more than it does misleads.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from indoors_completion.types import InputError
from indoors_server import policy, private_files
from indoors_server.cli import screen
from indoors_server.policy import decision, explain, files, hosts, layers
from indoors_server.policy.decision import Policy
from indoors_server.policy.layers import Layer
from indoors_server.policy.operators import operator_at
from indoors_server.policy.table import BY_NAME, MODES, is_within

_MEANING = {
    "off": "Nothing is completed or indexed.",
    "local": "Your code stays on this machine.",
    "onprem": "Code may be sent, as you type, to the engines that the policy lists as your own.",
    "closed": "Code may be sent to your own engines as you type, and to the APIs of others that "
    "the policy lists when you ask for a refactoring. Inline completion never goes to those.",
}
_RESTART = "A wider policy counts after a restart of the server, a narrower one at once."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action, `show` if none is named."""
    actions = parser.add_subparsers(dest="action")
    show = actions.add_parser("show", help="what counts and who decided (the default)")
    show.add_argument("--json", action="store_true", help="one JSON object")
    one = actions.add_parser("explain", help="what every layer says about one key")
    one.add_argument("key", metavar="KEY", help=", ".join(BY_NAME))
    for action in (show, one):
        action.add_argument("--folder", default="", help="the workspace, else this project")
    check = actions.add_parser("check", help="check a policy file, or an .indoors.json")
    check.add_argument("file", metavar="FILE")
    mode = actions.add_parser("mode", help="set the mode in your own policy")
    mode.add_argument("mode", metavar="MODE", choices=MODES, help=", ".join(MODES))
    allow = actions.add_parser("allow", help="allow a destination in your own policy")
    allow.add_argument("host", metavar="HOST", help="as in https://models.example:8443")
    allow.add_argument("--closed", action="store_true", help="an API of others, not an own engine")
    for action in (mode, allow):
        action.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """Do one action. Exit status 1 if a layer or the checked file is invalid, or on a refusal."""
    actions: dict[str | None, Callable[[argparse.Namespace], int]] = {
        None: _show,
        "show": _show,
        "explain": _explain,
        "check": _check,
        "mode": _mode,
        "allow": _allow,
    }
    return actions[options.action](options)


# --- looking ------------------------------------------------------------------------------------


def _show(options: argparse.Namespace) -> int:
    found = decision.merge(policy.load_layers(_folder(options)))
    if getattr(options, "json", False):
        problems = [msgspec.to_builtins(p) | {"text": str(p)} for p in found.problems]
        origins = {key: found.origin(key).title for key in BY_NAME}
        shown = {"policy": found.values, "hash": found.hash, "origins": origins}
        screen.say(json.dumps(shown | {"problems": problems}, ensure_ascii=False))
    else:
        _say(explain.overview(found))
    return _status(found)


def _explain(options: argparse.Namespace) -> int:
    if (key := BY_NAME.get(options.key)) is None:
        step = f"name one of: {', '.join(BY_NAME)}"
        raise InputError(f"A policy has no key {options.key!r}.", next_step=step)
    all_layers = policy.load_layers(_folder(options))
    found = decision.merge(all_layers)
    _say(explain.one_key(key, found, all_layers))
    return _status(found)


def _check(options: argparse.Namespace) -> int:
    file = Path(options.file).absolute()
    for layer in _layers_of(file):
        for problem in layer.problems:
            screen.warn(screen.clean(str(problem)))
        if layer.is_invalid:
            return 1
    screen.say(f"{private_files.show(file)} is a valid policy.")
    return 0


def _layers_of(file: Path) -> tuple[Layer, ...]:
    """What `file` is as a layer: the machine's with its owners, if it lies in that place."""
    place = files.machine_place()
    try:
        raw = file.read_bytes()
    except OSError as error:
        step = "name a file that can be read"
        what = f"{private_files.show(file)} cannot be read."
        raise InputError(what, why=error.strerror or "", next_step=step) from error
    if place.directory in file.parents:
        # A bad folder above the file is reported under its own name.
        mine = [la for la in files.machine_layers(place) if Path(la.file) in (file, *file.parents)]
        return tuple(mine) or (layers.from_bytes("machine", str(file), raw),)
    if file.name == files.WORKSPACE_FILE:
        return (layers.from_section("workspace", str(file), raw),)
    return (layers.from_bytes("user", str(file), raw),)


# --- writing the user's layer -------------------------------------------------------------------


def _mode(options: argparse.Namespace) -> int:
    written, layer = _own_file()
    mode = options.mode
    return _write(options, written | {"mode": mode}, layer, "mode", f"{mode}: {_MEANING[mode]}")


def _allow(options: argparse.Namespace) -> int:
    key = "closed_hosts" if options.closed else "onprem_hosts"
    try:
        host = hosts.canonical(options.host)
    except hosts.BadAddress as error:
        step = "indoors policy allow https://HOST:PORT"
        raise InputError(f"{options.host!r} {error}.", next_step=step) from error
    if not options.closed and (operator := operator_at(host)):
        step = f"indoors policy allow {host} --closed"
        raise InputError(f"{host} is an API of {operator}, and none of yours.", next_step=step)
    written, layer = _own_file()
    if key not in layer.values and host in decision.merge(_machine()).values[key]:
        # A list of one's own would take every other host of the machine's list away.
        screen.say(f"{host} is allowed by the machine's policy already; nothing to write.")
        return 0
    for other in (layer, *_machine()):
        if host in other.values.get("closed_hosts", ()) and not options.closed:
            why = f"{other.file} has it in closed_hosts, and what is closed is no engine of yours."
            step = "take it off that list first, or add --closed"
            raise InputError(f"{host} cannot be in both lists.", why=why, next_step=step)
    listed = [*written.get(key, []), host]
    kind = "an API of others, for refactorings" if options.closed else "an engine of your own"
    text = f"{host} is {kind}: code may be sent there if the mode allows it."
    return _write(options, written | {key: listed}, layer, key, text)


def _write(
    options: argparse.Namespace, content: dict[str, Any], before: Layer, key: str, text: str
) -> int:
    file = files.user_file()
    after = layers.from_value("user", str(file), content)
    if after.is_invalid:
        step = f"remove what is not needed from {private_files.show(file)}"
        raise InputError("That would not be a policy.", why=str(after.problems[0]), next_step=step)
    if after.values.get(key) == before.values.get(key):
        screen.say(f"Your policy says so already; nothing to write. {_RESTART}")
        return 0
    machine = _machine()
    _refuse_beyond(machine, after, key)
    old, new = decision.merge((*machine, before)), decision.merge((*machine, after))
    wider = decision.widened(new, old)
    screen.say(text)
    if wider and not options.yes and not _confirmed(f"Write this to {private_files.show(file)}?"):
        screen.say("Nothing was written.")
        return 1
    data = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    private_files.write_atomically(file.resolve(), data.encode())
    screen.say(f"Written to {private_files.show(file)}. {_RESTART}")
    if key != "mode" and new.mode in ("off", "local"):
        step = "closed" if key == "closed_hosts" else "onprem"
        screen.say(f"The mode is {new.mode}: nothing is sent until: indoors policy mode {step}")
    return 0


def _refuse_beyond(machine: tuple[Layer, ...], after: Layer, key: str) -> None:
    """Raise InputError if the machine's policy would not let the new value count."""
    for layer in machine:
        limit = layer.values.get(key)
        if limit is None or is_within(BY_NAME[key], after.values[key], limit):
            continue
        allowed = explain.value_text(limit)
        raise InputError(
            f"The machine's policy does not allow that: {key} is {allowed} at most.",
            why=f"{layer.file} says so" + (", because it is invalid." if layer.is_invalid else "."),
            next_step=f"indoors policy explain {key}; its administrator can change it",
        )


def _own_file() -> tuple[dict[str, Any], Layer]:
    """The user's file as it is written, and as a layer. Raises InputError if it is invalid."""
    file = files.user_file()
    layer = files.user_layer()
    if layer.is_invalid:
        why = str(next(p for p in layer.problems if p.severity == "error"))
        step = f"indoors policy check {private_files.show(file)}"
        raise InputError("Your policy is invalid and was left as it is.", why=why, next_step=step)
    try:
        return layers.parse(layers.text_of(file.read_bytes())), layer
    except FileNotFoundError:
        return {}, layer


def _machine() -> tuple[Layer, ...]:
    return files.machine_layers()


def _folder(options: argparse.Namespace) -> Path:
    from indoors_server import index_place

    return index_place.root_of(getattr(options, "folder", ""))


def _status(found: Policy) -> int:
    return 1 if any(problem.severity == "error" for problem in found.problems) else 0


def _say(lines: list[str]) -> None:
    for line in lines:
        screen.say(screen.clean(line))


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise InputError(
            "There is no terminal to ask on, so nothing was written.",
            next_step="add --yes to the command",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
