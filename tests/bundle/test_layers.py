"""Files that lie over one another."""

import json

import pytest
from monai.bundle import ConfigParser

from medtk_monai.bundle.layers import check_layers, commands, difference, with_templates
from medtk_monai.bundle.overrides import read_config
from medtk_monai.errors import DataError

pytestmark = pytest.mark.usefixtures("quiet_hooks")


def write(folder, name, **values):
    (folder / name).mkdir(exist_ok=True)
    path = folder / name / "train.json"
    path.write_text(json.dumps(values))
    return str(path)


def test_each_file_comes_after_its_template_and_none_twice(tmp_path):
    base = write(tmp_path, "base", a=1, layers=["template"], parts={"b": {"c": 1, "d": 2}})
    middle = write(tmp_path, "middle", template="../base/train.json", a=2)
    own = write(tmp_path, "own", template="../middle/train.json", **{"parts::b::c": 5})
    overlay = write(tmp_path, "overlay", a=9)
    expected = [base, middle, own, overlay]
    assert (
        with_templates([own, overlay]) == with_templates([base, own, overlay]) == with_templates([base, middle, own, overlay]) == expected
    )
    assert read_config([own]).get()["parts"] == {"b": {"c": 5, "d": 2}} and read_config([own])["a"] == 2
    assert read_config([own, overlay])["a"] == 9


def test_values_of_a_difference_are_what_monai_merges(tmp_path):
    below = {"layers": ["template"], "initialize": ["$1"], "a": 1, "deep": {"er": {"x": 1, "y": {"z": [1, 2], "kept": 3}}, "kept": 4}}
    template = write(tmp_path, "base", **below)
    (tmp_path / "own").mkdir()
    values = {"a": 2, "deep::er::x": 3, "deep::er::y::z": [9], "deep::new": {"_target_": "T"}}
    path = tmp_path / "own" / "train.json"
    path.write_text(json.dumps(difference(template, tmp_path / "own", values)))
    merged = ConfigParser.load_config_files([template, str(path)])
    assert merged["deep"] == {"er": {"x": 3, "y": {"z": [9], "kept": 3}}, "kept": 4, "new": {"_target_": "T"}} and merged["a"] == 2
    assert merged["layers"] == ["template", "own"] and merged["initialize"] == ["$1", "$@check_layers()"]
    alone = ConfigParser.load_config_files(str(path))
    assert alone["layers"] == ["own"] and alone["initialize"] == ["$@check_layers()"]


def test_the_template_must_be_among_the_layers():
    check_layers(["template", "own"], "../base/train.json", "bundles/own")
    with pytest.raises(DataError, match=r"give both: --config_file \"\['bundles/base/train.json','bundles/own/train.json'\]\""):
        check_layers(["own"], "../base/train.json", "bundles/own")


def test_commands_name_all_files(tmp_path):
    base = write(tmp_path, "base", layers=["template"])
    own = write(tmp_path, "own", template="../base/train.json")
    training, evaluating = commands(own)
    assert training.endswith(f"--config_file \"['{base}','{own}']\"")
    assert f"['{base}','{own}','{tmp_path / 'base' / 'evaluate.json'}']" in evaluating
    assert commands(base)[0].endswith(f"--config_file {base}")


@pytest.mark.parametrize(
    "template, told",
    [("../absent/train.json", "no file .*absent.* mend 'template' in .*own"), ("train.json", "is its own template")],
)
def test_wrong_templates_are_told(tmp_path, template, told):
    with pytest.raises(DataError, match=told):
        with_templates([write(tmp_path, "own", template=template)])


def test_what_is_no_json_is_told(tmp_path):
    (tmp_path / "train.json").write_text("{")
    with pytest.raises(DataError, match="is not a JSON file"):
        with_templates([str(tmp_path / "train.json")])
