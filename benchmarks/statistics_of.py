"""Bounds on shares, without a statistics library."""

from __future__ import annotations

import math


def upper_bound(count: int, n: int, confidence: float = 0.975) -> float:
    """The upper end of the two-sided 95 % interval of a share, in percent (100 without trials).

    The share at which `count` or fewer in `n` would be seen with probability 1 - `confidence`.
    Clopper and Pearson, Biometrika 26 (1934).
    """
    if n == 0 or count >= n:
        return 100.0
    low, high = count / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(count, n, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return round(100 * high, 3)


def _at_most(count: int, n: int, share: float) -> float:
    """The probability of at most `count` in `n` (binomial)."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(share)
        + (n - k) * math.log1p(-share)
        for k in range(count + 1)
    ]
    top = max(logs)
    return math.exp(top) * sum(math.exp(value - top) for value in logs)
