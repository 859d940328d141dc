"""The policy that follows from all layers, where each value comes from, and the verdicts. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from indoors_indexing import denies as globs
from indoors_server.policy import hosts
from indoors_server.policy.layers import GRANTING, ORDER, Layer, LayerName, Problem
from indoors_server.policy.operators import operator_at
from indoors_server.policy.table import TABLE, Key, Mode, combine, is_within
from indoors_server.policy.verdict import ALLOWED, SendKind, Verdict

_MODE_COMMAND = "indoors policy mode"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided a key's value or, for a list, put the entry `item` in ("" is the whole key)."""

    key: str
    item: str = ""
    layer: LayerName = "default"
    file: str = ""

    @property
    def title(self) -> str:
        """How messages name this."""
        if self.layer == "default":
            return "built in"
        return f"{self.layer} {self.file}" if self.file else f"{self.layer} settings"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed. The fields up to `forbidden_licences` are the keys of `table.TABLE`.

    `problems` has what a person should hear about the layers. Lists are sorted tuples; hosts are
    in the form of `hosts.canonical`.
    """

    mode: Mode
    strict: bool
    complete: bool
    index: bool
    deny_paths: tuple[str, ...]
    onprem_hosts: tuple[str, ...]
    closed_hosts: tuple[str, ...]
    closed_monthly_requests: int
    closed_monthly_bytes: int
    allow_unverified_models: bool
    forbidden_licences: tuple[str, ...]
    origins: tuple[Origin, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """Every key's value."""
        return {key.name: getattr(self, key.name) for key in TABLE}

    @property
    def hash(self) -> str:
        """sha256, in hex, of the values as canonical JSON: equal exactly if the values are."""
        text = json.dumps(self.values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def origin(self, key: str, item: str = "") -> Origin:
        """Who decided `key`, or put `item` into its list."""
        for origin in self.origins:
            if origin.key == key and origin.item == item:
                return origin
        return Origin(key=key, item=item) if not item else self.origin(key)

    def may_index(self, path: str) -> Verdict:
        """Whether the file at `path` may be read for the index (a folder's path ends in `/`).

        Paths are relative to the workspace's top, or absolute for a file outside any. Who has a
        link asks about what it leads to.
        """
        return self._may_do("index", path, "indexed")

    def may_complete(self, path: str) -> Verdict:
        """Whether the file at `path` may be completed, and shown to the model on this machine."""
        return self._may_do("complete", path, "completed")

    def may_send(self, path: str, destination: str, kind: SendKind) -> Verdict:
        """Whether text of the file at `path` may go to `destination` (scheme://host:port).

        `path` must lie below the workspace's top. Inline completion never goes to a closed API.
        Budgets, consent and previews are not looked at here: this is one lock of several.
        """
        if not self._may_go_out:
            return self._stays("code goes nowhere", destination)
        if not globs.relative(path):
            return Verdict(allowed=False, reason=f"{path!r} is not a file of this workspace")
        if not (shown := self._may_show(path)):
            return shown
        return self._may_reach(destination, kind)

    def may_reach(self, destination: str, kind: SendKind) -> Verdict:
        """As `may_send`, for what has no text of any file."""
        if not self._may_go_out:
            return self._stays("nothing goes out", destination)
        return self._may_reach(destination, kind)

    def step_to(self, mode: str) -> str:
        """What a person does who wants this wider mode."""
        layer = self.origin("mode").layer
        if layer == "machine":
            return "ask who administers this machine: its policy decides the mode"
        if layer in GRANTING or layer == "default":
            return f"{_MODE_COMMAND} {mode}"
        return "indoors policy explain mode"

    def calls_closed(self, destination: str) -> bool:
        """Whether what is at `destination` is an API of others: the policy says so, or all know."""
        return destination in self.closed_hosts or bool(operator_at(destination))

    def may_use_model(self, *, verified: bool, licence: str) -> Verdict:
        """Whether a model may be loaded.

        `verified`: its file is the publisher's, by sha256. `licence` is an SPDX expression as the
        catalogue has it, "" if nobody knows; a forbidden part of it is enough.
        """
        if not verified and self.strict:
            return self._refuse("strict", "this model's file is not known to be its publisher's")
        if not verified and not self.allow_unverified_models:
            what = "this model's file is not known to be its publisher's"
            return self._refuse("allow_unverified_models", what)
        parts = {part.casefold() for part in [licence, *re.split(r"[\s()/]+", licence)]}
        for name in self.forbidden_licences:
            if name.casefold() in parts:
                what = f"models under {name} are not to be used"
                return self._refuse("forbidden_licences", what, name)
        return ALLOWED

    @property
    def _may_go_out(self) -> bool:
        return self.mode not in ("off", "local")

    def _may_do(self, switch: str, path: str, done: str) -> Verdict:
        if self.mode == "off":
            return self._refuse("mode", f"nothing is {done}: the policy's mode is off")
        if not getattr(self, switch):
            return self._refuse(switch, f"nothing is {done}: the policy has {switch} false")
        return self._may_show(path)

    def _may_show(self, path: str) -> Verdict:
        rule = globs.denies(self.deny_paths).match(path)
        if not rule:
            return ALLOWED
        return self._refuse("deny_paths", f"{path!r} is denied by the pattern {rule}", rule)

    def _may_reach(self, destination: str, kind: SendKind) -> Verdict:
        try:
            place = hosts.canonical(destination)
        except hosts.BadAddress as error:
            return Verdict(allowed=False, reason=f"the destination {destination!r} {error}")
        operator = operator_at(place)
        if place in self.onprem_hosts and not operator:
            return ALLOWED
        if place not in self.closed_hosts and operator:
            what = f"{place} is an API of {operator} and no engine of your own"
            return self._refuse("closed_hosts", what, step=f"indoors policy allow {place} --closed")
        if place not in self.closed_hosts:
            what = f"{place} is on no list of the policy"
            return self._refuse("onprem_hosts", what, step=f"indoors policy allow {place}")
        if self.mode != "closed":
            what = f"{place} is a closed API and the policy's mode is {self.mode}"
            return self._refuse("mode", what, step=self.step_to("closed"))
        if kind != "refactor":
            what = f"{place} is a closed API, and inline completion never goes to one"
            return self._refuse("closed_hosts", what, place)
        return ALLOWED

    def _stays(self, what: str, destination: str) -> Verdict:
        step = self.step_to("closed" if self.calls_closed(destination) else "onprem")
        return self._refuse("mode", f"the policy's mode is {self.mode}: {what}", step=step)

    def _refuse(self, key: str, what: str, rule: str = "", step: str = "") -> Verdict:
        origin = self.origin(key, rule)
        reason = f"{what} ({key}, {origin.title})" + (f". Next: {step}" if step else "")
        return Verdict(
            allowed=False,
            reason=reason,
            key=key,
            rule=rule,
            layer=origin.layer,
            file=origin.file,
        )


def merge(layers: Iterable[Layer]) -> Policy:
    """The policy of `layers`, which may come in any order: the most restrictive of everything.

    Machine and user layers grant: where one of them speaks, it and not the default counts for the
    keys marked so in the table. The result never goes beyond what any one layer says.
    """
    ordered = sorted(layers, key=lambda layer: ORDER.index(layer.name))
    values = {key.name: _effective(key, ordered) for key in TABLE}
    # A host that anybody calls closed is closed: else a layer that takes it off the closed list
    # would allow what that list forbids, inline completion.
    named = {host for layer in ordered for host in layer.values.get("closed_hosts", ())}
    values["onprem_hosts"] = tuple(h for h in values["onprem_hosts"] if h not in named)
    origins = [o for key in TABLE for o in _origins(key, values[key.name], ordered)]
    problems = [problem for layer in ordered for problem in layer.problems]
    problems += [n for layer in ordered for n in _in_vain(layer, values)]
    return Policy(**values, origins=tuple(origins), problems=tuple(problems))


def widened(new: Policy, old: Policy) -> tuple[str, ...]:
    """The keys in which `new` allows something that `old` does not."""
    return tuple(
        k.name for k in TABLE if not is_within(k, getattr(new, k.name), getattr(old, k.name))
    )


def _effective(key: Key, layers: list[Layer]) -> Any:  # noqa: ANN401 - any key's value
    said = [layer.values[key.name] for layer in layers if key.name in layer.values]
    return combine(key, said if _is_granted(key, layers) else [key.default, *said])


def _is_granted(key: Key, layers: list[Layer]) -> bool:
    """Whether the key's default gives way."""
    return key.granted and any(key.name in la.values for la in layers if la.name in GRANTING)


def _origins(key: Key, value: Any, layers: list[Layer]) -> list[Origin]:  # noqa: ANN401
    """Who decided the key first, then who put in each entry of a list."""
    speakers = [Layer(name="default", values={key.name: combine(key, [key.default])})]
    speakers = [] if _is_granted(key, layers) else speakers
    speakers += [layer for layer in layers if key.name in layer.values]
    alone = [layer for layer in speakers if layer.values[key.name] == value]
    # A list may be what no single layer has: then the last one that changed it is named.
    origins = [_origin(key, (alone or speakers[::-1])[0])]
    for item in value if isinstance(value, tuple) else ():
        first = next(layer for layer in speakers if item in layer.values[key.name])
        origins.append(_origin(key, first, item))
    return origins


def _origin(key: Key, layer: Layer, item: str = "") -> Origin:
    return Origin(key=key.name, item=item, layer=layer.name, file=layer.file)


def _in_vain(layer: Layer, values: dict[str, Any]) -> Iterable[Problem]:
    """What a layer that grants nothing asked for beyond what is allowed."""
    for key in TABLE if layer.name not in GRANTING else ():
        asked = layer.values.get(key.name)
        if not key.granted or asked is None or is_within(key, asked, values[key.name]):
            continue
        yield Problem(
            layer=layer.name,
            file=layer.file,
            key=key.name,
            what=_vain_text(asked, values[key.name]),
            next_step=_vain_step(key, asked, values[key.name]),
            severity="notice",
        )


def _vain_text(asked: Any, value: Any) -> str:  # noqa: ANN401 - any key's value
    if isinstance(asked, tuple):
        asked, value = ", ".join(sorted(set(asked) - set(value))), "the list without it"
    return f"asks for {asked}, but can only narrow: {value} counts"


def _vain_step(key: Key, asked: Any, value: Any) -> str:  # noqa: ANN401 - any key's value
    if key.kind == "mode":
        return f"if you want that, run {_MODE_COMMAND} {asked}"
    if key.kind == "hosts":
        closed = " --closed" if key.name == "closed_hosts" else ""
        host = min(set(asked) - set(value))
        return f"if you want that, run indoors policy allow {host}{closed}"
    return f"set {key.name} in your own policy.json if you want that"
