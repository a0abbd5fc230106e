"""``analyze_files`` is what its parts are."""

import pytest

from medtk_monai.errors import DataError
from medtk_monai.evaluation.errors.analysis import Questions, analyze_errors
from medtk_monai.evaluation.errors.files import analyze_files
from medtk_monai.evaluation.matching import join_cases
from medtk_monai.evaluation.truth import read_truth
from medtk_monai.formats import read_predictions
from medtk_monai.metrics import Bootstrap, parse_rules
from tests.evaluation.small_set import around, write_found, write_set

NEAR, FAR = around((12, 10, 8), (4, 4, 4)), around((35, 25, 16), (3, 3, 4))


def test_the_door_and_its_parts_agree(tmp_path):
    truths = read_truth(write_set(tmp_path, {"a": [NEAR], "b": [FAR]}))
    found = read_predictions(write_found(tmp_path / "found.json", {"a": [(NEAR, 0.9), (FAR, 0.8)], "b": []}))
    rules, asked = parse_rules("center"), Questions(threshold=0.5)
    result = analyze_files(found, truths, rules, asked, draws=Bootstrap(20, 3))
    assert result == analyze_errors(join_cases(found, truths, "them"), rules, asked, 20, 3)
    assert (result.summary["operating_point"]["fp"], len(result.lesions)) == (1, 2)
    with pytest.raises(DataError, match="these lacks 1 case"):
        analyze_files(found[:1], truths, source="these")
    assert len(analyze_files(found[:1], truths, allow_missing=True, draws=Bootstrap(0)).lesions) == 2
