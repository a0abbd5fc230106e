from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

import medtk_monai
from medtk_monai.atomic import make_folder, move_into, replacing, write_text_atomically
from medtk_monai.digests import file_sha256
from medtk_monai.errors import DataError, import_extra
from medtk_monai.export.description import EXPORT_FILE, ExportDescription, InputSpec
from medtk_monai.export.exported_network import ONNX, ExportedNetwork
from medtk_monai.export.flat import INPUT, FlatNetwork, flat_maps, probe_output
from medtk_monai.export.parity import Program, check, compare, probe_images, summary
from medtk_monai.structures import DenseOutput

PT2 = "pt2"
FORMATS = (ONNX, PT2)
_PACKAGES = ("torch", "monai", "onnx", "onnxscript", "onnxruntime")


def export_network(
    network: nn.Module, out: str | Path, given: InputSpec, formats: Sequence[str] = FORMATS, notes: Mapping[str, Any] | None = None
) -> ExportDescription:
    """Write ``network.onnx`` and ``network.pt2`` (of ``torch.export``), and export.json that tells what they take and give.

    In evaluation mode and float32, on the CPU; decoding and merging stay in Python. What has been written is run on images of several
    sizes and batches and compared with the network; nothing appears in the folder before it agrees.

    Args:
        network: images -> DenseOutput; stays as it is. A segmentation branch is left out.
        out: folder.
        given: which images the files shall take.
        formats: of "onnx" and "pt2".
        notes: numbers, words, lists and dictionaries for export.json.

    Raises:
        DataError: the network has two stages or cannot be traced, a file differs from it, a package is missing, or ``out`` is no folder or not empty.
    """
    if not formats or any(name not in FORMATS for name in formats):
        raise DataError(f"formats {', '.join(formats) or 'none'} are not known", remedy=f"choose from {', '.join(FORMATS)}")
    _refuse_used(Path(out))
    if ONNX in formats:
        for package in ("onnx", "onnxscript", "onnxruntime"):
            import_extra(package, "export")
    network = deepcopy(network).cpu().float().eval().requires_grad_(False)
    images = probe_images(given)
    output = probe_output(network, images[-1])
    maps = flat_maps(output)
    strides = tuple(tuple(n // c for n, c in zip(images[-1].shape[2:], cells)) for cells in output.feature_sizes)
    out = make_folder(out)
    with TemporaryDirectory(dir=out, prefix=".unfinished-") as scratch:
        folder = Path(scratch)
        _write_files(FlatNetwork(network), images[-1], given, formats, list(maps), folder)
        files = {name: _describe(folder / f"network.{name}") for name in formats}
        draft = ExportDescription(given, tuple(maps), output.num_classes, strides, files, _versions(), {}, {})
        write_text_atomically(folder / EXPORT_FILE, draft.to_json())
        comparisons = compare(_as_program(network), {name: _load_back(folder, name) for name in formats}, images)
        check(comparisons)
        description = ExportDescription(**(vars(draft) | {"parity": summary(comparisons), "notes": dict(notes or {})}))
        for name in formats:
            move_into(folder / files[name]["name"], out)
    write_text_atomically(out / EXPORT_FILE, description.to_json())
    return description


def _refuse_used(path: Path) -> None:
    if path.is_dir() and next(path.iterdir(), None) is not None:
        raise DataError(f"{path} is not empty, and an export writes over nothing", remedy="choose another --out, or remove that folder")


def _write_files(network: FlatNetwork, images: Tensor, given: InputSpec, formats: Sequence[str], names: list[str], folder: Path) -> None:
    program = _trace(network, images, given)
    if PT2 in formats:
        with replacing(folder / "network.pt2") as temporary, temporary.open("wb") as file:
            torch.export.save(program, file)
    if ONNX in formats:
        translated = _translate(program, names)
        with replacing(folder / "network.onnx") as temporary:
            translated.save(temporary)


def _translate(program: torch.export.ExportedProgram, names: list[str]) -> Any:
    """The program in ONNX, with its weights in the same file."""
    options: dict[str, Any] = {"input_names": [INPUT], "output_names": names, "external_data": False, "verbose": False}
    try:
        with _quiet():
            model: Any = torch.onnx.export(program, (), dynamo=True, **options)
    except Exception as error:
        what = f"torch.onnx cannot translate the network: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(what, remedy="export --formats pt2 alone, or leave out what ONNX does not know") from error
    for node in model.model.graph.all_nodes():
        node.metadata_props.clear()  # they tell the paths of the source files on this machine
    return model


def _trace(network: FlatNetwork, images: Tensor, given: InputSpec) -> torch.export.ExportedProgram:
    shapes: dict[int, Any] = {0: torch.export.Dim("batch", min=1)}
    if given.is_dynamic:
        for axis, (step, shortest) in enumerate(zip(given.stride, given.min_size)):
            cells = torch.export.Dim(f"cells_{axis}", min=shortest // step)
            shapes[2 + axis] = cells if step == 1 else step * cells
    try:
        with torch.no_grad():
            program = torch.export.export(network, (images,), dynamic_shapes={INPUT: shapes})
    except Exception as error:
        what = f"torch.export cannot trace the network: {type(error).__name__}: {error}".splitlines()[0]
        remedy = "try --fixed_size with the size of the windows" if given.is_dynamic else "leave out what torch.export does not know"
        raise DataError(what, remedy=remedy) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # as above
    return program


def _as_program(network: Callable[[Tensor], DenseOutput]) -> Program:
    def run(images: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return flat_maps(network(images))

    return run


def _load_back(folder: Path, name: str) -> Program:
    """What was just written, from its file."""
    loaded = torch.export.load(folder / "network.pt2").module() if name == PT2 else None
    return _as_program(ExportedNetwork(folder, loaded))


def _describe(path: Path) -> dict[str, Any]:
    return {"name": path.name, "sha256": file_sha256(path), "bytes": path.stat().st_size}


def _versions() -> dict[str, str]:
    found = {"medtk_monai": medtk_monai.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # one of an extra
            continue
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch tells about packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
