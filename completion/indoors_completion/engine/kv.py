"""What the KV cache holds: slots (open documents) as sequences of one unified cache.

Only bookkeeping: which tokens each sequence holds, what of a new prompt is already there, what can
be moved, and who must leave when cells run out. llama.cpp is reached through the small `Memory`
protocol. Two sequences more than there are slots are kept: one where a suffix is parked while
tokens are put before it, and one for the *shadow* of a slot, in which the suffix is evaluated anew
in the background while the slot itself still serves keystrokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from indoors_completion.engine import splice
from indoors_completion.engine.anchor import Anchor
from indoors_completion.engine.prompt import Prompt
from indoors_completion.engine.slot import Choice, Memo, Parked, Slot
from indoors_completion.engine.splice import common_prefix

N_EXTRA_SEQUENCES = 2
# A moved suffix that is further from its prefix than this is evaluated anew even while somebody
# waits. benchmarks/splice.py publishes what staleness costs.
MAX_STALE = 64


class Memory(Protocol):
    """The operations of llama.cpp's memory that the bookkeeping needs. Positions are 0-based."""

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        """Remove positions [start, end) of a sequence (-1: open end); False if impossible."""
        ...

    def seq_cp(self, source: int, target: int, start: int, end: int) -> None:
        """Let `target` share the cells of `source` at positions [start, end) (-1: open end)."""
        ...

    def seq_add(self, seq: int, start: int, end: int, delta: int) -> None:
        """Shift positions [start, end) of a sequence by `delta`."""
        ...

    def pos_min(self, seq: int) -> int:
        """The first position held, -1 if the sequence is empty."""
        ...

    def pos_max(self, seq: int) -> int:
        """The last position held, -1 if the sequence is empty."""
        ...


class Lease(msgspec.Struct, frozen=True):
    """How to get a prompt evaluated in `slot`: evaluate the token ranges of `steps`, in order.

    With two steps, the suffix is parked: call `SlotCache.graft` between them. Without any, the
    prompt is there as a whole and its last logits are in the slot's memo. `n_reused` tokens need no
    evaluation, `n_moved` of them by being moved; `n_stale` is how stale the suffix is then.
    """

    slot: Slot
    steps: tuple[tuple[int, int], ...]
    n_reused: int
    n_moved: int = 0
    n_stale: int = 0


class SlotCache:
    """Slots in a cache of `n_cells` cells, least recently used first to go.

    `can_splice` allows suffixes to be moved and shadows to be made; it is found by trying.
    """

    def __init__(
        self, memory: Memory, n_slots: int, n_cells: int, *, can_splice: bool = True
    ) -> None:
        self._memory = memory
        self._n_cells = n_cells
        self._free = list(range(n_slots - 1, -1, -1))
        self._slots: dict[str, Slot] = {}  # in order of use, oldest first
        self._parking = n_slots
        self._spare = n_slots + 1  # the sequence of the one shadow there may be
        self.can_splice = can_splice

    @property
    def n_cells_used(self) -> int:
        """Cells that hold a token (a shadow's shared cells count twice)."""
        return sum(slot.n_cells for slot in self._slots.values())

    def tokens(self, name: str) -> tuple[int, ...]:
        """What the slot holds, in order; empty for an unknown slot."""
        slot = self._slots.get(name)
        return tuple(slot.tokens) if slot else ()

    def memo(self, name: str, prompt: Prompt) -> Memo | None:
        """The slot's last answer, if `prompt` is the prompt that it was made from."""
        slot = self._slots.get(name)
        memo = slot.memo if slot else None
        return memo if memo is not None and memo.prompt == prompt.tokens else None

    def anchor(self, name: str) -> Anchor | None:
        """The prompt that the slot holds from its start, if it was evaluated as it is."""
        slot = self._slots.get(name)
        anchor = slot.anchor if slot else None
        if slot is None or anchor is None:
            return None
        held = common_prefix(slot.tokens, anchor.prompt.tokens)
        return anchor if held == len(anchor.prompt.tokens) else None

    def _exactly(self, slot: Slot, prompt: Prompt) -> int:
        """How many tokens of `prompt` the slot holds as an exact evaluation would make them."""
        same, begins = common_prefix(slot.tokens, prompt.tokens), prompt.movable[0]
        if begins and same > begins and slot.n_stale(prompt.tokens[: begins - 1]):
            return begins
        return same

    def acquire(
        self, name: str, prompt: Prompt, n_exact: int, choices: Sequence[Choice] = ()
    ) -> Lease:
        """Make the slot hold as much of `prompt` as possible, with room for its answer.

        A suffix that is stale, or that has to be moved, is used only where an exact evaluation
        would cost more than `n_exact` tokens. `choices` are tokens after the prompt that are known
        already; what the slot holds of them stays. The caller has made sure that prompt and answer
        fit into the cache.
        """
        slot = self._slots.pop(name, None) or Slot(self._take_sequence())
        self._slots[name] = slot
        if slot.shadow is not None and self._is_ahead(slot.shadow, slot, prompt):
            self._promote(slot, slot.shadow)
        lease = self._plan(slot, prompt, n_exact, choices)
        slot.prefix_end = prompt.prefix_end
        n_missing = sum(end - start for start, end in lease.steps)
        self.make_room(name, n_missing + prompt.max_tokens)
        return lease

    def refresh(self, name: str, prompt: Prompt) -> Lease | None:
        """Get `prompt` evaluated exactly, without losing what serves keystrokes meanwhile.

        Where the slot would lose something, that happens in a shadow, which goes on where it was
        interrupted even if the prefix has grown since; `commit` puts it in the slot's place, and so
        does an `acquire` that it serves better than the slot. None if there is no room for it.
        """
        slot = self._slots.get(name)
        if slot is None or not self.can_splice or self._loses_nothing(slot, prompt):
            return self.acquire(name, prompt, len(prompt.tokens))
        n_held = len(slot.shadow.tokens) if slot.shadow is not None else 0
        n_more = max(0, len(prompt.tokens) - n_held + 1)
        if self._n_cells - self.n_cells_used < n_more:
            if self._movable(slot, prompt) == splice.NO_RUN:
                # A prefix alone is not worth another document: in place it takes less room.
                self._drop_shadow(slot)
                return self.acquire(name, prompt, len(prompt.tokens))
            if self._n_cells - slot.n_cells < n_more:
                # There never is room for both, so nobody else needs to leave for them.
                self._drop_shadow(slot)
                return None
        for other in self._slots.values():
            if other is not slot:
                self._drop_shadow(other)
        shadow = slot.shadow = slot.shadow or Slot(self._spare)
        self.make_room(name, n_more)
        n_shared = min(common_prefix(slot.tokens, prompt.tokens), prompt.prefix_end)
        return self._plan_shadow(slot, shadow, prompt, n_shared)

    def commit(self, name: str, lease: Lease) -> Slot:
        """A lease was evaluated to its end; the slot that now holds the prompt."""
        slot = self._slots[name]
        if lease.slot is slot.shadow:
            self._promote(slot, lease.slot)
        return slot

    def extend(self, slot: Slot, tokens: Sequence[int]) -> None:
        """Record tokens that were evaluated after those held."""
        slot.tokens.extend(tokens)

    def graft(self, slot: Slot) -> bool:
        """Put the parked suffix behind what the slot holds; False if the memory lost track."""
        parked, memory = slot.parked, self._memory
        if parked is None:
            return True
        start, end = parked.start, parked.start + len(parked.tokens)
        delta = len(slot.tokens) - start
        if delta:
            memory.seq_add(self._parking, start, end, delta)
        memory.seq_cp(self._parking, slot.seq, -1, -1)
        memory.seq_rm(self._parking, -1, -1)
        slot.tokens.extend(parked.tokens)
        slot.parked = None
        return memory.pos_max(slot.seq) == len(slot.tokens) - 1

    def settle(self, slot: Slot) -> None:
        """After an aborted evaluation: drop what the record and the memory do not both hold.

        A parked suffix is put back behind the tokens that were evaluated, so that it is not lost.
        """
        self.cut(slot, min(len(slot.tokens), self._memory.pos_max(slot.seq) + 1))
        if slot.parked is not None:
            start = len(slot.tokens)
            slot.suffix = (start, start + len(slot.parked.tokens))
            if not self.graft(slot):
                self.cut(slot, 0)

    def cut(self, slot: Slot, keep: int) -> None:
        """Hold exactly the first `keep` tokens, or nothing where the memory cannot be cut.

        A recurrent or hybrid memory refuses the cut, and a sliding window may have dropped the
        beginning; both then start again from an empty sequence.
        """
        memory, seq = self._memory, slot.seq
        if keep > 0:
            done = memory.seq_rm(seq, keep, -1)
            if done and memory.pos_max(seq) == keep - 1 and memory.pos_min(seq) == 0:
                del slot.tokens[keep:]
                return
        memory.seq_rm(seq, -1, -1)
        slot.tokens.clear()

    def make_room(self, name: str, n_cells: int) -> bool:
        """Free `n_cells`: other slots go first, oldest first, then the slot's own shadow."""
        for other in list(self._slots):
            if self._n_cells - self.n_cells_used >= n_cells:
                return True
            if other != name:
                self.forget(other)
        if self._n_cells - self.n_cells_used < n_cells:
            self._drop_shadow(self._slots[name])
        return self._n_cells - self.n_cells_used >= n_cells

    def forget(self, name: str) -> None:
        """Empty a slot and give its sequence back."""
        slot = self._slots.pop(name, None)
        if slot is not None:
            self._drop_shadow(slot)
            if slot.parked is not None:
                self._memory.seq_rm(self._parking, -1, -1)
            self._memory.seq_rm(slot.seq, -1, -1)
            self._free.append(slot.seq)

    def forget_others(self, name: str) -> None:
        """Empty all slots but one."""
        for other in list(self._slots):
            if other != name:
                self.forget(other)

    # --- plans --------------------------------------------------------------------------------

    def _plan(self, slot: Slot, prompt: Prompt, n_exact: int, choices: Sequence[Choice]) -> Lease:
        tokens, (begins, ends) = prompt.tokens, prompt.movable
        same = common_prefix(slot.tokens, tokens)
        prefix = tokens[: max(0, begins - 1)]
        stale = slot.n_stale(prefix) if begins and same > begins else 0
        exactly = self._exactly(slot, prompt)
        n_missing = len(tokens) - exactly
        if n_missing > n_exact and self.can_splice and begins:
            if stale and stale <= MAX_STALE and same >= ends:
                return self._keep(slot, prompt, same, choices, stale)
            run = self._movable(slot, prompt)
            start = min(same, begins - 1)
            n_moved = len(tokens) - start - run.length
            stale = slot.n_stale(prefix)
            if run.length and stale <= MAX_STALE and n_moved + splice.MIN_RUN <= n_missing:
                return self._move(slot, prompt, run, start, stale)
        if exactly <= begins:
            slot.made_after = prefix
        return self._keep(slot, prompt, exactly, choices, 0)

    def _keep(
        self, slot: Slot, prompt: Prompt, same: int, choices: Sequence[Choice], stale: int
    ) -> Lease:
        """Keep the first `same` tokens where they are, and evaluate the rest."""
        tokens = prompt.tokens
        slot.suffix = prompt.movable if prompt.movable[0] else None
        whole = same == len(tokens) and slot.memo is not None and slot.memo.prompt == tokens
        if whole:
            known = [choice.token for choice in choices]
            self.cut(slot, same + common_prefix(slot.tokens[same:], known))
            if len(slot.tokens) >= same:
                return Lease(slot, (), same, n_stale=stale)
        self.cut(slot, min(same, len(tokens) - 1))
        slot.memo = None
        held = len(slot.tokens)
        return Lease(slot, ((held, len(tokens)),), held, n_stale=stale if held else 0)

    def _movable(self, slot: Slot, prompt: Prompt) -> splice.Run:
        """What of the held suffix the prompt wants too; its last token stays to be evaluated."""
        start, end = slot.held_suffix()
        begins, ends = prompt.movable
        last = min(ends, len(prompt.tokens) - 1)
        return splice.longest_run(slot.tokens[start:end], prompt.tokens[begins:last])

    def _move(self, slot: Slot, prompt: Prompt, run: splice.Run, start: int, stale: int) -> Lease:
        """Park `run`, keep `start` tokens, and evaluate what comes before and after the run."""
        begins, _ = prompt.movable
        first, _ = slot.held_suffix()
        self._park(slot, first + run.old, run.length)
        self.cut(slot, start)
        slot.suffix, slot.memo = prompt.movable, None
        return self._two_steps(slot, prompt, begins + run.new, run.length, stale)

    def _two_steps(self, slot: Slot, prompt: Prompt, at: int, n_moved: int, stale: int) -> Lease:
        held = len(slot.tokens)
        steps = ((held, at), (at + n_moved, len(prompt.tokens)))
        return Lease(slot, steps, held + n_moved, n_moved, stale)

    def _park(self, slot: Slot, first: int, length: int) -> None:
        memory = self._memory
        memory.seq_rm(self._parking, -1, -1)
        memory.seq_cp(slot.seq, self._parking, first, first + length)
        slot.parked = Parked(slot.tokens[first : first + length], first)

    def _plan_shadow(self, slot: Slot, shadow: Slot, prompt: Prompt, n_shared: int) -> Lease:
        """Go on in the shadow: its prefix comes from the slot, or is its own where that is longer
        (the window has moved); its suffix comes from where it was.
        """
        tokens, (begins, _) = prompt.tokens, prompt.movable
        same = common_prefix(shadow.tokens, tokens)
        suffix = prompt.movable if begins else None
        prefix, shadow.prefix_end = tokens[: max(0, begins - 1)], prompt.prefix_end
        stale = shadow.n_stale(prefix)
        if begins and same > begins:
            self.cut(shadow, same)
            shadow.suffix, held = suffix, len(shadow.tokens)
            return Lease(shadow, ((held, len(tokens)),), held, n_stale=stale if held else 0)
        first, end = shadow.held_suffix()
        length = 0
        if begins and stale <= MAX_STALE:
            length = common_prefix(shadow.tokens[first:end], tokens[begins:-1])
        if length:
            self._park(shadow, first, length)
        else:
            shadow.made_after = prefix
        own = min(same, prompt.prefix_end)
        if own > n_shared:
            self.cut(shadow, own)
        if own <= n_shared or not shadow.tokens:
            memory = self._memory
            memory.seq_rm(shadow.seq, -1, -1)
            memory.seq_cp(slot.seq, shadow.seq, 0, n_shared)
            shadow.tokens[:] = tokens[:n_shared]
        shadow.suffix = suffix
        held = len(shadow.tokens)
        if not length:
            return Lease(shadow, ((held, len(tokens)),), held)
        return self._two_steps(shadow, prompt, begins, length, stale)

    def _loses_nothing(self, slot: Slot, prompt: Prompt) -> bool:
        """Whether an exact evaluation in the slot itself leaves all that could be of use."""
        begins, _ = prompt.movable
        same = common_prefix(slot.tokens, prompt.tokens)
        if begins and same > begins and slot.n_stale(prompt.tokens[: begins - 1]) == 0:
            return True
        if begins and self._movable(slot, prompt) != splice.NO_RUN:
            return False
        # The suffix is of no use, and the prefix has only grown.
        return same >= min(slot.prefix_end, len(slot.tokens), prompt.prefix_end)

    def _is_ahead(self, shadow: Slot, slot: Slot, prompt: Prompt) -> bool:
        """Whether a shadow serves a prompt better than its slot: the cursor has jumped, say."""
        held = common_prefix(slot.tokens, prompt.tokens)
        begins, _ = prompt.movable
        if begins and slot.n_stale(prompt.tokens[: begins - 1]) <= MAX_STALE:
            held += self._movable(slot, prompt).length
        return common_prefix(shadow.tokens, prompt.tokens) > held

    def _promote(self, slot: Slot, shadow: Slot) -> None:
        """Put what the shadow holds in the slot's place."""
        self._memory.seq_rm(slot.seq, -1, -1)
        self._spare, slot.seq = slot.seq, shadow.seq
        slot.tokens, slot.suffix = shadow.tokens, shadow.suffix
        slot.prefix_end = shadow.prefix_end
        slot.made_after, slot.memo, slot.shadow = shadow.made_after, None, None
        slot.anchor = None

    def _drop_shadow(self, slot: Slot) -> None:
        if slot.shadow is not None:
            self._memory.seq_rm(slot.shadow.seq, -1, -1)
            slot.shadow = None

    def _take_sequence(self) -> int:
        if not self._free:
            self.forget(next(iter(self._slots)))
        return self._free.pop()
