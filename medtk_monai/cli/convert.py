"""``medtk convert``: findings from one file format to another."""

from __future__ import annotations

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.evaluation import Findings, SourceFiles
from medtk_monai.cli.options.kinds import Target, words


@flat
def convert(source: Findings, target: Target, *, target_format: str | None = None, overwrite: bool = False, files: SourceFiles) -> str:
    """Convert findings from one file format to another, and print what the new files lost.

    Formats: medtk (predictions.json), luna (CSV), coco (2D), nndetection (CASE_boxes.pkl or .json), slicer (CASE.mrk.json), adam
    (result.txt), points (grand-challenge's "Multiple points"), label (NIfTI label maps). A source is found out by its suffix and content,
    a target by its suffix: .csv, .mrk.json, _boxes.json, .txt, .nii.gz, predictions.json. What was lost is found by reading the target
    again; losses are no failure.

    Args:
        source: a file, or a folder with files of one format.
        target: a file; a folder for several cases in formats of one file per case, which are named after the case ids.
        target_format: one of the names above, needed for other targets.
        overwrite: write over existing files; never over images and parts of the source.
    """
    from medtk_monai.formats.conversion import convert as convert_files

    names = words(files.class_names) or None
    losses = convert_files(source, target, files.source_format, target_format, files.images, names, overwrite)
    return "\n".join(losses) or "nothing lost"
