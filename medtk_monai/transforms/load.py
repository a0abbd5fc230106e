"""From the files of a case to an image and boxes in the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import ResampleToMatch, Transform
from scipy.ndimage import find_objects
from torch import Tensor

from medtk_monai.box_ops import boxes_to_world, spatial_affine, transform_boxes, visible_fractions
from medtk_monai.errors import DataError
from medtk_monai.images.header import Header
from medtk_monai.images.image_file import is_degenerate, read_image, read_labels, without_flat_axes
from medtk_monai.images.label_values import LabelValues, read_values, renumbered, whole_numbers
from medtk_monai.transforms.boxes import WorldBoxes, number_chosen
from medtk_monai.transforms.scan_facts import scan_facts

ALLOW_ASSUMED = "allow_assumed"
FILE_KEYS = ("boxes", "labels", "space", "direction", "ignored", "label_map", ALLOW_ASSUMED)
"""Keys of a datalist's case that describe its objects; LoadCased replaces them."""


@dataclass(frozen=True)
class CaseObjects:
    """The objects of a case.

    Args:
        world: (N,) boxes.
        labels: (N,) int64.
        ignored: (N,) bool.
        mask: (*spatial) int32, i + 1 in the voxels of object i, and its affine (D + 1, D + 1), of a label map read without the image.
        classes: (1, *spatial) uint8 on the image's grid, the class of each voxel from 1; None unless asked for.
        region: (1, *spatial) on the label map's grid, k in the voxels of the k-th ignored object; None without image, label map, or such objects.
    """

    world: WorldBoxes
    labels: Tensor
    ignored: Tensor
    mask: tuple[np.ndarray, Tensor] | None = None
    classes: Tensor | None = None
    region: Tensor | None = None


class LoadCased(Transform):
    """Load the image of a case and read its objects as boxes in the world.

    The input is a case of a datalist, with checked fields. The output has ``image``, a float32 MetaTensor (C, *spatial);
    ``world_boxes``, WorldBoxes in RAS mm; ``labels`` (N,) int64; ``ignored`` (N,) bool; ``case_id``; ``scan_facts`` of the image as it
    was read; perhaps ``mask``; and the case's other keys, except those that begin with "image_", which MONAI's Spacingd would take for metadata. Boxes of a label map are tight around the voxels of each object, on the label map's own grid.

    Args:
        spatial_dims: 2 or 3; a file's further axes of size 1 are dropped.
        num_classes: classes read from label maps must lie in [0, num_classes); None takes any.
        num_channels: channels that each image must have (the fourth axis of a NIfTI file is read as channels); None takes any.
        label_map_kind: "instance": each mask value is an object, of the class that ``labels`` tells or of class 0;
            "class": value v is one object of class v - 1, or of the class that ``labels`` tells. In both, each connected region of values
            below 0 is an ignored object, of class 0.
        min_volume_mm3: smaller objects become ignored; the volume is that of the mask, or of the box (mm^2 in 2D).
        max_volume_mm3: larger objects become ignored; None sets no limit.
        keep_mask: give cases with a label map ``mask`` as well, a uint8 MetaTensor (1, *spatial) on the image's grid: the class of each
            voxel from 1, 0 for background.
        allow_assumed: take files that do not tell their geometry, or the scale of their values, as if what was assumed in its place were
            true; otherwise they are refused. A case may allow it for itself, by a key of this name.

    Raises:
        DataError: a file cannot be read, or image, affine, or label map are not fit for use.
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        num_classes: int | None = None,
        num_channels: int | None = 1,
        label_map_kind: str = "instance",
        min_volume_mm3: float = 0.0,
        max_volume_mm3: float | None = None,
        keep_mask: bool = False,
        allow_assumed: bool = False,
    ):
        if label_map_kind not in ("instance", "class"):
            raise ValueError(f"label_map_kind is {label_map_kind!r}, not 'instance' or 'class'")
        self.spatial_dims = spatial_dims
        self.num_classes = num_classes
        self.num_channels = num_channels
        self.first_class = {"instance": None, "class": 1}[label_map_kind]
        self.volume_range = (min_volume_mm3, inf if max_volume_mm3 is None else max_volume_mm3)
        self.keep_mask = keep_mask
        self.allow_assumed = allow_assumed

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        path = str(data["image"])
        case = str(data.get("case_id", path))
        image, header = read_image(path, case)
        image = without_flat_axes(image, self.spatial_dims)
        self._check_grid(image.shape[1:], image.affine, f"image {path}", case)
        self._check_assumed(header, f"image {path}", data, case)
        _check_image(image, self.num_channels, path, case)
        objects = self.read_objects(data, case, image)
        extra = {"mask": objects.classes, "ignored_region": objects.region}
        own = {
            "image": image,
            "case_id": case,
            "world_boxes": objects.world,
            "labels": objects.labels,
            "ignored": objects.ignored,
            "scan_facts": scan_facts(image) | ({"assumed": list(header.assumed)} if header.assumed else {}),
        }
        return {key: value for key, value in data.items() if key not in FILE_KEYS and not key.startswith("image_")} | own | _present(extra)

    def read_objects(self, data: Mapping[str, Any], case: str, image: MetaTensor | None = None) -> CaseObjects:
        """The objects of a case; without its image, whether a label map overlaps it is not checked, and ``classes`` is None.

        Raises:
            DataError: boxes or label map are not as described.
        """
        if data.get("label_map"):
            objects, volumes, region_of = self._read_label_map(data, image, case)
        else:
            world, labels, volumes = _read_boxes(data, self.spatial_dims, case)
            objects, region_of = CaseObjects(world, labels, torch.zeros(len(world), dtype=torch.bool)), _no_region
        smallest, largest = self.volume_range
        flags = data.get("ignored") or []
        ignored = objects.ignored | torch.tensor([*flags, *[False] * (len(volumes) - len(flags))], dtype=torch.bool)
        ignored = ignored | (volumes < smallest) | (volumes > largest)
        return replace(objects, ignored=ignored, region=region_of(ignored) if ignored.any() else None)

    def _check_grid(self, size: Sequence[int], affine: Tensor, what: str, case: str) -> None:
        """Reject other dimensions, and an affine that cannot be inverted, such as one with zero spacing."""
        if len(size) != self.spatial_dims:
            told = f"{what} has {len(size)} spatial axes {tuple(size)}, not {self.spatial_dims}"
            raise DataError(told, case, "convert the file, or set spatial_dims")
        matrix = spatial_affine(affine, self.spatial_dims)
        if is_degenerate(matrix):
            told = f"{what} has an affine with zero spacing or dependent axes: {matrix[:-1].tolist()}"
            raise DataError(told, case, "write the scan's affine into the file")

    def _check_assumed(self, header: Header, what: str, data: Mapping[str, Any], case: str) -> None:
        """Reject a file whose header leaves something to be assumed, unless that is allowed."""
        if header.assumed and not (self.allow_assumed or data.get(ALLOW_ASSUMED)):
            remedy = (
                f'write it into the file, or, if it is true, allow it: "{ALLOW_ASSUMED}": true in the case, or for all cases in LoadCased'
            )
            raise DataError(f"{what} {'; it '.join(header.assumed)}", case, remedy)

    def _read_label_map(self, data: Mapping[str, Any], image: MetaTensor | None, case: str) -> tuple[CaseObjects, Tensor, Region]:
        """The objects of a label map, their volumes (N,), and what of them covers which voxels."""
        path = str(data["label_map"])
        mask, affine = self._read_mask(path, data, case)
        if image is not None:
            _check_overlap(image, mask.numbered.shape, affine, path, case)
        places = find_objects(mask.numbered)
        boxes = [[part.start for part in where] + [part.stop for part in where] for where in places]
        counts = np.bincount(mask.numbered.ravel(), minlength=len(mask.values) + 1)[1:]
        labels = [self._class_of(value, data.get("labels") or {}, case) for value in mask.values]
        world = boxes_to_world(torch.tensor(boxes, dtype=torch.float64).reshape(-1, 2 * self.spatial_dims), affine)
        objects = CaseObjects(
            WorldBoxes(*world),
            torch.tensor(labels, dtype=torch.int64),
            torch.tensor([value < 0 for value in mask.values], dtype=torch.bool),
            None if image is not None else (mask.numbered, affine),
            _classes_on_grid(mask, labels, affine, image) if self.keep_mask and image is not None else None,
        )

        def region_of(chosen: Tensor) -> Tensor | None:
            dtype = np.uint8 if chosen.sum() < 256 else np.int32
            region = renumbered(mask.numbered, dict(enumerate(number_chosen(chosen).tolist())), dtype)[None]
            return None if image is None else MetaTensor(torch.from_numpy(region), affine=affine)

        return objects, torch.from_numpy(counts).double() * affine[:-1, :-1].det().abs(), region_of

    def _read_mask(self, path: str, data: Mapping[str, Any], case: str) -> tuple[LabelValues, Tensor]:
        """The mask and its affine (D + 1, D + 1)."""
        numbers, header = read_labels(path, case)
        header = header.without_flat_axes(self.spatial_dims)
        affine, values = torch.from_numpy(header.affine), whole_numbers(numbers)
        self._check_grid(header.size, affine, f"label map {path}", case)
        self._check_assumed(header, f"label map {path}", data, case)
        if len(numbers) != 1:
            raise DataError(f"label map {path} has {len(numbers)} channels", case, "store mask values in one channel")
        if values is None:
            remedy = "store 0 for background and 1, 2, ... for objects, and resample masks without interpolation"
            raise DataError(f"label map {path} has values that are not whole numbers", case, remedy)
        return read_values(values.reshape(header.size)), affine

    def _class_of(self, value: int, classes: Mapping[int, int], case: str) -> int:
        if value < 0:
            return 0
        if classes and value not in classes:
            raise DataError(f'mask value {value} is missing in the label map\'s "labels"', case, f'add "{value}": CLASS to them')
        label = classes[value] if classes else value - self.first_class if self.first_class else 0
        if self.num_classes is not None and label >= self.num_classes:
            remedy = f'raise num_classes to {label + 1}, or map the value to a class in the case\'s "labels"'
            raise DataError(f"mask value {value} is of class {label}, outside [0, {self.num_classes})", case, remedy)
        return label


Region = Callable[[Tensor], Tensor | None]
"""Takes (N,) bool, gives (1, *spatial) on the label map's grid: k in the voxels of the k-th chosen object; None where they are not known."""


def _no_region(chosen: Tensor) -> Tensor | None:
    return None


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _check_image(image: MetaTensor, num_channels: int | None, path: str, case: str) -> None:
    if num_channels is not None and image.shape[0] != num_channels:
        remedy = "choose one volume of a 4D file, turn colors to gray, or set num_channels"
        raise DataError(f"image {path} has {image.shape[0]} channels, not {num_channels}", case, remedy)
    values = image.as_tensor()
    if torch.isfinite(values.sum()):  # NaN and infinity would show
        return
    wrong = image.numel() - int(torch.isfinite(values).sum())
    if wrong:
        raise DataError(f"image {path} has {wrong} voxels that are NaN or infinite", case, "replace them, e.g. by numpy.nan_to_num")


def _check_overlap(image: MetaTensor, size: tuple[int, ...], affine: Tensor, path: str, case: str) -> None:
    """Reject a label map, of ``size`` voxels, that shares no space with the image."""
    to_image = torch.linalg.inv(spatial_affine(image.affine, len(size))) @ affine
    extent = torch.tensor([[0.0] * len(size) + list(size)], dtype=torch.float64)
    if visible_fractions(transform_boxes(extent, to_image), tuple(image.shape[1:])) == 0:
        remedy = "check that both are of one scan and that their headers agree"
        raise DataError(f"label map {path} does not overlap the image in the world", case, remedy)


def _classes_on_grid(mask: LabelValues, labels: Sequence[int], affine: Tensor, image: MetaTensor) -> Tensor:
    """The class of each voxel from 1, 0 for the background and what is ignored, (1, *spatial) uint8, on the grid of the image."""
    named = {place: label + 1 for place, label in enumerate(labels[: mask.num_named])}
    classes = MetaTensor(torch.from_numpy(renumbered(mask.numbered, named, np.uint8))[None], affine=affine)
    if classes.shape[1:] == image.shape[1:] and torch.allclose(affine, spatial_affine(image.affine, len(affine) - 1), atol=1e-4):
        return classes
    return ResampleToMatch(mode="nearest", padding_mode="zeros")(classes, image).to(torch.uint8)


def _read_boxes(data: Mapping[str, Any], dims: int, case: str) -> tuple[WorldBoxes, Tensor, Tensor]:
    """Boxes in RAS, labels and volumes (N,) of the boxes of a datalist."""
    boxes = torch.tensor(data.get("boxes") or [], dtype=torch.float64)
    if len(boxes) and boxes.shape[1] != 2 * dims:
        raise DataError(f"boxes have {boxes.shape[1]} numbers, not {2 * dims}", case, "correct them, or set spatial_dims")
    centers, sizes = boxes.reshape(-1, 2 * dims).split(dims, dim=1)
    direction = torch.eye(dims, dtype=torch.float64)
    if data.get("direction"):
        direction = torch.tensor(data["direction"], dtype=torch.float64)
    world = WorldBoxes(centers, sizes, direction, data.get("space", "RAS"))
    world = world.mirrored() if world.stated_space == "LPS" else world
    return world, torch.tensor(data.get("labels") or [], dtype=torch.int64), sizes.prod(dim=1) * direction.det().abs()
