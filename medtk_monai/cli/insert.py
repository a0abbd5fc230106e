"""``medtk insert``: made-up or pasted objects in a user's own scans."""

from __future__ import annotations

from typing import Any

from medtk_monai.cli.options.data import Datalist, Seed
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.insertion import Objects, Pasting
from medtk_monai.cli.options.kinds import Count, File, Target, Words, words


@flat
def insert(
    datalist: File,
    out: Target,
    splits: Words = "training",
    num_workers: Count | None = None,
    *,
    objects: Objects,
    pasting: Pasting,
    data: Datalist,
    seed: Seed,
) -> dict[str, Any]:
    """Put objects into scans at places where they may be: aneurysms on vessel walls, blobs in tissue, or objects of other cases.

    A data set of one's own healthy scans, in which the sensitivity of a detector by size and contrast can be measured without any
    annotation: `medtk predict`, `medtk evaluate` and `medtk analyze --by inserted_diameter,inserted_contrast` tell it. Equal arguments
    give equal files. Prints how many cases and objects were written, and which scans had no room for an object.

    Args:
        datalist: of the scans.
        out: folder to write to: images/, label_maps/ and datalist.json.
        splits: of the datalist.
        num_workers: processes; one per CPU unless given, fewer for little data.

    Raises:
        DataError: there are no scans, no bright vessels for aneurysms, nothing to paste, or no room.
    """
    from medtk_monai.insertion import insert_objects
    from medtk_monai.insertion.dataset import Sources

    sources = Sources(datalist, words(splits), data.dataset_dir, pasting.paste_from, words(pasting.paste_splits))
    return insert_objects(sources, out, objects.insertion(), seed.seed, num_workers)
