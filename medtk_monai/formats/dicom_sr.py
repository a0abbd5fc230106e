"""Findings as a DICOM structured report: a measurement report (TID 1500) in a Comprehensive 3D SR, as PACS and viewers read it.

Each finding is a measurement group: the center of its box as a point in the patient (SCOORD3D, LPS mm), its longest side as long axis,
its score as certainty in percent, and its class as finding type. Side lengths and directions of boxes have no place in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

import medtk_monai
from medtk_monai.atomic import replacing
from medtk_monai.errors import DataError, existing_file, import_extra
from medtk_monai.formats.cases import Case, make_case, world_boxes
from medtk_monai.formats.dicom_sr_source import ReportSource, corners_of, read_source
from medtk_monai.formats.file_format import Format

DISCLAIMER = "Found by software for research. Not for clinical use."
_SCHEME = "99MEDTK"
"""Designator of our own codes: class numbers."""
_SERIES_NUMBER = 9901
_LONGEST_MEANING = 64


def write_dicom_sr(
    path: str | os.PathLike, case: Case, series_files: Sequence[str | Path], class_names: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Write the findings of a scan as a DICOM SR that belongs to the study of the scan; the file appears whole or not at all.

    The report is partial, preliminary and unverified, and says that it is not for clinical use. A report without findings says so.

    Args:
        path: the file; missing folders are made.
        case: in 3D, in RAS or LPS.
        series_files: of the one DICOM series that the case was found in; only their headers are read.
        class_names: of the labels; None, or fewer than there are, for "class 0" and so on.

    Returns:
        What the series does not tell, or not validly, and what the report says instead.

    Raises:
        DataError: flat boxes, files that are not of one series in one frame of reference, a finding outside of it, or a missing package.
    """
    if len(case["direction"]) != 3:
        raise DataError("a DICOM SR tells points in space, and the boxes are flat", case["case_id"], "choose another format")
    highdicom = import_extra("highdicom", "dicom")
    source = read_source(series_files, case["case_id"])
    centers, sizes, _ = world_boxes(case, "LPS")
    _check_inside(centers, sizes, source, case["case_id"])
    report = _report(case, centers, sizes, source, class_names or ())
    document = highdicom.sr.Comprehensive3DSR(
        evidence=source.headers,
        content=report[0],
        series_instance_uid=highdicom.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="medtk_monai",
        manufacturer_model_name="medtk_monai",
        software_versions=medtk_monai.__version__,
        series_description="medtk_monai findings, not for clinical use",
    )
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = _SCHEME, "Class numbers of medtk_monai"
    document.CodingSchemeIdentificationSequence = [scheme]
    with replacing(path) as temporary:
        document.save_as(temporary)
    return source.replaced


def read_dicom_sr(path: str | os.PathLike) -> Case:
    """The findings of a report of ``write_dicom_sr``, in LPS.

    Boxes are cubes of the longest side along the axes of the patient, scores as they were, labels the class numbers, and the case id is
    the UID of the series that the report refers to. Points in reports of other programs are read too: their class is 0, their score 1 and
    their size 0 where the report does not tell.

    Raises:
        DataError: there is no such file, it is no report with points in space, or a package is missing.
    """
    highdicom, codes = import_extra("highdicom", "dicom"), _codes()
    remedy = "give a DICOM SR that medtk has written"
    try:
        document = highdicom.sr.srread(existing_file(path, remedy))
        groups = document.content.get_planar_roi_measurement_groups(graphic_type=highdicom.sr.GraphicTypeValues3D.POINT)
        findings = [_read_finding(group, codes) for group in groups]
        series = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].SeriesInstanceUID
    except Exception as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot read {path}: {type(error).__name__}: {error}".splitlines()[0], remedy=remedy) from error
    centers = np.array([finding[0] for finding in findings]).reshape(-1, 3)
    sizes = np.array([finding[1] for finding in findings]).reshape(-1, 1).repeat(3, axis=1)
    scores, labels = [finding[2] for finding in findings], [finding[3] for finding in findings]
    return make_case(str(series), "LPS", centers, sizes, scores=scores, labels=labels)


def _codes() -> Any:
    return import_extra("pydicom.sr.codedict", "dicom").codes


def _check_inside(centers: np.ndarray, sizes: np.ndarray, source: ReportSource, case: str) -> None:
    """Refuse findings outside of the series: those of another scan, or of a wrong frame. Not checked where slices tell no positions."""
    frames = [frame for part in source.frames for frame in part]
    if any(frame.position is None for frame in frames):
        return
    corners = np.concatenate([corners_of(frame) for frame in frames])
    reach = sizes.max(axis=1, keepdims=True) if len(sizes) else sizes
    outside = ((centers + reach < corners.min(axis=0)) | (centers - reach > corners.max(axis=0))).any(axis=1)
    if outside.any():
        what = f"finding {int(outside.argmax()) + 1} at {centers[outside.argmax()].round(1).tolist()} (LPS mm) lies outside of the DICOM series"
        raise DataError(what, case, "give the series that the case was found in")


def _report(case: Case, centers: np.ndarray, sizes: np.ndarray, source: ReportSource, class_names: Sequence[str]) -> Any:
    """The content of the document."""
    sr, codes = import_extra("highdicom.sr", "dicom"), _codes()
    frame = str(source.headers[0].FrameOfReferenceUID)
    groups = [
        _finding(number, center, float(longest), float(score), _class_code(label, class_names), frame)
        for number, (center, longest, score, label) in enumerate(
            zip(centers, sizes.max(axis=1, initial=0.0), case["scores"], case["labels"]), start=1
        )
    ]
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_observer()),
        procedure_reported=codes.cid100.ImagingProcedure,
        imaging_measurements=groups or [_nothing_found()],
        referenced_images=_slices_shown(centers, source) if source.shown else None,
    )
    comment = sr.TextContentItem(codes.DCM.Comment, DISCLAIMER, sr.RelationshipTypeValues.CONTAINS)
    report[0].ContentSequence.append(comment)
    return report


def _slices_shown(centers: np.ndarray, source: ReportSource) -> list[Any]:
    """For the image library: the slices nearest the findings, or the middle one; the document lists the whole series as its evidence."""
    if not len(centers):
        return [source.headers[len(source.headers) // 2]]
    origins, normal = np.array([frame.position for (frame,) in source.frames]), source.frames[0][0].normal
    nearest = np.abs((origins @ normal)[:, None] - (centers @ normal)[None]).argmin(axis=0)
    return [source.headers[index] for index in np.unique(nearest)]


def _observer() -> Any:
    highdicom, codes = import_extra("highdicom", "dicom"), _codes()
    attributes = highdicom.sr.DeviceObserverIdentifyingAttributes(
        uid=highdicom.UID(), name="medtk_monai", manufacturer_name="medtk_monai", model_name=f"medtk_monai {medtk_monai.__version__}"
    )
    return highdicom.sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=attributes)


def _class_code(label: int, class_names: Sequence[str]) -> Any:
    name = str(class_names[label]).strip() if label < len(class_names) else ""
    return import_extra("highdicom.sr", "dicom").CodedConcept(str(label), _SCHEME, name[:_LONGEST_MEANING] or f"class {label}")


def _finding(number: int, center: np.ndarray, longest: float, score: float, kind: Any, frame: str) -> Any:
    highdicom, codes = import_extra("highdicom", "dicom"), _codes()
    sr = highdicom.sr
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(highdicom.UID(), f"finding {number}"),
        referenced_region=sr.ImageRegion3D(sr.GraphicTypeValues3D.POINT, center[None], frame),
        finding_category=codes.SCT.Lesion,
        finding_type=kind,
        algorithm_id=sr.AlgorithmIdentification("medtk_monai", medtk_monai.__version__, [DISCLAIMER]),
        measurements=[
            sr.Measurement(codes.SCT.LongAxis, longest, codes.UCUM.Millimeter),
            sr.Measurement(codes.DCM.CertaintyOfFinding, 100 * score, codes.UCUM.Percent),
        ],
    )


def _nothing_found() -> Any:
    """A measurement group that tells so, since a report must have one."""
    highdicom, codes = import_extra("highdicom", "dicom"), _codes()
    sr = highdicom.sr
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(highdicom.UID(), "no findings"),
        algorithm_id=sr.AlgorithmIdentification("medtk_monai", medtk_monai.__version__, [DISCLAIMER]),
        qualitative_evaluations=[
            sr.QualitativeEvaluation(codes.DCM.CADProcessingAndFindingsSummary, codes.DCM.AllAlgorithmsSucceededWithoutFindings)
        ],
    )


def _read_finding(group: Any, codes: Any) -> tuple[np.ndarray, float, float, int]:
    """Center (LPS mm), longest side (mm), score and label."""
    longest = [part.value for part in group.get_measurements(codes.SCT.LongAxis)]
    certainty = [part.value for part in group.get_measurements(codes.DCM.CertaintyOfFinding)]
    kind = group.finding_type
    label = int(kind.value) if kind is not None and kind.scheme_designator == _SCHEME else 0
    score = float(str(np.float32(certainty[0] / 100))) if certainty else 1.0
    return np.asarray(group.roi.value, dtype=np.float64).reshape(3), float(longest[0]) if longest else 0.0, score, label


SR = Format(
    "sr",
    (".dcm",),
    write_scan=lambda path, found, series, names: write_dicom_sr(path, found.case, series, names),
    dims=(3,),
    needs=("DICOM series", "class names"),
    package=("highdicom", "dicom"),
    file_name="findings.dcm",
)
