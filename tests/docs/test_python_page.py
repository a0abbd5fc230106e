"""docs/python.md names a function for each command, and each is there."""

import re
from importlib import import_module
from inspect import Parameter, isclass, signature
from pathlib import Path

import pytest

from medtk_monai.cli.main import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"\| `(medtk_monai\.[\w.]+)` \|", PAGE)))


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_there_and_take_few_arguments(name):
    module, _, function = name.rpartition(".")
    found = getattr(import_module(module), function)
    kinds = [part.kind for part in signature(found).parameters.values()]
    assert callable(found) and sum(kind is not Parameter.VAR_KEYWORD for kind in kinds) <= 8
    assert isclass(found) or "cli" not in found.__module__


def test_every_command_has_one():
    assert set(re.findall(r"^\| `medtk (\w+)` \|", PAGE, flags=re.MULTILINE)) == set(COMMANDS) and len(NAMES) == len(COMMANDS) + 1


def test_the_objects_are_there():
    import medtk_monai

    code = "".join(path.read_text(encoding="utf-8") for path in Path(medtk_monai.__file__).parent.rglob("*.py"))
    for name in re.findall(r"`([A-Z]\w+)`", PAGE):
        assert re.search(rf"^class {name}\b", code, flags=re.MULTILINE), name


def test_the_example_compiles():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    compile(block, "docs/python.md", "exec")
