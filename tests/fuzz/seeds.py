"""Whole inputs of every reader, small, and made by this package where it writes such files."""

import json
import pickle
import zipfile

import itk
import nibabel as nib
import numpy as np
from PIL import Image

from medtk_monai.bundle.layers import difference
from medtk_monai.formats.conversion import convert
from medtk_monai.formats.format_table import FORMATS
from medtk_monai.tuning.settings import settings_grid
from tests.dicom import write_series
from tests.formats.made_cases import SIZES, made_case
from tests.importers.trees import AFFINE, save

BLOCK, OTHER = (2, 3, 1, 6, 7, 4), (9, 8, 6, 12, 10, 9)
PICTURE = (30, 20)
CSV_HEAD = "seriesuid,coordX,coordY,coordZ,diameter_mm"


def picture(path, size=PICTURE):
    """A picture of columns x rows with a bright square."""
    pixels = np.zeros(size[::-1], dtype=np.uint8)
    pixels[7:12, 4:11] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(path, text):
    """A text file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def volume():
    """(16, 14, 12) int16 with a bright block."""
    values = np.random.default_rng(0).integers(0, 40, (16, 14, 12)).astype(np.int16)
    values[2:6, 3:7, 1:4] = 300
    return values


def masks(root):
    for name in ("a1", "b1"):
        save(root / f"images/{name}_t1.nii.gz")
        save(root / f"masks/{name}_seg.nii.gz", [(1, BLOCK), (2, OTHER)])
        write(root / f"masks/{name}_seg.json", json.dumps({"instances": {"1": 1, "2": 0}}))
    write(root / "manifest.csv", "id,patient,age,site,image\na1,P1,70,X,y.nii\nb1,P2,71,X,y.nii\n")


def semantic(root):
    masks(root)
    for path in root.glob("masks/*.json"):
        path.unlink()


def luna16(root):
    for number, uid in enumerate(("1.2.1", "1.2.2")):
        image = itk.image_from_array(np.zeros((12, 14, 16), dtype=np.int16))
        image.SetOrigin((-50.0, -40.0, -100.0))
        path = root / f"subset{number}/{uid}.mhd"
        path.parent.mkdir(parents=True)
        itk.imwrite(image, str(path))
    write(root / "annotations.csv", f"{CSV_HEAD}\n1.2.1,-45,-35,-95,3\n9.9.9,0,0,0,5\n")
    write(root / "CSVFILES/annotations_excluded.csv", f"{CSV_HEAD}\n1.2.1,-40,-35,-95,-1\n1.2.2,-40,-35,-92,4\n")


def adam(root):
    for subject, blocks in {"10001": [(1, BLOCK), (2, OTHER)], "10044B": [(1, BLOCK)]}.items():
        for folder in ("orig", "pre"):
            save(root / subject / folder / "TOF.nii.gz")
        save(root / subject / "aneurysms.nii.gz", blocks)
    write(root / "10044B/location.txt", "4, 5, 2, 3\n")


def cada(root):
    for name in ("A001_a", "A002"):
        save(root / f"train_dataset/{name}_orig.nii.gz")
    save(root / "train_mask_images/A001_a_labeledMasks.nii.gz", [(1, BLOCK), (2, OTHER)])
    save(root / "train_mask_images/A002_masks.nii.gz", [(255, BLOCK)])


def lausanne(root):
    for subject, session in (("sub-000", "ses-20100101"), ("sub-001", "ses-20100101")):
        save(root / subject / session / "anat" / f"{subject}_{session}_angio.nii.gz")
    save(root / "derivatives/manual_masks/sub-000/ses-20100101/anat/sub-000_ses-20100101_desc-Lesion_1_mask.nii.gz", [(1, BLOCK)])
    write(root / "participants.tsv", "participant_id\tsex\tage\nsub-000\tF\t61\nsub-001\tM\tn/a\n")


def rsna2025(root):
    import pydicom

    for number, uid in enumerate(("1.2.1", "1.2.2")):
        affine = np.diag([-0.5, -0.6, 2.0, 1.0])
        paths = write_series(root / "series" / uid, volume()[:, :, :4], affine, series_uid=uid, PatientID=f"P{number}")
        slices = [str(pydicom.dcmread(path).SOPInstanceUID) for path in paths]
        if number == 0:
            rows = f"1.2.1,{slices[2]},\"{{'x': 4, 'y': 9}}\",Left MCA\n"
            write(root / "train_localizers.csv", f"SeriesInstanceUID,SOPInstanceUID,coordinates,location\n{rows}")
    head = "SeriesInstanceUID,PatientAge,PatientSex,Modality,Left MCA,Basilar Tip,Aneurysm Present"
    write(root / "train.csv", f"{head}\n1.2.1,61,F,MRA,1,0,1\n1.2.2,62,F,MRA,0,0,0\n")


def msd(root):
    save(root / "imagesTr/case_001.nii.gz", size=(16, 14, 12, 2))
    save(root / "labelsTr/case_001.nii.gz", [(1, BLOCK), (3, OTHER)])
    save(root / "imagesTs/case_002.nii.gz", size=(16, 14, 12, 2))
    content = {
        "labels": {"0": "background", "1": "edema", "2": "cyst", "3": "tumor"},
        "modality": {"0": "T1", "1": "T2"},
        "training": [{"image": "./imagesTr/case_001.nii.gz", "label": "./labelsTr/case_001.nii.gz"}],
        "test": ["./imagesTs/case_002.nii.gz"],
    }
    write(root / "dataset.json", json.dumps(content))


def nndetection(root):
    for part, case in (("Tr", "case_1"), ("Ts", "case_2")):
        save(root / f"raw_splitted/images{part}/{case}_0000.nii.gz")
        save(root / f"raw_splitted/labels{part}/{case}.nii.gz", [(1, BLOCK), (2, OTHER)])
        write(root / f"raw_splitted/labels{part}/{case}.json", '{"instances": {"1": 1, "2": 0}}')
    write(root / "dataset.yaml", 'task: Task000\nlabels: # classes\n  "0": benign\n  "1": malignant\nmodalities: {0: CT}\n')


def nndetection_json(root):
    nndetection(root)
    (root / "dataset.yaml").unlink()
    write(root / "dataset.json", '{"labels": {"0": "benign", "1": "malignant"}, "modalities": {"0": "CT"}}')


def monai(root):
    for name in "ab":
        save(root / f"images/{name}/{name}.nii.gz")
    lists = {
        "training": [{"image": "a/a.nii.gz", "box": [[-8, -10, 12, 4, 6, 8], [0, 0, 0, 1, 1, 1]], "label": [1, 0], "site": "X"}],
        "validation": [{"image": "b/b.nii.gz", "box": [], "label": []}],
    }
    write(root / "fold0.json", json.dumps(lists))


def coco(root):
    for name in ("a.jpg", "b.jpg"):
        picture(root / "images" / name)
    boxes = ([4, 7, 7, 5], [20, 1, 9, 4])
    annotations = [
        {"id": n, "image_id": 10, "category_id": 3 + 4 * n, "bbox": box, "iscrowd": n, "area": 35} for n, box in enumerate(boxes)
    ]
    annotations[0]["segmentation"] = [[4, 7, 11, 7, 11, 12, 4, 12]]
    images = [{"id": 10 + n, "file_name": name, "width": 30, "height": 20} for n, name in enumerate(("a.jpg", "b.jpg"))]
    categories = [{"id": 7, "name": "dust", "supercategory": "x"}, {"id": 3, "name": "cell"}]
    write(root / "instances.json", json.dumps({"images": images, "annotations": annotations, "categories": categories, "info": {}}))


def voc(root):
    for name in "ab":
        picture(root / f"JPEGImages/{name}.png")
        corners = "<xmin>5</xmin><ymin>8</ymin><xmax>11</xmax><ymax>12</ymax>"
        objects = f"<object><name>cell</name><difficult>0</difficult>\n<bndbox>{corners}</bndbox></object>\n"
        size = "<size><width>30</width><height>20</height><depth>1</depth></size>\n"
        write(root / f"Annotations/{name}.xml", f"<annotation>\n<filename>{name}.png</filename>{size}{objects}</annotation>\n")
    write(root / "ImageSets/Main/train.txt", "a\n")
    write(root / "ImageSets/Main/val.txt", "b\n")


def yolo(root):
    for split, name in (("train", "a"), ("val", "b")):
        picture(root / f"images/{split}/{name}.png")
    write(root / "labels/train/a.txt", "1 0.25 0.475 0.23 0.25\n0 0.66 0.05 0.96 0.05 0.8 0.25\n")
    write(root / "data.yaml", "path: .  # here\ntrain: images/train\nval: images/val\n\nnames:\n  0: dust\n  1: cell\n")


TREES = {
    "masks": masks, "semantic": semantic, "luna16": luna16, "adam": adam, "cada": cada, "lausanne": lausanne, "rsna2025": rsna2025, "msd": msd,
    "nndetection": nndetection, "monai": monai, "coco": coco, "voc": voc, "yolo": yolo,
}  # fmt: skip
"""Data sets to import."""


def image(root, suffix):
    """An image file, or a folder, or an archive, of a kind."""
    path = root / f"scan{suffix}"
    if suffix in (".nii", ".nii.gz"):
        nib.save(nib.Nifti1Image(volume(), AFFINE), path)
    elif suffix in (".mha", ".mhd", ".nrrd"):
        itk.imwrite(itk.image_from_array(np.ascontiguousarray(volume().T)), str(path))
    elif suffix in (".png", ".jpg", ".tif", ".bmp"):
        picture(path)
    elif suffix == ".dcm":
        write_series(root / "one", volume()[:, :, :1], AFFINE)
        next((root / "one").iterdir()).rename(path)
        (root / "one").rmdir()
    elif suffix == "":
        write_series(path, volume()[:, :, :4], np.diag([1.0, 1, 2, 1]))
    elif suffix == ".zip":
        write_series(root / "one", volume()[:, :, :4], np.diag([1.0, 1, 2, 1]))
        with zipfile.ZipFile(path, "w") as file:
            for slice_file in sorted((root / "one").iterdir()):
                file.write(slice_file, f"one/{slice_file.name}")
                slice_file.unlink()
        (root / "one").rmdir()


def datalist(root):
    """Boxes, points, label maps and classes."""
    for name in "abc":
        nib.save(nib.Nifti1Image(volume(), AFFINE), root / f"{name}.nii.gz")
    save(root / "map.nii.gz", [(1, BLOCK), (2, OTHER)])
    box = [29.0, -15.0, 10.0, 3.0, 4.0, 3.5]
    cases = [
        {
            "image": "a.nii.gz",
            "case_id": "a",
            "patient_id": "p",
            "space": "RAS",
            "boxes": [box],
            "labels": [0],
            "ignored": [False],
            "direction": np.eye(3).tolist(),
        },
        {"image": "b.nii.gz", "label_map": "map.nii.gz", "labels": {"1": 0, "2": 1}},
        {"image": "c.nii.gz", "space": "LPS", "points": [[-29, 15, 10]], "radii": [2.0], "labels": [1]},
    ]
    write(root / "datalist.json", json.dumps({"training": cases, "class_names": ["x", "y"]}, indent=1))


SCANS = {2: "sub-01.png", 3: "sub-01.nii.gz"}


def target_name(name):
    """Of the file of findings in a format; that of a label map is no name of a scan."""
    kind = FORMATS[name]
    return f"{'found' if name == 'label' else 'sub-01'}{kind.suffixes[0]}" if kind.one_case else kind.file_name or f"all{kind.suffixes[0]}"


def findings(root, name):
    """A file of a format, the scan, and its truth."""
    root.mkdir(exist_ok=True)
    dims = FORMATS[name].dims[-1]
    case = made_case(3, dims, oblique=False, case_id="found" if name == "label" else "sub-01")
    affine = np.array(case["grid"]["affine"]) if dims == 3 else None
    if dims == 3 and name != "label":
        nib.save(nib.Nifti1Image(np.zeros(SIZES[3], dtype=np.uint8), affine), root / SCANS[3])
    elif dims == 2:
        picture(root / SCANS[2], SIZES[2])
    source, target = root / "source.json", root / target_name(name)
    FORMATS["medtk"].write(source, [case], None)
    if name == "medtk":
        source.rename(target)
    else:
        convert(source, target, target_format=name)
        source.unlink()
    boxes = [[*box[:dims], *(max(side, 0.1) for side in box[dims:])] for box in case["boxes"]]
    write(root / "truth/scan.nii.gz", "")
    truth = {"image": "scan.nii.gz", "case_id": case["case_id"], "space": "RAS", "boxes": boxes, "labels": case["labels"]}
    write(root / "truth/datalist.json", json.dumps({"test": [truth | {"direction": case["direction"]}]}))
    return target


def pickled(root):
    """nnDetection's pickle of arrays."""
    target = findings(root, "nndetection")
    document = json.loads(target.read_text())
    arrays = {key: np.array(value) if key.startswith("pred_") else value for key, value in document.items()}
    target.with_suffix(".pkl").write_bytes(pickle.dumps(arrays))
    target.unlink()


def evaluation(root):
    """The files of ``medtk evaluate``."""
    source = findings(root, "medtk")
    evaluate_cases(source, root / "truth/datalist.json", root / "evaluation")


def evaluate_cases(source, truth, out):
    """An evaluation without intervals."""
    from medtk_monai.cli.evaluate import evaluate

    evaluate(str(source), str(truth), out=str(out), bootstraps=0)


def tuned(root):
    """A choice of ``medtk sweep``."""
    values = settings_grid(("wbc",), (0.3,), (0.1,), (0.5,))[0].values
    write(root / "tuned.json", json.dumps(values))


def difference_files(root):
    """A bundle of its own, which lies over a template."""
    write(
        root / "template/train.json",
        json.dumps({"layers": ["template"], "a": {"b": 1, "c": [1, 2]}, "network": {"_target_": "torch.nn.Conv2d"}}),
    )
    write(root / "own/train.json", json.dumps(difference(str(root / "template/train.json"), root / "own", {"a::b": 2, "d": [3]})))
