"""Images that are unlike the others of their data set: axes, channels, spacing, size and orientation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import nibabel as nib
import numpy as np

from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examined import Examined, ImageFacts
from medtk_monai.doctor.faults import Fault
from medtk_monai.doctor.set_checks import ratio_to_median, usual
from medtk_monai.transforms.scan_facts import grid_facts

_FACTORS = {"spacing": 2.5, "size": 4.0}
"""By which an image may differ from the median one along any axis."""
_FEWEST = 4
"""Images from which there is a usual one."""
_OBLIQUE_DEGREES = 1.0
Pair = tuple[Entry, ImageFacts]


def check_grids(entries: Sequence[Entry], scans: Sequence[Examined], dims: int | None, num_channels: int | None) -> Iterator[Fault]:
    """What makes single images differ from the rest.

    Args:
        dims: spatial axes that images shall have; None for what most have.
        num_channels: channels that images shall have; None for what most have.
    """
    pairs = [(entry, scan.image) for entry, scan in zip(entries, scans) if scan.image is not None]
    if not pairs:
        return
    wanted = dims or usual([entry.boxes.shape[1] // 2 for entry, _ in pairs if len(entry.boxes)] or [len(image.size) for _, image in pairs])
    for entry, image in pairs:
        if len(image.size) != wanted:
            what = f"the image has {len(image.size)} spatial axes {image.size}, not {wanted}"
            yield Fault("wrong_dimensions", what, "convert the image, or remove the case", **entry.place, file=entry.image)
    alike = [(entry, image) for entry, image in pairs if len(image.size) == wanted]
    yield from _check_channels(alike, num_channels)
    placed = [(entry, image) for entry, image in alike if image.usable_affine]
    yield from _check_outliers(placed)
    if wanted == 3:
        yield from _check_orientations(placed)


def _check_channels(pairs: Sequence[Pair], num_channels: int | None) -> Iterator[Fault]:
    counted = [(entry, image) for entry, image in pairs if image.channels]
    wanted = num_channels or (usual([image.channels for _, image in counted]) if counted else 0)
    for entry, image in counted:
        if image.channels != wanted:
            what = f"the image has {image.channels} channels, not {wanted}"
            remedy = "choose one volume of a 4D file, turn colors to gray or gray to RGB as the others are, or say --num_channels"
            yield Fault("wrong_channels", what, remedy, **entry.place, file=entry.image)


def _check_outliers(pairs: Sequence[Pair]) -> Iterator[Fault]:
    if len(pairs) < _FEWEST:
        return
    facts = [grid_facts(image.affine, image.size) for _, image in pairs]
    remedies = {"spacing": "check the header, or leave the case out", "size": "check that it is the same kind of scan"}
    for number, (name, unit) in enumerate((("spacing", "mm"), ("size", "voxels"))):
        values = np.array([fact[number] for fact in facts], dtype=np.float64)
        middle = _shown(np.median(values, axis=0))
        for i in np.flatnonzero(ratio_to_median(values) > _FACTORS[name]).tolist():
            entry, what = pairs[i][0], f"{name} {_shown(values[i])} {unit}, median {middle}"
            yield Fault(f"{name}_outlier", what, remedies[name], **entry.place, file=entry.image)


def _check_orientations(pairs: Sequence[Pair]) -> Iterator[Fault]:
    """Notes for the whole set: images are turned to common axes before they are used, but other tools may not do that."""
    codes = Counter("".join(map(str, nib.orientations.aff2axcodes(image.affine))) for _, image in pairs)  # type: ignore[attr-defined]
    if len(codes) > 1:
        told = ", ".join(f"{code} ({count})" for code, count in codes.most_common())
        yield Fault("mixed_orientations", f"voxel axes point in different directions: {told}", "none: images are turned alike when loaded")
    angles = {entry.case_id: _obliqueness(image.affine) for entry, image in pairs}
    oblique = [case for case, angle in angles.items() if angle > _OBLIQUE_DEGREES]
    if oblique:
        what = f"{len(oblique)} of {len(pairs)} images are oblique, by up to {max(angles.values()):.0f} degrees: {', '.join(oblique[:3])}"
        yield Fault("oblique_images", what, 'none; boxes along the scan\'s own axes need its "direction"')


def _obliqueness(affine: np.ndarray) -> float:
    """The largest angle, degrees, between an axis and the world axis nearest to it."""
    return float(np.degrees(nib.affines.obliquity(affine)).max())  # type: ignore[attr-defined]


def _shown(values: np.ndarray) -> str:
    return " x ".join(f"{value:.4g}" for value in values.tolist())
