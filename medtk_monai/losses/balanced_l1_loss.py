from __future__ import annotations

from dataclasses import dataclass
from math import expm1

import torch
from torch import Tensor

from medtk_monai.losses.box_loss import Decoder
from medtk_monai.structures import Priors


@dataclass(frozen=True)
class BalancedL1Loss:
    """L1 distance of the deltas whose gradient rises faster for small errors (Pang et al., Libra R-CNN, CVPR 2019), averaged over the 2D.

    With b = exp(gamma / alpha) - 1 the gradient is alpha ln(b x / beta + 1) for an error x below ``beta``, and gamma beyond.

    Args:
        alpha: weight of small errors, positive; less gives them more.
        gamma: gradient of large errors, positive.
        beta: error from which on the gradient is constant, in deltas.

    Raises:
        ValueError: an argument is not positive.
    """

    alpha: float = 0.5
    gamma: float = 1.5
    beta: float = 1.0

    def __post_init__(self) -> None:
        if min(self.alpha, self.gamma, self.beta) <= 0:
            raise ValueError(f"{self}: alpha, gamma and beta must be positive")

    def __call__(self, coder: Decoder, priors: Priors, deltas: Tensor, boxes: Tensor) -> Tensor:
        error = (deltas - coder.encode(priors, boxes)).abs()
        steepness = expm1(self.gamma / self.alpha)
        share = (error / self.beta).clamp(max=1)
        grown = torch.log1p(steepness * share)
        inner = self.beta * self.alpha * ((share + 1 / steepness) * grown - share)
        return (inner + self.gamma * (error - self.beta).clamp(min=0)).mean(dim=-1)
