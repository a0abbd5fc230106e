"""Small real jobs, that leave the same files however often they are killed and started again."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tests.bundles.running import SMALL, TRAIN, run


@dataclass(frozen=True)
class Job:
    """What can be killed.

    Args:
        call: does it, or goes on with it, into a folder, at most one.
        compare: the folder against that of the unbroken job -> what is wrong, a line each.
        again: whether an unfinished folder is refused by the command, as one that exists: it is removed before the next start.
    """

    call: Callable[[Path], None]
    compare: Callable[[Path, Path], Sequence[str]]


@dataclass(frozen=True)
class Data:
    """What jobs work on: phantom scans, and a training of one epoch."""

    folder: Path

    @property
    def phantom(self):
        return self.folder / "phantom"

    @property
    def model(self):
        return self.folder / "model_run"


def make_data(folder, cases=6, shape=(40, 40, 32)):
    """Phantom scans and a trained network."""
    from medtk_monai.phantom import write_phantom_dataset

    data = Data(Path(folder))
    write_phantom_dataset(data.phantom, cases, seed=1, shape=shape, num_workers=1)
    run(TRAIN, "run", data.phantom, data.model, window_size=64, **{"dense_postprocessor::score_threshold": 0.0})
    return data


def command(*words):
    """``medtk WORDS``."""
    from medtk_monai.cli.main import main

    sys.argv = ["medtk", *map(str, words)]
    main()


def training(data):
    """Four epochs of two steps, with a validation each."""

    def call(out):
        run(TRAIN, "run", data.phantom, out, max_epochs=4, window_size=64, resume="auto", cache_dir=str(data.folder / "cache"))

    return Job(call, compare_trainings)


def compare_trainings(found, wanted):
    """Checkpoints to the last bit, and the epochs that run.json tells of."""
    wrong = [f"{name}: {line}" for name in ("last.pt", "best.pt") for line in _differences(_load(found / name), _load(wanted / name), "")]
    epochs = [[epoch["epoch"] for epoch in json.loads((folder / "run.json").read_text())["epochs"]] for folder in (found, wanted)]
    model = [{path.name for path in (folder / "model").iterdir()} for folder in (found, wanted)]
    return (
        wrong
        + ([f"run.json has the epochs {epochs[0]}"] if epochs[0] != epochs[1] else [])
        + ([f"the model has {sorted(model[0])}"] if model[0] != model[1] else [])
    )


def _load(path):
    return torch.load(path, map_location="cpu", weights_only=True)


def _differences(found, wanted, name):
    """Places where nested values differ, but for those that tell of a run's own time and place."""
    if name.rpartition("/")[2] in ("origin", "started", "output_dir"):
        return []
    if isinstance(wanted, dict) and isinstance(found, dict):
        lost = [f"{name}/{key} is there once" for key in found.keys() ^ wanted.keys()]
        return lost + [line for key in found.keys() & wanted.keys() for line in _differences(found[key], wanted[key], f"{name}/{key}")]
    if isinstance(wanted, list | tuple) and isinstance(found, list | tuple) and len(found) == len(wanted):
        return [line for number, pair in enumerate(zip(found, wanted)) for line in _differences(*pair, f"{name}/{number}")]
    if isinstance(wanted, torch.Tensor):
        same = isinstance(found, torch.Tensor) and found.dtype == wanted.dtype and torch.equal(found, wanted)
        return [] if same else [f"{name} differs"]
    return [] if found == wanted else [f"{name} is {found!r}, not {wanted!r}"]


def predict(data):
    """Scans one after another, in all formats that are written unasked but for pictures."""

    def call(out):
        command(
            "predict", data.phantom / "images", "--model", data.model, "--out", out, "--device", "cpu", "--formats", "medtk,luna,slicer"
        )

    return Job(call, lambda found, wanted: compare_trees(found, wanted))


def evaluate(data):
    """An evaluation with its files."""

    def call(out):
        command(
            "evaluate",
            data.folder / "found/predictions.json",
            data.phantom / "datalist.json",
            "--split",
            "test",
            "--out",
            out,
            "--bootstraps",
            "200",
        )

    return Job(call, compare_trees)


def import_set(data):
    """A data set of label maps."""

    def call(out):
        layout = ("--images", "images", "--label_maps", "label_maps")
        command("import", "semantic", data.phantom, out, *layout, "--overwrite")

    return Job(call, compare_trees)


def export(data):
    """An exported network."""

    def call(out):
        command("export", "--model", data.model, "--out", out, "--device", "cpu")

    return Job(call, compare_trees)


def crossval(data):
    """Two folds, their collection, and the test."""

    def call(out):
        words = [
            word
            for name, value in (SMALL | {"window_size": 64, "dense_postprocessor::score_threshold": 0.0}).items()
            for word in (f"--{name}", value)
        ]
        bundle = Path(TRAIN).parent
        command(
            "crossval",
            data.phantom / "datalist.json",
            "--folds",
            2,
            "--out",
            out,
            "--bundle",
            bundle,
            "--bootstraps",
            10,
            "--predict_test",
            *words,
        )

    return Job(call, lambda found, wanted: compare_trees(found, wanted, ("predictions.json", "oof.json", "metrics.json", "tuned.json")))


def cache(data):
    """Prepared items, by two processes at once."""

    def call(out):
        from monai.transforms import Compose

        from medtk_monai.data import CacheBudget, CachedCudaDataset
        from medtk_monai.data.datalist import load_datalist
        from medtk_monai.transforms import LoadCased, ToPlainTensord, WorldToVoxelBoxesd

        cases = load_datalist(data.phantom / "datalist.json", "training")
        CachedCudaDataset(
            cases, Compose([LoadCased(), WorldToVoxelBoxesd(), ToPlainTensord()]), budget=CacheBudget(folder=str(out)), progress=False
        )

    return Job(call, compare_trees)


JOBS = {
    "training": training,
    "predict": predict,
    "crossval": crossval,
    "evaluate": evaluate,
    "import": import_set,
    "export": export,
    "cache": cache,
}


def compare_trees(found, wanted, names=None):
    """Files of equal names and bytes; ``names`` limits them to files of these names."""
    first, second = (_files(folder, names) for folder in (found, wanted))
    wrong = [f"{name} is {'new' if name in first else 'lost'}" for name in sorted(first.keys() ^ second.keys())]
    return wrong + [f"{name} differs" for name in sorted(first.keys() & second.keys()) if first[name] != second[name]]


def _files(folder, names):
    """Of whole files; what was left unfinished is counted by itself."""
    whole = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in whole if names is None or path.name in names}


def prepare(name, data):
    """What a job needs to be there before."""
    if name == "evaluate" and not (data.folder / "found").exists():
        command(
            "predict",
            data.phantom / "datalist.json",
            "--model",
            data.model,
            "--out",
            data.folder / "found",
            "--device",
            "cpu",
            "--formats",
            "medtk",
        )


def clear(folder):
    """Removes a folder and what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
