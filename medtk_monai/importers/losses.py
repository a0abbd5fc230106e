"""What becomes of cases some of whose objects could not be read: decided here for all importers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedCase, ImportedSet


@dataclass(frozen=True)
class Settled:
    """The cases of a data set.

    Args:
        cases: those that a datalist may have.
        dropped: those that would pass for cases without objects, as all that they had to be found is lost.
    """

    cases: Sequence[ImportedCase]
    dropped: Sequence[ImportedCase]


def settle(found: ImportedSet) -> Settled:
    """Cases that have lost objects, and have none left that is to be found, are dropped.

    Raises:
        DataError: no case is left.
    """
    dropped = [case for case in found.cases if case.lost and not _counted(case)]
    if dropped and len(dropped) == len(found.cases):
        first = dropped[0]
        remedy = "correct the annotations; cases whose objects cannot be read are left out, as they would pass for ones without objects"
        raise DataError(f"no case has an object that can be read: {first.lost[0]}", first.case_id, remedy)
    gone = {id(case) for case in dropped}
    return Settled([case for case in found.cases if id(case) not in gone], dropped)


def _counted(case: ImportedCase) -> int:
    """The number of objects that are to be found."""
    return len(case.labels) - sum(case.ignored)
