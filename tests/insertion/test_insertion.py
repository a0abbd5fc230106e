"""Objects put into made scans whose vessels and tissue are known."""

import json
from dataclasses import replace
from zlib import crc32

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from medtk_monai.data.datalist import load_datalist
from medtk_monai.errors import DataError
from medtk_monai.insertion import Insertion, insert_objects
from medtk_monai.insertion.aneurysms import AneurysmRanges, draw_aneurysm
from medtk_monai.insertion.cutouts import PasteRanges, cut_objects, draw_paste
from medtk_monai.insertion.dataset import Sources
from medtk_monai.insertion.lesions import LesionRanges, draw_lesion, find_tissue
from medtk_monai.insertion.scans import Scan
from medtk_monai.insertion.scene import Scene
from medtk_monai.insertion.vessels import find_vessels, vessel_axis
from medtk_monai.transforms import LoadCased

SPACING = np.array([0.5, 0.5, 0.8])
RADIUS_MM = 2.0


def lumen(shape=(64, 64, 40)):
    """A straight vessel along the first axis, turned a little."""
    x, y, z = (np.arange(n) * s for n, s in zip(shape, SPACING))
    return (y[None, :, None] - 16 - 0.1 * x[:, None, None]) ** 2 + (z[None, None] - 16) ** 2 < RADIUS_MM**2 + 0 * x[:, None, None]


def angiogram(cut_out=False, noise=4.0):
    random = np.random.default_rng(0)
    vessel = gaussian_filter(lumen().astype(np.float32), 0.6)
    image = 100 + 200 * vessel + random.normal(scale=noise, size=vessel.shape)
    if cut_out:
        image = np.where(vessel > 0.3, image, 0)
    return Scene(image.astype(np.float32), SPACING, np.zeros(image.shape, np.int32))


@pytest.mark.parametrize("cut_out", [False, True])
def test_a_vessel_is_found_with_its_caliber_and_direction(cut_out):
    scene = angiogram(cut_out)
    found = find_vessels(scene)
    assert scene.is_cut_out == cut_out
    assert (found.lumen & lumen()).sum() / (found.lumen | lumen()).sum() > 0.75
    assert abs(np.percentile(found.radii, 90) - RADIUS_MM) < 0.5
    middle = found.centers[len(found.centers) // 2]
    axis = vessel_axis(found, middle, RADIUS_MM, SPACING)
    assert abs(axis @ np.array([1, 0.1, 0])) / np.hypot(1, 0.1) > 0.98
    assert cut_out or abs(found.noise - 4) < 1.5


@pytest.mark.parametrize("cut_out", [False, True])
def test_an_aneurysm_sits_on_the_wall_and_is_as_bright_as_asked(cut_out):
    scene = angiogram(cut_out)
    before, vessels = scene.image.copy(), find_vessels(scene)
    random = np.random.default_rng(1)
    insert = draw_aneurysm(random, scene, vessels, AneurysmRanges(diameter_mm=(5, 5), contrast=(0.8, 0.8)))
    scene.put(insert)
    mask = scene.label_map == 1
    assert not (mask & vessels.lumen).any() and (binary_dilation(mask) & vessels.lumen).any()
    assert 3.5 < insert.facts["diameter_mm"] < 6.5
    core = mask & (scene.image > np.percentile(scene.image[mask], 40))
    tissue = 0 if cut_out else 100
    vessel = np.percentile(before[vessels.lumen], 70)
    assert abs((scene.image[core].mean() - tissue) / (vessel - tissue) - 0.8) < 0.12
    far = ~binary_dilation(mask, iterations=5)
    np.testing.assert_array_equal(scene.image[far], before[far])
    if cut_out:  # what is put in is cut out as well
        assert (scene.image[binary_dilation(mask, iterations=5) & ~mask & ~vessels.lumen] == 0).mean() > 0.5


def test_aneurysms_keep_apart():
    scene = angiogram()
    vessels, random = find_vessels(scene), np.random.default_rng(2)
    for _ in range(6):
        insert = draw_aneurysm(random, scene, vessels, AneurysmRanges(diameter_mm=(2, 4)))
        if insert is not None:
            assert not (binary_dilation(insert.mask, iterations=2) & (scene.label_map[insert.part] > 0)).any()
            scene.put(insert)
    assert scene.label_map.max() == len(scene.facts) >= 2


def test_a_scan_without_vessels_is_told():
    scene = replace(angiogram(), image=np.random.default_rng(0).normal(100, 5, (40, 40, 40)).astype(np.float32))
    with pytest.raises(DataError, match="case 'a': no bright vessels .* --kind lesion"):
        find_vessels(scene, "a")


def head(dims=3):
    """Tissue in air: a ball, of a value each."""
    random = np.random.default_rng(0)
    shape = (48,) * dims
    grid = np.indices(shape)
    inside = ((grid - 23.5) ** 2).sum(axis=0) < 20**2
    image = np.where(inside, 500 + random.normal(scale=20, size=shape), random.normal(scale=2, size=shape))
    return Scene(image.astype(np.float32), np.ones(dims), np.zeros(shape, np.int32))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("contrast", [3.0, -3.0])
def test_a_lesion_lies_in_tissue_with_its_contrast(dims, contrast):
    scene, random = head(dims), np.random.default_rng(3)
    tissue = find_tissue(random, scene)
    assert abs(tissue.deviation - 20) < 5
    insert = draw_lesion(random, scene, tissue, LesionRanges((8, 8), (contrast, contrast)))
    inside = scene.foreground.copy()
    scene.put(insert)
    mask = scene.label_map > 0
    assert inside[mask].all()
    assert abs((np.median(scene.image[mask]) - 500) / tissue.deviation - contrast) < 0.8
    assert 6.5 < insert.facts["diameter_mm"] < 9.5


def test_a_pasted_object_keeps_its_height_and_size():
    source, random = head(), np.random.default_rng(4)
    source.image[20:26, 20:28, 22:26] = 900
    source.label_map[20:26, 20:28, 22:26] = 1
    deviation = find_tissue(random, source).deviation
    (cutout,) = cut_objects(Scan(source, [2], [False], np.eye(4), "a"), deviation)
    assert cut_objects(Scan(source, [2], [True], np.eye(4), "a"), deviation) == []
    scene = head()
    scene = replace(scene, image=scene.image + 300)  # brighter tissue: heights count, not values
    insert = draw_paste(random, scene, find_tissue(random, scene), [cutout], PasteRanges(scale=1.0, contrast=(1.0, 1.0)))
    scene.put(insert)
    mask = scene.label_map > 0
    assert insert.facts["label"] == 2 and insert.facts["source"] == "a"
    assert 0.6 < mask.sum() / (6 * 8 * 4) < 1.4
    assert abs(np.percentile(scene.image[mask], 75) - 800 - 400) < 60


def test_an_object_that_the_border_cuts_is_not_pasted():
    source = head()
    source.label_map[:5, 20:28, 22:26] = 1
    assert cut_objects(Scan(source, [0], [False], np.eye(4), "a"), 20.0) == []


@pytest.fixture
def datalist(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    affine = np.diag([-0.5, -0.5, 0.8, 1])
    for number in range(3):
        scene = angiogram(noise=4.0 + number)
        nib.save(nib.Nifti1Image(scene.image.round().astype(np.int16), affine), folder / f"{number}.nii.gz")
    old = np.zeros((64, 64, 40), np.uint8)
    old[2:6, 50:56, 4:9] = 7
    nib.save(nib.Nifti1Image(old, affine), folder / "old.nii.gz")
    cases = [{"image": "0.nii.gz"}, {"image": "1.nii.gz", "label_map": "old.nii.gz", "labels": {"7": 1}, "patient_id": "p"}]
    (folder / "datalist.json").write_text(json.dumps({"training": cases, "test": [{"image": "2.nii.gz"}], "class_names": ["a", "b"]}))
    return folder / "datalist.json"


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_data_set_holds_what_it_says(datalist, tmp_path):
    found = insert_objects(Sources(datalist), tmp_path / "out", Insertion(per_scan=(2, 2), copies=2, originals=True), num_workers=0)
    content = json.loads((tmp_path / "out" / "datalist.json").read_text())
    assert found == {"cases": 6, "objects": sum(len(item["inserted"]) for item in content["training"]), "left_out": {}}
    assert content["class_names"] == ["a", "b"] and len(content["training"]) == 6
    for item in load_datalist(tmp_path / "out" / "datalist.json", "training")[:4]:
        loaded = LoadCased(3)(item)
        kept = 1 if item["source"] == "1" else 0
        assert len(loaded["labels"]) == kept + len(item["inserted"])
        assert loaded["labels"].tolist() == [1] * kept + [0] * len(item["inserted"])
        assert nib.load(item["image"]).get_data_dtype() == np.int16
        assert item["inserted_diameter"].endswith("mm") and "to" in item["inserted_contrast"]
    assert content["training"][3]["patient_id"] == "p" and content["training"][4]["inserted"] == []


def test_equal_arguments_give_equal_files_whatever_else_is_made(datalist, tmp_path):
    insert_objects(Sources(datalist), tmp_path / "a", num_workers=0)
    insert_objects(Sources(datalist, ("training", "test")), tmp_path / "b", Insertion(copies=2), num_workers=0)
    insert_objects(Sources(datalist), tmp_path / "c", seed=1, num_workers=0)
    first, more, other = (files(tmp_path / name) for name in "abc")
    images = [name for name in first if name.suffix == ".gz"]
    assert len(images) == 4 and all(first[name] == more[name] for name in images)
    assert any(first[name] != other[name] for name in images)


def test_whatever_splits_and_cases_are_called_files_stay_in_the_folder_and_apart(datalist, tmp_path):
    cases = [{"image": f"{number}.nii.gz", "case_id": name} for number, name in enumerate(["plumless", "buckeroo", "../c"])]
    datalist.write_text(json.dumps({"../../x": cases}))
    assert crc32(b"plumless") == crc32(b"buckeroo")
    insert_objects(Sources(datalist, ("../../x",)), tmp_path / "deep" / "er" / "out", num_workers=0)
    made = json.loads((tmp_path / "deep" / "er" / "out" / "datalist.json").read_text())["../../x"]
    assert len({item["image"] for item in made}) == 3 and len(files(tmp_path / "deep")) == len(files(tmp_path / "deep" / "er" / "out")) == 7


def test_a_folder_is_not_written_over(datalist, tmp_path):
    insert_objects(Sources(datalist), tmp_path / "a", num_workers=0)
    with pytest.raises(DataError, match="exists"):
        insert_objects(Sources(datalist), tmp_path / "a", num_workers=0)


def test_scans_without_room_are_told(datalist, tmp_path):
    with pytest.raises(DataError, match="no scan had room for an object: no place"):
        insert_objects(Sources(datalist), tmp_path / "a", Insertion(diameter_mm=(30, 30)), num_workers=0)


def test_nothing_to_paste_is_told(datalist, tmp_path):
    with pytest.raises(DataError, match="no case of .* has an object to cut out"):
        insert_objects(Sources(datalist, ("test",), paste_splits=("test",)), tmp_path / "a", Insertion("paste"), num_workers=0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "tumor"}, "choose from aneurysm, lesion, paste"),
        ({"per_scan": (0, 1)}, "per_scan is 0,1"),
        ({"diameter_mm": (8, 2)}, "diameter_mm is 8,2"),
        ({"contrast": (2.0, 1.0)}, "contrast is 2,1"),
        ({"copies": 0}, "copies is 0"),
        ({"kind": "paste", "diameter_mm": (2, 8)}, "have a size already"),
    ],
)
def test_what_cannot_be_meant_is_told(wrong, words):
    with pytest.raises(DataError, match=words):
        Insertion(**wrong)
