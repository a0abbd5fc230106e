"""Words that messages, tables and reports share."""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, such as those that begin a terminal's commands; what ends a line or turns the direction of writing; half characters."""


def counted(count: int, noun: str) -> str:
    """ "1 error", "2 errors", "2 classes"."""
    return f"{count} {noun}{'' if count == 1 else 'es' if noun.endswith('s') else 's'}"


def shown(text: str, keep: str = "") -> str:
    """Text of others, such as the names of cases and files, as a terminal may have it: what is no sign to be seen is spelled out.

    Args:
        keep: signs that stay, such as the ends of lines.
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text)
