"""Tubes: what vessels are made of, and where aneurysms may sit on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtk_monai.phantom.head.curves import tangents


@dataclass(frozen=True)
class Tube:
    """A vessel, in mm of the head.

    Args:
        name: of the artery or vein, as in the template; ``branch`` beyond it.
        points: (N, 3) of its centerline.
        radii: (N,) mm.
        flow: (N,) share of the signal of fresh, fast blood.
    """

    name: str
    points: NDArray
    radii: NDArray
    flow: NDArray

    def nearest(self, point: NDArray) -> int:
        """Index of the point of the centerline that is nearest to one."""
        return int(np.linalg.norm(self.points - point, axis=1).argmin())


@dataclass(frozen=True)
class Site:
    """A place on an artery where an aneurysm may grow.

    Args:
        name: as in ``SITES``.
        kind: ``bifurcation`` or ``sidewall``.
        point: (3,) on the centerline, mm.
        direction: (3,) unit vector away from the artery.
        radius: of the parent artery there, mm.
    """

    name: str
    kind: str
    point: NDArray
    direction: NDArray
    radius: float


@dataclass(frozen=True)
class LookAlike:
    """What may be taken for an aneurysm and is none.

    Args:
        kind: ``infundibulum``, ``loop``, ``junction`` or ``stump``.
        name: of the artery.
        point: (3,) its center, mm.
        diameter: of its widest part, mm.
    """

    kind: str
    name: str
    point: NDArray
    diameter: float


SITES = {
    "mca_bifurcation": 32.0,
    "acom": 16.0,
    "ica_pcom": 15.0,
    "ica_paraclinoid": 10.0,
    "ica_terminus": 5.0,
    "ica_cavernous": 4.0,
    "basilar_tip": 5.0,
    "basilar_sca": 2.0,
    "va_pica": 2.5,
    "vertebrobasilar": 1.0,
    "pericallosal": 3.5,
    "m1": 3.0,
    "a1": 1.5,
    "pca": 2.0,
    "distal": 4.0,
}
"""Weights of sites; of 6,697 unruptured aneurysms 36 % were on the MCA and 34 % on the ICA (UCAS Japan, N Engl J Med 2012;366:2474)."""


def end_site(name: str, tube: Tube) -> Site:
    """At the end of a tube that divides there."""
    return Site(name, "bifurcation", tube.points[-1], tangents(tube.points)[-1], float(tube.radii[-3]))
