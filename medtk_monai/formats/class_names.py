"""Names of classes in files that know no numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medtk_monai.errors import DataError

_NUMBERED = re.compile(r"class (0|[1-9]\d{0,17})", re.ASCII)


def name_of(label: int, class_names: Sequence[str] | None, case: str = "") -> str:
    """The name of a class: of ``class_names``, or "class 3" where there are none.

    Raises:
        DataError: there are fewer names.
    """
    if class_names is None:
        return f"class {label}"
    if label >= len(class_names):
        raise DataError(f"class {label} has no name among {', '.join(class_names)}", case, f"give {label + 1} class names or more")
    return class_names[label]


def labels_of(names: Sequence[str], class_names: Sequence[str] | None, where: str) -> list[int]:
    """The classes with these names, the inverse of ``name_of``; without ``class_names``, a single foreign name is class 0.

    Args:
        where: file or place, for the error.

    Raises:
        DataError: a name is not among ``class_names``, or there are none and the names are several.
    """
    if class_names is not None:
        return named(names, class_names, where)
    numbers = numbered(names)
    if numbers is not None:
        return numbers
    if len(set(names)) > 1:
        found = ", ".join(sorted(set(names))[:5])
        raise DataError(f"{where}: which classes are {found}?", remedy="give the class names in the order of the classes")
    return [0] * len(names)


def named(names: Sequence[str], class_names: Sequence[str], where: str) -> list[int]:
    """The places of names among ``class_names``.

    Raises:
        DataError: a name is not among them, or they repeat one.
    """
    if len(set(class_names)) < len(class_names):
        raise DataError(f"class names repeat: {', '.join(class_names)}", remedy="name each class once")
    unknown = [name for name in names if name not in class_names]
    if unknown:
        raise DataError(f"{where}: unknown class {unknown[0]!r}", remedy=f"the class names are {', '.join(class_names)}")
    return [list(class_names).index(name) for name in names]


def numbered(names: Sequence[str]) -> list[int] | None:
    """The numbers of names such as "class 3"; None if another name is among them."""
    matches = [_NUMBERED.fullmatch(name) for name in names]
    return None if None in matches else [int(match[1]) for match in matches if match]
