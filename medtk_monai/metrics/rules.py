"""How evaluations count: the hit rule, who may find what, and how a FROC curve is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from medtk_monai.metrics.froc import STANDARD_FP_PER_CASE
from medtk_monai.metrics.hits import CenterDistanceHit, CenterInBoxHit, Hit, IoUHit, RadiusHit
from medtk_monai.metrics.matching import ONE_TO_ONE, Pairing
from medtk_monai.metrics.weighted import Interpolation

_MANY_TO_ONE = Pairing("each_object", "set_aside")


@dataclass(frozen=True)
class Rules:
    """How an evaluation counts.

    Args:
        hit: the hit rule, of boxes in mm; None for a point in the object's mask, which is another in each case.
        pairing: who may find what.
        interpolation: of FROC curves between operating points.
        fp_per_case: where FROC curves are read off; their mean is that of these sensitivities.
        beta: of the F-score; 2 weighs sensitivity more than precision.
    """

    hit: Hit | None = IoUHit(0.1)
    pairing: Pairing = ONE_TO_ONE
    interpolation: Interpolation = "step"
    fp_per_case: tuple[float, ...] = STANDARD_FP_PER_CASE
    beta: float = 1.0

    @property
    def hit_name(self) -> str:
        """Of the hit rule, in result files."""
        return "center in mask" if self.hit is None else self.hit.name


PRESETS = {
    "medtk": Rules(),
    "nndetection": Rules(),
    "luna16": Rules(RadiusHit(), _MANY_TO_ONE, "linear"),
    "adam": Rules(RadiusHit(), _MANY_TO_ONE),
    "cada": Rules(None, _MANY_TO_ONE, beta=2.0),
    "picai": Rules(IoUHit(0.1), Pairing("optimal", "set_aside")),
}
"""The rules of known evaluations. nnDetection (Baumgartner et al., MICCAI 2021) counts as we do: IoU of 0.1, one to one. LUNA16 (Setio et
al., Medical Image Analysis 2017) and ADAM (Timmins et al., NeuroImage 2021) ask for the center within the lesion's radius, CADA (Ivantsits
et al., Medical Image Analysis 2022) for a point in its mask; further hits of a lesion count neither way. PI-CAI (Saha et al., Lancet
Oncology 2024) finds as many lesions as possible by IoU of 0.1, and sets further hits aside."""


def parse_rules(text: str) -> Rules:
    """The rules that a word names: a preset, or a hit rule with our usual ones: iou:0.1, center, distance:5 (mm), radius, radius:1.5, mask.

    Raises:
        ValueError: the word is not known, or its number is out of range.
    """
    if text in PRESETS:
        return PRESETS[text]
    name, _, number = text.partition(":")
    if name not in _HITS:
        raise ValueError(f"{text!r} is no hit rule: choose from {', '.join(PRESETS)}, {', '.join(_HITS)}")
    try:
        values = [float(number)] if number else []
        return replace(PRESETS["medtk"], hit=_HITS[name](*values))
    except TypeError as error:
        raise ValueError(f"{text!r}: {name} takes {'a number, as distance:5' if name == 'distance' else 'no number'}") from error


_HITS: dict[str, Callable[..., Hit | None]] = {
    "iou": IoUHit,
    "center": CenterInBoxHit,
    "distance": CenterDistanceHit,
    "radius": RadiusHit,
    "mask": lambda: None,
}
