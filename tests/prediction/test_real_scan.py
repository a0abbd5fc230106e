"""One real oblique scan in every file format: findings are at the same places in the patient."""

import zipfile
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import ScaleIntensityRanged
from scipy.spatial import cKDTree

from medtk_monai.inferers import WindowedInferer
from medtk_monai.prediction import find_scans
from tests.dicom import write_series
from tests.inferers.marked import postprocessor
from tests.prediction.marked_scans import OBLIQUE, centers_of, predictor

SCAN = Path(__file__).parents[2].parent / "shared/data/angiography/tof_mra.nii.gz"


def real_scan():
    image = nib.load(SCAN)
    values = image.get_fdata(dtype=np.float32)
    return np.round(values / values.max() * 2000), image.affine


def simulated_scan():
    """Blobs in noise."""
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 100, (40, 48, 24))
    for corner in generator.integers(0, 5, (12, 3)):
        values[tuple(slice(4 * c, 4 * c + 4) for c in corner)] = generator.uniform(1500, 2000, (4, 4, 4))
    return np.round(values), OBLIQUE


@pytest.fixture(
    scope="module",
    params=[
        simulated_scan,
        pytest.param(real_scan, marks=pytest.mark.skipif(not SCAN.exists(), reason=f"needs {SCAN.name} of the data for development")),
    ],
)
def scan(request, tmp_path_factory):
    """Folder of one scan as nifti.nii.gz, mha.mha, nrrd.nrrd, forward/ and backward/ (DICOM), and zipped.zip."""
    folder = tmp_path_factory.mktemp("scan")
    values, affine = request.param()
    values = values.astype(np.int16)
    nib.save(nib.Nifti1Image(values, affine), folder / "nifti.nii.gz")
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(values.T))
    image.SetSpacing([float(n) for n in spacing])
    image.SetOrigin([float(n) for n in lps[:3, 3]])
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    for suffix in ("mha", "nrrd"):
        itk.imwrite(image, str(folder / f"{suffix}.{suffix}"))
    write_series(folder / "forward", values, affine)
    files = write_series(folder / "backward", values, affine, reverse_files=True, reverse_instances=True)
    with zipfile.ZipFile(folder / "zipped.zip", "w") as archive:
        for path in files:
            archive.write(path, f"study/{Path(path).name}")
    return folder


def test_every_format_tells_the_same_places(scan):
    inferer = WindowedInferer(postprocessor(top_k=5000, max_detections=5000), 128, 4, foreground_threshold=0.3)
    find = predictor(ScaleIntensityRanged("image", 0, 1000, 0, 1), inferer=inferer)
    scans = find_scans([scan])
    assert sorted(one.case_id for one in scans) == ["backward", "forward", "mha", "nifti", "nrrd", "zipped"]
    found = {one.case_id: find(one) for one in scans}
    reference = centers_of(found["nifti"].case)
    assert len(reference) >= 10
    for name, prediction in found.items():
        centers = centers_of(prediction.case)
        assert len(centers) == len(reference), name
        assert cKDTree(centers).query(reference)[0].max() < 0.1, name
        assert cKDTree(reference).query(centers)[0].max() < 0.1, name
        boxes = prediction.detections.boxes.round().long()
        brightest = [prediction.image[0][tuple(slice(*ends) for ends in zip(box[:3], box[3:]))].mean() for box in boxes[:5].tolist()]
        assert torch.stack(brightest).min() > 300, "boxes lie on what is bright in the scan as it was read"
