"""The 2D bundle: what the plan made of the template, and it runs on pictures from annotations to a mosaic."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from PIL import Image, ImageDraw

from medtk_monai.bundle.overrides import read_config
from medtk_monai.cli.import_data import import_data
from medtk_monai.cli.plan import plan
from tests.bundles.running import BUNDLE as TEMPLATE
from tests.bundles.running import ROOT
from tests.processes import run_module

BUNDLE = ROOT / "bundles" / "blood_cells"
DATA = ROOT.parent / "shared/data/blood_cells"
DIFFERENCE = str(BUNDLE / "train.json")
TRAIN, EVALUATE = [str(TEMPLATE / "train.json"), DIFFERENCE], str(TEMPLATE / "evaluate.json")
SIZES = {"Platelets": 20, "RBC": 50, "WBC": 90}
SMALL = {"device": "cpu", "cache_workers": 0, "patch_size": 64, "backbone::channels": [4, 4, 8, 8, 8], "channels": 8, "fast_dev_run": True}
"""Channels of a few, on narrow feature maps."""


def annotation(name, objects):
    boxes = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + side}</xmax><ymax>{y + side}</ymax></bndbox></object>"
        for label, x, y, side in objects
    )
    size = "<size><width>160</width><height>120</height><depth>3</depth></size>"
    return f"<annotation><filename>{name}.jpg</filename>{size}{boxes}</annotation>"


@pytest.fixture
def cells(tmp_path):
    """A Pascal VOC folder of six colored pictures."""
    root, rng = tmp_path / "BCCD", np.random.default_rng(0)
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    names = [f"cells{number}" for number in range(6)]
    for name in names:
        picture = Image.fromarray(rng.integers(180, 220, (120, 160, 3), dtype=np.uint8))
        objects = [(label, int(rng.integers(1, 150 - side)), int(rng.integers(1, 110 - side)), side) for label, side in SIZES.items()]
        for label, x, y, side in objects:
            ImageDraw.Draw(picture).ellipse((x, y, x + side, y + side), (80, 40 * len(label), 120))
        picture.save(root / "JPEGImages" / f"{name}.jpg")
        (root / "Annotations" / f"{name}.xml").write_text(annotation(name, objects))
    for split, chosen in (("train", names[:4]), ("val", names[4:])):
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(chosen) + "\n")
    return root


def test_the_bundle_tells_what_differs_from_the_template():
    told, config = json.loads(Path(DIFFERENCE).read_text()), ConfigParser.load_config_files(TRAIN)
    assert Path(DIFFERENCE).read_text().count("\n") < 90 and not (BUNDLE / "evaluate.json").exists()
    assert config == values_in(read_config([DIFFERENCE])) and config["layers"] == ["template", "blood_cells"]
    assert (config["bundle_root"], config["output_dir"]) == ("bundles/blood_cells", "runs/blood_cells")
    assert config["class_names"] == list(SIZES) and config["backbone"]["channels"] == [32, 64, 96, 128, 160]
    assert config["train"]["patches"]["ranges"]["rotation"] == 15 and config["heads"]["point"]["assigner"]["ignore_near"] is False
    template = json.loads((TEMPLATE / "train.json").read_text())
    touched = {name.lstrip("+").split("::")[0] for name in told}
    assert {name: value for name, value in config.items() if name not in touched} == {
        name: value for name, value in template.items() if name not in touched
    }
    assert template["validate"] == config["validate"] and template["heads"]["point"]["head"] == config["heads"]["point"]["head"]


def values_in(parser):
    return {key: value for key, value in parser.get().items() if key != "_meta_"}


COMMANDS = {
    "without its template": ([DIFFERENCE], "give both: --config_file \"['bundles/aneurysm/train.json','bundles/blood_cells/train.json']\""),
    "evaluated without": ([DIFFERENCE, EVALUATE], "give both: --config_file"),
    "below its template": ([DIFFERENCE, TRAIN[0]], "the template lies over the bundle, and hides it -- name the template first"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_other_files_than_template_and_bundle_end_in_one_line_with_the_remedy(tmp_path, kind):
    files, told = COMMANDS[kind]
    done = run_module("monai.bundle", "run", "training", "--config_file", str(files), cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr and not list(tmp_path.iterdir())
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and told in last


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs blood_cells in ../shared/data, which is not part of the repository")
def test_the_plan_follows_from_the_data(tmp_path, monkeypatch):
    monkeypatch.setattr("medtk_monai.planning.template.resolve_precision", lambda *_: torch.bfloat16)  # whatever this machine is fast at
    import_data("voc", str(DATA), out=str(tmp_path / "data"))
    plan(str(tmp_path / "data" / "datalist.json"), 8, str(tmp_path / "plan"), template=str(TEMPLATE), device="cpu")
    assert (tmp_path / "plan" / "plan.md").read_text() == (BUNDLE / "plan.md").read_text()
    planned, config = json.loads((tmp_path / "plan" / "plan.json").read_text()), read_config([DIFFERENCE])
    assert all(config.get(name) == value for name, value in planned.items())


def test_pictures_go_from_annotations_to_a_mosaic(cells, tmp_path):
    import_data("voc", str(cells), out=str(tmp_path / "data"))
    datalist, out = tmp_path / "data" / "datalist.json", tmp_path / "run"
    for config, run_id in ((TRAIN, "training"), ([*TRAIN, EVALUATE], "evaluating")):
        values = {"datalist": str(datalist), "output_dir": str(out), "eval_split": "validation", **SMALL}
        flow = ConfigWorkflow(config, workflow_type="train", logging_file=False, run_id=run_id, **values)
        flow.initialize()
        flow.run()
    metrics = json.loads((out / "fast_dev_run" / "metrics.json").read_text())
    assert [part["num_lesions"] for part in metrics["per_class"]] == [2, 2, 2] and "0.5" in metrics["ap_per_iou"]
    with Image.open(out / "fast_dev_run" / "mosaic.png") as picture:
        assert picture.width == 2 * 360 + 3 * 8 and picture.height > 270


def test_the_network_pads_as_images_are_padded():
    for config, reflects in ((DIFFERENCE, False), (str(TEMPLATE / "train.json"), True)):
        parser = read_config([config])
        kinds = {
            type(module).__name__.startswith("Reflect") for module in parser.get_parsed_content("network_def").modules() if is_wide(module)
        }
        assert kinds == {reflects}


def is_wide(module):
    return isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d) and max(module.kernel_size) > 1
