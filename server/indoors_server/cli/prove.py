"""`indoors doctor --prove`: an auditor's proof on one screen, made now and on this machine.

Exit status: 0 proven; 1 something was reached, a process of ours runs unlocked, or the audit log is
not whole; 3 this system does not enforce it, or nothing could be shown.
"""

from __future__ import annotations

import json
import platform
import shutil
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from indoors_completion.types import IndoorsError
from indoors_server import (
    __version__,
    audit_check,
    card_use,
    devices,
    engine_store,
    health,
    index_place,
    paths,
    policy,
    proof,
)
from indoors_server.ask_child import Spawn
from indoors_server.audit_check import Verdict as AuditVerdict
from indoors_server.cli import screen
from indoors_server.policy.decision import Policy
from indoors_server.policy.explain import value_text
from indoors_server.policy.table import BY_NAME
from indoors_server.proof import running
from indoors_server.proof.lines import GROUPS
from indoors_server.proof.running import Census
from indoors_server.proof.verdicts import ROLES, UNTRIED, Battery, Tried

Result = Literal["proven", "failed", "not enforced", "not shown"]
_EXIT: dict[Result, int] = {"proven": 0, "failed": 1, "not enforced": 3, "not shown": 3}
_TITLES = {"serve": "server", "worker": "worker", "indexer": "indexer"}
_LABEL, _WAY, _CONTROL, _CELL = 11, 38, 12, 9
_MAX_COLUMNS = 90


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """All that the command found out. `audit` is None with a problem where it cannot be read."""

    battery: Battery
    census: Census
    policy: Policy
    audit: AuditVerdict | None
    audit_problem: str
    card: str

    @property
    def result(self) -> Result:
        """What all of it comes to."""
        if self.audit_problem:
            return "failed"
        if not self.battery.is_enforced:
            return "not enforced"
        unproven = any(role.state == "unproven" for role in self.battery.roles.values())
        if self.battery.failures or unproven or self.census.unlocked:
            return "failed"
        return "proven" if self.battery.shows_a_network else "not shown"


def run(*, as_json: bool, spawn: Spawn | None = None) -> int:
    """Try everything and print it. `spawn` starts the children (replaced by tests only)."""
    found = look(spawn)
    if as_json:
        screen.say(json.dumps(_as_json(found), ensure_ascii=False))
    else:
        for line in _screen(found):
            screen.say(line)
    return _EXIT[found.result]


def look(spawn: Spawn | None = None) -> Proof:
    """Try everything."""
    audit, audit_problem = _audit()
    return Proof(
        battery=_battery(spawn),
        census=running.look(),
        policy=policy.load(_folder()),
        audit=audit,
        audit_problem=audit_problem,
        card=_card(),
    )


def _card() -> str:
    seen = devices.find()
    is_seen = card_use.seen_under_server(engine_store.find()) if seen.usable else None
    return health.card_under_lock(seen, is_seen)


def _battery(spawn: Spawn | None) -> Battery:
    if not proof.has_lock_down():
        return Battery(roles={}, tried=())
    from indoors_server.proof import battery  # it loads on Linux only

    return battery.run(spawn) if spawn else battery.run()


def _audit() -> tuple[AuditVerdict | None, str]:
    try:
        verdict = audit_check.verify(paths.state_dir())
    except IndoorsError as error:
        return None, f"{error.what} {error.why}".strip()
    return verdict, verdict.problem


def _folder() -> Path | None:
    try:
        return index_place.root_of("")
    except (IndoorsError, OSError):
        return None


# --- as JSON ------------------------------------------------------------------------------------


def _as_json(found: Proof) -> dict[str, Any]:
    rules = found.policy
    # Without files and patterns: those of a user and a workspace are nobody else's business.
    problems = [{"layer": p.layer, "severity": p.severity, "key": p.key} for p in rules.problems]
    return {
        "version": __version__,
        "result": found.result,
        "exit_status": _EXIT[found.result],
        "system": _system(),
        "roles": msgspec.to_builtins(found.battery.roles),
        "ways": msgspec.to_builtins(found.battery.tried),
        "processes": msgspec.to_builtins(found.census),
        "policy": {
            "policy": rules.values | {"deny_paths": len(rules.deny_paths)},
            "hash": rules.hash,
            "origins": {key: _origin(rules, key) for key in BY_NAME},
            "problems": problems,
        },
        "audit": {
            "is_whole": found.audit is not None and found.audit.ok,
            "n_records": found.audit.n_records if found.audit else 0,
            "head": str(found.audit.head) if found.audit and found.audit.ok else "",
            "problem": found.audit_problem,
        },
        "card": found.card,
    }


def _system() -> dict[str, str]:
    return {
        "name": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
    }


# --- on the screen ------------------------------------------------------------------------------


def _screen(found: Proof) -> list[str]:
    lines = [f"Indoors {__version__}", ""]
    if found.battery.is_enforced:
        lines[0] += " tries every way out: without its lock-down, and under it."
        lines += [*_table(found.battery), ""]
    for label, text in _facts(found):
        lines += _folded(text, label)
    return [*lines, "", *_summary(found)]


def _table(battery: Battery) -> list[str]:
    titles = "".join(f"{_TITLES[role]:<{_CELL}}" for role in ROLES)
    lines = [f"{'':<{_WAY + 2}}{'without':<{_CONTROL}}{titles}".rstrip()]
    for group, names in GROUPS:
        lines.append(screen.paint(group, "bold"))
        for name in names:
            tried = [way for way in battery.tried if way.line == name]
            cells = "".join(_cell([way.verdicts[role] for way in tried]) for role in ROLES)
            lines.append(f"  {name:<{_WAY}}{_control(tried):<{_CONTROL}}{cells}".rstrip())
    return lines


def _control(tried: list[Tried]) -> str:
    n_open = sum(way.control == "reached" for way in tried)
    if n_open == len(tried):
        return "opens"
    return f"{n_open} of {len(tried)}" if n_open else "does not"


def _cell(verdicts: list[str]) -> str:
    """The worst of the verdicts, as a mark and a word where the mark alone would not do."""
    for verdict, text, style in (
        ("reached", "✗ OPEN", "red"),
        ("unclear", "✗ ?", "red"),
        ("refused", "✓", "green"),
        ("not restricted", "open", "yellow"),
    ):
        if verdict in verdicts:
            return screen.paint(text, style) + " " * (_CELL - len(text))
    return f"{'–':<{_CELL}}"


def _facts(found: Proof) -> Iterable[tuple[str, str]]:
    battery, system = found.battery, _system()
    yield "system", f"{system['name']} {system['kernel']}, {system['machine']}"
    if battery.is_enforced:
        yield "mechanism", "; ".join(dict.fromkeys(r.mechanism for r in battery.roles.values()))
        yield (
            "state",
            "; ".join(f"{_TITLES[name]}: {role.state}" for name, role in battery.roles.items()),
        )
    yield "running", _running(found.census)
    yield "policy", _policy(found.policy)
    if n_problems := len(found.policy.problems):
        yield "", f"! {n_problems} problem{'s' * (n_problems > 1)}: indoors policy show"
    if found.audit_problem:
        yield "audit", f"✗ NOT WHOLE: {found.audit_problem} (indoors audit verify)"
    elif found.audit is not None:
        yield "audit", f"whole, {found.audit.n_records} records; head:"
        yield "", str(found.audit.head)
    yield "card", found.card


def _running(census: Census) -> str:
    if census.unlocked:
        named = ", ".join(
            f"{_TITLES[one.role]} {one.pid} ({one.n_unlocked} of {one.n_threads} threads)"
            for one in census.unlocked
        )
        return f"✗ NOT LOCKED: {named}"
    if census.is_hidden:
        return "not shown: /proc hides processes here"
    if not census.processes:
        return "none of ours now"
    named = ", ".join(f"{_TITLES[one.role]} {one.pid}" for one in census.processes)
    n_threads = sum(one.n_threads for one in census.processes)
    return f"all {n_threads} threads of ours are under the filter: {named}"


def _policy(found: Policy) -> str:
    """The mode, and what anybody but us decided, each with who did."""
    set_keys = [key for key in BY_NAME if key == "mode" or found.origin(key).layer != "default"]
    said = []
    for key in set_keys:
        shown = f"{len(found.deny_paths)} entries"
        if key != "deny_paths":
            shown = value_text(found.values[key])
        said.append(f"{key} {shown} ({_origin(found, key)})")
    rest = "; all else is built in" if len(said) < len(BY_NAME) else ""
    return "; ".join(said) + rest


def _origin(found: Policy, key: str) -> str:
    """Who decided: the layer, and for the machine's the file. Other files are a user's own."""
    origin = found.origin(key)
    return origin.title if origin.layer in ("default", "machine") else origin.layer


def _summary(found: Proof) -> list[str]:
    result, battery = found.result, found.battery
    lines = []
    if result == "not enforced":
        lines += _folded(f"NOT ENFORCED BY OS: {_why_not(battery)}.")
    elif result == "not shown":
        lines += _folded(
            "NOT SHOWN: a connection does not open here without the lock-down either, so that it "
            "is refused proves nothing. Next: run this outside of the sandbox around it."
        )
    elif result == "proven":
        lines += _folded(_proven(battery))
    else:
        lines.append("NOT PROVEN:")
        for problem, next_step in _problems(found):
            lines += _folded(problem, "✗", 2)
            lines += _folded(f"Next: {next_step}", "", 2) if next_step else []
    if battery.is_enforced:
        for sentence in (_not_shown(battery), _not_restricted(battery)):
            lines += _folded(sentence) if sentence else []
    return lines


def _problems(found: Proof) -> Iterable[tuple[str, str]]:
    """What keeps this from being proven, each with what to do next ("": as for the one after)."""
    battery = found.battery
    if battery.is_enforced:
        by_way: dict[str, list[str]] = {}
        for role, way in battery.failures:
            outcome = way.outcomes[role]
            said = "REACHED" if outcome == "reached" else f"not refused as it should be ({outcome})"
            by_way.setdefault(f"{way.name}: {said}", []).append(_TITLES[role])
        problems = [f"{what} by {_listed(roles)}" for what, roles in by_way.items()]
        unproven = {role.reason for role in battery.roles.values() if role.state == "unproven"}
        problems += sorted(unproven)
        for problem in problems:
            is_last = problem == problems[-1]
            yield problem, "report it as SECURITY.md says, please" if is_last else ""
    if found.census.unlocked:
        pids = _listed([str(one.pid) for one in found.census.unlocked])
        yield f"running without the filter: {pids}", "restart your editor"
    if found.audit_problem:
        yield "the audit log is not whole", "indoors audit verify"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _why_not(battery: Battery) -> str:
    reasons = [role.reason for role in battery.roles.values()]
    return (
        reasons[0] if reasons else "this system has no lock-down that was tested (docs/privacy.md)"
    )


def _proven(battery: Battery) -> str:
    n_refused = sum(set(way.verdicts.values()) == {"refused"} for way in battery.tried)
    return (
        f"PROVEN here and now: {n_refused} ways out that open without the lock-down are refused "
        "under it to server, worker and indexer alike."
    )


def _not_shown(battery: Battery) -> str:
    """The lines of which some attempts prove nothing, how many, and why."""
    said = []
    for _, names in GROUPS:
        for name in names:
            tried = [way for way in battery.tried if way.line == name]
            missing = [way for way in tried if "not shown" in way.verdicts.values()]
            if missing:
                count = f"{len(missing)} of {len(tried)}: " if len(missing) < len(tried) else ""
                reasons = dict.fromkeys(map(_why_not_shown, missing))
                said.append(f"{name} ({count}{', '.join(reasons)})")
    return f"Not shown here: {'; '.join(said)}." if said else ""


def _why_not_shown(way: Tried) -> str:
    outcomes = [way.control, *way.outcomes.values()]
    for outcome in outcomes:
        if outcome.startswith(UNTRIED):
            return outcome.removeprefix(UNTRIED)
    return f"{way.control} without the lock-down too"


def _not_restricted(battery: Battery) -> str:
    by_roles: dict[str, list[str]] = {}
    for claim, what in (("read", "read your files"), ("write", "write where you can")):
        free = [_TITLES[role] for role in ROLES if claim not in battery.roles[role].claims]
        if free:
            by_roles.setdefault(_listed(free), []).append(what)
    if not by_roles:
        return ""
    without = "" if any(r.landlock for r in battery.roles.values()) else " (no Landlock here)"
    said = [f"{roles} may {' and '.join(what)}" for roles, what in by_roles.items()]
    return f"Not restricted{without}: {'; '.join(said)}."


def _folded(text: str, label: str | None = None, width: int = _LABEL) -> list[str]:
    columns = min(_MAX_COLUMNS, shutil.get_terminal_size().columns)
    first = "" if label is None else f"{label:<{width}}"
    return textwrap.wrap(
        screen.clean(text), max(columns, 40), initial_indent=first,
        subsequent_indent=" " * len(first), break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
