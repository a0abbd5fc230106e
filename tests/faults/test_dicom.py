"""DICOM as scanners and archives write it: every pixel has its value at its place in the patient, or the scan is refused.

The right values and places are read by pydicom, frame by frame.
"""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, UltrasoundMultiFrameImageStorage

from medtk_monai.images.dicom import dicom_header, dicom_voxels
from tests.dicom import Place, write_frames, write_series
from tests.faults.dicom_told import assert_as_told, refusal

HEIGHTS = list(range(100, 116, 2))
SHUFFLED = HEIGHTS[::2] + HEIGHTS[1::2]
AFFINE = np.diag([-0.8, -0.7, 2.0, 1.0])
VOLUME = np.random.default_rng(0).integers(-1000, 1000, (9, 7, 6))


def frames_at(heights):
    """(frames, rows, columns), of which each has values of its own."""
    return np.stack([np.random.default_rng(int(height)).integers(-1000, 1000, (7, 9)) for height in heights])


def places_at(heights, **more):
    return [Place((10, 20, height), **more) for height in heights]


@pytest.mark.parametrize("heights", [HEIGHTS, HEIGHTS[::-1], SHUFFLED], ids=["up", "down", "shuffled"])
@pytest.mark.parametrize("measures", [{}, {"SliceThickness": 5}, {"SpacingBetweenSlices": 5}], ids=["plain", "thick", "between"])
def test_frames_lie_where_they_tell(tmp_path, heights, measures):
    path = write_frames(tmp_path / "scan" / "mf.dcm", frames_at(heights), places_at(heights), measures=measures)
    assert_as_told(path, [path])
    assert_as_told(tmp_path / "scan", [path])
    np.testing.assert_allclose(np.linalg.norm(dicom_header(path)[1][:3, :3], axis=0), [1.25, 1.5, 2.0])


def test_oblique_frames_lie_where_they_tell(tmp_path):
    turn = np.linalg.qr(np.array([[1, 0.2, -0.1], [-0.25, 1, 0.3], [0.1, -0.2, 1.0]]))[0]
    normal = np.cross(turn[:, 0], turn[:, 1])
    places = [
        Place(tuple(np.round(np.array([5.0, -6, 7]) + 3 * step * normal, 8)), tuple(np.round(turn[:, :2].T.ravel(), 8)))
        for step in range(8)
    ]
    path = write_frames(tmp_path / "mf.dcm", frames_at(HEIGHTS), places, orientation=None)
    assert_as_told(path, [path])


def test_each_frame_has_its_own_rescale_slope(tmp_path):
    lines = [(1, 0), (0.25, 3), (0.04, -1), (0.7, 0), (100, -1024), (1, 0), (2, 5), (3.5, 0)]
    places = [Place((10, 20, height), rescale=line) for height, line in zip(SHUFFLED, lines)]
    path = write_frames(tmp_path / "mf.dcm", frames_at(SHUFFLED), places)
    assert_as_told(path, [path], atol=1e-4)


def test_files_of_many_frames_make_one_series(tmp_path):
    files = [
        write_frames(tmp_path / f"{part}.dcm", frames_at(heights), places_at(heights), SeriesInstanceUID="1.2.3")
        for part, heights in enumerate([HEIGHTS[::2], HEIGHTS[1::2]])
    ]
    assert_as_told(tmp_path, files)


@pytest.mark.parametrize(
    ("heights", "words"),
    [
        (
            HEIGHTS[:4] + HEIGHTS[5:],
            "slices 4 and 5 of 7 are 4.00 mm apart, the others 2.00 mm: one is missing between frame 4 and frame 5",
        ),
        ([z for z in HEIGHTS for _ in (0, 1)], "several slices have one position: frame 1 and frame 2, and 7 more pairs"),
        ([100, 102, 104, 106, 107], "slices 4 and 5 of 5 are 1.00 mm apart, the others 2.00 mm: they are not evenly spaced"),
    ],
    ids=["missing", "phases", "uneven"],
)
def test_frames_that_are_no_stack_are_refused(tmp_path, heights, words):
    path = write_frames(tmp_path / "scan" / "mf.dcm", frames_at(heights), places_at(heights))
    assert words in refusal(path) and words in refusal(tmp_path / "scan")


def test_frames_that_are_not_parallel_or_shifted_are_refused(tmp_path):
    turned = [*places_at(HEIGHTS[:-1]), Place((10, 20, 114), (0, 1, 0, 0, 0, 1))]
    assert "frame 8 is not parallel to the other 7 slices" in refusal(write_frames(tmp_path / "a.dcm", frames_at(HEIGHTS), turned))
    shifted = [Place((10, 20 + number, height)) for number, height in enumerate(HEIGHTS)]
    assert "shifted against each other by up to 7.0 mm" in refusal(write_frames(tmp_path / "b.dcm", frames_at(HEIGHTS), shifted))
    some = [*places_at(HEIGHTS[:-1]), Place(None)]
    assert "frame 8 of 8 tells no position" in refusal(write_frames(tmp_path / "c.dcm", frames_at(HEIGHTS), some))
    few = write_frames(tmp_path / "d.dcm", frames_at(HEIGHTS), places_at(HEIGHTS[:-1]))
    assert "has 8 frames, and tells the places of 7" in refusal(few)


def test_frames_without_places_are_a_stack_that_is_assumed(tmp_path):
    nothing = {"PerFrameFunctionalGroupsSequence": None, "SharedFunctionalGroupsSequence": None}
    cine = {"SOPClassUID": UltrasoundMultiFrameImageStorage, "PixelSpacing": [0.5, 0.25]}
    path = write_frames(tmp_path / "cine.dcm", frames_at(HEIGHTS), places_at(HEIGHTS), **nothing, **cine)
    size, affine, assumed = dicom_header(path)
    assert size == (9, 7, 8) and np.allclose(affine, np.diag([-0.25, -0.5, 1, 1]))
    words = "tells no positions of its 8 frames; they are assumed to be slices one behind the other, 1 mm apart, which is assumed as well"
    assert assumed == (words,)
    np.testing.assert_array_equal(dicom_voxels(path), frames_at(HEIGHTS).transpose(2, 1, 0))
    path = write_frames(tmp_path / "capture.dcm", frames_at(HEIGHTS), places_at(HEIGHTS), spacing=None, **nothing)
    assert "tells no pixel spacing (PixelSpacing); 1 mm is assumed" in dicom_header(path)[2] and len(dicom_header(path)[2]) == 3


def test_colors_are_channels(tmp_path):
    (path,) = write_series(tmp_path, VOLUME[:, :, :1], AFFINE)
    dataset, colors = pydicom.dcmread(path), np.random.default_rng(1).integers(0, 255, (7, 9, 3)).astype(np.uint8)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 3, 0, "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = colors.tobytes() + b"\0"
    dataset.save_as(path)
    np.testing.assert_array_equal(dicom_voxels(path), colors.transpose(2, 1, 0)[..., None])
    assert dicom_header(path)[0] == (9, 7, 1)


@pytest.mark.parametrize(
    "lines", [[(1, 0), (0.25, 0), (0.04, 0), (0.7, 0)], [(1, 0), (100, -1024), (100, 0), (100, 5)]], ids=["pet", "wide"]
)
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_each_slice_has_its_own_rescale_slope(tmp_path, lines, modality):
    volume = np.concatenate([np.full((9, 6, 4), 10), np.full((9, 1, 4), 32000)], axis=1)
    files = write_series(tmp_path, volume, AFFINE, modality)
    for file, (slope, intercept) in zip(files, lines):
        dataset = pydicom.dcmread(file)
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        dataset.save_as(file)
    assert_as_told(tmp_path, files)
    np.testing.assert_allclose(dicom_voxels(tmp_path)[0, 0], [10 * slope + intercept for slope, intercept in lines], rtol=1e-6)


def test_negatives_are_turned(tmp_path):
    """MONOCHROME1: the largest number that can be stored, 4095 of 12 bits, is black."""
    bits = {"PixelRepresentation": 0, "BitsStored": 12, "HighBit": 11, "PhotometricInterpretation": "MONOCHROME1"}
    write_series(tmp_path, np.abs(VOLUME), AFFINE, "CT", RescaleSlope=2, RescaleIntercept=-10, **bits)
    np.testing.assert_array_equal(dicom_voxels(tmp_path), (4095 - np.abs(VOLUME)) * 2 - 10)


def jpeg2000(frame):
    buffer = io.BytesIO()
    Image.fromarray(frame.astype(np.uint16)).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_slices_keep_their_values(tmp_path, syntax):
    volume = np.random.default_rng(2).integers(0, 4095, (40, 36, 3))
    for number, path in enumerate(write_series(tmp_path, volume, AFFINE, "CT", PixelRepresentation=0, RescaleIntercept=-1024)):
        dataset = pydicom.dcmread(path)
        if syntax == JPEG2000Lossless:
            dataset.PixelData = encapsulate([jpeg2000(volume[:, :, number].T)])
            dataset["PixelData"].is_undefined_length, dataset.file_meta.TransferSyntaxUID = True, syntax
        else:
            dataset.compress(syntax)
        dataset.save_as(path)
    np.testing.assert_array_equal(dicom_voxels(tmp_path), volume - 1024)


def test_overlays_in_unused_bits_are_no_values(tmp_path):
    volume = np.random.default_rng(2).integers(0, 4095, (9, 7, 3))
    marked = volume + 4096 * (volume % 7 == 0)
    write_series(tmp_path, marked, AFFINE, "CT", BitsStored=12, HighBit=11, PixelRepresentation=0)
    np.testing.assert_array_equal(dicom_voxels(tmp_path), volume)
