"""What may be taken from a configuration that somebody else wrote."""

import json

import pytest
from monai.bundle import ConfigParser

from medtk_monai.bundle import plain_values, running_config
from tests.processes import run_module

CONFIG = {
    "head": "point",
    "strides": [2, [4, 4]],
    "norm": ["group", {"num_groups": 4}],
    "margin": 16,
    "nothing": None,
    "device": "$torch.device('cpu')",
    "network": {"_target_": "torch.nn.Linear", "in_features": 1, "parts": [{"_target_": "a", "size": 3}, "@head"]},
    "hidden": ["a", {"b": [{"_target_": "os.system", "command": "true"}]}],
    "same": "@head",
    "macro": "%head",
    "late": "see $this",
}


def test_only_plain_values_are_taken():
    top = {key: CONFIG[key] for key in ("head", "strides", "norm", "margin", "nothing")}
    nested = {"network::in_features": 1, "network::parts::0::size": 3, "hidden::0": "a", "hidden::1::b::0::command": "true"}
    assert plain_values(CONFIG) == top | nested
    assert plain_values(top | nested) == top | nested, "what was noted is checked again"


def test_values_of_the_bundle_that_is_being_run():
    parser = ConfigParser(CONFIG | {"found": {"_target_": "medtk_monai.bundle.plain_values"}})
    parser["head"] = "anchor"
    assert parser.get_parsed_content("found")["head"] == "anchor"
    assert not {"network", "found"} & set(parser.get_parsed_content("found"))


def test_outside_of_a_configuration_there_is_none():
    for ask in (plain_values, running_config):
        with pytest.raises(RuntimeError, match="no configuration is being resolved"):
            ask()


def nested():
    """Another configuration, resolved while one is."""
    return ConfigParser({"a": 2, "found": {"_target_": "medtk_monai.bundle.running_config"}}).get_parsed_content("found")["a"]


def test_of_nested_configurations_the_innermost_is_told_and_then_the_outer_one_again():
    outer = {"_target_": "medtk_monai.bundle.running_config"}
    parser = ConfigParser({"a": 1, "inner": {"_target_": f"{__name__}.nested"}, "outer": outer, "both": ["@inner", "@outer"]})
    inner, told = parser.get_parsed_content("both")
    assert inner == 2 and told["a"] == 1


def test_explanations_are_no_values():
    parser = ConfigParser({"a": 1, "a?": "one", "found": {"_target_": "medtk_monai.bundle.running_config"}})
    assert "a?" not in parser.get_parsed_content("found") and plain_values({"a": 1, "a?": "one", "b": {"c?": "x", "_d": 1}}) == {"a": 1}


def test_stock_monai_notes_the_configuration_once_the_first_expression_has_imported_this_package(tmp_path):
    """In a process of its own, in which only MONAI has been imported."""
    config = {
        "initialize": ["$@report_errors()"],
        "report_errors": {"_target_": "medtk_monai.bundle.report_errors", "_mode_": "callable"},
        "seed": 5,
        "run": ["$print('seed', @found['seed'])"],
        "found": {"_target_": "medtk_monai.bundle.running_config"},
    }
    (tmp_path / "train.json").write_text(json.dumps(config))
    done = run_module("monai.bundle", "run", "run", "--config_file", tmp_path / "train.json", "--seed", 6, cwd=tmp_path)
    assert done.returncode == 0 and "seed 6" in done.stdout, done.stderr
