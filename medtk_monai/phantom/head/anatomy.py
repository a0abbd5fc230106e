"""One head: its arteries, veins and shapes, as a function of random numbers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.arteries import draw_arteries
from medtk_monai.phantom.head.curves import draw_warp
from medtk_monai.phantom.head.growth import grow_branches
from medtk_monai.phantom.head.shapes import Shapes, draw_shapes
from medtk_monai.phantom.head.tubes import LookAlike, Site, Tube
from medtk_monai.phantom.head.veins import draw_veins


@dataclass(frozen=True)
class Head:
    """The anatomy that a scan is made of.

    Args:
        arteries: named ones first, then their branches.
        veins: sinuses and veins.
        sites: where aneurysms may grow.
        look_alikes: what resembles one.
        shapes: of brain, skull, sinuses and so on.
    """

    arteries: list[Tube]
    veins: list[Tube]
    sites: list[Site]
    look_alikes: list[LookAlike]
    shapes: Shapes


def draw_head(rng: Generator) -> Head:
    """A head of random size, shape and variants."""
    warp = draw_warp(rng)
    shapes = draw_shapes(rng, warp.scales)
    arteries = draw_arteries(rng, warp)

    def level(points: NDArray) -> NDArray:
        return shapes.level("brain", points.astype(np.float32), blend=6.0)

    branches, distal = grow_branches(rng, arteries, level)
    veins = draw_veins(rng, warp)
    return Head([*arteries.tubes.values(), *branches], veins, arteries.sites + distal, arteries.look_alikes, shapes)
