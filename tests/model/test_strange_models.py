"""A model that a stranger has made runs no code."""

import pytest

from medtk_monai.errors import DataError
from medtk_monai.model import read_model
from medtk_monai.prediction import load_predictor
from tests.model.changes import edit


@pytest.mark.parametrize("target, told", [
    ("os.system", "another package"),
    ("subprocess.Popen", "another package"),
    ("monai.bundle.run", "another package"),
    ("torch.load", "another package"),
    ("torch.hub.load", "another package"),
    ("monai.transforms.Lambdad", "no part that models are made of"),
    ("monai.transforms.SaveImaged", "no part that models are made of"),
    ("monai.transforms.LoadImaged", "no part that models are made of"),
    ("monai.transforms.TorchVisiond", "no part that models are made of"),
    ("monai.transforms.io.dictionary.Path", "no part that models are made of"),
    ("monai.networks.utils.torch", "no part that models are made of"),
    ("torch.nn.modules.module.torch", "no part that models are made of"),
    ("torch.nn.functional.relu", "no part that models are made of"),
    ("medtk_monai.transforms.load.DataError", "no part that models are made of"),
    ("medtk_monai.cli.main.main", "another package"),
    ("medtk_monai.errors.import_extra", "another package"),
    ("nowhere", "no component"),
    (["os.system"], "no component"),
    ("monai.transforms.NoSuchTransform", "not to be found"),
])  # fmt: skip
def test_a_strangers_component_is_refused_in_one_line(model, target, told):
    edit(model, lambda content: content["recipe"]["preprocessing"]["transforms"].append({"_target_": target, "keys": "image"}))
    with pytest.raises(DataError, match=told) as error:
        load_predictor(model, device="cpu")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("change", [
    lambda recipe: recipe.update(margin="$__import__('os').system('touch pwned')"),
    lambda recipe: recipe["preprocessing"].update(transforms="%/etc/passwd.json"),
    lambda recipe: recipe["preprocessing"]["transforms"][0].update(_mode_="callable"),
    lambda recipe: recipe["preprocessing"]["transforms"][0].update(_disabled_="$1"),
    lambda recipe: recipe.update({"network_def::head": {"_target_": "os.system"}}),
    lambda recipe: recipe.update(margin="@margin or 1"),
])  # fmt: skip
def test_expressions_are_refused(model, change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    edit(model, lambda content: change(content["recipe"]))
    with pytest.raises(DataError):
        load_predictor(model, device="cpu", trust=True)
    assert not (tmp_path / "pwned").exists()


def test_what_a_sweep_has_chosen_may_name_nothing_strange(model):
    edit(model, lambda content: content["tuned"].update(suppressor={"_target_": "os.system", "command": "true"}))
    with pytest.raises(DataError, match="another package"):
        read_model(model)


@pytest.mark.parametrize("tuned", [
    {"suppressor": {"args": ["touch", "pwned"]}, "suppressor::_target_": "subprocess.check_output"},
    {"suppressor": {"_target_": "medtk_monai.suppressors.NMS"}, "suppressor::_mode_": "debug"},
    {"padding_mode": "zeros"},
    {"dense_postprocessor::score_threshold": "$1"},
    {"dense_postprocessor#_target_": 1.0},
    {"merge_iou": True},
    [[1, 2]],
])  # fmt: skip
def test_a_sweep_chooses_nothing_else(model, scan, tuned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    edit(model, lambda content: content.update(tuned=tuned))
    with pytest.raises(DataError) as error:
        load_predictor(model, device="cpu")(scan)
    assert len(str(error.value).splitlines()) == 1 and not (tmp_path / "pwned").exists()


def deep(depth):
    return {"a": deep(depth - 1)} if depth else 1


@pytest.mark.parametrize("change", [
    lambda content: content.update(recipe=[[1, 2]]),
    lambda content: content.update(recipe=None),
    lambda content: content.update(fingerprint=5),
    lambda content: content["fingerprint"].update(spacing=5),
    lambda content: content["fingerprint"].update(spacing={"min": [1, "x"], "max": [2, 3]}),
    lambda content: content.update(weights=5),
    lambda content: content.update(weights=[]),
    lambda content: content["weights"][0].update(file="weights-\x00.safetensors"),
    lambda content: content["weights"][0].update(file="weights-\ud800.safetensors"),
    lambda content: content["recipe"].update(deep=deep(300)),
    lambda content: content["recipe"].update(network_def=None),
    lambda content: content["recipe"].update(network_def=[]),
    lambda content: content["recipe"].update(preprocessing="@margin"),
    lambda content: content["recipe"].update(spatial_dims="x"),
    lambda content: content["recipe"].update(network_def="@network_def"),
    lambda content: content["recipe"].update(margin="@nothing"),
    lambda content: content["recipe"]["validate"].update(inferer="@margin"),
    lambda content: content["recipe"].update(window_size=0),
    lambda content: content["recipe"].update(window_size="abc"),
    lambda content: content["recipe"].update(window_size=-8),
    lambda content: content["recipe"].update(margin=-5),
    lambda content: content["recipe"].update(margin="abc"),
    lambda content: content["recipe"].update(window_size=float("nan")),
    lambda content: content["recipe"].update(channels=10**7),
    lambda content: content["recipe"].update(channels=-1),
    lambda content: content["recipe"].update(num_classes=0),
    lambda content: content["recipe"].update(spatial_dims=7),
    lambda content: content["recipe"]["network_def"].update(backbone=5),
    lambda content: content["recipe"]["network_def"].update(head=5),
    lambda content: content["recipe"]["validate"]["inferer"].update(stride=-4),
    lambda content: content["recipe"]["validate"]["inferer"].update(postprocessor=5),
    lambda content: content["recipe"].update(suppressor=5),
])  # fmt: skip
def test_a_model_of_other_things_takes_one_line(model, scan, change):
    edit(model, change)
    with pytest.raises(DataError) as error:
        load_predictor(model, device="cpu")(scan)
    assert len(str(error.value).splitlines()) == 1


def test_networks_of_monai_may_not_reach_out(model):
    strange = {"_target_": "monai.networks.nets.HoVerNet", "pretrained_url": "https://example.org/x.pt"}
    edit(model, lambda content: content["recipe"]["network_def"].update(backbone=strange))
    with pytest.raises(DataError, match="reach out for files by 'pretrained_url'"):
        load_predictor(model, device="cpu")
    by_default = {"_target_": "monai.networks.nets.EfficientNetBN", "model_name": "efficientnet-b0"}
    edit(model, lambda content: content["recipe"]["network_def"].update(backbone=by_default))
    with pytest.raises(DataError, match="reach out for files by 'pretrained'"):
        load_predictor(model, device="cpu")


def test_files_outside_of_a_model_are_not_read(model):
    edit(model, lambda content: content["weights"][0].update(file="../../best.pt"))
    with pytest.raises(DataError, match="outside of itself"):
        load_predictor(model, device="cpu")


def test_own_components_are_taken_on_trust_alone(model, scan, tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text("from monai.transforms import Identityd\n\nclass Own(Identityd):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    edit(model, lambda content: content["recipe"]["preprocessing"]["transforms"].insert(2, {"_target_": "own_parts.Own", "keys": "image"}))
    with pytest.raises(DataError, match="--trust"):
        load_predictor(model, device="cpu")
    assert len(load_predictor(model, device="cpu", trust=True)(scan).case["boxes"]) > 0
