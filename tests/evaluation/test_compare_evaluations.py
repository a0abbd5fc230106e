"""Two evaluations compared from their files alone, or refused."""

import json
import sys

import numpy as np
import pytest
from small_set import around, write_found, write_set

from medtk_monai.cli.main import main
from medtk_monai.errors import DataError
from medtk_monai.evaluation import compare_evaluations, compare_files, evaluate_files, read_truth
from medtk_monai.evaluation.match_file import read_matches, table_of_entries
from medtk_monai.formats import read_predictions
from medtk_monai.metrics import PRESETS, parse_rules

SIDE = (6, 6, 8)
MISS = around((35, 25, 16), (3, 3, 4))
PLACES = {f"case{number}": around((12 + number, 10, 8), SIDE) for number in range(8)}
OBJECTS = {name: [[*box, 0], [*around((28, 20, 12), SIDE), 1]] for name, box in PLACES.items()} | {"healthy": [], "empty": []}
PATIENTS = {name: {"patient_id": f"p{number // 2}"} for number, name in enumerate(OBJECTS)}
WORDS = [name for name in PRESETS if name != "cada"] + ["iou:0.5", "distance:2"]


def findings(seed):
    """Hits, further hits and alarms of random scores, also of the class that no lesion has; nothing in the last case."""
    generator = np.random.default_rng(seed)
    rows = {}
    for name, boxes in OBJECTS.items():
        shifted = [around((12 + generator.integers(0, 12), 10, 8), SIDE) for _ in range(2)]
        found = [*(box[:6] for box in boxes if generator.random() < 0.7), *shifted, MISS]
        rows[name] = [
            (box, float(score), int(generator.integers(0, 3))) for box, score in zip(found, generator.random(len(found)).round(1))
        ]
        rows[name] += [(box[:6], float(generator.random()), int(box[6])) for box in boxes if generator.random() < seed / 3]
    return rows | {"empty": []}


@pytest.fixture
def two(tmp_path):
    truth = write_set(tmp_path, OBJECTS, extra=PATIENTS)
    return truth, *(write_found(tmp_path / f"{seed}.json", findings(seed)) for seed in (1, 2))


def evaluate(found, truth, out, rules="medtk", **objects):
    evaluate_files(read_predictions(found), read_truth(truth, **objects), parse_rules(rules), num_draws=0).write(out)
    return out


@pytest.mark.parametrize("rules", WORDS)
def test_files_are_compared_as_findings_are(two, tmp_path, rules):
    truth, *found = two
    folders = [evaluate(path, truth, tmp_path / path.stem, rules) for path in found]
    expected = compare_files(*map(read_predictions, found), read_truth(truth), parse_rules(rules), num_draws=200, seed=3)
    assert compare_evaluations(*folders, 200, 3) == expected
    assert expected["figures"]["froc_mean"]["difference"] and expected["num_cases"] == 10
    assert compare_evaluations(folders[0] / "metrics.json", folders[1] / "metrics.json", 200, 3) == expected


def test_one_finding_that_finds_two_lesions_counts_twice(tmp_path):
    """By rules of each object; in rows of findings it stands once."""
    near = [around((12, 10, 8), SIDE), around((13, 10, 8), SIDE)]
    truth, found = write_set(tmp_path, {"a": near}), write_found(tmp_path / "f.json", {"a": [(near[0], 0.5)]})
    evaluate(found, truth, tmp_path / "out", "luna16")
    table = table_of_entries(read_matches(tmp_path / "out" / "match_table.json"))
    assert table.is_tp.tolist() == [True, True] and table.lesions.tolist() == [[2]]


def test_cases_may_stand_in_another_order(two, tmp_path):
    truth, first, second = two
    expected = compare_evaluations(evaluate(first, truth, tmp_path / "a"), evaluate(second, truth, tmp_path / "b"), 100)
    listed = json.loads(truth.read_text())
    listed["test"] = listed["test"][::-1]
    truth.write_text(json.dumps(listed))
    turned = compare_evaluations(tmp_path / "a", evaluate(second, truth, tmp_path / "c"), 100)
    assert turned["num_cases"] == expected["num_cases"]
    for name, value in expected["figures"].items():
        assert turned["figures"][name]["difference"] == pytest.approx(value["difference"])
        assert turned["figures"][name]["difference_interval"] == pytest.approx(value["difference_interval"])


@pytest.mark.parametrize(
    "one, other, told",
    [
        ("medtk", "picai", "a counts by medtk, .*b by picai: pairing mode is one_to_one and optimal"),
        ("adam", "radius", "by adam, .*by radius: pairing mode is each_object and one_to_one"),
        ("luna16", "adam", "by luna16, .*by adam: interpolation is linear and step"),
        ("iou:0.1", "iou:0.2", "by iou:0.1, .*by iou:0.2: hit threshold is 0.1 and 0.2"),
    ],
)
def test_other_rules_are_refused(two, tmp_path, one, other, told):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a", one)
    evaluate(second, truth, tmp_path / "b", other)
    with pytest.raises(DataError, match=told) as error:
        compare_evaluations(tmp_path / "a", tmp_path / "b")
    assert "\n" not in str(error.value) and "evaluate both again" in str(error.value)


def test_the_same_rules_by_another_name_are_compared(two, tmp_path):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a", "medtk")
    evaluate(second, truth, tmp_path / "b", "iou:0.1")
    assert compare_evaluations(tmp_path / "a", tmp_path / "b", 10)["rules"]["name"] == "medtk"


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda case: case | {"boxes": [[box[0] + 0.5, *box[1:]] for box in case["boxes"]]}, "objects .digests"),
        (lambda case: case | {"labels": [1 - label for label in case["labels"]]}, "objects .digests"),
        (lambda case: case | {"ignored": [True, False]}, "number of objects: 16 and 15"),
        (lambda case: case | {"patient_id": "somebody else"}, "cases or patients"),
    ],
)
def test_another_truth_is_refused(two, tmp_path, change, told):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a")
    listed = json.loads(truth.read_text())
    listed["test"][0] = change(listed["test"][0])
    truth.write_text(json.dumps(listed))
    evaluate(second, truth, tmp_path / "b")
    with pytest.raises(DataError, match=f"differ in their {told}"):
        compare_evaluations(tmp_path / "a", tmp_path / "b")


def test_fewer_cases_are_refused(two, tmp_path):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a")
    listed = json.loads(truth.read_text())
    listed["test"] = listed["test"][:-1]
    truth.write_text(json.dumps(listed))
    evaluate_files(read_predictions(second)[:-1], read_truth(truth), num_draws=0).write(tmp_path / "b")
    with pytest.raises(DataError, match="number of cases: 10 and 9"):
        compare_evaluations(tmp_path / "a", tmp_path / "b")


def change_metrics(folder, **changes):
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics |= {key: value for key, value in changes.items() if value is not None}
    for key in [key for key, value in changes.items() if value is None]:
        del metrics[key]
    (folder / "metrics.json").write_text(json.dumps(metrics))


@pytest.mark.parametrize("key", ["rules", "truth"])
def test_files_of_earlier_releases_are_refused(two, tmp_path, key):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a")
    evaluate(second, truth, tmp_path / "b")
    change_metrics(tmp_path / "b", **{key: None})
    with pytest.raises(DataError, match="b/metrics.json does not tell its rules.*earlier release.*evaluate both again"):
        compare_evaluations(tmp_path / "a", tmp_path / "b")


def test_damaged_and_missing_files_are_named(two, tmp_path):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a")
    evaluate(second, truth, tmp_path / "b")
    (tmp_path / "b" / "match_table.json").write_text('{"cases": [')
    with pytest.raises(DataError, match="b/match_table.json is not a JSON file"):
        compare_evaluations(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "match_table.json").unlink()
    with pytest.raises(DataError, match="no file .*b/match_table.json.*evaluate again"):
        compare_evaluations(tmp_path / "a", tmp_path / "b")
    with pytest.raises(DataError, match="no file .*nowhere"):
        compare_evaluations(tmp_path / "a", tmp_path / "nowhere")
    (tmp_path / "found.csv").write_text("case,x")
    for path in (first, tmp_path / "found.csv"):
        with pytest.raises(DataError, match="third argument"):
            compare_evaluations(path, second)


def test_a_match_table_of_another_evaluation_is_refused(two, tmp_path):
    truth, first, second = two
    evaluate(first, truth, tmp_path / "a")
    evaluate(second, truth, tmp_path / "b")
    other = {name: rows[:1] for name, rows in findings(5).items()}
    evaluate(write_found(tmp_path / "few.json", other), truth, tmp_path / "c")
    (tmp_path / "b" / "match_table.json").write_text((tmp_path / "c" / "match_table.json").read_text())
    with pytest.raises(DataError, match="do not belong together"):
        compare_evaluations(tmp_path / "a", tmp_path / "b")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", *map(str, arguments)])
    main()


def test_as_it_is_typed(two, tmp_path, monkeypatch, capsys):
    truth, *found = two
    for path in found:
        run(monkeypatch, "evaluate", path, truth, "--out", tmp_path / path.stem, "--hit", "luna16", "--bootstraps", 0)
    folders = [tmp_path / path.stem for path in found]
    capsys.readouterr()
    run(monkeypatch, "compare", *found, truth, "--hit", "luna16", "--bootstraps", 100)
    expected = capsys.readouterr().out
    run(monkeypatch, "compare", *folders, "--bootstraps", 100, "--out", tmp_path / "c.json")
    assert capsys.readouterr().out == expected and "rules: luna16" in expected
    assert json.loads((tmp_path / "c.json").read_text())["rules"]["name"] == "luna16"
    with pytest.raises(SystemExit, match="options like --hit change nothing.*third argument"):
        run(monkeypatch, "compare", *folders, "--hit", "adam")
    with pytest.raises(SystemExit, match="third argument"):
        run(monkeypatch, "compare", *found)
