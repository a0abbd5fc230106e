"""The part of YAML that descriptions of data sets are written in, without a YAML package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError

_LINE = re.compile(r"""(?P<indent>\ *)(?:(?P<item>-)\s+)?(?:(?P<key>"[^"]*"|'[^']*'|[^\s:'"\[{][^:]*?)\s*:(?=\s|$))?\s*(?P<value>.*?)\s*""")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False, "True": True, "False": False}


def read_plain_yaml(path: Path) -> dict[str, Any]:
    """A mapping from names to scalars, to lists of scalars, and to mappings of scalars; lists and mappings may be in one line.

    Raises:
        DataError: the file cannot be read, or holds more than this; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", remedy="write it again, in UTF-8") from error
    document: dict[str, Any] = {}
    last = None
    for number, indent, item, key, value in _parts(lines, path):
        where = f"{path}, line {number}"
        if indent == 0 and not item and key is not None:
            last = str(_scalar(key, where))
            document[last] = _value(value, where)
        elif last is not None and item and key is None and isinstance(document[last], list | None):
            document[last] = [*(document[last] or []), _scalar(value, where)]
        elif last is not None and indent and not item and key is not None and isinstance(document[last], dict | None):
            document[last] = (document[last] or {}) | {_scalar(key, where): _scalar(value, where)}
        else:
            raise _unknown(where)
    return document


def _parts(lines: list[str], path: Path) -> Iterator[tuple[int, int, bool, str | None, str]]:
    """Number, indent, whether it is an item of a list, key and value of each line that says something."""
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)#.*$", "", line)
        if not text.strip() or text.strip() in ("---", "..."):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise _unknown(f"{path}, line {number}")
        yield number, len(match["indent"]), match["item"] is not None, match["key"], match["value"]


def _value(text: str, where: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(word, where) for word in _words(text)]
    if text.startswith("{") and text.endswith("}"):
        pairs = [word.partition(":") for word in _words(text)]
        return {_scalar(key, where): _scalar(value, where) for key, _, value in pairs}
    return _scalar(text, where)


def _words(text: str) -> list[str]:
    """What commas part between brackets; a last comma parts nothing."""
    words = re.findall(r"""(?:"[^"]*"|'[^']*'|[^,])+""", text[1:-1])
    return [word for word in words if word.strip()]


def _scalar(text: str, where: str) -> Any:
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "[{&*!|>":
        raise _unknown(where)
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value if isinstance(value, str | int | float) else text


def _unknown(where: str) -> DataError:
    return DataError(f"{where} is more YAML than is read here", remedy="write names, scalars, lists and mappings of scalars, one a line")
