"""DICOM series, and files of many frames, from arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

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


@dataclass(frozen=True)
class Place:
    """Of a frame in a file of many: LPS mm, directions of rows and columns; None leaves the group out.

    Args:
        position: of the first pixel.
        orientation: None for that which all frames share.
        rescale: slope and intercept; None for those that all share.
    """

    position: tuple | None
    orientation: tuple | None = None
    rescale: tuple | None = None


AXIAL = (1, 0, 0, 0, 1, 0)


def write_frames(path, pixels, places, spacing=(1.5, 1.25), orientation=AXIAL, rescale=(1, 0), measures=None, **attributes):
    """Write one file of many frames (Enhanced CT), whose places are in functional groups.

    Args:
        path: of the file; missing folders are made.
        pixels: (frames, rows, columns) whole numbers that fit int16, in the order of the file.
        places: of the frames.
        spacing: between rows, and between columns, mm; None leaves it out.
        orientation: that all frames share; None for none.
        rescale: slope and intercept that all frames share.
        measures: further elements of the group of the spacing.
        attributes: further DICOM attributes by keyword; None deletes one.
    """
    meta, dataset = _meta("CT"), _headings("CT")
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = EnhancedCTImageStorage
    dataset = FileDataset(None, dataset, file_meta=meta, preamble=b"\0" * 128)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = pixels.shape
    dataset.SeriesInstanceUID, dataset.InstanceNumber = generate_uid(), 1
    shared = {"PixelMeasuresSequence": ({} if spacing is None else {"PixelSpacing": list(spacing)}) | (measures or {})}
    if orientation is not None:
        shared["PlaneOrientationSequence"] = {"ImageOrientationPatient": list(orientation)}
    dataset.SharedFunctionalGroupsSequence = [_groups(shared | {"PixelValueTransformationSequence": _rescale(rescale)})]
    dataset.PerFrameFunctionalGroupsSequence = [_groups(_own(place, number)) for number, place in enumerate(places, start=1)]
    dataset.PixelData = np.ascontiguousarray(pixels.astype("<i2")).tobytes()
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def _own(place, number):
    groups = {"FrameContentSequence": {"StackID": "1", "InStackPositionNumber": number, "DimensionIndexValues": [1, number]}}
    if place.position is not None:
        groups["PlanePositionSequence"] = {"ImagePositionPatient": list(place.position)}
    if place.orientation is not None:
        groups["PlaneOrientationSequence"] = {"ImageOrientationPatient": list(place.orientation)}
    if place.rescale is not None:
        groups["PixelValueTransformationSequence"] = _rescale(place.rescale)
    return groups


def _rescale(line):
    return {"RescaleSlope": _decimal(line[0]), "RescaleIntercept": _decimal(line[1]), "RescaleType": "US"}


def _groups(contents):
    """A dataset with a sequence of one item for each name."""
    dataset = pydicom.Dataset()
    for name, elements in contents.items():
        item = pydicom.Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(dataset, name, [item])
    return dataset
