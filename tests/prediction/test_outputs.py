"""Which files a scan gets."""

import shutil

import numpy as np
import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.formats import in_space, make_case
from medtk_monai.formats.dicom_sr import read_dicom_sr
from medtk_monai.prediction import Scan, ScanFindings
from medtk_monai.prediction.outputs import CaseFiles, chosen_formats, write_case
from medtk_monai.prediction.run import predict_scans
from tests.dicom import write_series
from tests.prediction.marked_scans import marked_volume, predictor, save_marked

ALL = chosen_formats(None)


def test_files_of_a_flat_image(tmp_path):
    grid = {"size": [16, 12], "affine": np.eye(3).tolist()}
    case = make_case("flat", "RAS", np.array([[4.0, 5]]), np.array([[3.0, 2]]), grid=grid)
    found = ScanFindings(case, torch.zeros(1, 16, 12), torch.eye(3))
    files = write_case(tmp_path, found, Scan("flat", "flat.png"), ALL, ())
    assert {path.name for path in (tmp_path / "flat").iterdir()} == {"predictions.json", "findings.nii.gz", "findings.json", "preview.png"}
    assert [kind.name for kind in files.without] == ["luna", "slicer", "points"]


def test_formats_are_checked():
    assert chosen_formats(["luna"]) == chosen_formats(["csv", "json"]) == ("medtk", "luna") and "sr" not in ALL
    with pytest.raises(DataError, match="'pdf' is not known -- choose from medtk, luna, slicer"):
        chosen_formats(["pdf"])


def test_a_report_of_other_scans_than_dicom_is_left_out(tmp_path, capsys):
    save_marked(tmp_path / "scan0.nii.gz")
    scan = Scan("scan0", str(tmp_path / "scan0.nii.gz"))
    progress = predict_scans(predictor, [scan], tmp_path / "out", chosen_formats(["sr"]), {})
    assert not progress.failed and {path.name for path in (tmp_path / "out" / "scan0").iterdir()} == {"predictions.json"}
    assert "'scan0' is no DICOM series" in capsys.readouterr().out


@pytest.mark.parametrize("zipped", [False, True])
def test_a_report_of_a_dicom_series(tmp_path, zipped):
    affine = np.diag([0.8, 0.8, 1.0, 1.0])
    write_series(tmp_path / "in" / "series", (marked_volume()[0] * 1000).astype(np.int16), affine)
    path = str(tmp_path / "in" / "series")
    scan = Scan("series", shutil.make_archive(path, "zip", path) if zipped else path)
    case = make_case("series", "RAS", np.array([[8.0, 9, 10]]), np.array([[3.0, 2, 4]]), scores=[0.75], labels=[1])
    files = write_case(tmp_path, ScanFindings(case, torch.zeros(1, 2, 2, 2), torch.eye(4)), scan, ("medtk", "sr"), ("knot",))
    assert files == CaseFiles()
    back = in_space(read_dicom_sr(tmp_path / "series" / "findings.dcm"), "RAS")
    assert (back["boxes"], back["scores"], back["labels"]) == ([[8, 9, 10, 4, 4, 4]], [0.75], [1])
