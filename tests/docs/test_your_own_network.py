"""The page's overrides train, and its module is the one that is imported."""

import json
import re
import sys
from importlib.util import find_spec

import pytest

from tests.bundles.running import ROOT, SMALL, TRAIN, workflow

pytestmark = pytest.mark.usefixtures("quiet_hooks")
PAGE = (ROOT / "docs/your_own_network.md").read_text()
BLOCKS = {kind: re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for kind in ("json", "python")}
NAMES = [json.loads(block)["backbone"]["_target_"] for block in BLOCKS["json"]]
STRIDES = {
    "SegResEncoder": (((2,) * 3, (4,) * 3), (4,) * 3),
    "SwinTransformer": (((2,) * 3, (4,) * 3), (32,) * 3),
    "ResNetFeatures": (((4,) * 2, (8,) * 2), (32,) * 2),
    "my_networks.dynunet_encoder": (((2,) * 3, (4,) * 3), (4,) * 3),
}
"""Of the levels, and the coarsest, by hand."""


def test_every_backbone_is_one_override_of_a_few_lines():
    assert set(NAMES) == set(STRIDES)
    assert all(block.count("\n") <= 12 for block in BLOCKS["json"] + BLOCKS["python"])


@pytest.mark.parametrize("name", STRIDES)
def test_the_page_trains(phantom, tmp_path, monkeypatch, name):
    if name == "SwinTransformer" and find_spec("einops") is None:
        pytest.skip("MONAI's SwinTransformer needs einops, which is not installed")
    (tmp_path / "my_networks.py").write_text(BLOCKS["python"][0])
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "backbone.json").write_text(BLOCKS["json"][NAMES.index(name)])
    values = {key: value for key, value in SMALL.items() if "::" not in key and key != "patch_size"}
    dims = len(STRIDES[name][1])
    own = {"window_size": 64, "margin": 8} if dims == 3 and name != "SwinTransformer" else {"window_size": 128, "margin": 32}
    monkeypatch.setattr("tests.bundles.running.SMALL", values | own)
    flow = workflow([TRAIN, str(tmp_path / "backbone.json")], "train", phantom(dims), tmp_path / "out", fast_dev_run=True, batch_size=2)
    flow.initialize()
    flow.run()
    get = flow.parser.get_parsed_content
    assert (tmp_path / "out/fast_dev_run/best.pt").is_file()
    assert (get("strides"), get("coarsest_stride")) == STRIDES[name]
    assert type(get("backbone")).__name__ in (name, "StagedBackbone")
    sys.modules.pop("my_networks", None)
