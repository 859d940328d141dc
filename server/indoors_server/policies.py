"""The policies in force in one server: one for each workspace folder, never wider than they were.

`policy` says what a policy is; here it is read again with the settings, and asked about files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from indoors_server import policy, policy_state
from indoors_server.policy import whole_paths
from indoors_server.policy.decision import Policy, merge
from indoors_server.policy.guard import Guard
from indoors_server.policy.table import MODES, Mode
from indoors_server.policy.verdict import ALLOWED, Verdict

Load = Callable[[Path | None, object], Policy]


class Policies:
    """Until it has read anything, what is built in counts. `lock` is the lock-down's state here.

    `on_change` is called by `fresh` where a file was changed since, and has all read again.
    """

    def __init__(
        self,
        load: Load = policy.load,
        lock: str = "",
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._load = load
        self._lock = lock
        self.model_refused: Callable[[Verdict, str], None] = lambda _verdict, _path: None
        self._on_change = on_change
        self._seen: dict[str, policy_state.State] = {}
        self._built_in = merge(())
        self._guards: dict[str, Guard] = {}

    def read(self, folders: Iterable[str], editor: object) -> list[str]:
        """Read all layers again; what is to be told. What is narrower counts from now on, what is
        wider waits for the next server.
        """
        told: list[str] = []
        for folder in dict.fromkeys(["", *folders]):
            self._seen[folder] = policy_state.state(folder)
            new = self._load(Path(folder) if folder else None, editor)
            told += map(str, new.problems)
            guard = self._guards.get(folder)
            if guard is None:
                self._guards[folder] = Guard(new)
            elif message := guard.offer(new).message:
                told.append(message)
        return list(dict.fromkeys(told))

    def of(self, folder: str) -> Policy:
        """What counts for a workspace folder, or ("") for a document in none."""
        guard = self._guards.get(folder) or self._guards.get("")
        return guard.policy if guard is not None else self._built_in

    def fresh(self, folder: str) -> Policy:
        """As `of`, with what was written since by whomever: another editor, a pull, an admin.

        Asked once for each request, since it asks the file system.
        """
        known = folder if folder in self._guards else ""
        if known in self._guards and policy_state.state(known) != self._seen.get(known):
            self._on_change()
        return self.of(folder)

    def refusal(self, folder: str, path: str) -> str:
        """Why a file may not be completed nor shown to the model; "" if it may.

        `path` is as a document has it: relative to `folder`, or absolute. A link is what it leads
        to, too: else a harmless name would open a denied file.
        """
        return self.verdict(folder, path).reason

    def verdict(self, folder: str, path: str) -> Verdict:
        """As `refusal`, with the key that decided."""
        verdict = self.verdict_by_name(folder, path)
        if not verdict:
            return verdict
        *_, real = names_of(folder, path)
        return verdict if real == path else self.verdict_by_name(folder, real)

    def verdict_by_name(self, folder: str, path: str) -> Verdict:
        """As `verdict`, for what is no file on the disk: no link is followed."""
        if why := self.unproven(folder):
            return Verdict(allowed=False, reason=why, key="unproven")
        return self.of(folder).may_complete(path) and whole_paths.may_show(folder, path)

    @property
    def mode(self) -> Mode:
        """The widest mode of all folders: how far code of any of them may go at most."""
        modes: list[Mode] = [guard.policy.mode for guard in self._guards.values()]
        return max(modes or [self._built_in.mode], key=MODES.index)

    @property
    def strict(self) -> bool:
        """Whether the policy of any folder is strict: one engine works for all of them."""
        return any(guard.policy.strict for guard in self._guards.values())

    def may_use_model(self, path: str, *, verified: bool, licence: str) -> Verdict:
        """Whether the model at `path` may be loaded: one model answers for all folders.

        A refusal is also told to `model_refused`, in the calling thread.
        """
        for guard in self._guards.values():
            verdict = guard.policy.may_use_model(verified=verified, licence=licence)
            if not verdict:
                self.model_refused(verdict, path)
                return verdict
        return ALLOWED

    def unproven(self, folder: str) -> str:
        """Why nothing is done for a folder with a strict policy where nothing is proven; "" if all
        is well. A server whose own policy is strict does not run; a workspace may be stricter.
        """
        if self._lock != "unproven" or not self.of(folder).strict:
            return ""
        return "the policy is strict, and the lock-down is not proven here. Next: indoors doctor"

    def refuses(self, folder: str, path: str) -> bool:
        """Whether there is a `refusal`."""
        return bool(self.refusal(folder, path))

    def deny_paths(self, folders: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The patterns of what must not be indexed, by folder."""
        return {folder: self.of(folder).deny_paths for folder in folders}

    def may_index(self, folder: str) -> Verdict:
        """Whether a folder may be indexed, and its index asked."""
        if why := self.unproven(folder):
            return Verdict(allowed=False, reason=why, key="unproven")
        return self.of(folder).may_index("") and whole_paths.may_show(folder, "")


def names_of(folder: str, path: str) -> tuple[str, ...]:
    """A file as it is named and, where that is another one, as links lead to it: relative to the
    folder, or absolute where it is outside, and what is there no policy lets leave this machine.
    """
    real, inside = os.path.realpath(Path(folder, path)), os.path.realpath(folder)
    found = real
    if folder and real.startswith(inside.rstrip(os.sep) + os.sep):
        found = real[len(inside.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
    return (path,) if found == path else (path, found)
