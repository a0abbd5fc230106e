"""What fills a head beside arteries, in the values of a modality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.anatomy import Head
from medtk_monai.phantom.head.texture import draw_lattice, texture
from medtk_monai.phantom.head.vessel_map import VesselMap
from medtk_monai.phantom.head.view import View, head_points, resampled

FINE, COARSE = 0.9, 2.7
"""Steps of the lattices of tissue and of the shapes behind it, mm."""
Contrast = dict[str, float]
"""Values of gray, white, fluid, muscle, fat, bone, marrow, air, skin, eye, mucosa, plexus and vein."""


@dataclass(frozen=True)
class Tissue:
    """Tissue on a lattice.

    Args:
        view: of the lattice.
        values: in those of the contrast.
        brain: mm outside of the brain, negative within.
        bone: 0 to 1.
    """

    view: View
    values: NDArray[np.float32]
    brain: NDArray[np.float32]
    bone: NDArray[np.float32]


def draw_tissue(rng: Generator, head: Head, view: View, contrast: Contrast) -> Tissue:
    """Brain with furrows and ventricles, skull, scalp, orbits, sinuses and skull base, and veins, around and in a view."""
    fine, coarse = view.lattice(FINE, 2.0), view.lattice(COARSE, 8.0)
    points = head_points(coarse)
    lattices = [draw_lattice(rng) for _ in range(4)]
    soft = {name: head.shapes.level(name, points, 6.0 if name in ("brain", "face") else 2.0) for name in _NAMES}
    levels = {name: resampled(values, coarse, fine) for name, values in soft.items()}
    rough = texture(lattices[0], fine, 4.0)
    slow = texture(lattices[1], fine, 14.0)
    folds = np.abs(texture(lattices[2], fine, 8.5) + 0.35 * texture(lattices[3], fine, 4.2))
    values, bone = _outer(levels, contrast, rough, slow, head.shapes.depths)
    brain = levels["brain"] + 0.6 * slow
    inner = _brain(brain, levels, folds, rough, contrast)
    values = _mix(values, inner, _inside(brain - 2.5))
    values, bone = _base(values, bone, levels, brain, rough, contrast)
    values = values * (1 + 0.04 * rough + 0.04 * slow) if contrast["air"] >= 0 else values + 4 * rough + 3 * slow
    veins = VesselMap(fine, 1.0)
    veins.add_tubes(head.veins)
    return Tissue(fine, _mix(values, contrast["vein"] * veins.flow, _inside(veins.distance, 0.5)), brain, bone)


_NAMES = ("brain", "face", "ventricles", "cisterns", "air", "bone", "marrow", "orbits", "eyes", "fat", "plexus")


def _brain(brain: NDArray, levels: dict[str, NDArray], folds: NDArray, rough: NDArray, contrast: Contrast) -> NDArray:
    """White matter under folded gray matter, spinal fluid in furrows, cisterns and ventricles."""
    depth = np.clip(-brain / 16, 0, 1)
    furrow = folds - (0.3 - 0.34 * depth)
    ribbon = np.minimum(folds - (0.85 - 0.5 * depth), 0.15 * (-3.0 - brain))
    values = _mix(np.float32(contrast["white"]), np.float32(contrast["gray"]), _inside(ribbon, 0.12))
    values = _mix(values, np.float32(contrast["fluid"]), _inside(furrow, 0.15))
    fluid = np.minimum(np.minimum(levels["ventricles"], levels["cisterns"] + 0.8 * rough), -1.0 - brain)
    return _mix(values, np.float32(contrast["fluid"]), _inside(fluid))


def _outer(levels: dict, contrast: Contrast, rough: NDArray, slow: NDArray, depths: tuple[float, float]) -> tuple[NDArray, NDArray]:
    """Skin, fat, muscle and skull around the brain: values, and the share of bone."""
    skull, scalp = depths
    brain = levels["brain"] + 0.6 * slow
    outline = np.minimum(brain - (2.5 + skull + scalp), levels["face"] + 0.8 * slow)
    muscle = np.float32(contrast["muscle"]) * (1 + 0.12 * rough)
    planes = _inside(0.75 - np.abs(slow + 0.6 * rough), 0.2)
    values = _mix(muscle, np.float32(contrast["fat"]) * (1 + 0.1 * rough), planes)
    values = _mix(values, np.float32(contrast["fat"]) * (1 + 0.15 * slow), _inside(-outline - scalp + 1.0 * rough))
    values = _mix(values, np.float32(contrast["skin"]), _inside(-outline - 1.6))
    vault = np.abs(brain - 2.5 - skull / 2) - skull / 2
    bone = _inside(vault) * _inside(outline + 2)
    values = _mix(values, np.float32(contrast["bone"]), bone)
    values = _mix(values, np.float32(contrast["marrow"]) * (1 + 0.2 * rough), _inside(vault + skull * 0.33) * bone)
    return _mix(values, np.float32(contrast["air"]), _inside(-outline, 0.6)), bone * _inside(outline)


def _base(values: NDArray, bone: NDArray, levels: dict, brain: NDArray, rough: NDArray, contrast: Contrast) -> tuple[NDArray, NDArray]:
    """Skull base, orbits, sinuses and what lies beside the pituitary gland."""
    outside = _inside(0.5 - brain)
    values = _mix(values, np.float32(contrast["fat"]), _inside(levels["fat"] + 2 * rough) * outside)
    orbit = _inside(levels["orbits"]) * outside
    values = _mix(values, np.float32(contrast["fat"]) * (1 + 0.1 * rough), orbit)
    values = _mix(values, np.float32(contrast["muscle"]), orbit * _inside(0.9 - np.abs(rough), 0.1))
    values = _mix(values, np.float32(contrast["eye"]), _inside(levels["eyes"]))
    hard = _inside(levels["bone"] + 1.2 * rough) * outside
    values, bone = _mix(values, np.float32(contrast["bone"]), hard), np.maximum(bone, hard)
    values = _mix(values, np.float32(contrast["marrow"]) * (1 + 0.15 * rough), _inside(levels["marrow"] + 0.8 * rough))
    air = levels["air"] + 1.0 * rough
    values = _mix(values, np.float32(contrast["mucosa"]), _inside(np.abs(air - 0.5) - 0.8) * outside)
    gas = _inside(air) * outside
    values = _mix(values, np.float32(contrast["air"]), gas)
    return _mix(values, np.float32(contrast["plexus"]), _inside(levels["plexus"] + 0.5 * rough)), bone * (1 - gas)


def _inside(level: NDArray, width: float = 0.7) -> NDArray[np.float32]:
    """1 where a level is below ``-width``, 0 above ``width``, a ramp between."""
    return np.clip(np.float32(0.5) - level * np.float32(0.5 / width), 0, 1)


def _mix(below: NDArray | np.floating, above: NDArray | np.floating, share: NDArray) -> NDArray:
    return below + (above - below) * share
