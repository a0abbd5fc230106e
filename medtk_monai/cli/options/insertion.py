"""Options of objects that are put into scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from medtk_monai.cli.options.declare import option
from medtk_monai.cli.options.kinds import AtLeastOne, File, Numbers, OneOf, Within, Words, numbers

if TYPE_CHECKING:
    from medtk_monai.insertion import Insertion


@dataclass(frozen=True)
class Objects:
    """What is put in."""

    kind: Annotated[str, OneOf(("aneurysm", "lesion", "paste"))] = option(
        "aneurysm", "aneurysms on the walls of bright vessels, lesions as blobs in tissue, or paste: objects cut from other cases."
    )
    per_scan: Annotated[Numbers, Within(1)] = option(1, "objects in a scan; two numbers, as 1,3, for a random choice between them.")
    diameter_mm: Annotated[Numbers, Within(0.5)] | None = option(
        None, "least and largest, as 2,8; what is usual of the kind unless given: 2,8 for aneurysms, 3,12 for lesions."
    )
    contrast: Numbers | None = option(
        None,
        "least and largest: of aneurysms a share of their vessel's (0.6,1.05); of lesions standard deviations of the scan (0.7,2); "
        "of pasted objects a factor (0.8,1.2).",
    )
    copies: AtLeastOne = option(1, "scans made of each scan, with other objects.")
    originals: bool = option(False, "add the scans themselves, to count what is found where nothing was put.")

    def insertion(self) -> Insertion:
        """What the options stand for."""
        from medtk_monai.insertion import Insertion

        least, most = _ends(self.per_scan)
        diameter, contrast = (None if value is None else _ends(value) for value in (self.diameter_mm, self.contrast))
        return Insertion(self.kind, (int(least), int(most)), diameter, contrast, self.copies, self.originals)


@dataclass(frozen=True)
class Pasting:
    """For --kind paste."""

    paste_from: File | None = option(None, "a datalist of cases whose objects are put in; the scans' own unless given.")
    paste_splits: Words = option("training", "of it.")


def _ends(value: Numbers) -> tuple[float, float]:
    found = numbers(value)
    return found[0], found[-1]
