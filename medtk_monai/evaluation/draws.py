"""How often, and how, intervals and tests draw patients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Draws:
    """Of the bootstrap, and of the permutation test.

    Args:
        count: how many; 0 for none, where no intervals are wanted.
        seed: of the random numbers.
    """

    count: int = 1000
    seed: int = 0
