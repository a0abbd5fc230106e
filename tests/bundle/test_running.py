"""What may be taken from a configuration that somebody else wrote."""

from monai.bundle import ConfigParser

from medtk_monai.bundle import plain_values

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
    assert not {"network", "found"} & set(parser.get_parsed_content("found")) and plain_values() == {}
