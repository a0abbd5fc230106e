"""A phantom data set into which faults are planted, one to a case."""

import copy
import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np

from medtk_monai.phantom import write_phantom_dataset

CORNERS = [[3, 4, 5, 8, 10, 9], [25, 20, 15, 31, 27, 22], [10, 25, 3, 15, 31, 8], [28, 5, 18, 34, 12, 24]]
"""Four boxes that lie apart, voxels."""
FLIP = np.array([-1.0, -1.0, 1.0])


def write_clean(folder):
    """36 small cases: 12 phantoms, each in three brightnesses; every third case has no objects. Returns the datalist's path."""
    path = write_phantom_dataset(folder, num_cases=12, seed=2, num_workers=1, shape=(40, 36, 28), num_validation=0, num_test=0)
    content = json.loads(path.read_text())
    cases = [brighter(folder, case, step, 12 * step + i) for step in range(3) for i, case in enumerate(content["training"])]
    path.write_text(json.dumps(content | {"training": cases[:24], "validation": cases[24:28], "test": cases[28:]}))
    return path


def brighter(folder, case, step, number):
    """A copy of a case under another name, with all values raised by ``step``."""
    image = nib.load(folder / case["image"])
    path = folder / f"images/raised_{number:03d}.nii"
    nib.Nifti1Image(np.asarray(image.dataobj) + np.int16(step), image.affine).to_filename(path)
    return case | {"case_id": f"case_{number:03d}", "image": f"images/{path.name}"}


@dataclass
class FaultySet:
    """Cases by id, and what is to be found: (kind, case id)."""

    source: object
    folder: object
    content: dict
    expected: set = field(default_factory=set)
    truth: dict = field(default_factory=dict)

    def __post_init__(self):
        self.content = copy.deepcopy(self.content)
        for split in ("training", "validation", "test"):
            for case in self.content[split]:
                case.update({key: str(self.source / case[key]) for key in ("image", "label_map")})
        self.free = [case for case in self.content["training"] if case["aneurysms"]]

    def take(self, kind, straight=False):
        """A training case with objects that nothing is wrong with yet; along the world's axes if need be."""
        for case in self.free:
            matrix = nib.load(case["image"]).affine[:3, :3]
            if not straight or np.count_nonzero(np.abs(matrix) > 1e-6) == 3:
                self.free.remove(case)
                self.expected.add((kind, case["case_id"]))
                return case
        raise LookupError(kind)

    def image(self, case, name, change, key="image"):
        """Gives a case another file: what ``change`` makes of its voxels and affine."""
        old = nib.load(case[key])
        values, affine = change(np.asarray(old.dataobj), old.affine.copy())
        path = self.folder / f"{case['case_id']}_{name}.nii.gz"
        nib.Nifti1Image(values, affine).to_filename(path)
        case[key] = str(path)

    def plant(self, case, corners=CORNERS, straight=False):
        """Gives a case boxes with these corners, voxels, instead of its label map; keeps them as the truth."""
        affine = nib.load(case["image"]).affine
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        lower, upper = np.split(np.array(corners, dtype=float), 2, axis=1)
        centers = ((lower + upper) / 2 - 0.5) @ affine[:3, :3].T + affine[:3, 3]
        boxes = np.concatenate([centers, (upper - lower) * spacing], axis=1)
        del case["label_map"]
        case.update({"boxes": boxes.tolist(), "labels": [0] * len(boxes), "space": "RAS"})
        if not straight:
            case["direction"] = (affine[:3, :3] / spacing).tolist()
        self.truth[case["case_id"]] = boxes
        return case

    def write(self, name="faulty.json"):
        path = self.folder / name
        path.write_text(json.dumps(self.content))
        return path


def plant_file_faults(data):
    data.take("missing_image")["image"] = "nowhere.nii.gz"
    case = data.take("unreadable_image")
    packed = gzip.compress(Path(case["image"]).read_bytes())
    case["image"] = str(data.folder / "truncated.nii.gz")
    Path(case["image"]).write_bytes(packed[: len(packed) // 2])
    case = data.take("unreadable_image")
    case["image"] = str(data.folder / "magic.nii.gz")
    Path(case["image"]).write_bytes(gzip.compress(b"no image at all" * 100))
    case = data.take("duplicate_across_splits")
    twin = nib.load(data.content["test"][0]["image"])
    case["image"] = str(data.folder / "twin.nii.gz")
    twin.to_filename(case["image"])
    case["label_map"] = data.content["test"][0]["label_map"]
    first, second = data.content["validation"][:2]
    second["case_id"] = first["case_id"]
    data.expected.add(("duplicate_case_id", first["case_id"]))
    data.content["training"].append(copy.deepcopy(data.free.pop()) | {"case_id": "again"})
    data.expected.add(("duplicate_image", "again"))


def plant_image_faults(data):
    def with_nan(values, affine):
        values = values.astype(np.float32)
        values[3, 4, 5] = np.nan
        return values, affine

    def sheared(values, affine):
        affine[:3, 1] += 0.2 * affine[:3, 0]
        return values, affine

    changes = {
        "nonfinite_voxels": with_nan,
        "constant_image": lambda values, affine: (np.zeros_like(values), affine),
        "wrong_channels": lambda values, affine: (np.stack([values] * 2, axis=-1), affine),
        "sheared_affine": sheared,
        "spacing_outlier": lambda values, affine: (values, affine * [[1, 1, 4, 1]]),
    }
    for kind, change in changes.items():
        case = data.take(kind)
        data.image(case, kind, change)
        data.image(case, f"{kind}_map", changes[kind] if "affine" in kind or "spacing" in kind else lambda *old: old, "label_map")
    path = data.folder / "flat.nii.gz"
    case = data.take("degenerate_affine")
    flat = nib.Nifti1Image(np.asarray(nib.load(case["image"]).dataobj), None)
    flat.header.set_sform(np.diag([1.0, 1.0, 0.0, 1.0]), code=1)
    nib.Nifti1Image(flat.dataobj, None, flat.header).to_filename(path)
    case["image"] = str(path)
    case = data.take("size_outlier")
    data.image(case, "size", lambda values, affine: (np.tile(values, (5, 1, 1)), affine))
    data.image(case, "size_map", lambda values, affine: (np.pad(values, ((0, 160), (0, 0), (0, 0))), affine), "label_map")


def plant_map_faults(data):
    def far_away(values, affine):
        affine[0, 3] += 1000
        return values, affine

    def two_in_one(values, affine):
        values = np.zeros_like(values)
        values[3:8, 3:8, 3:8] = values[20:25, 20:25, 15:20] = 1
        return values, affine

    data.image(data.take("fractional_label_map"), "half", lambda values, affine: (values * np.float32(0.5), affine), "label_map")
    data.image(data.take("misplaced_label_map"), "far", far_away, "label_map")
    data.image(data.take("several_objects_one_value"), "two", two_in_one, "label_map")
    case = data.take("boxes_unlike_label_map")
    label_map = case["label_map"]
    data.plant(case)["label_map"] = label_map


def plant_frame_faults(data):
    """Four boxes each, in frames that only their places tell."""
    case = data.plant(data.take("wrong_frame", straight=True), straight=True)
    case["space"] = "LPS"
    case = data.plant(data.take("wrong_frame", straight=True), straight=True)
    case["boxes"] = [box[2::-1] + box[:2:-1] for box in case["boxes"]]
    case = data.plant(data.take("wrong_frame", straight=True), straight=True)
    halves = [np.split(np.array(box), 2) for box in case["boxes"]]
    case["boxes"] = [np.r_[center - size / 2, center + size / 2].tolist() for center, size in halves]
    case = data.plant(data.take("wrong_frame"))
    del case["direction"]
    halves = [np.split(np.array(box, dtype=float), 2) for box in CORNERS]
    case["boxes"] = [np.r_[(low + high) / 2, high - low].tolist() for low, high in halves]
    case = data.plant(data.take("no_space", straight=True), straight=True)
    del case["space"]


def plant_box_faults(data):
    data.plant(data.take("nonfinite_box"))["boxes"][1][0] = float("nan")
    case = data.plant(data.take("inverted_box"))
    case["boxes"][0][3] *= -1
    data.plant(data.take("flat_box"))["boxes"][2][4] = 0.0
    data.plant(data.take("box_outside"), [*CORNERS, [300, 5, 18, 306, 12, 24]])
    data.plant(data.take("box_sticks_out"), [*CORNERS, [-3, 5, 18, 6, 12, 24]])
    data.plant(data.take("duplicate_object"), [*CORNERS, [3, 4, 5, 8, 10, 9.2]])
    data.plant(data.take("huge_object"), [[1, 1, 1, 39, 35, 27]])


def plant_label_faults(data):
    data.plant(data.content["training"][2])["labels"][0] = "lesion"
    data.expected.add(("bad_labels", data.content["training"][2]["case_id"]))
    data.plant(data.content["training"][5])["labels"] = [0, 1.0, 0, 0]
    data.expected.add(("bad_labels", data.content["training"][5]["case_id"]))
    data.plant(data.content["training"][8])["labels"].append(0)
    data.expected.add(("bad_labels", data.content["training"][8]["case_id"]))
    data.plant(data.content["training"][11])["labels"][3] = 2
    data.expected.add(("label_out_of_range", data.content["training"][11]["case_id"]))
    data.plant(data.content["training"][14])["labels"][0] = 1
    data.content["class_names"] = ["aneurysm", "infundibulum"]
    data.expected.add(("absent_class", ""))


def plant_set_faults(data):
    for case, patient in zip(data.content["test"][4:7], "PPQ"):
        case["patient_id"] = patient
    data.content["training"][17]["patient_id"] = "P"
    data.expected.add(("patient_leak", data.content["training"][17]["case_id"]))
    case = data.content["training"][20]
    affine = nib.load(case["image"]).affine
    del case["label_map"]
    case |= {"space": "RAS", "points": [affine[:3, 3].tolist(), (affine[:3, 3] + 500).tolist()], "radii": [1.0, 1.0], "labels": [0, 0]}
    data.expected.add(("point_outside", case["case_id"]))


PLANTERS = [plant_file_faults, plant_image_faults, plant_map_faults, plant_label_faults, plant_set_faults]
BOX_PLANTERS = [plant_frame_faults, plant_box_faults]
