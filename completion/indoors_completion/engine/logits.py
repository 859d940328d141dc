"""Choosing the next token, with its exact log-probability over the whole vocabulary.

llama.cpp's own samplers do the arithmetic on an array of candidates; Python only copies the logits
into it, with one strided slice. Measured for 152k words: 0.46 ms to copy, 0.08 ms for the maximum,
1.0 ms for the softmax. Pure Python would need some 60 ms.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any


class Sampler:
    """Samplers and the array of candidates of one model. One thread only."""

    def __init__(self, api: Any, n_vocab: int) -> None:  # noqa: ANN401 - the ctypes module
        self._api = api
        self._n_vocab = n_vocab
        self._candidates = (api.llama_token_data * n_vocab)()
        # (id, logit, p), 4 bytes each: every third number of the array is a logit.
        numbers = memoryview(self._candidates).cast("B")
        # The samplers used here never reorder candidates, so the ids are written once.
        ids = memoryview((ctypes.c_int32 * n_vocab)(*range(n_vocab))).cast("B").cast("i")
        numbers.cast("i")[0::3] = ids
        self._logits = numbers.cast("f")[1::3]
        self._row = ctypes.POINTER(ctypes.c_float * n_vocab)
        self._greedy = api.llama_sampler_init_greedy()
        self._softmax = api.llama_sampler_init_dist(0)

    def choose(self, logits: Any, chain: Any | None) -> tuple[int, float]:  # noqa: ANN401
        """The token and its log-probability at temperature 1; `chain` None takes the likeliest."""
        row = ctypes.cast(logits, self._row).contents
        self._logits[:] = memoryview(row).cast("B").cast("f")
        array = self._api.llama_token_data_array(
            data=ctypes.cast(self._candidates, self._api.llama_token_data_p),
            size=self._n_vocab,
            selected=-1,
            sorted=False,
        )
        reference = ctypes.byref(array)
        self._api.llama_sampler_apply(self._softmax, reference)
        if chain is None:
            self._api.llama_sampler_apply(self._greedy, reference)
            chosen = array.data[array.selected]
            return int(chosen.id), _log(chosen.p)
        # The chain rescales in place, so the normalizer is taken first, from the likeliest
        # candidate: log p = logit - log sum exp for every one of them.
        self._api.llama_sampler_apply(self._greedy, reference)
        best = array.data[array.selected]
        normalizer = best.logit - _log(best.p)
        self._api.llama_sampler_apply(chain, reference)
        token = int(array.data[array.selected].id)
        return token, min(0.0, float(row[token]) - normalizer)

    def chain(self, temperature: float, seed: int) -> Any:  # noqa: ANN401 - a ctypes handle
        """A sampler for a temperature above 0; `free` it after the answer."""
        api = self._api
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_temp(temperature))
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_dist(seed & 0xFFFFFFFF))
        return chain

    def free(self, chain: Any) -> None:  # noqa: ANN401 - a ctypes handle
        """Free a chain."""
        self._api.llama_sampler_free(chain)

    def close(self) -> None:
        """Free the samplers."""
        self.free(self._greedy)
        self.free(self._softmax)


def _log(p: float) -> float:
    # A float32 probability may underflow to 0; the smallest float32 stands for it.
    return min(0.0, math.log(max(p, 1.2e-38)))
