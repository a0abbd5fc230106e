"""What reads files: how its inputs are made, which of their files are damaged, and what is done with them."""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from medtk_monai.formats.format_table import FORMATS
from medtk_monai.importers.registry import IMPORTERS
from tests.fuzz import seeds
from tests.fuzz.trained import trained

IMAGES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".png", ".jpg", ".tif", ".bmp", ".dcm", ".zip", "")
"""Kinds of images; the last is a folder of a DICOM series."""


@dataclass(frozen=True)
class Reader:
    """One way in.

    Args:
        make: writes the files of a whole input into a folder.
        read: the folder is read, as a user would have it read.
        spared: patterns of files that stay as they are.
        reseal: makes digests right again that a change has made wrong, for some of the inputs.
    """

    make: Callable[[Path], object]
    read: Callable[[Path], object]
    spared: tuple[str, ...] = ()
    reseal: Callable[[Path], None] | None = None

    def victims(self, root):
        """Files that may be damaged, those of few bytes or of text more often."""
        files = sorted(path for path in root.rglob("*") if path.is_file() and not any(path.match(pattern) for pattern in self.spared))
        return [path for path in files for _ in range(1 if path.name.endswith((".nii.gz", ".png", ".jpg", ".raw", ".dcm")) else 4)]


def command(*words):
    """``medtk WORDS`` in this process; whatever it prints is printed.

    Raises:
        Exception: what a user would see as a traceback.
    """
    from medtk_monai.cli.main import main

    sys.argv = ["medtk", *map(str, words)]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")


def _importer(name, make=None):
    def read(root):
        source, out = root / "set", root / "out"
        shutil.rmtree(out, ignore_errors=True)
        command(
            "import", name, source / "fold0.json" if name == "monai" else source, out, *(("--images", "images") if name == "monai" else ())
        )
        if (out / "datalist.json").exists():
            command(
                "check", out / "datalist.json", "--num_workers", "1", *(("--spatial_dims", "2") if name in ("coco", "voc", "yolo") else ())
            )

    return Reader(lambda root: (make or seeds.TREES[name])(root / "set"), read)


@cache
def _predictor():
    """Finds marks without weights."""
    from medtk_monai.prediction import Predictor
    from tests.prediction.marked_scans import parts

    return Predictor(parts())


def _image(suffix):
    flat = suffix in (".png", ".jpg", ".tif", ".bmp")

    def read(root):
        path = root / f"scan{suffix}"
        told(lambda: _look(path, 2 if flat else 3))
        if suffix != ".zip":
            (root / "list.json").write_text(json.dumps({"training": [{"image": path.name}]}))
            command("check", root / "list.json", "--num_workers", "1")

    return Reader(lambda root: seeds.image(root, suffix), read)


def _look(path, dims):
    """As ``medtk predict`` does, with a network of no weights, or reading alone for pictures."""
    from medtk_monai.prediction.inputs import find_scans, readable
    from medtk_monai.transforms import LoadCased

    for scan in find_scans([path]):
        if dims == 3:
            _predictor()(scan)
        else:
            with readable(scan) as place:
                LoadCased(2, num_channels=None)({"image": place, "case_id": scan.case_id})


def told(call):
    """A function is called as a command would: errors of the product's own are what it may end in."""
    from medtk_monai.errors import find_data_error

    try:
        call()
    except Exception as error:
        if find_data_error(error) is None:
            raise


def _datalist(root):
    command("check", root / "datalist.json", root / "found.json", root / "fixed.json", "--num_workers", "1")
    told(lambda: _fingerprint(root / "datalist.json"))
    told(lambda: _load_all(root / "datalist.json"))


def _fingerprint(path):
    from medtk_monai.doctor.data_fingerprint import fingerprint_data
    from medtk_monai.doctor.examine import examine

    fingerprint_data(examine(path, num_workers=1))


def _load_all(path):
    from medtk_monai.data.datalist import load_datalist
    from medtk_monai.data.item_key import item_key
    from medtk_monai.transforms import LoadCased, WorldToVoxelBoxesd

    for case in load_datalist(path, "training"):
        item_key(case, None, path.parent)
        WorldToVoxelBoxesd()(LoadCased(3)(case))


def _findings(name, make=None, suffix=""):
    dims = FORMATS[name].dims[-1]

    def read(root):
        source = root / (f"sub-01{suffix}" if suffix else seeds.target_name(name))
        images = ("--images", root / seeds.SCANS[dims]) if name != "label" else ()
        shutil.rmtree(root / "converted", ignore_errors=True)
        command("convert", source, root / "converted/a.json", "--target_format", "medtk", "--source_format", name, *images)
        command("evaluate", source, root / "truth/datalist.json", "--bootstraps", "0", "--allow_missing", *images)

    return Reader(make or (lambda root: seeds.findings(root, name)), read, ("truth/*", *((seeds.SCANS[dims],) if name != "label" else ())))


def _compare(root):
    command("compare", root / "evaluation", root / "evaluation", "--bootstraps", "20")
    command(
        "report",
        root / "predictions.json",
        root / "truth/datalist.json",
        root / "r.html",
        "--bootstraps",
        "0",
        "--thresholds_from",
        root / "evaluation/metrics.json",
    )


def _model(root):
    from medtk_monai.model import ModelSource

    place = root / "model.zip" if (root / "model.zip").exists() else root / "model"
    told(lambda: ModelSource(model=[str(place)], device="cpu").load())


def _reseal(root):
    """The digests of a changed model are made right again, so that what lies behind them is read."""
    from medtk_monai.digests import values_sha256

    path = root / "model/model.json"
    content = json.loads(path.read_text())
    for part in content["weights"]:
        part["sha256"] = hashlib.sha256((path.parent / part["file"]).read_bytes()).hexdigest()
    content["sha256"] = values_sha256({key: part for key, part in content.items() if key != "sha256"})
    path.write_text(json.dumps(content))


def _checkpoint(root):
    from medtk_monai.model import ModelSource

    told(lambda: ModelSource(checkpoint=[str(root / "best.pt")], device="cpu").load())
    bundle = Path(__file__).parents[2] / "bundles/aneurysm"
    told(lambda: ModelSource(bundle=str(bundle), checkpoint=[str(root / "best.pt")], device="cpu").load())


def _run_folder(root):
    seeds.findings(root / "found", "medtk") if not (root / "found").exists() else None
    findings = root / "found/predictions.json"
    command("report", findings, root / "found/truth/datalist.json", root / "r.html", "--bootstraps", "0", "--model", root / "run")
    told(lambda: _go_on(root / "run/run.json"))


def _go_on(path):
    from medtk_monai.handlers import RunCapsule

    capsule = RunCapsule(path.parent, None, {}, {})
    capsule._recall(SimpleNamespace(state=SimpleNamespace(epoch=1)))


def _output(root):
    scan = trained() / "phantom/images"
    command(
        "predict", *sorted(scan.iterdir())[:1], "--model", trained() / "run", "--out", root / "out", "--device", "cpu", "--formats", "medtk"
    )


def _tuned(root):
    from medtk_monai.tuning.settings import read_tuned

    told(lambda: read_tuned(root / "tuned.json"))


def _layers(root):
    from medtk_monai.bundle.layers import commands
    from medtk_monai.bundle.overrides import read_config

    told(lambda: (commands(str(root / "own/train.json")), read_config([str(root / "own/train.json")])))


def _copied(*names):
    """Files of the training, by their names there and here."""

    def make(root):
        for name, new in names:
            place = trained() / name
            (root / new).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if place.is_dir() else shutil.copy)(place, root / new)

    return make


def _zipped(root):
    with zipfile.ZipFile(root / "model.zip", "w") as file:
        for path in sorted((trained() / "run/model").iterdir()):
            file.write(path, f"model/{path.name}")


READERS = {
    **{f"import_{name}": _importer(name) for name in IMPORTERS},
    "import_nndetection_json": _importer("nndetection", seeds.nndetection_json),
    **{f"image_{suffix.strip('.').replace('.', '_') or 'series'}": _image(suffix) for suffix in IMAGES},
    **{f"format_{name}": _findings(name) for name in FORMATS},
    "format_nndetection_pkl": _findings("nndetection", seeds.pickled, "_boxes.pkl"),
    "datalist": Reader(seeds.datalist, _datalist),
    "evaluation": Reader(seeds.evaluation, _compare, ("truth/*", "predictions.json", "sub-01.nii.gz", "*.png", "*.csv")),
    "tuned": Reader(seeds.tuned, _tuned),
    "layers": Reader(seeds.difference_files, _layers),
    "model": Reader(_copied(("run/model", "model")), _model, ("README.md",), _reseal),
    "model_zip": Reader(_zipped, _model),
    "checkpoint": Reader(_copied(("run/best.pt", "best.pt")), _checkpoint),
    "run": Reader(_copied(("run/run.json", "run/run.json")), _run_folder, ("found/*",)),
    "output": Reader(_output, _output, ("*.png", "*.csv", "*.nii.gz")),
}
