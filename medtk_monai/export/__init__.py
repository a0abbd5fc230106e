"""Networks as files that other programs run: ONNX and ``torch.export``."""

from medtk_monai.detectors import dense_stage
from medtk_monai.export.description import ExportDescription, InputSpec, read_description
from medtk_monai.export.exported_network import ExportedNetwork
from medtk_monai.export.exporter import FORMATS, export_network
from medtk_monai.export.parity import parity_table

__all__ = [
    "FORMATS",
    "ExportDescription",
    "ExportedNetwork",
    "InputSpec",
    "dense_stage",
    "export_network",
    "parity_table",
    "read_description",
]
