from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from monai.transforms import Compose
from torch import Tensor, nn

from medtk_monai.box_ops import spatial_affine
from medtk_monai.bundle.parts import BundleParts, Paths, as_list
from medtk_monai.data.datalist import case_name
from medtk_monai.errors import as_data_error
from medtk_monai.formats import case_prediction, detections_from_case
from medtk_monai.inferers import NetworkEnsemble
from medtk_monai.model import ModelSource
from medtk_monai.prediction.inputs import Scan, readable
from medtk_monai.prediction.looks import Look, Speed, ViewOptions, choose_look, measure_speed
from medtk_monai.structures import Detections
from medtk_monai.transforms.load import ALLOW_ASSUMED
from medtk_monai.transforms.scan_facts import what_is_odd
from medtk_monai.transforms.scan_ranges import unusual


@dataclass(frozen=True)
class ScanFindings:
    """What was found in one scan.

    Args:
        case: in world millimeters, with the grid of the scan: an entry of predictions.json, see ``medtk_monai.formats``; under "look"
            the views, the margin and the batch size that were chosen, under "warnings" those below, if there are any.
        image: (C, *spatial) the scan as it was read.
        affine: (D + 1, D + 1), voxel centers of the scan -> RAS mm.
        seconds: that reading, preprocessing, the network, and decoding and merging took.
        warnings: what the file does not tell and was assumed, and what is unusual about the scan: clauses that begin with a verb or a number.
        look: how it was looked at, in words.
    """

    case: dict[str, Any]
    image: Tensor
    affine: Tensor
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    look: str = ""

    @property
    def detections(self) -> Detections:
        """In voxels of the scan, best first."""
        return detections_from_case(self.case, self.affine)


@dataclass(frozen=True)
class PreparedScan:
    """A scan as it was read, and as the network sees it.

    Args:
        scan: which one.
        image: (C, *spatial), preprocessed.
        affine: (D + 1, D + 1) of the image, voxel centers -> RAS mm.
        source: (C, *spatial) as it was read.
        source_affine: of the source, alike.
        facts: see ``scan_facts``; None where the preprocessing does not tell them.
    """

    scan: Scan
    image: Tensor
    affine: Tensor
    source: Tensor
    source_affine: Tensor
    facts: dict[str, Any] | None

    def case(self, detections: Detections) -> dict[str, Any]:
        """Detections in voxels of the image -> an entry of predictions.json, with the grid of the scan as it was read."""
        grid = (self.source.shape[1:], self.source_affine)
        return case_prediction(detections, self.affine, self.scan.case_id, self.scan.path, grid)


class Predictor:
    """Finds objects in scans: ``load_predictor("runs/mine")("scan.nii.gz")``.

    Coordinates are those of the scan, whatever the preprocessing does to orientation, spacing and size.

    Args:
        parts: networks, inferer and preprocessing.
        options: how to look at a scan.
        score_threshold: findings that score less are left out.
        top_k: no more findings than these, the best.
    """

    def __init__(self, parts: BundleParts, options: ViewOptions | None = None, score_threshold: float = 0.0, top_k: int | None = None):
        self.parts, self.options = parts, options or ViewOptions()
        self.score_threshold, self.top_k = score_threshold, top_k
        self._network = parts.networks[0] if len(parts.networks) == 1 else NetworkEnsemble(parts.networks)
        self._speed: Speed | None = None

    @classmethod
    def from_bundle(
        cls, bundle: str | Path, checkpoint: Paths, overlay: Paths = (), device: str | None = None, options: ViewOptions | None = None,
        **overrides: Any,
    ) -> Predictor:  # fmt: skip
        """A predictor from a bundle and the checkpoints of one network, or of an ensemble's.

        Raises:
            DataError: they do not belong together; see ``ModelSource``.
        """
        checkpoints, overlays = ([str(path) for path in as_list(paths)] for paths in (checkpoint, overlay))
        return cls(ModelSource((), str(bundle), checkpoints, overlays, device, overrides=overrides).load(), options)

    def __call__(self, scan: str | Path | Scan) -> ScanFindings:
        """What is found in a scan.

        Args:
            scan: an image file, a folder or .zip archive of one DICOM series; with a case id of its own as a ``Scan``.

        Raises:
            DataError: the scan cannot be read or is not fit for use; the message names it.
        """
        scan, clock = _as_scan(scan), Clock()
        prepared = self.prepare(scan, clock)
        found, look = self._detect(prepared.image, clock)
        kept = found[found.scores >= self.score_threshold][: self.top_k]
        warnings = self._warnings(prepared.facts or {})
        case = prepared.case(kept) | {"look": look.record} | ({"warnings": warnings} if warnings else {})
        return ScanFindings(case, prepared.source, prepared.source_affine, clock.seconds, warnings, str(look))

    def prepare(self, scan: str | Path | Scan, clock: Clock | None = None) -> PreparedScan:
        """Read and preprocess a scan.

        Raises:
            DataError: the scan cannot be read or is not fit for use; the message names it.
        """
        scan, clock = _as_scan(scan), clock or Clock()
        read, prepare = self.parts.preprocessing.transforms[0], Compose(self.parts.preprocessing.transforms[1:])
        try:
            with readable(scan) as path:
                item = read({"image": path, "case_id": scan.case_id, ALLOW_ASSUMED: True})
            original, facts = item["image"], item.get("scan_facts")
            affine, source = spatial_affine(original.affine, original.ndim - 1), original.as_tensor()
            clock.lap("read")
            item = prepare(item)
            clock.lap("preprocess")
        except Exception as error:
            raise as_data_error(error, scan.case_id, "preparing") from error
        return PreparedScan(scan, item["image"], item["affine"], source, affine, facts)

    def candidates(self, prepared: PreparedScan) -> list[Detections]:
        """What each view, and each network, finds in a scan, unmerged, in voxels of the prepared image; without a budget."""
        look = choose_look(self.parts.inferer, self.options, prepared.image.shape[1:], None, None, self.parts.label_pairs)
        with self._autocast(), torch.no_grad():
            found = look.inferer.look(prepared.image[None], self._network)
        return [part.to("cpu") for (part,) in found]

    def _warnings(self, facts: Mapping[str, Any]) -> list[str]:
        unlike = unusual(facts, self.parts.fingerprint) if facts else []
        return [*what_is_odd(facts), *(f"is unlike the training scans: {what}" for what in unlike)]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.parts.device.type, self.parts.precision, enabled=self.parts.precision != torch.float32)

    def _detect(self, image: Tensor, clock: Clock) -> tuple[Detections, Look]:
        device, networks = self.parts.device, self.parts.networks
        size, left = tuple(image.shape[1:]), None
        with self._autocast(), torch.no_grad(), _timed(networks, device) as network_time:
            if self.options.budget is not None:
                self._speed = self._speed or measure_speed(networks, self.parts.inferer, len(image), size, device)
                clock.lap("calibrate")
                left = self.options.budget - (clock.total - clock.seconds["calibrate"])  # that of the first scan alone
                network_time.clear()
            look = choose_look(self.parts.inferer, self.options, size, self._speed, left, self.parts.label_pairs, self.parts.merge_iou)
            (found,) = look.inferer(image[None], self._network)
        clock.lap("merge")
        clock.split("merge", "network", sum(network_time))
        return found.to("cpu"), look


def load_predictor(*models: str | Path, device: str | None = None, trust: bool = False, **overrides: Any) -> Predictor:
    """What finds objects in scans, from the model that a training has left, or from several as an ensemble.

    Args:
        models: folders of trainings or of their models, zipped models, checkpoints, or exported networks.
        device: cpu, cuda or cuda:1; None for the GPU if there is one.
        trust: components of other packages than MONAI, torch and this one may be imported.
        overrides: values of the model to change, as ``margin=32``.

    Raises:
        DataError: there is no such model, it is damaged, or would run code.
    """
    return Predictor(ModelSource([str(path) for path in models], device=device, trust=trust, overrides=overrides).load())


def _as_scan(scan: str | Path | Scan) -> Scan:
    return scan if isinstance(scan, Scan) else Scan(case_name(scan), str(scan))


class Clock:
    """Where the time goes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, name: str) -> None:
        """Since the last lap it was ``name`` that took the time."""
        now = perf_counter()
        self.seconds[name], self._last = now - self._last, now

    def split(self, name: str, part: str, seconds: float) -> None:
        """So much of the time of ``name`` was ``part``'s."""
        self.seconds |= {part: seconds, name: max(self.seconds[name] - seconds, 0.0)}

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


@contextmanager
def _timed(networks: Sequence[nn.Module], device: torch.device) -> Iterator[list[float]]:
    """The seconds of each call of the networks."""
    spent: list[float] = []
    starts: list[float] = []

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return perf_counter()

    def begin(*args: Any) -> None:
        starts.append(now())

    def end(*args: Any) -> None:
        spent.append(now() - starts.pop())

    hooks = [hook for network in networks for hook in (network.register_forward_pre_hook(begin), network.register_forward_hook(end))]
    try:
        yield spent
    finally:
        for hook in hooks:
            hook.remove()
