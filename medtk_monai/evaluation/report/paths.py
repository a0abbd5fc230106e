"""How a report names files: a report is passed on, and should not tell who made it where."""

from __future__ import annotations

import getpass
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath, PureWindowsPath

_APART = r"\s'\"`\[\](){},;=|<>"
_TOKEN = re.compile(rf"[^{_APART}]*[\\/][^{_APART}]*")
"""What may be a path within a text."""
_OWNED = re.compile(rf"(?:[A-Za-z]:)?(?<![\w.~-])[^{_APART}]*[\\/](?:home|users)[\\/][^\\/'\"\n:]+(?=[\\/])", re.IGNORECASE)
"""Somebody's home, whose name may have spaces, in front of a file in it."""
_FAR = re.compile(r"[\\/~]|[A-Za-z]:[\\/]|\.\.")
_URL = re.compile(r"\w{2,}://", re.IGNORECASE)


@dataclass(frozen=True)
class FileNames:
    """Names of files in a report.

    Args:
        folder: of the report.
        full: as they were given. Otherwise relative to the folder where they lie below it, or else their last two parts, and never
            with the home or the name of a user.
    """

    folder: str | os.PathLike = "."
    full: bool = False

    def path(self, path: str | os.PathLike) -> str:
        """The name of one file."""
        given = str(path)
        if self.full or not given:
            return given
        if re.match(r"~?\\|[A-Za-z]:[\\/]", given):
            return _joined(PureWindowsPath(given), 2)
        place, folder = (Path(os.path.realpath(os.path.expanduser(name))) for name in (given, self.folder))
        if place.is_relative_to(folder):
            return _joined(place, len(place.relative_to(folder).parts)) or "."
        return _joined(place, 2) or "~"

    def command(self, words: Sequence[str]) -> str:
        """A command line, as it may be typed."""
        return shlex.join(map(self._word, words))

    def within(self, text: str) -> str:
        """A text with the paths in it shortened."""
        if self.full:
            return text
        home = re.escape(str(Path.home()))
        short = re.sub(rf"(?<![\w.~-]){home}(?![\w.-])", "~", text)
        return _TOKEN.sub(lambda found: self._token(found[0]), _OWNED.sub("~", short))

    def _word(self, word: str) -> str:
        name, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
        is_one = not self.full and _FAR.match(value) and not re.search(r"['\"\[\]{},]", value)
        return name + equals + (self.path(value) if is_one else self.within(value))

    def _token(self, token: str) -> str:
        path = token.rstrip(".:")
        if _URL.match(path) and not path.lower().startswith("file:"):
            return token
        is_long = path.startswith("~") or len(PureWindowsPath(path).parts) > 2
        return self.path(path.split("://")[-1]) + token[len(path) :] if is_long else token


def _joined(path: PurePath, count: int) -> str:
    """The last parts of a path, none of which tells the user."""
    parts = path.parts
    owners = [index + 1 for index, part in enumerate(parts) if part.lower() in ("home", "users")]
    owners += [index for index, part in enumerate(parts[:-1]) if part == _user() or part.startswith("~")]
    homes = Path.home().parts
    owners += [len(homes) - 1] if parts[: len(homes)] == homes else []
    free = parts[max(owners, default=0) + 1 :]
    return "/".join(free[max(len(free) - count, 0) :])


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number without a name
        return ""
