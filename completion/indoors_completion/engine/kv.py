"""What the KV cache holds: slots (open documents) as sequences of one unified cache.

Only bookkeeping: which tokens each sequence holds, what of a new prompt is already there, and who
must leave when cells run out. llama.cpp is reached through the small `Memory` protocol.

One sequence more than there are slots stays free (`SlotCache.spare_seq`), where a suffix can be
parked while tokens are inserted before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Memory(Protocol):
    """The operations of llama.cpp's memory that the bookkeeping needs. Positions are 0-based."""

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        """Remove positions [start, end) of a sequence (end -1: to its end); False if impossible."""
        ...

    def pos_min(self, seq: int) -> int:
        """The first position held, -1 if the sequence is empty."""
        ...

    def pos_max(self, seq: int) -> int:
        """The last position held, -1 if the sequence is empty."""
        ...


class Lease(msgspec.Struct, frozen=True):
    """A sequence that holds the first `n_reused` tokens of the prompt and nothing after them."""

    seq: int
    n_reused: int


class _Slot:
    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.tokens: list[int] = []


class SlotCache:
    """Slots in a cache of `n_cells` cells, least recently used first to go."""

    def __init__(self, memory: Memory, n_slots: int, n_cells: int) -> None:
        self._memory = memory
        self._n_cells = n_cells
        self._free = list(range(n_slots - 1, -1, -1))
        self._slots: dict[str, _Slot] = {}  # in order of use, oldest first
        self.spare_seq = n_slots

    @property
    def n_cells_used(self) -> int:
        """Cells that hold a token."""
        return sum(len(slot.tokens) for slot in self._slots.values())

    def tokens(self, name: str) -> tuple[int, ...]:
        """What the slot holds, in order; empty for an unknown slot."""
        slot = self._slots.get(name)
        return tuple(slot.tokens) if slot else ()

    def acquire(self, name: str, prompt: Sequence[int], n_room: int) -> Lease:
        """Make the slot hold the longest possible prefix of `prompt`, with room to go on.

        At least the prompt's last token is left to evaluate, because its logits are wanted.
        `n_room` further cells are kept free for the answer. The caller has made sure that
        `len(prompt) + n_room` is at most the number of cells.
        """
        slot = self._slots.pop(name, None) or _Slot(self._take_sequence())
        self._slots[name] = slot
        keep = min(common_prefix(slot.tokens, prompt), len(prompt) - 1)
        self._cut(slot, keep)
        self.make_room(name, len(prompt) - len(slot.tokens) + n_room)
        return Lease(slot.seq, len(slot.tokens))

    def extend(self, name: str, tokens: Sequence[int]) -> None:
        """Record tokens that were evaluated after those held."""
        self._slots[name].tokens.extend(tokens)

    def settle(self, name: str) -> None:
        """After an aborted evaluation: drop what the record and the memory do not both hold."""
        slot = self._slots[name]
        self._cut(slot, min(len(slot.tokens), self._memory.pos_max(slot.seq) + 1))

    def make_room(self, name: str, n_cells: int) -> bool:
        """Evict other slots, oldest first, until `n_cells` are free; whether that was reached."""
        for other in list(self._slots):
            if self._n_cells - self.n_cells_used >= n_cells:
                break
            if other != name:
                self.forget(other)
        return self._n_cells - self.n_cells_used >= n_cells

    def forget(self, name: str) -> None:
        """Empty a slot and give its sequence back."""
        slot = self._slots.pop(name, None)
        if slot is not None:
            self._memory.seq_rm(slot.seq, -1, -1)
            self._free.append(slot.seq)

    def forget_others(self, name: str) -> None:
        """Empty all slots but one."""
        for other in list(self._slots):
            if other != name:
                self.forget(other)

    def _take_sequence(self) -> int:
        if not self._free:
            self.forget(next(iter(self._slots)))
        return self._free.pop()

    def _cut(self, slot: _Slot, keep: int) -> None:
        """Hold exactly the first `keep` tokens, or nothing where the memory cannot be cut.

        A recurrent or hybrid memory refuses the cut, and a sliding window may have dropped the
        beginning; both then start again from an empty sequence.
        """
        memory, seq = self._memory, slot.seq
        if keep > 0:
            cut = memory.seq_rm(seq, keep, -1)
            if cut and memory.pos_max(seq) == keep - 1 and memory.pos_min(seq) == 0:
                del slot.tokens[keep:]
                return
        memory.seq_rm(seq, -1, -1)
        slot.tokens.clear()


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """The length of the longest common prefix."""
    limit = min(len(a), len(b))
    for index in range(limit):
        if a[index] != b[index]:
            return index
    return limit
