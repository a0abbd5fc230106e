"""What a bundle and its checkpoints say about prediction."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose
from torch import Tensor, nn

from medtk_monai.bundle import keys
from medtk_monai.bundle.checkpoint import NOTES, load_weights, read_checkpoint
from medtk_monai.bundle.overrides import check_names, lay_over, read_config
from medtk_monai.bundle.running import plain_values
from medtk_monai.engines.devices import check_device
from medtk_monai.errors import DataError, existing_file, find_data_error, root_in_one_line
from medtk_monai.export import ExportedNetwork, read_description
from medtk_monai.inferers import WindowedInferer
from medtk_monai.json_files import read_json
from medtk_monai.structures import DenseOutput

PARTS = keys.INFERENCE
MERGE_IOU, CLASS_NAMES = keys.MERGE_IOU, keys.CLASS_NAMES
Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class BundleParts:
    """What prediction needs.

    Args:
        networks: one for each checkpoint, in evaluation mode, on the device; exported ones run where the images are.
        inferer: of windows.
        preprocessing: of a case, whose first transform reads the files.
        device: of the networks.
        precision: of the convolutions, under autocast unless float32.
        label_pairs: classes that become each other in a mirror image.
        fingerprint: of the scans of the training, empty if unknown; see ``fingerprint_of``.
        class_names: as far as they are known.
        merge_iou: with the best of an object's detections above which what another view or network found is of the same object.
    """

    networks: list[nn.Module]
    inferer: WindowedInferer
    preprocessing: Compose
    device: torch.device
    precision: torch.dtype
    label_pairs: Sequence[Sequence[int]]
    fingerprint: Mapping[str, Any]
    class_names: tuple[str, ...]
    merge_iou: float = 0.2


def load_bundle(
    bundle: str | Path, checkpoint: Paths, overlay: Paths = (), device: str | None = None, overrides: Mapping[str, Any] | None = None
) -> BundleParts:
    """Build what a bundle says, with the weights of one or more checkpoints.

    Values that a training was started with, such as ``--head anchor``, are taken from the checkpoint, as far as they are plain numbers
    and words; overlays must be named again.

    Args:
        bundle: folder with a ``train.json``, or that file.
        checkpoint: of one network, or of each network of an ensemble; or folders that ``medtk export`` has written, with ONNX files.
        overlay: files that lay over ``train.json`` in training.
        device: "cpu", "cuda", "cuda:1"...; None for what the bundle chooses.
        overrides: further values of the configuration.

    Raises:
        DataError: a file is missing or broken, the checkpoint is of another configuration, or an override names no value.
    """
    checkpoints = [Path(path) for path in as_list(checkpoint)]
    parser, notes = parse_bundle(bundle, checkpoint, overlay, device, overrides)
    with building(bundle, PARTS, overrides or {}):
        networks = [_network(path, parser) for path in checkpoints]
        inferer = parser.get_parsed_content(keys.INFERER)
        preprocessing = parser.get_parsed_content(keys.PREPROCESSING)
        precision = parser.get_parsed_content(keys.PRECISION)
        chosen_device = torch.device(parser.get_parsed_content("device"))
        label_pairs = parser.get_parsed_content(keys.LABEL_PAIRS)
        merge_iou = merge_iou_of(parser)
    names = tuple(map(str, parser.get(CLASS_NAMES, None) or _names_in_metadata(Path(config_file(bundle)).parent)))
    fingerprint = notes.get("fingerprint", {})
    return BundleParts(networks, inferer, preprocessing, chosen_device, precision, label_pairs, fingerprint, names, merge_iou)


def merge_iou_of(parser: ConfigParser) -> float:
    """The IoU at which views merge; the usual one where a bundle does not tell it."""
    return parser.get_parsed_content(MERGE_IOU) if MERGE_IOU in parser.get() else BundleParts.merge_iou


@contextmanager
def building(source: str | Path, parts: Sequence[str], overrides: Mapping[str, Any]) -> Iterator[None]:
    """Tells in one line what keeps the parts of a bundle, or of a model, from being built.

    Raises:
        DataError: a part is missing, or something fails.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*GHSA-873f.*")  # MONAI's word on configurations of strangers
            yield
    except KeyError as error:
        raise DataError(f"{source} says nothing of {error}", remedy=f"it must have {', '.join(parts)}") from error
    except Exception as error:
        if found := find_data_error(error):
            raise found from error
        given = " with " + " ".join(f"--{name} {value}" for name, value in overrides.items()) if overrides else ""
        what = f"{source} cannot be built{given}: {root_in_one_line(error)}"
        raise DataError(
            what, remedy="leave values as they are, or name the bundle, and the overlays, that the checkpoint was trained with"
        ) from error


def parse_bundle(
    bundle: str | Path,
    checkpoint: Paths,
    overlay: Paths = (),
    device: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    parts: Sequence[str] = PARTS,
) -> tuple[ConfigParser, dict[str, Any]]:
    """The configuration that a network was trained with, and the notes of its checkpoint; for other arguments see ``load_bundle``.

    Args:
        parts: of the configuration that are used; values that they depend on are taken from the checkpoint.

    Raises:
        DataError: a file is missing or broken, or an override names no value.
    """
    checkpoints = as_list(checkpoint)
    if not checkpoints:
        raise DataError("no checkpoint is given", remedy="name that of a training, e.g. runs/aneurysm/best.pt")
    notes = parse_notes(checkpoints[0])
    files = [config_file(bundle), *as_list(overlay)]
    return _parse(files, notes.get("values", {}), overrides or {}, device, parts), notes


def parse_notes(checkpoint: str | Path) -> dict[str, Any]:
    """What a training, or the export of its network, tells those who use it.

    Raises:
        DataError: there is no such checkpoint, or it is broken.
    """
    checkpoint = Path(checkpoint)
    if checkpoint.is_dir():
        found = read_description(checkpoint).notes.get("training", {})
    else:
        found = read_checkpoint(checkpoint, mapped=True).get(NOTES, {})
    return dict(found) if isinstance(found, Mapping) else {}


def _network(checkpoint: Path, parser: ConfigParser) -> nn.Module:
    if checkpoint.is_dir():
        return ExportedModule(checkpoint)
    network = deepcopy(parser.get_parsed_content(keys.NETWORK_ON_DEVICE)).eval()
    load_weights(checkpoint, network)
    return network


class ExportedModule(nn.Module):
    """An exported network as a module, which has no weights of its own."""

    def __init__(self, folder: Path):
        super().__init__()
        self.run = ExportedNetwork(folder)

    def forward(self, images: Tensor) -> DenseOutput:
        """(B, C, *spatial) images -> maps."""
        return self.run(images)


def config_file(bundle: str | Path) -> str:
    """The configuration of a bundle's training.

    Raises:
        DataError: there is none.
    """
    path = Path(bundle)
    candidates = [path] if path.is_file() else [path / "train.json", path / "configs" / "train.json"]
    for candidate in candidates:
        if candidate.is_file():
            return str(candidate)
    return existing_file(candidates[0], "give the folder of a bundle, or its train.json")


def as_list(paths: Paths) -> list[str]:
    """One path, or several, as words."""
    return [str(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _parse(
    files: Sequence[str], noted: Mapping[str, Any], overrides: Mapping[str, Any], device: str | None, parts: Sequence[str]
) -> ConfigParser:
    parser = read_config(files)
    check_names(overrides, list(parser.get()))
    # Only arguments of components that the bundle names are taken, never the components themselves.
    needed = _reachable(parser.get(), (*parts, MERGE_IOU, CLASS_NAMES)) - set(keys.OF_THIS_DEVICE)
    known = _ids(parser.get())
    # An argument that the bundle leaves to its default was given in training.
    taken = {
        name: value
        for name, value in plain_values(noted).items()
        if name.split("::")[0] in needed and (name in known or isinstance(parser.get(name.rpartition("::")[0] or name), Mapping))
    }
    if device:
        check_device(device)
    lay_over(parser, {**taken, **overrides, **({"device": device} if device else {})})
    return parser


def _reachable(config: Mapping[str, Any], parts: Sequence[str]) -> set[str]:
    """The top-level values of a configuration that some parts are made of."""
    seen = {part for part in parts if "::" not in part}
    left = [_value(config, part) for part in parts]
    while left:
        new = set(re.findall(r"[@%](\w+)", repr(left.pop()))) - seen
        seen |= new
        left += [config.get(name) for name in new]
    return seen


def _value(config: Mapping[str, Any], name: str) -> Any:
    """A value by its name, which may be one within another as ``a::b``; None if there is none."""
    first, _, rest = name.partition("::")
    value = config.get(first)
    return value.get(rest) if rest and isinstance(value, Mapping) else value


def _ids(part: Any, prefix: str = "") -> set[str]:
    """Of all values of a configuration."""
    children = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ()
    found: set[str] = set()
    for key, value in children:
        found |= {f"{prefix}{key}"} | _ids(value, f"{prefix}{key}::")
    return found


def _names_in_metadata(folder: Path) -> tuple[str, ...]:
    """What the metadata of a bundle call its classes: bundles that say nothing of ``class_names``."""
    try:
        metadata = read_json(folder / "metadata.json")
        channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
        return tuple(str(channels[str(number)]) for number in range(len(channels)))
    except (DataError, KeyError, TypeError):
        return ()
