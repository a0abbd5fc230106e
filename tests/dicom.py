"""DICOM series for tests, written from arrays."""

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


def write_series(folder, volume, affine, seed="a", reverse=False, skip=(), **tags):
    """Write a series of MR slices, one file for each.

    Args:
        folder: made if missing.
        volume: (X, Y, Z), whole numbers.
        affine: (4, 4), voxel centers -> RAS mm, of perpendicular axes.
        seed: series of different seeds have different UIDs.
        reverse: file names and instance numbers run against the third axis.
        skip: slices to leave out.
        tags: DICOM keywords to set in each file.

    Returns:
        The files, in the order of their names.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    rows, columns = lps[:3, 1] / spacing[1], lps[:3, 0] / spacing[0]
    count = volume.shape[2]
    study, series, frame = (generate_uid(entropy_srcs=[seed, what]) for what in ("study", "series", "frame"))
    files = []
    for index in range(count):
        number = count - 1 - index if reverse else index
        if index in skip:
            continue
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[seed, str(index)])
        path = folder / f"slice{number:04d}.dcm"
        slice_ = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
        slice_.SOPClassUID, slice_.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.Modality, slice_.PatientID, slice_.PatientName = "MR", "P1", "Test^Patient"
        slice_.PatientBirthDate, slice_.PatientSex, slice_.StudyID, slice_.AccessionNumber = "", "O", "1", ""
        slice_.StudyDate, slice_.StudyTime, slice_.ReferringPhysicianName = "20260101", "120000", ""
        slice_.SeriesNumber, slice_.InstanceNumber = 1, number + 1
        slice_.ImagePositionPatient = [round(float(x), 6) for x in lps[:3, 3] + index * lps[:3, 2]]
        slice_.ImageOrientationPatient = [round(float(x), 9) for x in (*columns, *rows)]
        slice_.PixelSpacing, slice_.SliceThickness = [float(spacing[1]), float(spacing[0])], float(spacing[2])
        slice_.Rows, slice_.Columns = volume.shape[1], volume.shape[0]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.PixelData = np.ascontiguousarray(volume[:, :, index].T).astype("<i2").tobytes()
        for keyword, value in tags.items():
            setattr(slice_, keyword, value)
        slice_.save_as(path, enforce_file_format=True)
        files.append(path)
    return sorted(files)
