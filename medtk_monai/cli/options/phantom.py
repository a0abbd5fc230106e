"""What kind of phantoms are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from medtk_monai.cli.options.declare import option
from medtk_monai.cli.options.kinds import OneOf
from medtk_monai.errors import DataError


@dataclass(frozen=True)
class Kind:
    """What is simulated."""

    kind: Annotated[str, OneOf(("vessels", "head"))] = option(
        "vessels", "vessel trees in tissue, or heads as MR and CT scanners show them, in many of them the background set to zero."
    )
    size: Annotated[str, OneOf(("crop", "slab", "mixed"))] = option(
        "crop", "of heads: a part, all that a scanner images, or that in one case of four."
    )

    def check(self, spatial_dims: int) -> None:
        """Refuse what one of the kinds does not have.

        Raises:
            DataError: projections of heads, or vessel trees of another size.
        """
        if self.kind == "head" and spatial_dims != 3:
            raise DataError("heads have three dimensions", remedy="leave out --spatial_dims, or give --kind vessels")
        if self.kind == "vessels" and self.size != "crop":
            raise DataError(f"--size is {self.size}, and vessel trees have one size", remedy="add --kind head, or leave out --size")
