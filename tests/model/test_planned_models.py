"""Models of planned bundles, of CT crops in 3D and of pictures in 2D: the same findings by every way, and by no other bundle."""

import json

import pytest
from monai.bundle import ConfigWorkflow

import medtk_monai
from medtk_monai.bundle.layers import with_templates
from medtk_monai.errors import DataError
from medtk_monai.importers.run import import_files
from medtk_monai.model import ModelSource, make_model, read_model
from medtk_monai.planning import Wishes
from medtk_monai.planning.files import Base, Data, new_bundle
from medtk_monai.prediction import Predictor, load_predictor
from tests.bundles.running import BUNDLE
from tests.importers.test_import_real_sets import data_set, link_some

SHORT = {
    "max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "batch_size": 2, "cache_workers": 0, "device": "cpu", "patch_size": 64,
    "dense_postprocessor::score_threshold": 0.0,
}  # fmt: skip


def lung_nodules(folder):
    source = data_set("lung_nodules")
    names = sorted(path.name.removesuffix("nii.gz") for path in (source / "images").iterdir())[:8]
    import_files(
        "masks",
        str(link_some(source, folder / "set", ["images", "masks"], tuple(names))),
        str(folder / "data"),
        {"class_names": ["nodule"]},
    )
    return folder / "data" / "datalist.json"


def blood_cells(folder):
    source = data_set("blood_cells")
    import_files("voc", str(source), str(folder / "data"))
    path = folder / "data" / "datalist.json"
    content = json.loads(path.read_text())
    content.update({split: content[split][:6] for split in ("training", "validation") if split in content})
    path.write_text(json.dumps(content))
    return path


def trained(folder, datalist, **values):
    new_bundle(Data(str(datalist), num_workers=1), Wishes(1.0), folder / "mine", Base(str(BUNDLE), "cpu"))
    config = with_templates([str(folder / "mine" / "train.json")])
    flow = ConfigWorkflow(
        config, workflow_type="train", logging_file=False, run_id="run", output_dir=str(folder / "run"), **SHORT, **values
    )
    flow.initialize()
    flow.run()
    return folder / "run"


@pytest.mark.parametrize("make, step, values", [
    (lung_nodules, "ScaleIntensityRanged", {}),
    (blood_cells, "Spacingd", {"suppressor::score_threshold": 0.0}),
])  # fmt: skip
@pytest.mark.usefixtures("quiet_hooks")
def test_findings_are_the_same_by_every_way(make, step, values, tmp_path):
    datalist = make(tmp_path)
    run = trained(tmp_path, datalist, **values)
    scan = str(datalist.parent / json.loads(datalist.read_text())["training"][0]["image"])
    make_model(ModelSource([str(run)]), tmp_path / "model.zip")
    by_bundle = Predictor.from_bundle(tmp_path / "mine", run / "best.pt", device="cpu")
    expected = by_bundle(scan)
    assert len(expected.case["boxes"]) > 0 and step in json.dumps(read_model(run).recipe)
    for other in (load_predictor(run / "model", device="cpu"), load_predictor(tmp_path / "model.zip", device="cpu")):
        assert other(scan).case == expected.case and other.parts.class_names == by_bundle.parts.class_names
    assert medtk_monai.load(run, device="cpu")(scan).case == expected.case
    with pytest.raises(DataError, match="was not trained with bundle .*preprocessing") as error:
        Predictor.from_bundle(BUNDLE, run / "best.pt", device="cpu")
    assert len(str(error.value).splitlines()) == 1
