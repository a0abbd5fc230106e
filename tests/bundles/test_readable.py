"""What a person finds in train.json: what one sets first, each value with its words, and the same in the README."""

import json
import re
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from medtk_monai.bundle import keys
from medtk_monai.bundle.overrides import read_config
from medtk_monai.bundle.running import EXPLANATION, plain_values
from tests.bundles.running import BUNDLE, TRAIN

CONFIG = json.loads(Path(TRAIN).read_text())
NAMES = list(CONFIG)
SECTION_2 = next(index for index, name in enumerate(NAMES) if name.startswith("2."))
SETTABLE = [name for name in NAMES[:SECTION_2] if not name.endswith(EXPLANATION) and name != "imports"]
README = (BUNDLE / "docs/README.md").read_text()
DERIVED = {"rank", "ranks"}
"""Plain values that several processes set, and no person."""


def test_whatever_a_person_may_set_comes_first_with_its_words():
    for name in SETTABLE:
        index = NAMES.index(name)
        assert NAMES[index + 1] == name + EXPLANATION and len(CONFIG[name + EXPLANATION].split()) >= 2, name
    plain = {name for name, value in CONFIG.items() if not isinstance(value, dict | list) and not name.endswith(EXPLANATION)}
    later = plain - set(SETTABLE) - DERIVED
    assert all(str(CONFIG[name])[0] in "$@%" for name in later), "plain values below are settable, and belong above"


def test_a_value_and_its_words_are_on_one_line():
    lines = Path(TRAIN).read_text().splitlines()
    for name in SETTABLE:
        (line,) = [line for line in lines if line.startswith(f'    "{name}":')]
        assert f'"{name}{EXPLANATION}": ' in line and len(line) <= 200


def test_every_explanation_is_of_a_value_or_heads_a_section():
    for name in NAMES:
        if name.endswith(EXPLANATION):
            of = name.removesuffix(EXPLANATION)
            assert of in CONFIG or of.isupper(), name
            assert not set("#") & set(CONFIG[name]), "MONAI would change it"


def test_the_table_of_the_readme_lists_the_same_values():
    table = README[README.index("## Values") : README.index("`--head`, `--optimizer` and")]
    rows = re.findall(r"^\| `--(\w+)` \| .* \| (.*) \|$", table, re.MULTILINE)
    assert [name for name, _ in rows] == SETTABLE
    assert {name: words for name, words in rows} == {name: CONFIG[name + EXPLANATION] for name in SETTABLE}


@pytest.mark.parametrize("file", sorted({*BUNDLE.rglob("*.json")} - {BUNDLE / "metadata.json"}), ids=lambda path: path.name)
def test_values_that_overlays_add_are_explained(file):
    content = json.loads(file.read_text())
    added = [
        name
        for name in plain_values(content)
        if name not in CONFIG and "::" not in name and name[0] != "+" and str(content[name])[0] not in "$@%"
    ]
    assert all(name + EXPLANATION in content for name in added), added


HEADS = sorted((BUNDLE / "heads").glob("*.json"))


def expressions(config, ids):
    """The expressions that parts depend on, by their ids."""
    parser, found, seen = ConfigParser(config), {}, set()
    while ids:
        name = ids.pop()
        if name in seen or name not in parser:
            continue
        seen.add(name)
        value = parser[name]
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ids += [f"{name}::{key}" for key, _ in children]
        if isinstance(value, str):
            ids += re.findall(r"@(\w+(?:::\w+)*)", value) if value[0] in "@$" else []
            found |= {name: value} if value.startswith("$") else {}
    return found


def is_plain(value):
    return all(map(is_plain, value)) if isinstance(value, list | tuple) else value is None or isinstance(value, bool | int | float | str)


@pytest.mark.parametrize("overlay", [None, *HEADS], ids=lambda path: path.stem if path else "none")
def test_expressions_that_inference_depends_on_are_plain_values(overlay):
    """So that a model can be written down without any."""
    parser = read_config([TRAIN, *([str(overlay)] if overlay else [])], {"device": "cpu"})
    parser.parse()
    parts = [
        keys.NETWORK,
        keys.PREPROCESSING,
        keys.INFERER,
        keys.LABEL_PAIRS,
        keys.MERGE_IOU,
        keys.CLASS_NAMES,
        f"{keys.CRITERION}::assigner",
    ]
    found = expressions(json.loads(json.dumps(parser.get())), [*parts, "patch_size"])
    assert found.keys() >= {"strides", "coarsest_stride"}
    assert {name: value for name, value in found.items() if not is_plain(parser.get_parsed_content(name))} == {}


def test_no_choice_is_made_in_two_ways():
    text = json.dumps({name: CONFIG[name] for name in ("heads", "optimizers", "schedules")})
    assert "_disabled_" not in text and "choose(" not in text
