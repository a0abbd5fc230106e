"""A model is found in all its forms, and is refused when it is damaged, strange or not what it says."""

import json
import shutil
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import medtk_monai
from medtk_monai.digests import file_sha256, values_sha256
from medtk_monai.errors import DataError
from medtk_monai.model import ModelSource, find_model, make_model, read_model, write_tuning
from medtk_monai.prediction import Predictor, load_predictor
from tests.bundles.running import BUNDLE


@pytest.fixture
def model(run_folder, tmp_path):
    return shutil.copytree(run_folder / "model", tmp_path / "mine" / "model")


def edit(model, change):
    """Change model.json as somebody would who knows about its digest."""
    path = model / "model.json"
    content = json.loads(path.read_text())
    change(content)
    content["sha256"] = values_sha256({key: value for key, value in content.items() if key != "sha256"})
    path.write_text(json.dumps(content))


def replace_weights(model, change):
    (path,) = model.glob("weights-*.safetensors")
    state = load_file(path)
    change(state)
    save_file(state, path)
    edit(model, lambda content: content["weights"][0].update(sha256=file_sha256(path)))


def zipped(folder, target, prefix=""):
    with ZipFile(target, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, prefix + path.name)
    return target


def test_findings_are_the_same_by_every_way(run_folder, model, scan, tmp_path):
    flat, nested = zipped(model, tmp_path / "flat.zip"), zipped(model, tmp_path / "nested.zip", "somewhere/")
    ways = [
        Predictor.from_bundle(BUNDLE, run_folder / "best.pt", device="cpu"),
        load_predictor(run_folder, device="cpu"),
        load_predictor(model, device="cpu"),
        load_predictor(model.parent, device="cpu"),
        load_predictor(flat, device="cpu"),
        load_predictor(nested, device="cpu"),
        load_predictor(run_folder / "best.pt", device="cpu"),
        medtk_monai.load(run_folder, device="cpu"),
        Predictor(ModelSource([str(model)], device="cpu").load()),
    ]
    expected, *others = [way(scan).case for way in ways]
    assert len(expected["boxes"]) > 0
    for other in others:
        assert other == expected


def test_a_model_tells_what_it_is(run_folder):
    found = read_model(run_folder)
    assert found.recipe["spatial_dims"] == 3 and found.fingerprint["num_cases"] == 6
    assert found.origin["key_metric"] and found.origin["epoch"] == 1 and found.origin["data"]["training"]["num_cases"] == 6
    card = (run_folder / "model" / "README.md").read_text()
    assert "6 cases" in card and "0.4" in card and "medtk predict" in card
    assert "$" not in json.dumps(found.recipe)


def test_several_models_are_an_ensemble_if_they_look_alike(model, scan, tmp_path):
    both = load_predictor(model, model, device="cpu")
    assert len(both.parts.networks) == 2 and len(both(scan).case["boxes"]) > 0
    other = shutil.copytree(model, tmp_path / "other")
    edit(other, lambda content: content["recipe"]["preprocessing"]["transforms"].pop(1))
    with pytest.raises(DataError, match="in different ways"):
        load_predictor(model, other, device="cpu")
    named = shutil.copytree(model, tmp_path / "named")
    edit(named, lambda content: content["recipe"].update(class_names=["vessel"]))
    with pytest.raises(DataError, match="in different ways"):
        load_predictor(model, named, device="cpu")
    tuned = shutil.copytree(model, tmp_path / "tuned")
    write_tuning(tuned, {"dense_postprocessor::max_detections": 1}, {})
    assert load_predictor(model, tuned, device="cpu")(scan).case == load_predictor(tuned, model, device="cpu")(scan).case


def test_values_may_be_chosen_anew_but_not_what_is_settled(model, scan):
    assert load_predictor(model, device="cpu", margin=8).parts.inferer.margin == 8
    one = load_predictor(model, device="cpu", **{"dense_postprocessor::max_detections": 1})
    assert len(one(scan).case["boxes"]) == 1
    with pytest.raises(DataError, match="did you mean --margin"):
        load_predictor(model, device="cpu", margins=8)
    with pytest.raises(DataError, match="--padding_mode is settled"):
        load_predictor(model, device="cpu", padding_mode="zeros")
    for settled in ({"channels": 16}, {"backbone::strides": [2, 2, 1]}, {"network_def::reflect": False}, {"head": "anchor"}):
        with pytest.raises(DataError, match="is settled"):
            load_predictor(model, device="cpu", **settled)
    for odd in ({"margin": "abc"}, {"window_size": "abc"}, {"window_batch_size": 0}, {"window_batch_size": "x"}):
        with pytest.raises(DataError):
            load_predictor(model, device="cpu", **odd)
    with pytest.raises(DataError, match="no such device"):
        load_predictor(model, device="tpu")


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << (place % 8)
    path.write_bytes(bytes(content))


def test_every_flipped_bit_is_told(model):
    rng = np.random.default_rng(0)
    for name in [path.name for path in model.iterdir() if path.name != "README.md"]:
        whole = (model / name).read_bytes()
        for place in rng.integers(0, len(whole), 24).tolist():
            flip(model / name, place)
            with pytest.raises(DataError) as told:
                load_predictor(model, device="cpu")
            assert len(str(told.value).splitlines()) == 1
            (model / name).write_bytes(whole)
    load_predictor(model, device="cpu")


def test_every_flipped_bit_of_a_checkpoint_is_told(run_folder, tmp_path):
    path = tmp_path / "best.pt"
    whole = (run_folder / "best.pt").read_bytes()
    for place in np.random.default_rng(1).integers(0, len(whole), 24).tolist():
        path.write_bytes(whole)
        flip(path, place)
        try:
            found = load_predictor(path, device="cpu").parts.networks[0].state_dict()
        except DataError as error:
            assert len(str(error).splitlines()) == 1
            continue
        # A bit that no sum covers is in the archive's own bookkeeping, and changes nothing.
        expected = load_predictor(run_folder / "best.pt", device="cpu").parts.networks[0].state_dict()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(model, value):
    replace_weights(model, lambda state: next(v for v in state.values() if v.is_floating_point()).view(-1)[:1].fill_(value))
    with pytest.raises(DataError, match="not finite"):
        load_predictor(model, device="cpu")


@pytest.mark.parametrize("change, told", [
    (lambda state: state.update(extra=torch.zeros(2)), "the network lacks extra"),
    (lambda state: state.pop(next(iter(state))), "the file lacks"),
    (lambda state: state.update({next(iter(state)): torch.zeros(3)}), r"float32 \(3,\) there"),
    (lambda state: state.update({next(iter(state)): next(iter(state.values())).to(torch.complex64)}), "is complex"),
])  # fmt: skip
def test_weights_of_another_network_are_refused(model, change, told):
    replace_weights(model, change)
    with pytest.raises(DataError, match=told):
        load_predictor(model, device="cpu")


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
])  # fmt: skip
def test_a_model_of_other_things_takes_one_line(model, scan, change):
    edit(model, change)
    with pytest.raises(DataError) as error:
        load_predictor(model, device="cpu")(scan)
    assert len(str(error.value).splitlines()) == 1


def test_torn_zip_files_are_told(model, tmp_path):
    whole = zipped(model, tmp_path / "m.zip").read_bytes()
    for end in (0, 10, len(whole) // 2, len(whole) - 10):
        (tmp_path / "m.zip").write_bytes(whole[:end])
        with pytest.raises(DataError, match="m.zip"):
            load_predictor(tmp_path / "m.zip", device="cpu")


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


@pytest.mark.parametrize(
    "text", ["[" * 100000, "", "[]", "null", '{"format": "medtk_monai model", "version": 2}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_broken_description_takes_one_line(model, text):
    (model / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as error:
        load_predictor(model, device="cpu")
    assert len(str(error.value).splitlines()) == 1


def test_a_wrong_bundle_is_refused(run_folder, tmp_path):
    changed = json.loads((BUNDLE / "train.json").read_text())
    changed["preprocessing"]["transforms"][1] = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -1000, "a_max": 1000}
    (tmp_path / "train.json").write_text(json.dumps(changed))
    with pytest.raises(DataError, match="was not trained with bundle .*preprocessing") as error:
        Predictor.from_bundle(tmp_path, run_folder / "best.pt", device="cpu")
    assert len(str(error.value).splitlines()) == 1


def test_networks_that_give_nan_end_in_an_error(model, scan):
    """Finite weights may overflow all the same."""
    replace_weights(model, lambda state: [value.fill_(3e38) for name, value in state.items() if name.endswith("weight")])
    with pytest.raises(DataError, match="no numbers .NaN"):
        load_predictor(model, device="cpu")(scan)


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no model in"):
        read_model(tmp_path)
    assert find_model(tmp_path) is None
    with pytest.raises(DataError, match="there is no .*absent"):
        read_model(tmp_path / "absent")
    with pytest.raises(DataError, match="no model is given"):
        ModelSource()


def test_models_are_made_of_models(run_folder, model, scan, tmp_path):
    expected = load_predictor(run_folder, device="cpu")(scan).case
    make_model(ModelSource([str(run_folder)]), tmp_path / "one.zip")
    assert load_predictor(tmp_path / "one.zip", device="cpu")(scan).case == expected
    make_model(ModelSource([str(run_folder), str(model)]), tmp_path / "both", "pair")
    both = load_predictor(tmp_path / "both", device="cpu")
    assert both(scan).case == load_predictor(run_folder, model, device="cpu")(scan).case
    assert read_model(tmp_path / "both").name == "pair" and len(both.parts.networks) == 2
    with pytest.raises(DataError, match="exists"):
        make_model(ModelSource([str(run_folder)]), tmp_path / "both")


def test_a_checkpoint_of_an_earlier_version_becomes_a_model(run_folder, scan, tmp_path, caplog):
    content = torch.load(run_folder / "best.pt", weights_only=True)
    del content["notes"]["model"]
    torch.save(content, tmp_path / "old.pt")
    with pytest.raises(DataError, match="medtk model .*old.pt --bundle BUNDLE --out MODEL"):
        load_predictor(tmp_path / "old.pt")
    old = ModelSource(bundle=str(BUNDLE), checkpoint=[str(tmp_path / "old.pt")], device="cpu")
    found = Predictor(old.load())(scan).case
    assert "is of an earlier version" in caplog.text
    make_model(old, tmp_path / "new")
    expected = load_predictor(run_folder, device="cpu")(scan).case
    assert found == expected and load_predictor(tmp_path / "new", device="cpu")(scan).case == expected


def test_what_a_sweep_has_chosen_goes_with_the_model(run_folder, model, scan, tmp_path):
    chosen = {"suppressor": {"_target_": "medtk_monai.suppressors.NMS", "iou": 0.5}, "dense_postprocessor::max_detections": 2}
    for path in (model, zipped(model, tmp_path / "m.zip", "m/")):
        write_tuning(path, chosen, {"1 FP per case": {"threshold": 0.25}})
        tuned = load_predictor(path, device="cpu")
        assert tuned.parts.inferer.postprocessor.suppressor.iou == 0.5 and len(tuned(scan).case["boxes"]) == 2
        assert read_model(path).operating_points["1 FP per case"]["threshold"] == 0.25
        assert load_predictor(path, device="cpu", **{"suppressor::iou": 0.2}).parts.inferer.postprocessor.suppressor.iou == 0.2
    assert "scores from 0.25" in (model / "README.md").read_text()


def test_own_components_are_taken_on_trust_alone(model, scan, tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text("from monai.transforms import Identityd\n\nclass Own(Identityd):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    edit(model, lambda content: content["recipe"]["preprocessing"]["transforms"].insert(2, {"_target_": "own_parts.Own", "keys": "image"}))
    with pytest.raises(DataError, match="--trust"):
        load_predictor(model, device="cpu")
    assert len(load_predictor(model, device="cpu", trust=True)(scan).case["boxes"]) > 0
