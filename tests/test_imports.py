"""Imports point down, as CONTRIBUTING.md says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import medtk_monai

PACKAGE = Path(medtk_monai.__file__).parent
LAYERS = [
    ["wording"],
    ["errors"],
    ["structures", "scores", "box_ops", "roi_align", "reflection", "digests"],
    ["atomic"],
    ["json_files", "case_mapper"],
    ["images"],
    ["phantom"],
    ["anchors", "coders", "assigners", "samplers", "losses", "suppressors", "networks", "transforms", "data", "formats", "metrics"],
    ["heads"],
    ["detectors"],
    ["inferers", "doctor", "visualize", "engines", "export", "importers", "insertion"],
    ["bundle"],
    ["model"],
    ["evaluation"],
    ["handlers"],
    ["prediction", "planning"],
    ["tuning"],
    ["crossval"],
    ["cli"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imported_parts(path):
    """Names of our parts that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "medtk_monai" and len(parts) > 1 and parts[1] in RANK:
                yield parts[1]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    relative = path.relative_to(PACKAGE)
    own = relative.parts[0].removesuffix(".py")
    if own == "__init__":
        assert not list(imported_parts(path))
        return
    for name in imported_parts(path):
        assert name == own or RANK[name] < RANK[own], f"{relative} imports {name}, which is not below {own}"


def test_inference_never_imports_what_only_training_needs():
    others = {path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "handlers"}
    assert {str(path.relative_to(PACKAGE)) for path in others if "handlers" in imported_parts(path)} == set()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torchvision_is_never_imported(path):
    assert "torchvision" not in path.read_text()


def test_importing_the_package_imports_nothing_heavy():
    code = "import medtk_monai, sys; assert not {'torch', 'monai', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
