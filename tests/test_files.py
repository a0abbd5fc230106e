"""Files are written in one way, and JSON is read in one."""

import ast
from pathlib import Path

import pytest

import medtk_monai

PACKAGE = Path(medtk_monai.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
WRITERS = {"savefig", "imwrite", "imsave", "write_text", "write_bytes", "to_csv", "to_filename", "dump", "tofile", "save_as", "save",
           "savez", "savez_compressed", "savetxt", "save_file", "mkdir", "rename", "replace_file", "copyfile", "copy2", "copytree"}  # fmt: skip
"""Functions that write or make a file or a folder, whatever they belong to."""
ALLOWED = {
    "atomic.py": "it is that way",
    "bundle/weights.py": "bytes in memory",
    "case_mapper.py": "pipes to processes",
    "crossval/training.py": "a log grows",
    "prediction/outputs.py": "a whole folder that gets its name when it is full",
}


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""


def names_in(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def drafts(tree):
    """Names of what may be written to: those given by ``replacing``, files opened by them, and what lies in memory."""
    found = set()
    for node in ast.walk(tree):
        for item in node.items if isinstance(node, ast.With) else ():
            given = item.context_expr
            if isinstance(item.optional_vars, ast.Name) and (name_of(given) == "replacing" or names_in(given) & found):
                found.add(item.optional_vars.id)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and name_of(node.value) in ("BytesIO", "StringIO"):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def mode_of(call):
    """With which a call opens a file."""
    given = [word.value for word in call.keywords if word.arg == "mode"]
    given += call.args[1:2] if isinstance(call.func, ast.Name) else call.args[:1]
    return next((node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)), "r")


def direct_writes(source):
    tree = ast.parse(source)
    allowed = drafts(tree)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    writing = [call for call in calls if name_of(call) in WRITERS or (name_of(call) == "open" and set(mode_of(call)) & set("wax+"))]
    return [call.lineno for call in writing if not names_in(call) & allowed]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_whatever_is_written_takes_its_place_as_a_whole(path):
    if path.relative_to(PACKAGE).as_posix() not in ALLOWED:
        assert not direct_writes(path.read_text()), "write it by medtk_monai.atomic"


@pytest.mark.parametrize(
    "line",
    ["figure.savefig(path)", "open(path, 'w')", "path.open(mode='ab')", "torch.save(content, path)", "json.dump(content, open(path))"],
)
def test_a_direct_write_is_seen(line):
    assert direct_writes(f"def f(figure, path, content):\n    {line}\n") == [2]
    assert not direct_writes(f"with replacing(p) as path:\n    {line}\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_json_is_read_by_one_reader(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    reading = [call.lineno for call in calls if name_of(call) in ("load", "loads") and "json" in names_in(call.func)]
    assert path.name == "json_files.py" or not reading, "read it by medtk_monai.json_files"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torchs_files_are_read_by_one_reader(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    reading = [call.lineno for call in calls if ast.unparse(call.func) == "torch.load"]
    assert path.relative_to(PACKAGE).as_posix() == "bundle/checkpoint.py" or not reading
