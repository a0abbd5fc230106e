"""``medtk phantom``: simulated data to try everything with."""

from __future__ import annotations

from typing import Annotated

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import AtLeastOne, Count, OneOf, Target
from medtk_monai.cli.options.phantom import Kind


@flat
def phantom(
    out: Target,
    num_cases: AtLeastOne = 60,
    seed: Count = 0,
    spatial_dims: Annotated[int, OneOf(("2", "3"))] = 3,
    num_validation: Count | None = None,
    num_test: Count | None = None,
    num_workers: Count | None = None,
    *,
    scans: Kind,
) -> str:
    """Write simulated angiograms with aneurysms: NIfTI images, instance masks, and a datalist.

    Vessel trees with hairpins, infundibula and kissing vessels, or heads with their circle of Willis; one case in three has no aneurysm.
    Equal arguments give equal files. A folder that holds the finished data set already is left as it is.

    Args:
        out: folder to write to: images/, label_maps/ and datalist.json, whose path is printed.
        num_cases: cases in all splits together.
        seed: a whole number from 0.
        spatial_dims: 3, or 2 for maximum intensity projections.
        num_validation: cases for validation; a tenth unless given.
        num_test: cases for testing; a fifth unless given.
        num_workers: processes; one per CPU unless given.
    """
    from medtk_monai.phantom import write_head_dataset, write_phantom_dataset

    scans.check(spatial_dims)
    if scans.kind == "head":
        return str(write_head_dataset(out, num_cases, seed, num_validation, num_test, num_workers, scans.size))
    return str(write_phantom_dataset(out, num_cases, seed, spatial_dims, num_validation, num_test, num_workers))
