"""Bounds on shares and on paired differences, without a statistics library."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence


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


def paired_interval(
    differences: Sequence[float], seed: int = 1, resamples: int = 4000
) -> dict[str, float] | None:
    """The mean of paired differences with its 95 % percentile bootstrap interval.

    None without pairs. The same differences in the same order give the same interval. Efron and
    Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    n = len(differences)
    if n == 0:
        return None
    choose = random.Random(seed)
    means = sorted(math.fsum(choose.choices(differences, k=n)) / n for _ in range(resamples))
    return {
        "mean": round(math.fsum(differences) / n, 2),
        "low": round(means[int(0.025 * resamples)], 2),
        "high": round(means[int(0.975 * resamples) - 1], 2),
        "n": n,
    }
