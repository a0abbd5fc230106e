"""``medtk convert``: findings from one file format to another."""

from __future__ import annotations

from collections.abc import Sequence


def convert(
    source: str,
    target: str,
    source_format: str | None = None,
    target_format: str | None = None,
    images: str | Sequence[str] | None = None,
    class_names: str | Sequence[str] | None = None,
    overwrite: bool = False,
) -> str:
    """Convert findings from one file format to another, and print what the new files lost.

    Formats: medtk (predictions.json), luna (CSV), coco (2D), nndetection (CASE_boxes.pkl or .json), slicer (CASE.mrk.json), adam
    (result.txt), points (grand-challenge's "Multiple points"), label (NIfTI label maps). A source is found out by its suffix and content,
    a target by its suffix: .csv, .mrk.json, _boxes.json, .txt, .nii.gz, predictions.json. What was lost is found by reading the target
    again; losses are no failure.

    Args:
        source: a file, or a folder with files of one format.
        target: a file; a folder for several cases in formats of one file per case, which are named after the case ids.
        source_format: one of the names above, where the source leaves it open.
        target_format: one of the names above, needed for other targets.
        images: a folder, a file, or a pattern in quotes: the scans, for formats that count voxels. Their names are the case ids.
        class_names: of class 0, 1, ..., as aneurysm,vessel, for formats that name classes.
        overwrite: write over existing files; never over images and parts of the source.
    """
    from medtk_monai.cli.words import words
    from medtk_monai.formats.conversion import convert as convert_files

    names = None if class_names is None else words(class_names)
    losses = convert_files(source, target, source_format, target_format, images, names, overwrite)  # a pattern may have commas
    return "\n".join(losses) or "nothing lost"
