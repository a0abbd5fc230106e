"""``medtk plan`` and ``medtk new``, as users type them."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from medtk_monai.bundle.overrides import read_config
from tests.bundles.running import BUNDLE, EVALUATE, TRAIN, run

pytestmark = pytest.mark.usefixtures("quiet_hooks")


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def with_a_point(path):
    """A case with an object at the center of its image."""
    image = nib.load(path)
    center = image.affine @ [*(np.array(image.shape) / 2), 1]
    return {"image": str(path), "space": "RAS", "points": [center[:3].tolist()], "labels": [0]}


@pytest.mark.parametrize("dims", [2, 3])
def test_a_planned_training_runs_and_matches(medtk, phantom, tmp_path, dims):
    """Without a change by hand, and the audit of the real configuration says what the plan promised."""
    said = medtk("plan", phantom(dims) / "datalist.json", 4, "--bundle", BUNDLE, "--device", "cpu", "--num_workers", 1)
    values = json.loads((tmp_path / "plan" / "plan.json").read_text())
    assert values["spatial_dims"] == dims and values["num_classes"] == 1 and "**Spacing:" in said
    assert (tmp_path / "plan" / "plan.md").read_text() in said and (tmp_path / "plan" / "fingerprint.json").is_file()
    small = {"max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "cache_workers": 0, "batch_size": 4}
    overlay = str(tmp_path / "plan" / "plan.json")
    run([TRAIN, overlay], "run", phantom(dims), tmp_path / "run", **small)
    run([TRAIN, overlay, EVALUATE], "evaluating", phantom(dims), tmp_path / "run", **small)
    assert (tmp_path / "run" / "metrics.json").is_file()
    audited = ["audit", "--config_file", f"['{TRAIN}','{overlay}']", "--dataset_dir", phantom(dims), "--out", tmp_path / "audit.json"]
    medtk(*audited)
    report = json.loads((tmp_path / "audit.json").read_text())
    assert report["unmatched"] == [] and all(part["enough"] >= 0.99 for part in report["bins"])


def test_little_memory_means_little_patches(medtk, phantom, tmp_path):
    plan = ("plan", phantom(3) / "datalist.json", "--bundle", BUNDLE, "--device", "cpu", "--num_workers", 1)
    sizes = {}
    for memory in (4, 0.08):
        medtk(*plan, "--memory", memory, "--out", f"plan{memory}")
        sizes[memory] = json.loads((tmp_path / f"plan{memory}" / "plan.json").read_text())
    assert sizes[0.08]["batch_size"] < sizes[4]["batch_size"]
    with pytest.raises(SystemExit, match="a single patch of .* takes .* GB -- give more than --memory 0.001"):
        medtk(*plan, "--memory", 0.001)


def test_points_need_a_radius(medtk, phantom, tmp_path):
    """What their own one is to the plan, a nominal one is as well, and goes on to the training."""
    cases = json.loads((phantom(3) / "datalist.json").read_text())["training"]
    (tmp_path / "points.json").write_text(json.dumps({"training": [with_a_point(phantom(3) / case["image"]) for case in cases]}))
    plan = ("plan", tmp_path / "points.json", 4, "--bundle", BUNDLE, "--device", "cpu", "--num_workers", 1)
    with pytest.raises(SystemExit, match="points of the data have no radius -- give a nominal one by --point_radius_mm"):
        medtk(*plan)
    medtk(*plan, "--point_radius_mm", 3)
    values = json.loads((tmp_path / "plan" / "plan.json").read_text())
    spacing = min(next(step["pixdim"] for step in values["preprocessing::transforms"] if step["_target_"] == "Spacingd"))
    assert values["point_radius_mm"] == 3 and max(max(max(level)) for level in values["anchor_sizes"]) >= 0.9 * 6 / spacing


def test_a_new_bundle_tells_what_differs(medtk, phantom, tmp_path, monkeypatch):
    (tmp_path / "bundles").mkdir()
    shutil.copytree(BUNDLE, tmp_path / "bundles" / "aneurysm")
    said = medtk("new", "vessels", phantom(3) / "datalist.json", 4, "--device", "cpu", "--num_workers", 1)
    folder, files = tmp_path / "bundles" / "vessels", ["bundles/aneurysm/train.json", "bundles/vessels/train.json"]
    training, evaluating = [line for line in said.splitlines() if line.startswith("python -m")]
    assert training.endswith(f"--config_file \"['{files[0]}','{files[1]}']\"")
    assert evaluating.endswith(f"\"['{files[0]}','{files[1]}','bundles/aneurysm/evaluate.json']\" --eval_split validation")
    assert training in (folder / "docs/README.md").read_text()
    assert {path.name for path in folder.iterdir()} == {"train.json", "metadata.json", "docs", "plan.md", "fingerprint.json"}
    told, template = json.loads((folder / "train.json").read_text()), json.loads((BUNDLE / "train.json").read_text())
    assert (folder / "train.json").read_text().count("\n") < 90 and told["template"] == "../aneurysm/train.json"
    monkeypatch.chdir(tmp_path)
    config = read_config([files[1]]).get()
    assert config["datalist"] == str(phantom(3) / "datalist.json") and config["output_dir"] == "runs/vessels"
    assert {name: config[name] for name in ("validate", "train_handlers", "optimizers")} == {
        name: template[name] for name in ("validate", "train_handlers", "optimizers")
    }
    assert json.loads((folder / "metadata.json").read_text())["name"] == "vessels"
    small = {"max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "cache_workers": 0, "batch_size": 4}
    flow = run(files, "run", phantom(3), tmp_path / "run", datalist=None, **small)
    assert flow.parser.get_parsed_content("neck").levels == config["neck"]["levels"] == told["+neck"]["levels"]
    with pytest.raises(SystemExit, match="vessels exists"):
        medtk("new", "vessels", phantom(3) / "datalist.json", 4)


def test_a_mended_template_reaches_the_bundles_made_from_it(medtk, phantom, tmp_path, monkeypatch):
    (tmp_path / "bundles").mkdir()
    shutil.copytree(BUNDLE, tmp_path / "bundles" / "aneurysm")
    medtk("new", "vessels", phantom(2) / "datalist.json", 4, "--device", "cpu", "--num_workers", 1)
    template = tmp_path / "bundles" / "aneurysm" / "train.json"
    config = json.loads(template.read_text())
    config["train"]["patches"]["sampling"]["object_fraction"] = 0.5
    template.write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    merged = read_config(["bundles/vessels/train.json"]).get()
    assert merged["train"]["patches"]["sampling"]["object_fraction"] == 0.5 and merged["spatial_dims"] == 2


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--memory", "much"], "--memory is much"),
        (["--memory", "-1"], "--memory is -1"),
        (["--memory", "4", "--head", "both"], "--head is both"),
        (["--memory", "True"], "--memory is True"),
        (["--memory", "4", "--point_radius_mm", "-3"], "--point_radius_mm is -3"),
        (["--memory", "4", "--min_volume_mm3", "9", "--max_volume_mm3", "5"], "--min_volume_mm3 is 9 and --max_volume_mm3 5"),
        (["--memory", "4", "--device", "gpu"], "--device gpu: no such device"),
        (["--memory", "4", "--min_volume_mm3", "1e9"], "split 'training' has no objects to fit of 1e"),
        (["--memory", "4", "--split", "nothing"], "no split 'nothing' -- choose from training"),
    ],
)
def test_wrong_arguments(medtk, phantom, arguments, words):
    with pytest.raises(SystemExit, match=f"^error: .*{words}"):
        medtk("plan", phantom(2) / "datalist.json", "--bundle", BUNDLE, "--num_workers", 1, *arguments)


def test_data_with_errors_gets_no_bundle(medtk, phantom, tmp_path):
    content = json.loads((phantom(2) / "datalist.json").read_text())
    content["training"][0]["image"] = "absent.png"
    (tmp_path / "list.json").write_text(json.dumps(content))
    with pytest.raises(SystemExit, match="has 1 error, the first: image .*absent.png does not exist -- see medtk check"):
        medtk("new", "broken", tmp_path / "list.json", 4, "--bundle", BUNDLE, "--dataset_dir", phantom(2), "--num_workers", 1)
    assert not (tmp_path / "bundles").exists()
