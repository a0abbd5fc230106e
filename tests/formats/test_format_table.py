"""What is known of formats is told in their table alone, and the manual tells the same."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import medtk_monai
from medtk_monai.formats import FORMATS, convert, make_case, read_predictions, write_predictions
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.format_table import format_named
from medtk_monai.prediction.output_formats import output_formats

PACKAGE = Path(medtk_monai.__file__).parent
MANUAL = Path(__file__).parents[2] / "docs" / "prediction.md"
ALL = {**FORMATS, **output_formats()}


def rows(head):
    """The cells of a table in the manual."""
    lines = MANUAL.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(head)) + 2
    stop = lines.index("", start)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:stop]]


def quoted(words):
    return ", ".join(f"`{word}`" for word in words)


def cannot_hold(entry):
    refused = {(2,): "volumes", (3,): "flat images", (2, 3): ""}[entry.dims]
    return "; ".join(filter(None, [refused, ", ".join(entry.loses)])) or "holds everything"


def test_the_manual_has_the_table():
    told = [
        [f"`{name}`", quoted(entry.aliases), quoted(entry.suffixes), ", ".join(entry.needs), cannot_hold(entry)]
        for name, entry in FORMATS.items()
    ]
    assert rows("| format | other word |") == told


def test_the_manual_has_the_files_of_predictions():
    assert [row[:2] for row in rows("| file | `--formats` |")] == [
        [quoted(entry.file_names()), f"`{name}`"] for name, entry in output_formats().items()
    ]


def test_words_and_files_are_of_one_format():
    words = [word for entry in ALL.values() for word in (entry.name, *entry.aliases)]
    files = [name for entry in ALL.values() for name in entry.file_names()]
    assert len(set(words)) == len(words) and len(set(files)) == len(files)
    assert all(entry.name == name for name, entry in ALL.items())
    assert all(entry.file_name.endswith(entry.suffixes[0]) for entry in ALL.values() if entry.file_name)
    bare = Format("bare", (".bare",))
    assert all(entry.read is not bare.read and entry.write is not bare.write for entry in FORMATS.values())


def test_the_other_words_are_taken(tmp_path):
    case = make_case("a", "RAS", np.array([[1.0, 2, 3]]), np.array([[4.0, 5, 6]]))
    write_predictions(tmp_path / "a.json", [case])
    assert convert(tmp_path / "a.json", tmp_path / "b.csv", "json", "csv") == []
    assert convert(tmp_path / "b.csv", tmp_path / "c.json", "csv", "json") == []
    assert read_predictions(tmp_path / "c.json")[0]["scores"] == [1.0]
    assert format_named("csv") is format_named("luna")


def literals(path):
    """Strings in the code of a file, without docstrings."""
    tree = ast.parse(path.read_text())
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    ]


def home(entry):
    """The file of a format's own module."""
    function = entry.write_scan or entry.read
    return str(Path(*function.__module__.split(".")[1:]).with_suffix(".py"))


OF_SOMETHING_ELSE = {
    ("handlers/evaluation_report.py", "preview.png"),  # a picture of many cases
    ("formats/guessing.py", ".json"),  # content that can be looked at
    ("formats/label_map.py", ".json"),  # the file beside it
    *(("formats/image_headers.py", suffix) for suffix in (".nii", ".nii.gz")),  # images
    ("prediction/inputs.py", ".json"),  # datalists
    ("prediction/inputs.py", ".dcm"),  # images
}


def test_no_second_list_of_suffixes_and_files():
    homes = {}
    for entry in ALL.values():
        for word in (*entry.suffixes, *entry.file_names()):
            homes.setdefault(word, set()).add(home(entry))
    files = {name for entry in ALL.values() for name in entry.file_names()}
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        about_formats = name.startswith(("formats/", "prediction/")) or name in ("cli/convert.py", "cli/predict.py")
        for text in literals(path):
            for word, places in homes.items():
                if name not in places and (word in text if word in files else about_formats and text == word):
                    found.add((name, word))
    assert found == OF_SOMETHING_ELSE


@pytest.mark.parametrize(
    "path", [*PACKAGE.glob("prediction/*.py"), *(PACKAGE / f"formats/{name}.py" for name in ("conversion", "guessing", "fidelity"))]
)
def test_no_format_is_asked_for_by_its_name(path):
    homes = {word: home(entry) for entry in ALL.values() for word in (entry.name, *entry.aliases)}
    name = path.relative_to(PACKAGE).as_posix()
    assert [text for text in literals(path) if text in homes and homes[text] != name] == []


def test_help_calls_formats_by_their_names():
    from medtk_monai.cli.convert import convert as convert_command
    from medtk_monai.cli.options.model import Output

    (formats,) = (part for part in fields(Output) if part.name == "formats")
    told = re.search(r"write: ([\w,]+);", formats.metadata["help"])[1].split(",")
    assert set(told) <= set(output_formats()) and len(told) == 7
    told = re.findall(r"(\w+)\s+\(", re.search(r"Formats: (.*)\. A source", convert_command.__doc__, re.DOTALL)[1])
    assert set(told) <= set(FORMATS) and len(told) == 8
