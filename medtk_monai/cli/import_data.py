"""``medtk import``: a datalist from a data set as it was published."""

from __future__ import annotations

from medtk_monai.cli.options.data import LayoutOptions, MaskObjects, Redealing, Rewritten, SetFiles
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import FileOrFolder, Target


@flat
def import_data(
    layout: str,
    source: FileOrFolder,
    out: Target,
    dealing: Redealing,
    written: Rewritten,
    files: SetFiles,
    objects: MaskObjects,
    others: LayoutOptions,
) -> str:
    """Turn a data set as it was published into a datalist; images stay where they are.

    Layouts: masks and semantic (folders of images and label maps), luna16, adam, cada, lausanne (ds003949), rsna2025, msd, nndetection,
    monai (datalists of its model zoo), coco, voc, yolo; docs/importing.md shows each. OUT gets datalist.json and import.json, which counts
    what was read and names what was left out. An option that a layout does not take is refused.

    Args:
        layout: one of the names above.
        source: the folder, or for monai and coco also the JSON file.
        out: folder for the files.

    Raises:
        DataError: no such layout or option, or something is wrong with the data set.
    """
    from pathlib import Path

    from medtk_monai.importers.run import import_files
    from medtk_monai.importers.write import Splitting, summary

    patients = {"patients": dealing.patients} if dealing.patients is not None else {}
    options = files.given() | patients | others.given() | objects.given()
    splitting = Splitting(dealing.validation, dealing.test, dealing.seed, dealing.resplit)
    account = import_files(layout, source, out, options, splitting, written.relative, written.overwrite)
    return summary(account, Path(out).expanduser())
