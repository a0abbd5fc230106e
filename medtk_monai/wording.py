"""Words that messages, tables and reports share."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """ "1 error", "2 errors", "2 classes"."""
    return f"{count} {noun}{'' if count == 1 else 'es' if noun.endswith('s') else 's'}"
