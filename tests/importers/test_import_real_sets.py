"""Real data sets, as they lie."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pytest

from tests.importers.trees import cases_of, run, seen

DATA = Path(__file__).parents[2].parent / "shared/data"


def data_set(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"needs {name} in ../shared/data, which is not part of the repository")
    return DATA / name


def link_some(source, target, folders, stems):
    """Folders with links to the files whose names begin with these."""
    for folder in folders:
        (target / folder).mkdir(parents=True)
        for path in (source / folder).iterdir():
            if path.name.startswith(stems):
                (target / folder / path.name).symlink_to(path)
    return target


def test_ms_lesions(tmp_path):
    source = data_set("ms_lesions")
    first = sorted(path.name for path in (source / "labels").iterdir())[0]
    account = run("masks", link_some(source, tmp_path / "set", ["images", "labels"], first[:9]), tmp_path / "out", class_names="lesion")
    mask = np.asarray(nib.load(source / "labels" / first).dataobj)
    assert account["splits"]["training"]["objects"] == {"lesion": len(np.unique(mask)) - 1}


def test_lung_nodules(tmp_path):
    """The manifest has the box, the patient and the spacing of each crop."""
    source = data_set("lung_nodules")
    with (source / "manifest.csv").open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    chosen = sorted(path.name.removesuffix(".nii.gz") for path in (source / "images").iterdir())[:5]
    tree = link_some(source, tmp_path / "set", ["images", "masks"], tuple(f"{name}." for name in chosen))
    (tree / "manifest.csv").symlink_to(source / "manifest.csv")
    run("masks", tree, tmp_path / "out")
    cases = cases_of(tmp_path / "out")
    assert set(cases) == set(chosen)
    for name, case in cases.items():
        wanted = [float(rows[name][key]) for key in ("x0", "y0", "z0", "x1", "y1", "z1")]
        ((box, _, _),) = seen(case)
        assert box == wanted
        assert (case["patient_id"], case["diagnosis"]) == (rows[name]["patient"], rows[name]["diagnosis"])


def test_hippocampus(tmp_path):
    """One object of each class."""
    tree = link_some(data_set("hippocampus"), tmp_path / "set", ["images", "labels"], ("hippocampus_00",))
    account = run("semantic", tree, tmp_path / "out", class_names="anterior,posterior", connectivity=0)
    cases = account["splits"]["training"]["cases"]
    assert cases > 2 and account["splits"]["training"]["objects"] == {"anterior": cases, "posterior": cases}


def test_blood_cells(tmp_path):
    source = data_set("blood_cells")
    account = run("voc", source, tmp_path / "out", validation=None, test=None)
    lists = {name: (source / f"ImageSets/Main/{name}.txt").read_text().split() for name in ("train", "val")}
    cases = cases_of(tmp_path / "out")
    assert {split: account["splits"][split]["cases"] for split in account["splits"]} == {
        "training": len(lists["train"]),
        "validation": len(lists["val"]),
    }
    assert {name for name, case in cases.items() if case["split"] == "validation"} == set(lists["val"])
    assert sorted(item["case_id"] for item in account["left_out"]) == ["BloodImage_00338", "BloodImage_00343"]
    kept = sum(sum(counts["objects"].values()) for counts in account["splits"].values())
    roots = {name: ElementTree.parse(source / f"Annotations/{name}.xml").getroot() for name in cases}
    assert kept == sum(len(root.findall("object")) for root in roots.values()) - 2
    corners = [[int(box.find(key).text) for key in ("xmin", "ymin", "xmax", "ymax")] for box in roots["BloodImage_00001"].iter("bndbox")]
    wanted = sorted([left - 1, top - 1, right, bottom] for left, top, right, bottom in corners)
    assert [box for box, _, _ in seen(cases["BloodImage_00001"], dims=2)] == wanted
