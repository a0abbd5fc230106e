"""Calibers and variants of the arteries of the head, as published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

DIAMETERS = {
    "ica": (5.0, 3.7, 0.09),
    "m1": (3.1, 2.8, 0.12),
    "m2": (2.2, 1.7, 0.16),
    "a1": (2.3, 2.1, 0.18),
    "acom": (1.5, 1.5, 0.25),
    "a2": (2.2, 1.6, 0.15),
    "pcom": (1.3, 1.2, 0.2),
    "p1": (2.2, 2.1, 0.15),
    "p2": (2.1, 1.5, 0.15),
    "ba": (3.5, 3.1, 0.15),
    "va": (3.4, 2.8, 0.18),
    "sca": (1.5, 1.0, 0.15),
    "aica": (1.1, 0.8, 0.2),
    "pica": (1.5, 1.0, 0.2),
    "ophthalmic": (1.4, 0.9, 0.15),
    "choroidal": (1.0, 0.6, 0.15),
    "temporal": (1.9, 1.3, 0.15),
    "occipital": (2.0, 1.4, 0.15),
    "meningeal": (1.3, 0.9, 0.15),
    "maxillary": (2.8, 2.0, 0.12),
}
"""Mean diameter, mm, where an artery begins and where it ends, and the standard deviation as a share of it.

ICA, M1, M2: Rai et al., J Neurointerv Surg 2013;5:371 (cavernous 5.0 +- 0.6, terminus 3.6 +- 0.4, M1 3.1 +- 0.4, M2 2.4 +- 0.4 at its origin).
VA, BA: Rai et al., J Neurointerv Surg 2013;5:597 (VA 3.9 +- 0.8 to 2.8 +- 0.6, BA 3.6 +- 0.6 to 3.1 +- 0.5). A1, P1, communicating arteries:
Krabbe-Hartkamp et al., Radiology 1998;207:103. Cerebellar, ophthalmic and choroidal arteries: Rhoton, Neurosurgery 2000;47:S29, S53.
"""


@dataclass(frozen=True)
class SideVariant:
    """How the arteries of one side differ from the textbook; factors of calibers, 0 for an absent artery.

    Args:
        a1, pcom, p1, va, aica, pica: factor of that artery's caliber.
        trunks: branches at the end of M1, 2 or 3.
        m1: factor of its length; below 1 for an early bifurcation.
        scas: 1, or 2 where it is doubled.
    """

    a1: float
    pcom: float
    p1: float
    va: float
    aica: float
    pica: float
    trunks: int
    m1: float
    scas: int


def draw_variants(rng: Generator) -> tuple[SideVariant, SideVariant]:
    """Both sides. A complete circle is rare, and both communicating arteries are missing in one of four heads (Hindenes et al., PLoS ONE
    2020;15:e0241373); a posterior cerebral artery comes from the carotid wholly in 9.5 %, mostly in 15 % (Shaban et al., Stroke Res Treat
    2013:105937); at most one A1 and one vertebral artery are narrow."""
    narrow_a1, narrow_va = rng.permutation([True, False]), rng.permutation([True, False])
    a1 = rng.choice([1.0, 0.5, 0.0], p=[0.8, 0.13, 0.07])
    va = rng.choice([1.0, 0.6, 0.35], p=[0.6, 0.28, 0.12])
    communicating = rng.random()
    first, second = (_draw_side(rng, communicating, a1 if a else 1.0, va if v else 1.05) for a, v in zip(narrow_a1, narrow_va))
    return first, second


def _draw_side(rng: Generator, communicating: float, a1: float, va: float) -> SideVariant:
    level = communicating if rng.random() < 0.45 else rng.random()
    if level < 0.43:
        pcom, p1 = 0.0, 1.0
    elif level < 0.65:
        pcom, p1 = 0.6, 1.0
    elif level < 0.84:
        pcom, p1 = 1.0, 1.0
    else:
        pcom, p1 = 1.55, 0.45 if level < 0.94 else 0.0
    trunks, early = int(rng.choice([2, 3], p=[0.8, 0.2])), rng.random() < 0.15
    m1 = rng.uniform(0.5, 0.7) if early else rng.uniform(0.85, 1.1)
    aica, pica = rng.choice([1.0, 0.0], p=[0.75, 0.25]), rng.choice([1.0, 0.0], p=[0.8, 0.2])
    return SideVariant(float(a1), pcom, p1, float(va), float(aica), float(pica), trunks, float(m1), 1 + int(rng.random() < 0.1))


def draw_diameters(rng: Generator) -> dict[str, tuple[float, float]]:
    """Diameters of one side's arteries, mm, where they begin and end."""
    person = np.exp(0.05 * rng.standard_normal())
    factors = {name: person * np.exp(spread * 0.7 * rng.standard_normal()) for name, (*_, spread) in DIAMETERS.items()}
    return {name: (start * factors[name], end * factors[name]) for name, (start, end, _) in DIAMETERS.items()}
