import itk
import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import assert_same_boxes, assert_same_findings, case_of, centers_of, made_case

from medtk_monai.errors import DataError
from medtk_monai.formats import find_losses, make_case, read_luna_csv, write_luna_csv

SEEDS = st.integers(0, 2**32 - 1)
SPACES = st.sampled_from(["RAS", "LPS"])


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([2, 3]), st.booleans(), SPACES, st.integers(0, 4))
def test_cases_come_back(tmp_path_factory, seed, dims, oblique, space, count):
    path = tmp_path_factory.getbasetemp() / "luna.csv"
    cases = [made_case(seed, dims, oblique, count, space, "a"), made_case(seed + 1, dims, oblique, 2, space, 'b, "b"\nb')]
    write_luna_csv(path, cases)
    back = {case["case_id"]: case for case in read_luna_csv(path)}
    assert list(back) == [case["case_id"] for case in cases if case["scores"]]
    for case in cases:
        if case["scores"]:
            other = back[case["case_id"]]
            np.testing.assert_allclose(centers_of(other), centers_of(case), atol=1e-4)
            assert_same_findings(case, other)
            if not oblique:
                assert_same_boxes(case, other)


def test_a_row_has_the_coordinates_that_itk_gives_a_voxel(tmp_path):
    affine = np.array([[0, -0.5, 0, 10], [0.8, 0, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(np.zeros((8, 9, 7), np.uint8), affine), tmp_path / "scan.nii.gz")
    point = itk.imread(str(tmp_path / "scan.nii.gz")).TransformIndexToPhysicalPoint((3, 4, 5))
    assert list(point) == pytest.approx([-8, 17.6, 40])  # RAS (8, -17.6, 40)
    write_luna_csv(tmp_path / "a.csv", [case_of([[3, 4, 5, 4, 5, 6]], affine, (8, 9, 7), [0.5], [2])])
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "seriesuid,coordX,coordY,coordZ,probability,width_mm,height_mm,depth_mm,label,space",
        "sub-01,-8.0,17.6,40.0,0.5,0.5,0.8,2.0,2,LPS",  # the scan's second axis is the patient's x: 0.5 mm
    ]


def test_flat_cases_leave_columns_empty(tmp_path):
    write_luna_csv(tmp_path / "a.csv", [make_case("a", "RAS", [[1, 2]], [[3, 4]])])
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "a,-1.0,-2.0,,1.0,3.0,4.0,,0,LPS"


def test_lists_of_luna16_are_read(tmp_path):
    path = tmp_path / "candidates.csv"
    path.write_text("seriesuid,coordX,coordY,coordZ,probability\r\n1.3.6,-56.08,-67.85,-311.92,0.25\r\n1.3.6,53.21,-244.41,-245.17,1\r\n")
    (case,) = read_luna_csv(path)
    assert case["boxes"] == [[-56.08, -67.85, -311.92, 0, 0, 0], [53.21, -244.41, -245.17, 0, 0, 0]]
    assert (case["case_id"], case["space"], case["scores"], case["labels"]) == ("1.3.6", "LPS", [0.25, 1.0], [0, 0])
    path.write_text("\ufeffseriesuid,coordX,coordY,coordZ,diameter_mm\n1.3.6,-128.69,-175.31,-298.38,5.65\n")
    (case,) = read_luna_csv(path)
    assert (case["boxes"], case["scores"]) == ([[-128.69, -175.31, -298.38, 5.65, 5.65, 5.65]], [1.0])


def test_what_the_file_loses(tmp_path):
    case = made_case(3, oblique=False) | {"image": "a.nii.gz"}
    write_luna_csv(tmp_path / "a.csv", [case, made_case(4, count=0, case_id="empty")])
    lines = ["prior ids: 4 of 4 not kept", "image paths: 1 of 1 not kept", "voxel grids: 1 of 1 not kept"]
    assert find_losses([case, made_case(4, count=0, case_id="empty")], read_luna_csv(tmp_path / "a.csv")) == [
        "cases: 1 of 2 lost (empty)",
        *lines,
    ]


HEAD = "seriesuid,coordX,coordY,coordZ"
BROKEN = {
    "": "lacks seriesuid",
    "seriesuid,coordX,coordY\na,1,2": "lacks coordZ",
    f"{HEAD},class\na,1,2,3,1": "unknown.*class",
    f"{HEAD},coordX\na,1,2,3,1": "repeated",
    f"{HEAD},width_mm\na,1,2,3,1": "sizes width_mm",
    f"{HEAD},width_mm,height_mm,depth_mm,diameter_mm\na,1,2,3,1,1,1,1": "sizes",
    f"{HEAD}\na,1,2": "line 2: values",
    f"{HEAD}\na,1,2,3\nb,1,2,3,4": "line 3: values",
    f"{HEAD}\n,1,2,3": "line 2: values",
    f"{HEAD}\na,1,x,3": "'a'.*line 2: coordY is 'x'",
    f"{HEAD}\na,1,nan,3": "coordY is 'nan'",
    f"{HEAD}\na,1,1_0,3": "coordY is '1_0'",
    f"{HEAD}\na,1,2,1e999": "coordZ is '1e999'",
    f"{HEAD},probability\na,1,2,3,": "probability is ''",
    f"{HEAD},diameter_mm\na,1,2,3,-4": "size does not fit",
    f"{HEAD},width_mm,height_mm,depth_mm\na,1,2,,1,1,1": "size does not fit",
    f"{HEAD},label\na,1,2,3,-1": "label '-1'",
    f"{HEAD},space\na,1,2,3,MNI": "space 'MNI'",
    f"{HEAD},space\na,1,2,3,RAS\na,1,2,3,LPS": "'a'.*rows of one case differ",
    f"{HEAD}\na,1,2,3\na,1,2,": "'a'.*rows of one case differ",
    f'{HEAD}\n"a,1,2,3': "not a CSV file",
}


@pytest.mark.parametrize(("text", "message"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_broken_file_is_named(tmp_path, text, message):
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_luna_csv(path)
    assert str(path) in str(caught.value)


def test_other_bytes_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a CSV"):
        read_luna_csv(tmp_path / "a.csv")
