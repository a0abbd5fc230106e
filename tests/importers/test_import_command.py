"""``medtk import``: splits by patient, splits of the data set, and files that are there already."""

import json
import sys
from collections import Counter

import pytest

from medtk_monai.cli.main import main
from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedCase
from medtk_monai.importers.splits import split_cases
from medtk_monai.importers.write import Splitting, deal
from tests.importers.trees import run, save

CASES = [ImportedCase(f"c{n:02}", None, patient=f"p{n // 3}", columns={"fold": n % 2}) for n in range(30)]
"""Ten patients of three cases each."""


def ids(splits):
    return {name: [case.case_id for case in cases] for name, cases in splits.items()}


@pytest.mark.parametrize("seed", range(5))
def test_no_patient_is_in_two_splits(seed):
    splits = deal(CASES, Splitting(0.2, 0.3, seed))
    places = {case.patient: name for name, cases in splits.items() for case in cases}
    assert all(places[case.patient] == name for name, cases in splits.items() for case in cases)
    assert {name: len(cases) for name, cases in splits.items()} == {"training": 15, "validation": 6, "test": 9}


def test_another_seed_deals_others():
    assert len({tuple(ids(deal(CASES, Splitting(seed=seed)))["test"]) for seed in range(5)}) > 1
    assert ids(deal(CASES, Splitting(seed=3))) == ids(deal(CASES[::-1], Splitting(seed=3)))


def test_words_name_cases_patients_and_columns():
    patients = {case.case_id: case.patient for case in CASES}
    splits = split_cases(patients, "c00,p2", 0, 0)
    assert splits["validation"] == ["c00", "c01", "c02", "c06", "c07", "c08"]
    single = {case.case_id: case.case_id for case in CASES}
    columns = {case.case_id: case.columns for case in CASES}
    assert split_cases(single, 0, "fold=1", 0, columns)["test"] == [case.case_id for case in CASES if case.columns["fold"] == 1]
    for words in ("fold=7", "p77"):
        with pytest.raises(DataError, match="unknown"):
            split_cases(patients, words, 0, 0, columns)
    with pytest.raises(DataError, match="two splits"):
        split_cases(patients, "c00", "p0", 0)


def test_splits_of_the_data_set_are_kept():
    placed = [ImportedCase("v", None, split="validation"), *CASES]
    splits = deal(placed, Splitting())
    assert ids(splits)["validation"] == ["v"]
    assert Counter({name: len(cases) for name, cases in splits.items()}) == {"training": 24, "validation": 1, "test": 6}
    own = [ImportedCase("v", None, split="validation"), ImportedCase("t", None, split="training")]
    assert ids(deal(own, Splitting())) == {"training": ["t"], "validation": ["v"]}
    with pytest.raises(DataError, match="own splits"):
        deal(own, Splitting(validation=1))
    assert len(deal(own, Splitting(validation=1, test=0, resplit=True))["validation"]) == 1


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """command(*words) -> (exit code, what was printed)."""
    save(tmp_path / "set/images/a.nii.gz")
    save(tmp_path / "set/masks/a.nii.gz", [(1, (1, 1, 1, 3, 3, 3))])

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["medtk", "import", *words])
        try:
            main()
        except SystemExit as stop:
            return stop.code, "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    return call


def test_a_datalist_is_not_overwritten(command, tmp_path):
    words = ("masks", str(tmp_path / "set"), "--out", str(tmp_path / "1.10"), "--validation", "0", "--test", "0")
    code, text = command(*words)
    assert code == 0 and "training: 1 cases of 1 patients" in text
    (tmp_path / "1.10/datalist.json").write_text("mine")
    code, _ = command(*words)
    assert "datalist.json exists" in str(code) and (tmp_path / "1.10/datalist.json").read_text() == "mine"
    assert command(*words, "--overwrite", "True")[0] == 0
    document = json.loads((tmp_path / "1.10/datalist.json").read_text())
    assert set(document) == {"training", "class_names"}


def test_help_names_the_formats(command):
    assert "rsna2025" in command("--help")[1]


def test_patients_in_several_official_splits_are_told(tmp_path):
    from medtk_monai.importers.cases import ImportedSet
    from medtk_monai.importers.write import write_import

    cases = [ImportedCase(name, tmp_path, patient="p", split=name) for name in ("training", "test")]
    account = write_import(ImportedSet(cases, ["x"]), tmp_path / "out", Splitting(), {})
    assert account["notes"] == ["1 patients are in more than one split of the data set, such as p"]


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        run("voc", tmp_path / "none", tmp_path / "out")
