"""One scan of a simulated head, as a function of its seed and index only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head import background as backgrounds
from medtk_monai.phantom.head import ct_chain, mr_chain
from medtk_monai.phantom.head.anatomy import Head, draw_head
from medtk_monai.phantom.head.lesions import Lesion, Room, draw_diameter, place_lesion, rank_sites
from medtk_monai.phantom.head.protocols import CROP, Protocol, crop_around, draw_protocol
from medtk_monai.phantom.head.tissue import Tissue, draw_tissue
from medtk_monai.phantom.head.tubes import Site
from medtk_monai.phantom.head.vessel_map import VesselMap
from medtk_monai.phantom.head.view import View, resampled

PAD = 5
"""Voxels around a crop that are scanned and cut off, as k-space has no borders."""


@dataclass(frozen=True)
class HeadCase:
    """A simulated angiogram of a head.

    Args:
        image: int16 scanner values, (X, Y, Z).
        label_map: uint8, the number of the aneurysm from 1 that a voxel belongs to, 0 elsewhere.
        lumen: bool, all voxels in arteries or aneurysms.
        affine: (4, 4), voxel centers -> world mm.
        aneurysms: for each one ``diameter_mm``, ``neck_mm``, ``site``, ``place``, ``irregular`` and ``thrombosed``.
        look_alikes: for each one ``kind``, ``artery``, ``diameter_mm`` and ``center``, world mm.
        scan: ``modality`` and ``background``.
    """

    image: NDArray[np.int16]
    label_map: NDArray[np.uint8]
    lumen: NDArray[np.bool_]
    affine: NDArray[np.float64]
    aneurysms: list[dict[str, Any]]
    look_alikes: list[dict[str, Any]]
    scan: dict[str, str]

    @property
    def facts(self) -> dict[str, Any]:
        """What a datalist says of the case."""
        return {"aneurysms": self.aneurysms, "look_alikes": self.look_alikes, "scan": self.scan}


def make_head_case(
    seed: int,
    index: int,
    diseased: bool | None = None,
    shape: tuple[int, ...] | None = None,
    modality: str | None = None,
    background: str | None = None,
    size: str = "crop",
    spacing: tuple[float, float] | None = None,
) -> HeadCase:
    """Simulates a scan of a head; equal arguments give equal arrays.

    Args:
        seed: of the data set, from 0.
        index: of the case, from 0.
        diseased: whether there are aneurysms; None spares every third case.
        shape: voxels; None takes what ``size`` says.
        modality: ``tof`` or ``cta``; None draws one.
        background: ``whole``, ``brain`` or ``vessels``; None draws one.
        size: ``crop``, or ``slab`` for all that a scanner images, or ``mixed`` for a slab in one case of four.
        spacing: mm in plane and across; None draws those of a protocol.
    """
    anatomy, plan, disease, scanner = np.random.default_rng([seed, index, 7]).spawn(4)
    head, protocol = draw_head(anatomy), draw_protocol(plan, modality, background, spacing)
    wanted = int(disease.choice([1, 2, 3], p=[0.75, 0.18, 0.07])) * (index % 3 != 2 if diseased is None else diseased)
    whole = shape is None and (size == "slab" or (size == "mixed" and plan.random() < 0.25))
    sites = rank_sites(disease, [site for site in head.sites if _within(protocol.slab, site.point, 6.0)])
    view = protocol.slab if whole else _draw_crop(plan, head, protocol, sites, wanted, tuple(shape or CROP))
    vessels = VesselMap(view.padded(PAD))
    vessels.add_tubes(head.arteries)
    lesions = _place_lesions(disease, head, vessels, sites, wanted)
    image = _scan(scanner, head, protocol, vessels, lesions)
    inner = (slice(PAD, -PAD),) * 3
    label_map, clear = np.zeros(vessels.distance.shape, dtype=np.uint8), vessels.distance < 0
    for number, lesion in enumerate(lesions, start=1):
        label_map[lesion.box][lesion.mask] = number
    facts = [lesion.facts for lesion in lesions]
    scan = {"modality": protocol.modality, "background": protocol.background}
    shown = _look_alikes(head, view)
    return HeadCase(image[inner], label_map[inner].copy(), clear[inner].copy(), view.grid.affine, facts, shown, scan)


def _within(view: View, point: NDArray, margin: float) -> bool:
    return bool(view.grid.contains(view.to_grid(point), margin))


def _draw_crop(rng: Generator, head: Head, protocol: Protocol, sites: list[Site], wanted: int, shape: tuple[int, ...]) -> View:
    """Around the likeliest site where an aneurysm is wanted, else around arteries or, in one of four, anywhere."""
    if wanted and sites:
        return crop_around(rng, protocol.slab, sites[0].point, shape, 9.0)
    if rng.random() < 0.75 and sites:
        return crop_around(rng, protocol.slab, sites[rng.integers(len(sites))].point, shape, 6.0)
    extent = protocol.slab.grid.extent
    return crop_around(rng, protocol.slab, protocol.slab.to_head(extent * rng.uniform(0.15, 0.85, size=3)), shape, 6.0)


def _place_lesions(rng: Generator, head: Head, vessels: VesselMap, sites: list[Site], wanted: int) -> list[Lesion]:
    """Aneurysms at the likeliest sites in view that have room."""
    seen = [site for site in sites if _within(vessels.view, site.point, 6.0)]
    room = Room(head)
    lesions: list[Lesion] = []
    taken: list[NDArray] = []
    while seen and len(lesions) < wanted:
        site, diameter = seen.pop(0), draw_diameter(rng)
        if any(np.linalg.norm(site.point - other) < 12 for other in taken):
            continue
        largest = 5.5 * site.radius + 2.0
        for scale in (1.0, 0.75, 0.55):
            lesion = place_lesion(rng, vessels, room, site, max(min(diameter, largest) * scale, 2.3))
            if lesion is not None:
                lesions.append(lesion)
                taken.append(site.point)
                break
    return lesions


def _scan(rng: Generator, head: Head, protocol: Protocol, vessels: VesselMap, lesions: list[Lesion]) -> NDArray[np.int16]:
    """Scanner values of the padded volume."""
    view = vessels.view
    spacing = view.grid.spacing
    # Arteries pulsate while k-space is filled, and blood at their walls is slow.
    edge = rng.uniform(1.0, 1.5) if protocol.modality == "tof" else 1.0
    occupancy = np.clip(0.5 - vessels.distance / np.float32(edge * spacing.mean()), 0, 1)
    clot = np.zeros(view.grid.shape, dtype=np.float32)
    for lesion in lesions:
        np.maximum(clot[lesion.box], lesion.thrombus, out=clot[lesion.box])
    contrast = (mr_chain if protocol.modality == "tof" else ct_chain).draw_contrast(rng)
    tissue = draw_tissue(rng, head, view, contrast)
    brain = resampled(tissue.brain, tissue.view, view)
    still = _wet(resampled(tissue.values, tissue.view, view), brain, vessels, contrast["fluid"])
    if protocol.modality == "cta":
        bone = resampled(tissue.bone, tissue.view, view)
        return _finish_ct(rng, ct_chain.scan_hounsfield(rng, still, occupancy, vessels, clot, bone), protocol, vessels, tissue, brain)
    settings = mr_chain.draw_scanner(rng)
    blood = mr_chain.blood_signal(rng, vessels, settings, protocol.slab)
    blood = blood * (1 - clot) + contrast["gray"] * np.float32(rng.uniform(0.7, 1.5)) * clot
    image = mr_chain.scan_magnitude(rng, still, occupancy, blood, settings, view, protocol.slab, protocol.interpolation)
    return _finish_mr(rng, image, protocol, brain, vessels)


def _wet(still: NDArray, brain: NDArray, vessels: VesselMap, fluid: float) -> NDArray:
    """Arteries inside of the skull run in spinal fluid, the more the wider they are."""
    share = np.clip((1.6 - vessels.distance) / 0.8, 0, 1) * np.clip((2.5 - brain) / 1.5, 0, 1) * np.clip((vessels.flow - 0.6) / 0.2, 0.2, 1)
    return still + share * (np.float32(fluid) - still)


def _finish_mr(rng: Generator, image: NDArray, protocol: Protocol, brain: NDArray, vessels: VesselMap) -> NDArray[np.int16]:
    """Removes background and scales to what a scanner or a converter writes: up to some hundred, or 8 bits with bright blood cut off."""
    gain = rng.uniform(180, 900)
    if protocol.background == "brain":
        image = backgrounds.keep_brain(rng, image, brain)
    if protocol.background == "vessels":
        image = backgrounds.keep_vessels(rng, image, vessels)
        gain = 254 / max(float(np.quantile(image[image > 0], rng.uniform(0.97, 0.998))), 0.05) if image.any() else gain
    eight_bits = protocol.background == "vessels" or rng.random() < 0.2
    return np.rint(np.minimum(image * np.float32(gain), 254 if eight_bits else 4095)).astype(np.int16)


def _finish_ct(rng: Generator, image: NDArray, protocol: Protocol, vessels: VesselMap, tissue: Tissue, brain: NDArray) -> NDArray[np.int16]:
    """Hounsfield units; what is removed becomes 0 as it does in brain-extracted sets."""
    if protocol.background == "brain":
        image = backgrounds.keep_brain(rng, image, brain)
    elif protocol.background == "vessels":
        image = np.where(vessels.distance < rng.uniform(0.4, 1.5), image, 0)
    else:
        image = np.where(image < -600, np.maximum(image, -1000) + ct_chain.table_of(vessels.view, rng), image)
    return np.rint(np.clip(image, -1024, 3071)).astype(np.int16)


def _look_alikes(head: Head, view: View) -> list[dict[str, Any]]:
    grid = view.grid
    turn = grid.affine[:3, :3] / grid.spacing
    found = []
    for one in head.look_alikes:
        place = view.to_grid(one.point)
        if grid.contains(place, 0.0):
            world = turn @ (place - grid.spacing / 2) + grid.affine[:3, 3]
            found.append({"kind": one.kind, "artery": one.name, "diameter_mm": round(one.diameter, 2), "center": world.round(2).tolist()})
    return found
