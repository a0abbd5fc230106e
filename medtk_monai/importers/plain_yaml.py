"""The part of YAML that descriptions of data sets are written in, without a YAML package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.files import read_lines
from medtk_monai.json_files import parse_json

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
_LINE = re.compile(rf"""(?P<indent>\ *)(?:(?P<item>-)\s+)?(?:(?P<key>{_QUOTED}|[^\s:'"\[{{][^:]*?)\s*:(?=\s|$))?\s*(?P<value>.*?)\s*""")
_TOKENS = re.compile(rf"(?<![^\s\[{{,:])(?:{_QUOTED})|(?P<comment>(?<!\S)\#.*)|.")
"""What a line is read in: quotes that begin a word, a comment, or one character."""
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False, "True": True, "False": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d{0,17})")


def read_plain_yaml(path: Path) -> dict[str, Any]:
    """A mapping from names to scalars, to lists of scalars, and to mappings of scalars; lists and mappings may be in one line.

    Raises:
        DataError: the file cannot be read, or holds more than this; the message names the line.
    """
    document: dict[str, Any] = {}
    last = None
    for number, indent, item, key, value in _parts(read_lines(path), path):
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
        text = _without_comment(line)
        if not text.strip() or text.strip() in ("---", "..."):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise _unknown(f"{path}, line {number}")
        yield number, len(match["indent"]), match["item"] is not None, match["key"], match["value"]


def _without_comment(line: str) -> str:
    """A line up to a "#" that follows a blank and is not in quotes."""
    comment = next((match for match in _TOKENS.finditer(line) if match["comment"]), None)
    return line[: comment.start()] if comment else line


def _value(text: str, where: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(word, where) for word in _words(text)]
    if text.startswith("{") and text.endswith("}"):
        pairs = [_pair(word, where) for word in _words(text)]
        return {_scalar(key, where): _scalar(value, where) for key, value in pairs}
    return _scalar(text, where)


def _words(text: str) -> list[str]:
    """What commas part between brackets; a last comma parts nothing."""
    words = re.findall(rf"(?:{_QUOTED}|[^,])+", text[1:-1])
    return [word for word in words if word.strip()]


def _pair(word: str, where: str) -> tuple[str, str]:
    match = re.fullmatch(rf"\s*(?P<key>{_QUOTED}|[^:]*)\s*:(?P<value>.*)", word)
    if match is None:
        raise _unknown(where)
    return match["key"], match["value"]


def _scalar(text: str, where: str) -> Any:
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "'\"":
        return _quoted(text, where)
    if text[0] in "[{&*!|>@`%":
        raise _unknown(where)
    if _WHOLE.fullmatch(text):
        return int(text)
    number = parse_number(text) if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", text, re.IGNORECASE) else None
    return text if number is None or text.lstrip("-+").isdecimal() else number


def _quoted(text: str, where: str) -> str:
    """What is between quotes: single ones are doubled within, double ones have the escapes of JSON."""
    if not re.fullmatch(_QUOTED, text):
        raise _unknown(where)
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    try:
        return parse_json(text.encode(), where, kind=str)
    except DataError as error:
        raise _unknown(where) from error


def _unknown(where: str) -> DataError:
    return DataError(f"{where} is more YAML than is read here", remedy="write names, scalars, lists and mappings of scalars, one a line")
