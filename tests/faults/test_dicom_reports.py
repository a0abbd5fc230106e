"""Findings as a DICOM report of series with odd headers: the findings are written, and what is not valid is replaced and told.

What a report says is read by pydicom.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.formats import make_case
from medtk_monai.formats.dicom_sr import read_dicom_sr, write_dicom_sr
from medtk_monai.prediction import Scan, ScanFindings
from medtk_monai.prediction.outputs import chosen_formats, write_case
from medtk_monai.prediction.run import predict_scans
from tests.dicom import Place, write_frames, write_series
from tests.prediction.marked_scans import marked_volume, predictor

VOLUME = np.zeros((12, 10, 6))
AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])
CENTERS = np.array([[-3.0, -4, 5], [-8, -2, 7]])
KANJI = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def found():
    return make_case("scan", "RAS", CENTERS, np.full((2, 3), 3.0), scores=[0.75, 0.5], labels=[0, 1])


def reported(tmp_path, files):
    """The report of two findings, by pydicom, and what was replaced in it."""
    replaced = write_dicom_sr(tmp_path / "sr.dcm", found(), files, ["knot", "Gefäß"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = pydicom.dcmread(tmp_path / "sr.dcm")
        assert str(document)
    points = [item for item in contents(document) if item.ValueType == "SCOORD3D"]
    np.testing.assert_allclose([item.GraphicData for item in points], CENTERS * [-1, -1, 1])
    assert {item.ReferencedFrameOfReferenceUID for item in points} == {frame_of(files) or points[0].ReferencedFrameOfReferenceUID}
    assert read_dicom_sr(tmp_path / "sr.dcm")["scores"] == [0.75, 0.5]
    return document, replaced


def frame_of(files):
    return pydicom.dcmread(files[0]).get("FrameOfReferenceUID")


def contents(node):
    """All content items below a node."""
    for item in node.get("ContentSequence", []):
        yield item
        yield from contents(item)


@pytest.mark.parametrize(
    ("charset", "name"),
    [(["", "ISO 2022 IR 87"], KANJI), ("ISO_IR 144", "Иванов^Пётр"), ("GB18030", "Wang^XiaoDong=王^小东"), ("ISO_IR 100", "Müller^Jörg")],
)
def test_names_in_any_script_are_taken_over(tmp_path, charset, name):
    files = write_series(tmp_path / "series", VOLUME, AFFINE, "CT", SpecificCharacterSet=charset, PatientName=name)
    document, replaced = reported(tmp_path, files)
    assert document.PatientName == pydicom.dcmread(files[0]).PatientName == name and replaced == ()


def test_broken_values_are_left_out_and_told(tmp_path):
    """As files have them: pydicom writes no such values, so their bytes are changed."""
    files = write_series(tmp_path / "series", VOLUME, AFFINE, "CT", PatientBirthDate="19700101", PatientSex="F", AccessionNumber="N" * 16)
    broken = {b"20200102": b"unknown ", b"19700101": b"00000000", b"101112": b"noon  ", b"CS\2\0F ": b"CS\2\0? "}
    for path in map(Path, files):
        content = path.read_bytes()
        assert all(content.count(right) == 1 for right in broken)
        for right, wrong in broken.items():
            content = content.replace(right, wrong)
        path.write_bytes(content)
    document, replaced = reported(tmp_path, files)
    names = ("StudyDate", "PatientBirthDate", "StudyTime", "PatientSex")
    assert sorted(replaced) == sorted(f"{name} is not valid, and is left out" for name in names)
    assert all(document[name].value in ("", None) for name in names) and document.AccessionNumber == "N" * 16


@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_uids_are_replaced_and_told(tmp_path, name, value):
    files = write_series(tmp_path / "series", VOLUME, AFFINE, "CT", **{name: value})
    document, replaced = reported(tmp_path, files)
    assert replaced == (f"{name} is missing or not valid, and the report has one of its own",)
    evidence = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert len(evidence.ReferencedSOPSequence) == 6 and pydicom.uid.UID(document.StudyInstanceUID).is_valid


def test_missing_instances_and_dates(tmp_path):
    files = write_series(tmp_path / "series", VOLUME, AFFINE, "CT", SOPInstanceUID=None, StudyDate=None)
    document, replaced = reported(tmp_path, files)
    assert len(replaced) == 1 and "6 of 6 files have no valid SOPInstanceUID" in replaced[0] and not document.StudyDate


def test_a_series_without_spacing_or_orientation(tmp_path):
    files = write_series(tmp_path / "series", VOLUME, AFFINE, "CT", PixelSpacing=None, ImageOrientationPatient=None, SliceThickness=None)
    document, _ = reported(tmp_path, files)
    assert not any("Spacing" in str(item.ConceptNameCodeSequence[0].CodeMeaning) for item in contents(document))


def test_a_file_of_many_frames(tmp_path):
    path = write_frames(tmp_path / "mf.dcm", np.zeros((6, 10, 12)), [Place((0, 0, 2 * number)) for number in range(6)])
    document, replaced = reported(tmp_path, [path])
    (evidence,) = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert evidence.ReferencedSOPInstanceUID == pydicom.dcmread(path).SOPInstanceUID and replaced == ()
    elsewhere = found() | {"boxes": [[-3, -4, 50, 1, 1, 1], [0, 0, 0, 1, 1, 1]]}
    with pytest.raises(DataError, match="finding 1 .* outside"):
        write_dicom_sr(tmp_path / "other.dcm", elsewhere, [path])


def test_one_format_that_fails_leaves_the_others(tmp_path):
    """A series of two studies can have no report."""
    files = write_series(tmp_path / "series", VOLUME, AFFINE, "CT")
    other = pydicom.dcmread(files[0])
    other.StudyInstanceUID = "1.2.3"
    other.save_as(files[0])
    scan = Scan("scan", str(tmp_path / "series"))
    findings = ScanFindings(found() | {"grid": {"size": [12, 10, 6], "affine": AFFINE.tolist()}}, torch.zeros(1, 12, 10, 6), torch.eye(4))
    result = write_case(tmp_path, findings, scan, ("medtk", "luna", "sr", "slicer"), ("knot",))
    assert {path.name for path in (tmp_path / "scan").iterdir()} == {"predictions.json", "predictions.csv", "findings.mrk.json"}
    (case,) = json.loads((tmp_path / "scan" / "predictions.json").read_text())["cases"]
    assert case["warnings"] == result.warnings == ["no findings.dcm: the DICOM files have 2 values of StudyInstanceUID"]
    assert case["scores"] == [0.75, 0.5]


def test_a_run_counts_what_could_not_be_written(tmp_path, capsys):
    volume = (marked_volume()[0] * 1000).astype(np.int16)
    files = write_series(tmp_path / "series", volume, np.diag([-0.8, -0.8, 1.0, 1.0]), "CT")
    other = pydicom.dcmread(files[0])
    other.StudyInstanceUID = "1.2.3"
    other.save_as(files[0])
    progress = predict_scans(predictor, [Scan("scan", str(tmp_path / "series"))], tmp_path / "out", chosen_formats(["sr", "luna"]), {})
    assert list(progress.done) == ["scan"] and not progress.failed
    assert progress.unwritten == {"scan": {"findings.dcm": "the DICOM files have 2 values of StudyInstanceUID"}}
    assert "warning: case 'scan': no findings.dcm: the DICOM files" in capsys.readouterr().out
    assert (tmp_path / "out" / "scan" / "predictions.csv").is_file() and (tmp_path / "out" / "predictions.json").is_file()


def test_a_missing_package_is_told_before_anything_is_predicted(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(DataError, match="highdicom is needed"):
        predict_scans(None, [Scan("scan", "scan.dcm")], tmp_path / "out", chosen_formats(["sr"]), {})
    assert not (tmp_path / "out").exists()
