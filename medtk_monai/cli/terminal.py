"""What commands print, as a terminal may have it."""

from __future__ import annotations

from typing import Any, TextIO

from medtk_monai.wording import shown


class ShownText:
    """A stream whose text can neither command a terminal nor end a run: names of cases and files are somebody else's, see ``shown``.

    Args:
        stream: that takes the text.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Lines and tabs stay, as do the signs that begin a line anew."""
        return self._stream.write(shown(text, keep="\n\t\r"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
