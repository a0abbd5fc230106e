"""DICOM series from arrays."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

STORAGE = {"CT": CTImageStorage, "MR": MRImageStorage}
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_series(
    folder, volume, affine, modality="MR", series_uid=None, reverse_files=False, reverse_instances=False, missing=(), **attributes
):
    """Write a volume as a DICOM series of one file per slice, along its third axis.

    Volume axis 0 runs along the rows of a slice (over its columns), axis 1 down its columns, so that a reader that sorts slices along
    their normal gives the volume back, flipped along the third axis if the affine is left-handed in LPS. Two calls with one folder put
    two series side by side; they share study and frame of reference.

    Args:
        folder: made if missing.
        volume: (X, Y, Z) whole numbers that fit int16.
        affine: (4, 4), voxel centers -> RAS mm, oblique or not; its columns must be orthogonal.
        modality: "CT" or "MR".
        series_uid: SeriesInstanceUID; a new one if None.
        reverse_files: names of files count against the order of the slices.
        reverse_instances: so does InstanceNumber.
        missing: slices (indices) to leave out.
        attributes: further DICOM attributes by keyword; None deletes one.

    Returns:
        The paths of the files in the order of the slices.
    """
    folder, volume, series_uid = Path(folder), np.asarray(volume), series_uid or generate_uid()
    folder.mkdir(parents=True, exist_ok=True)
    count, stem, paths = volume.shape[2], series_uid.split(".")[-1][-6:], []
    for index in (index for index in range(count) if index not in missing):
        number = count - index if reverse_files else index + 1
        path = folder / f"{stem}_{number:04d}.dcm"
        dataset = _slice(volume[:, :, index], LPS_FROM_RAS @ np.asarray(affine, dtype=np.float64), index, modality)
        dataset.SeriesInstanceUID, dataset.InstanceNumber = series_uid, count - index if reverse_instances else index + 1
        for keyword, value in attributes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path, enforce_file_format=True)
        paths.append(str(path))
    return paths


def _slice(pixels, to_lps, index, modality):
    """One slice (X, Y) at an index along the third axis of an affine to LPS mm."""
    dataset = FileDataset(None, _headings(modality), file_meta=_meta(modality), preamble=b"\0" * 128)
    spacing = np.linalg.norm(to_lps[:3, :3], axis=0)
    directions = to_lps[:3, :3] / spacing
    dataset.ImageOrientationPatient = [_decimal(value) for value in (*directions[:, 0], *directions[:, 1])]
    dataset.ImagePositionPatient = [_decimal(value) for value in to_lps[:3, 2] * index + to_lps[:3, 3]]
    dataset.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]  # between rows, between columns
    dataset.SliceThickness = _decimal(spacing[2])
    dataset.Columns, dataset.Rows = pixels.shape
    dataset.PixelData = np.ascontiguousarray(pixels.T.astype("<i2")).tobytes()
    return dataset


def _decimal(value):
    """As many digits as DICOM's decimal strings take."""
    return pydicom.valuerep.DSfloat(float(value), auto_format=True)


def _meta(modality):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = STORAGE[modality], generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta


def _headings(modality):
    """What all slices have, but for their place."""
    meta, dataset = _meta(modality), pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = (generate_uid(entropy_srcs=[name]) for name in ("study", "frame"))
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Doe^Jane", "P1", "", "O"
    dataset.StudyID, dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "1", "20200102", "101112", ""
    dataset.ReferringPhysicianName, dataset.Manufacturer, dataset.SeriesNumber = "", "tests", 1
    dataset.Modality, dataset.ImageType = modality, ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    if modality == "CT":
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    return dataset
