"""Findings as DICOM structured reports."""

import sys

import highdicom
import numpy as np
import pydicom
import pytest
import torch

import medtk_monai
from medtk_monai.errors import DataError
from medtk_monai.formats import case_prediction, make_case
from medtk_monai.formats.dicom_sr import read_dicom_sr, write_dicom_sr
from medtk_monai.images.dicom_series import series_files
from medtk_monai.structures import UNKNOWN_PRIOR, Detections
from medtk_monai.transforms import LoadCased
from tests.dicom import write_series

SIZE = (20, 16, 6)


def oblique_affine():
    """RAS, turned about all axes, with unequal spacings."""
    turn, _ = np.linalg.qr(np.array([[1, 0.2, -0.1], [-0.25, 1, 0.3], [0.1, -0.2, 1.0]]))
    turn *= np.sign(np.diag(turn))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * [0.5, 0.7, 1.2], [-31.0, 12.5, 44.0]
    return affine


def detections(boxes, scores, labels):
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 6),
        torch.tensor(scores, dtype=torch.float32),
        torch.tensor(labels, dtype=torch.int64),
        torch.full((len(labels),), UNKNOWN_PRIOR),
    )


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    volume = np.arange(np.prod(SIZE)).reshape(SIZE) % 1000
    return write_series(tmp_path_factory.mktemp("series"), volume, oblique_affine())


@pytest.fixture
def case():
    found = detections([[2, 3, 1, 6, 5, 4], [10, 8, 2, 11, 15, 5], [0, 0, 0, 20, 16, 5]], [0.9, 0.1234567, 0.02], [0, 2, 0])
    return case_prediction(found, torch.from_numpy(oblique_affine()), "scan", "scan")


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize(
    "order", [{}, {"reverse_files": True}, {"reverse_instances": True}, {"reverse_files": True, "reverse_instances": True}]
)
def test_a_written_series_is_read_where_it_lies(tmp_path, modality, order):
    volume = np.random.default_rng(0).integers(-500, 500, SIZE)
    write_series(tmp_path, volume, oblique_affine(), modality, **order)
    item = LoadCased()({"case_id": "A", "image": str(tmp_path)})
    image, affine = item["image"].numpy()[0], item["image"].affine.numpy()
    for voxel in [(0, 0, 0), (3, 5, 1), (19, 15, 5)]:
        world = affine @ [*voxel, 1]
        there = np.linalg.inv(oblique_affine()) @ world
        assert np.allclose(there[:3], there[:3].round(), atol=1e-3)
        assert image[voxel] == volume[tuple(there[:3].round().astype(int))]


def test_series_can_miss_slices_and_lie_beside_others(tmp_path):
    volume = np.zeros(SIZE)
    assert len(write_series(tmp_path / "gap", volume, oblique_affine(), missing=[2])) == SIZE[2] - 1
    with pytest.raises(DataError, match="one is missing"):
        series_files(tmp_path / "gap")
    for uid in ("1.2.3.1", "1.2.3.2"):
        write_series(tmp_path / "two", volume, oblique_affine(), series_uid=uid)
    with pytest.raises(DataError, match="2 DICOM series"):
        series_files(tmp_path / "two")


def test_findings_come_back(tmp_path, series, case):
    write_dicom_sr(tmp_path / "new" / "sr.dcm", case, series, ["aneurysm", "infundibulum", "kink"])
    found = read_dicom_sr(tmp_path / "new" / "sr.dcm")
    boxes, expected = np.array(found["boxes"]), np.array(case["boxes"])
    assert found["space"] == "LPS" and found["direction"] == np.eye(3).tolist()
    np.testing.assert_allclose(boxes[:, :3], expected[:, :3] * [-1, -1, 1], atol=1e-4)
    np.testing.assert_allclose(boxes[:, 3:], expected[:, 3:].max(axis=1, keepdims=True).repeat(3, axis=1), atol=1e-4)
    assert found["scores"] == case["scores"] and found["labels"] == case["labels"]
    assert found["case_id"] == pydicom.dcmread(series[0]).SeriesInstanceUID
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sr.dcm"]


def test_scores_keep_float32(tmp_path, series):
    scores = [0.0, 1.0, *torch.rand(8, generator=torch.Generator().manual_seed(0)).tolist(), 1e-7, 3.3e-20]
    found = detections([[2, 3, 1, 6, 5, 3]] * len(scores), scores, [0] * len(scores))
    write_dicom_sr(tmp_path / "sr.dcm", case_prediction(found, torch.from_numpy(oblique_affine()), "scan", ""), series)
    np.testing.assert_array_equal(np.float32(read_dicom_sr(tmp_path / "sr.dcm")["scores"]), np.float32(scores))


def items(node):
    """All content items below a node."""
    for item in node.get("ContentSequence", []):
        yield item
        yield from items(item)


def test_other_programs_read_what_it_says(tmp_path, series, case):
    write_dicom_sr(tmp_path / "sr.dcm", case, series, ["aneurysm", "infundibulum", "k" * 70])
    document, source = pydicom.dcmread(tmp_path / "sr.dcm"), pydicom.dcmread(series[0])
    assert document.file_meta.MediaStorageSOPClassUID == pydicom.uid.Comprehensive3DSRStorage
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (document.StudyInstanceUID, document.PatientID) == (source.StudyInstanceUID, source.PatientID)
    assert document.SeriesInstanceUID != source.SeriesInstanceUID and document.Modality == "SR"
    assert (document.CompletionFlag, document.PreliminaryFlag, document.VerificationFlag) == ("PARTIAL", "PRELIMINARY", "UNVERIFIED")
    assert document.Manufacturer == "medtk_monai" and document.SoftwareVersions == medtk_monai.__version__
    referenced = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == source.SeriesInstanceUID
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in series}
    assert {part.ReferencedSOPInstanceUID for part in referenced.ReferencedSOPSequence} == uids
    found = list(items(document))
    shown = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in found if item.ValueType == "IMAGE"]
    assert shown == [pydicom.dcmread(series[index]).SOPInstanceUID for index in (2, 3)]
    points = [item for item in found if item.ValueType == "SCOORD3D"]
    assert [item.GraphicType for item in points] == ["POINT"] * 3
    assert {item.ReferencedFrameOfReferenceUID for item in points} == {source.FrameOfReferenceUID}
    assert any("Not for clinical use" in item.TextValue for item in document.ContentSequence if item.ValueType == "TEXT")
    types = [item.ConceptCodeSequence[0].CodeMeaning for item in found if item.ValueType == "CODE" and "99MEDTK" in str(item)]
    assert types == ["aneurysm", "k" * 64, "aneurysm"]
    groups = highdicom.sr.srread(tmp_path / "sr.dcm").content.get_planar_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["finding 1", "finding 2", "finding 3"]
    assert len({group.tracking_uid for group in groups}) == 3


def test_a_report_without_findings_says_so(tmp_path, series):
    nothing = case_prediction(detections([], [], []), torch.from_numpy(oblique_affine()), "scan", "")
    write_dicom_sr(tmp_path / "sr.dcm", nothing, series)
    found = read_dicom_sr(tmp_path / "sr.dcm")
    assert found["boxes"] == [] and found["scores"] == [] and found["labels"] == []
    assert any("without findings" in str(item) for item in items(pydicom.dcmread(tmp_path / "sr.dcm")))


def test_headers_without_what_anonymization_removes_will_do(tmp_path, case):
    removed = dict.fromkeys(["PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"])
    files = write_series(tmp_path / "series", np.zeros(SIZE), oblique_affine(), "CT", **removed)
    write_dicom_sr(tmp_path / "sr.dcm", case, files)
    assert len(read_dicom_sr(tmp_path / "sr.dcm")["boxes"]) == 3


def refused(tmp_path, case, files, message):
    with pytest.raises(DataError, match=message):
        write_dicom_sr(tmp_path / "sr.dcm", case, files)
    assert not (tmp_path / "sr.dcm").exists()


def test_files_that_are_not_one_series_are_refused(tmp_path, case, series):
    other = write_series(tmp_path / "other", np.zeros(SIZE), oblique_affine())
    refused(tmp_path, case, [*series, *other], "2 values of SeriesInstanceUID")
    refused(tmp_path, case, [], "no DICOM files")
    (tmp_path / "text.dcm").write_text("text")
    refused(tmp_path, case, [tmp_path / "text.dcm"], "no DICOM file")
    refused(tmp_path, case, [tmp_path / "none.dcm"], "none.dcm")
    files = write_series(tmp_path / "frames", np.zeros(SIZE), oblique_affine())
    moved = pydicom.dcmread(files[2])
    moved.FrameOfReferenceUID = "1.2.3"
    moved.save_as(files[2])
    refused(tmp_path, case, files, "2 values of FrameOfReferenceUID")


def test_findings_elsewhere_are_refused(tmp_path, case, series):
    refused(tmp_path, case | {"space": "LPS"}, series, "finding 1 .* outside of the DICOM series")
    flat = make_case("scan", "RAS", np.zeros((1, 2)), np.ones((1, 2)))
    refused(tmp_path, flat, series, "boxes are flat")


def test_a_missing_package_is_told(tmp_path, case, series, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    refused(tmp_path, case, series, r"pip install 'medtk_monai\[dicom\]'")
    with pytest.raises(DataError, match=r"pip install 'medtk_monai\[dicom\]'"):
        read_dicom_sr(tmp_path / "sr.dcm")


def test_what_is_no_report_is_told(tmp_path, series):
    with pytest.raises(DataError, match="no file"):
        read_dicom_sr(tmp_path / "none.dcm")
    for path in (series[0], __file__):
        with pytest.raises(DataError, match="cannot read"):
            read_dicom_sr(path)
