"""The keys of a bundle are spelled in one room."""

import ast
import json
from pathlib import Path

import pytest

import medtk_monai
from medtk_monai.bundle import keys
from tests.bundles.running import TRAIN

PACKAGE = Path(medtk_monai.__file__).parent
CONFIG = json.loads(Path(TRAIN).read_text())
PARTS = {value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)} - {
    "head",
    "heads",
    "class_names",
    "merge_iou",
    "strides",
}
"""But for words that have other uses as well."""


def words_of(tree):
    """Strings of a module but for docstrings."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    documentation = {id(line.value) for block in blocks for line in block.body if isinstance(line, ast.Expr)}
    return [
        (n.lineno, n.value)
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in documentation
    ]


def is_key(word):
    return word in PARTS or ("::" in word and word.split("::")[0].lstrip("%@+$") in CONFIG)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_keys_are_spelled_in_the_room_of_the_bundle_alone(path):
    if path.relative_to(PACKAGE).parts[0] != "bundle":
        found = [(line, word) for line, word in words_of(ast.parse(path.read_text())) if is_key(word)]
        assert not found, "give it a name in medtk_monai/bundle/keys.py"


def test_every_key_is_of_the_bundle():
    new = {
        "dense_criterion::box_weight",
        "dense_criterion::quality",
        *keys.IGNORE_NEAR,
    }  # arguments that train.json leaves at their defaults
    groups = (keys.INFERENCE, keys.EXPORT, keys.ERRORS, keys.OF_OBJECTS, keys.OF_A_RUN, keys.OF_THIS_MACHINE, keys.OF_THIS_DEVICE)
    for key in (PARTS | {name for group in groups for name in group}) - new:
        value = CONFIG
        for step in key.split("::"):
            assert step in value, key
            value = value[step]
