"""Groups of options, and what is made of them."""

import json
from dataclasses import dataclass
from inspect import signature
from typing import Annotated

import pytest

from medtk_monai.cli.options.data import Dealing, SetFiles
from medtk_monai.cli.options.declare import flat, helps, option
from medtk_monai.cli.options.evaluation import Counting, FoundCases, Objects, Points
from medtk_monai.cli.options.kinds import Count, Existing, Numbers, OneOf, Positive, Within, Words, check_value, kinds_of
from medtk_monai.cli.options.model import Configuration, Detector, TimedViews, Views, split_models
from medtk_monai.cli.options.tuning import Folds, MergedChoice
from medtk_monai.errors import DataError
from tests.evaluation.small_set import around, write_set


@dataclass(frozen=True)
class Color:
    """What it looks like."""

    hue: Annotated[float, Within(0, 1)] = option(0.5, "around the circle.")
    names: Words = option((), "in words.")


@dataclass(frozen=True)
class Size:
    """How large it is."""

    width: Count = option(3, "in voxels.")


@flat
def paint(place: str, color: Color, *, times: int = 1, size: Size, **values: object):
    """Paint something.

    Args:
        place: where.
        times: how often,
            again and again.
        values: anything else.
    """
    return place, times, color, size, values


def test_groups_are_spread_and_put_together_again():
    assert list(signature(paint).parameters) == ["place", "times", "hue", "names", "width", "values"]
    assert paint("a") == ("a", 1, Color(), Size(), {})
    assert paint("a", hue=0.1, width=7, times=2, other=3) == ("a", 2, Color(0.1), Size(7), {"other": 3})
    told = {"place": "where.", "times": "how often, again and again.", "values": "anything else."}
    assert helps(paint) == told | {"hue": "around the circle.", "names": "in words.", "width": "in voxels."}


def test_two_options_of_one_name_are_refused():
    with pytest.raises(TypeError, match="two options of one name"):

        @flat
        def twice(width: int, size: Size) -> None:
            """Cannot be."""


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (int, [3, 0, -1], ["3", 1.5]),
        (Count, [0, 7], [-1, 0.5, "x"]),
        (Positive | None, [None, 1e-9], [0, -1, float("inf"), float("nan"), True]),
        (Numbers, [1, (1, 2), "", ()], ["x", (1, "x")]),
        (Annotated[Numbers, Within(0, 1, open_low=True)], [1, (0.5, 1)], [0, (0.5, 0), 1.01]),
        (Annotated[Numbers, Within(0, 1, open_high=True)], [0, 0.99], [1]),
        (Annotated[str, OneOf(("a", "b"))], ["a"], ["c", "a,b"]),
        (Annotated[Words, OneOf(("a", "b"))], ["a", "a,b", ["b"]], ["c", "a,c"]),
        (Annotated[int, Within(1)] | bool, [1, True, False], [0, "many"]),
    ],
)
def test_values_are_checked_by_their_kinds(annotation, good, bad):
    for value in good:
        check_value("it", value, annotation)
    for value in bad:
        with pytest.raises(DataError, match="^--it is "):
            check_value("it", value, annotation)


def test_files_are_looked_for(tmp_path):
    (tmp_path / "a,b.txt").write_text("")
    (tmp_path / "c.txt").write_text("")
    check_value("it", str(tmp_path / "a,b.txt"), Annotated[str, Existing()])
    check_value("it", str(tmp_path / "*,?.txt"), Annotated[str, Existing("file, folder or pattern")])
    check_value("it", [str(tmp_path / "c.txt"), str(tmp_path)], Annotated[Words, Existing("file or folder")])
    for value, kind in [(str(tmp_path), "file"), (str(tmp_path / "?.nii"), "file, folder or pattern"), ("", "file")]:
        told = "is a folder, and a file is wanted" if value in (".", str(tmp_path), "") else f"^no {kind} .*"
        with pytest.raises(DataError, match=f"{told} -- mend it"):
            check_value("it", value, Annotated[str, Existing(kind, "mend it")])
    with pytest.raises(DataError, match="no file d.txt"):
        check_value("it", f"{tmp_path / 'c.txt'},d.txt", Annotated[Words, Existing()])


def test_kinds_of_nested_annotations():
    assert kinds_of(Positive | None) == (float, type(None)) and kinds_of(Annotated[Words, OneOf(("a",))])[0] is str


def test_objects_read_what_counts(tmp_path):
    boxes = [around((10, 10, 8), (2, 2, 2)), around((28, 20, 12), (6, 6, 8))]
    truth = write_set(tmp_path, {"a": boxes})
    assert Objects().read_truth(truth)[0].ignored.tolist() == [False, False]
    assert Objects(max_volume_mm3=100).read_truth(truth)[0].ignored.tolist() == [False, True]
    assert Objects(min_volume_mm3=100).read_truth(truth)[0].ignored.tolist() == [True, False]
    with pytest.raises(DataError, match="smaller one first"):
        Objects(min_volume_mm3=9, max_volume_mm3=5)
    with pytest.raises(DataError, match="none"):
        Objects(split="none").read_truth(truth)


def test_counting_names_rules_and_goals():
    assert Counting("distance:5").rules().hit.distance == 5
    assert Counting().goal("sensitivity@2").fp_per_case == 2
    with pytest.raises(DataError, match="choose another --hit"):
        Counting("iuo").rules()
    with pytest.raises(DataError, match="choose another --figure"):
        Counting().goal("f1")


def test_points_of_numbers_and_of_a_validation(tmp_path):
    path = tmp_path / "val" / "metrics.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"operating_points": {"1 FP per case": {"threshold": 0.7}}}))
    wanted, validated = Points("0.5,2", 0.9, (), str(path)).read("")
    assert (wanted.fp_per_case, wanted.sensitivities, wanted.thresholds) == ([0.5, 2], [0.9], {"1 FP per case, from val": 0.7})
    assert validated["1 FP per case, from val"].threshold == 0.7 and Points(()).read("")[0].fp_per_case == []


def test_views_and_choices():
    assert Views(True).options().mirrors == 8 and Views(2, "1,1.5").options().scales == (1, 1.5)
    assert TimedViews(budget=3.0).options().budget == 3
    choice = MergedChoice(suppressors="nms", iou=0.1, score_threshold="0.2,0.3", merge_iou=0.4)
    assert len(choice.tried().settings()) == 2 and choice.tried().lowest == 0.2 and choice.tried((0.1, 0.2)).merge_ious == (0.1, 0.2)
    assert FoundCases().allow_missing is False and Folds(3, 2).fold == 2
    assert SetFiles(class_names="a,b", images="i").given() == {"class_names": ["a", "b"], "images": "i"} and Dealing().test is None


def test_a_detector_names_its_source():
    given = Detector(bundle="b", checkpoint="x.pt,y.pt", overlay="o.json", device="cpu")
    source = given.source({"margin": 4})
    assert (source.bundle, source.checkpoint, source.overlay) == ("b", ["x.pt", "y.pt"], ["o.json"])
    assert (source.device, source.trust, source.overrides, source.model) == ("cpu", False, {"margin": 4}, [])
    assert Detector(model="m,n").source(models=["k"]).model == ["m", "n", "k"]
    given.require()
    Detector(model="m").require()
    assert Configuration(model="m").bundle_or_model() == "m" and Configuration(bundle="b").bundle_or_model() == "b"
    with pytest.raises(DataError, match="m and n are given, and one is wanted"):
        Configuration(model="m,n").bundle_or_model()


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of a scan, a zipped one, and a model of each kind."""
    import medtk_monai.model

    for name in ("scan", "model"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.zip").write_text("")
    monkeypatch.setattr(medtk_monai.model, "is_model", lambda path: "model" in str(path).rpartition("/")[2], raising=False)
    return tmp_path


def test_models_among_inputs_are_told_from_scans(models):
    paths = [str(models / name) for name in ("scan", "model.zip", "scan.zip", "model")]
    assert split_models(paths) == ([paths[1], paths[3]], [paths[0], paths[2]])
    assert split_models(["model.nii.gz", "absent_model"]) == ([], ["model.nii.gz", "absent_model"])


def test_a_model_among_the_inputs_is_that_of_the_prediction(models, monkeypatch):
    """``medtk predict scan runs/lung`` is ``medtk predict scan --model runs/lung``."""
    import medtk_monai.prediction
    import medtk_monai.prediction.files
    from medtk_monai.cli.predict import predict
    from medtk_monai.prediction.run import Progress

    seen = []
    monkeypatch.setattr(medtk_monai.prediction, "find_scans", lambda paths, split: list(paths))
    monkeypatch.setattr(
        medtk_monai.prediction.files, "predict_files", lambda source, scans, *rest: seen.append((source.model, scans)) or Progress()
    )
    scan, model = str(models / "scan"), str(models / "model")
    predict(scan, model)
    predict(scan, model=model)
    assert seen == [([model], [scan])] * 2
    with pytest.raises(DataError, match="nothing to predict"):
        predict(model)
    with pytest.raises(DataError, match="no model is given"):
        predict(scan)
