"""Kinds of values that options take, and what is wrong with a value: told before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from math import inf, isfinite
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from medtk_monai.errors import DataError

Words = str | Sequence[str]
"""A list of words, as a,b."""
Numbers = float | Sequence[float]
"""A list of numbers, as 0.1,0.2, or a single one."""


@dataclass(frozen=True)
class Within:
    """A number, or each number of a list, lies in a range.

    Args:
        low, high: its ends.
        open_low, open_high: an end is no part of it.
    """

    low: float = -inf
    high: float = inf
    open_low: bool = False
    open_high: bool = False

    def check(self, name: str, parts: Sequence[Any]) -> None:
        """Refuse a value out of the range.

        Raises:
            DataError: it is.
        """
        if not all(map(self._holds, parts)):
            raise DataError(f"--{name} is {shown(parts)}", remedy=f"give {'numbers' if len(parts) > 1 else 'a number'} {self}")

    def _holds(self, number: Any) -> bool:
        if isinstance(number, bool):
            return False
        size = float(number)
        return (
            isfinite(size)
            and (size > self.low if self.open_low else size >= self.low)
            and (size < self.high if self.open_high else size <= self.high)
        )

    def __str__(self) -> str:
        if self.high == inf:
            return f"above {self.low:g}" if self.open_low else f"from {self.low:g}"
        return f"in {'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"


@dataclass(frozen=True)
class Existing:
    """Files that must be there.

    Args:
        kind: "file", "folder or file", or "file, folder or pattern".
        remedy: for those that are not.
    """

    kind: str = "file"
    remedy: str = "check the path"

    def check(self, name: str, parts: Sequence[str]) -> None:
        """Refuse a file that is not there.

        Raises:
            DataError: with the file and the remedy.
        """
        for word in parts:
            path = Path(word).expanduser()
            is_there = path.is_file() if self.kind == "file" else path.exists()
            if not is_there and not ("pattern" in self.kind and glob(str(path), recursive=True)):
                what = f"{word} is a folder, and a file is wanted" if path.is_dir() else f"no {self.kind} {word}"
                raise DataError(what, remedy=self.remedy)


@dataclass(frozen=True)
class OneOf:
    """One of some words, or each word of a list.

    Args:
        names: the words.
    """

    names: tuple[str, ...]

    def check(self, name: str, parts: Sequence[Any]) -> None:
        """Refuse another word.

        Raises:
            DataError: with the words to choose from.
        """
        for word in parts:
            if str(word) not in self.names:
                what = f"--{name} is {shown(parts)}" + (f": {word!r} is not known" if len(parts) > 1 else "")
                raise DataError(what, remedy=f"choose from {', '.join(self.names)}")

    def __str__(self) -> str:
        return "|".join(self.names)


@dataclass(frozen=True)
class Named:
    """What a value is, for ``--help``; anything may be given.

    Args:
        kind: its name.
    """

    kind: str

    def check(self, name: str, parts: Sequence[Any]) -> None:
        """Takes any."""


Target = Annotated[str, Named("PATH")]
"""A file or folder that is written, or that need not be there."""
File = Annotated[str, Existing()]
FileOrFolder = Annotated[str, Existing("file or folder")]
Positive = Annotated[float, Within(0, open_low=True)]
NotNegative = Annotated[float, Within(0)]
Count = Annotated[int, Within(0)]
AtLeastOne = Annotated[int, Within(1)]


def words(value: Any) -> list[str]:
    """The words of a list typed as ``a,b``, which may have come as a list already."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(word) for word in value]
    return [word for word in str(value).split(",") if word]


def numbers(value: Any) -> list[float]:
    """The numbers of a list typed as ``0.1,0.2``, or a single one."""
    return [float(word) for word in words(value)]


def shown(value: Any) -> str:
    """A value as it may have been typed."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, without checks: ``Annotated[float, ...] | None`` has float and NoneType."""
    if get_origin(annotation) is Annotated:
        return kinds_of(get_args(annotation)[0])
    if get_origin(annotation) in (Sequence, list, tuple) or not get_args(annotation):
        return (annotation,)
    return tuple(kind for part in get_args(annotation) for kind in kinds_of(part))


def checks_of(annotation: Any) -> tuple[Any, ...]:
    """The checks that an annotation asks for."""
    if get_origin(annotation) is Annotated:
        inner, *found = get_args(annotation)
        return (*found, *checks_of(inner))
    return tuple(check for part in get_args(annotation) for check in checks_of(part))


def check_value(name: str, value: Any, annotation: Any) -> None:
    """Refuse a word that stands for a number, a fraction for a whole one, and what the checks of an annotation refuse.

    Raises:
        DataError: with the name of the option.
    """
    kinds = kinds_of(annotation)
    if value is None or Any in kinds or (isinstance(value, bool) and bool in kinds):
        return
    if isinstance(value, bool) and str in kinds:  # the name of the option alone
        raise DataError(f"--{name} has no value", remedy="give it one, or leave it out")
    if set(kinds) <= {int, float, bool, NoneType, Sequence[float]}:
        _check_number(name, value, kinds)
    parts = words(value) if {Sequence[str], Sequence[float]} & set(kinds) else [value]
    for check in checks_of(annotation):
        check.check(name, parts)


def _check_number(name: str, value: Any, kinds: Sequence[Any]) -> None:
    if Sequence[float] in kinds:
        try:
            numbers(value)
        except ValueError as error:
            raise DataError(f"--{name} is {shown(value)}", remedy="give numbers, as 0.1,0.2") from error
    elif isinstance(value, str | list | tuple | dict) or (isinstance(value, float) and float not in kinds):
        wanted = "a number" if float in kinds else "a whole number" if int in kinds else "True or False"
        raise DataError(f"--{name} is {shown(value)}", remedy=f"give {wanted}")
