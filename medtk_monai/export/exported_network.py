from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medtk_monai.errors import DataError, import_extra
from medtk_monai.export.description import read_description
from medtk_monai.export.flat import INPUT, dense_output
from medtk_monai.structures import DenseOutput

ONNX = "onnx"
Program = Callable[[Tensor], Sequence[Tensor]]


class ExportedNetwork:
    """An exported network in the place of the one it was made from: ``WindowedInferer(...)(image, ExportedNetwork("exported"))``.

    It runs the ONNX file by onnxruntime, on a GPU if the images lie there and onnxruntime has a provider for it, else on the CPU.

    The .pt2 file is never opened, since ``torch.export.load`` runs what a file of unknown origin asks for: it unpickles weights, constants
    and sample inputs, evaluates the text of shape expressions, and looks up any name below ``torch`` as an operator. A hash does not help,
    as whoever changes the file can change export.json. ONNX holds tensors and standard operators only. Who has made a .pt2 file
    themselves may pass it as ``program``: ``torch.export.load("exported/network.pt2").module()``.

    Args:
        folder: that ``export_network`` has written; its files may come from anywhere.
        program: runs instead of the ONNX file: images -> the outputs in their order.

    Raises:
        DataError: the folder holds no export in ONNX, its file is not the one that export.json tells of, or onnxruntime is missing.
    """

    def __init__(self, folder: str | Path, program: Program | None = None):
        self.description = read_description(folder)
        self._program = program
        self._content = b"" if program is not None else _read_onnx(Path(folder), self.description.files)
        self._sessions: dict[str, Any] = {}
        if program is None:
            self._session("cpu")

    def __call__(self, images: Tensor) -> DenseOutput:
        """(B, C, *spatial) images -> maps on their device.

        Raises:
            DataError: images of a shape that was not exported; ``description.input`` tells which are.
        """
        self.description.input.check(images.shape)
        values = self._run(images.float()) if self._program is None else self._program(images.float())
        output = dense_output(dict(zip(self.description.outputs, values)), self.description.num_classes)
        return replace(output, image_size=tuple(images.shape[2:]))

    def _run(self, images: Tensor) -> list[Tensor]:
        session = self._session(images.device.type)
        values = session.run(list(self.description.outputs), {INPUT: images.cpu().contiguous().numpy()})
        return [torch.from_numpy(value).to(images.device) for value in values]

    def _session(self, device: str) -> Any:
        if device not in self._sessions:
            self._sessions[device] = _start_session(self._content, device)
        return self._sessions[device]


def _read_onnx(folder: Path, files: Any) -> bytes:
    """The content of the ONNX file, read once and compared with its hash."""
    try:
        name, digest = str(files[ONNX]["name"]), files[ONNX]["sha256"]
    except (KeyError, TypeError) as error:
        remedy = "export it again with --formats onnx; .pt2 files of others are not opened, for loading them can run any code"
        raise DataError(f"folder {folder} holds no network in ONNX", remedy=remedy) from error
    path = folder / name
    if path.name != name or not path.is_file():
        raise DataError(f"export.json of {folder} tells of {name}, which is not there", remedy="copy the whole folder, or export again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{path} is not the file that export.json tells of", remedy="copy the whole folder again, or export again")
    return content


def _start_session(content: bytes, device: str) -> Any:
    runtime = import_extra("onnxruntime", "export")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    providers: list[Any] = ["CPUExecutionProvider"]
    if device == "cuda" and "CUDAExecutionProvider" in runtime.get_available_providers():
        providers.insert(0, ("CUDAExecutionProvider", {"use_tf32": 0}))
    try:
        return runtime.InferenceSession(content, options, providers=providers)
    except Exception as error:
        what = f"onnxruntime cannot load the network: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(what, remedy="export it again with the versions that are installed here") from error
