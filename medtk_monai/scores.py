"""Scores near 1, which float32 cannot tell apart: a network that is very sure says hundreds of times 1.0, and its order would be lost.

Scores are float32. Those above ``SATURATED`` keep their order as float64, in memory and in files (to a thousandth of a logit at 30; from 37 on all are 1); all others stay
as they are in float32, whatever lies beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

SATURATED = 1 - 2**-16
"""Above it float32 has too few steps: 256 up to 1, and none for logits above 17."""


def score_and_miss(logits: Tensor, quality: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Scores of logits, float32, and what they lack to 1, which is exact where the scores are not.

    Args:
        logits: of any shape.
        quality: logits that are broadcast to it, for the geometric mean of both; None for none.
    """
    scores, miss = logits.sigmoid(), (-logits).sigmoid()
    if quality is None:
        return scores, miss
    either = miss + (-quality).sigmoid() * scores
    return (scores * quality.sigmoid()).sqrt(), either / (1 + (1 - either).clamp(min=0).sqrt())


def ranked_by(scores: Tensor, miss: Tensor) -> Tensor:
    """Float32 values of the order that scores would have if they were exact: the scores themselves, and more than 1 above ``SATURATED``."""
    return torch.where(scores > SATURATED, 1 - miss.log(), scores)


def exact_scores(scores: Tensor, exact: Tensor) -> Tensor:
    """Scores as float64: those above ``SATURATED`` are the ``exact`` ones, float64, and not below it."""
    return torch.where(scores > SATURATED, exact.clamp(min=SATURATED), scores.double())


def narrowed(scores: Tensor) -> Tensor:
    """As float32, unless that would change some."""
    single = scores.float()
    return single if bool(((single.double() == scores) | scores.isnan()).all()) else scores


def stored(scores: Tensor) -> list[float]:
    """Scores (N,) as files have them: the shortest numbers that are read as the same float32, or float64 above ``SATURATED``."""
    values = scores.detach().cpu()
    fine = values.double().tolist() if values.dtype == torch.float64 else [0.0] * len(values)
    return [exact if exact > SATURATED else float(str(score)) for exact, score in zip(fine, values.float().numpy())]


def read_scores(values: Sequence[float]) -> Tensor:
    """(N,) scores of a file: float32, or float64 where it has some above ``SATURATED``; see ``stored_score``."""
    return narrowed(torch.tensor([stored_score(value) for value in values], dtype=torch.float64))


def stored_score(value: float) -> float:
    """A score as it is compared: as float32 has it, unless it lies between ``SATURATED`` and 1."""
    return value if SATURATED < value < 1 else float(np.float32(value))
