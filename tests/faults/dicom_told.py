"""What DICOM files tell of their pixels, by pydicom, and whether it is read so."""

import numpy as np
import pydicom
import pytest

from medtk_monai.errors import DataError
from medtk_monai.images.dicom import dicom_header, dicom_voxels


def group(dataset, index, sequence):
    """A functional group of a frame: its own, else that of all, else the file itself."""
    for name, at in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        if name in dataset and sequence in dataset[name].value[at]:
            return dataset[name].value[at][sequence].value[0]
    return dataset


def told(path):
    """Of each frame of a file, by pydicom: real values (rows, columns) and places (rows, columns, 3) in RAS mm."""
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns).astype(np.float64)
    for index, pixels in enumerate(stored):
        position = group(dataset, index, "PlanePositionSequence").ImagePositionPatient
        right, down = np.array(group(dataset, index, "PlaneOrientationSequence").ImageOrientationPatient, dtype=float).reshape(2, 3)
        between_rows, between_columns = map(float, group(dataset, index, "PixelMeasuresSequence").PixelSpacing)
        line = group(dataset, index, "PixelValueTransformationSequence")
        rows, columns = np.mgrid[: dataset.Rows, : dataset.Columns][..., None]
        places = np.array(position, dtype=float) + columns * right * between_columns + rows * down * between_rows
        yield pixels * float(line.get("RescaleSlope", 1)) + float(line.get("RescaleIntercept", 0)), places * [-1, -1, 1]


def assert_as_told(path, files, atol=0.0):
    """Every pixel of the files is found at its place, and there is nothing else."""
    size, affine, assumed = dicom_header(path)
    voxels = dicom_voxels(path)
    assert voxels.shape == size and voxels.dtype == np.float32 and assumed == ()
    count = 0
    for values, places in (frame for file in files for frame in told(file)):
        index = (places - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        assert np.abs(index - index.round()).max() < 1e-3
        np.testing.assert_allclose(voxels[tuple(np.moveaxis(index.round().astype(int), -1, 0))], np.float32(values), rtol=1e-6, atol=atol)
        count += values.size
    assert count == voxels.size


def refusal(path):
    with pytest.raises(DataError) as caught:
        dicom_header(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)
