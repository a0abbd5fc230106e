"""One of several parts of a configuration: ``"head": "%heads::point"``, for which a command line may say ``--head point``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.errors import DataError

TABLES = {"head": "heads", "optimizer": "optimizers", "lr_scheduler": "schedules"}
"""Values that are chosen, and the tables of what there is."""
FORMER = {"optimizer_name": "optimizer", "schedule": "lr_scheduler"}
"""Names under which choices were known before, and still are."""


def spell_out(parser: ConfigParser) -> bool:
    """Put the macro ``%heads::point`` in the place of the word ``point``; whether there was any such word.

    Raises:
        DataError: a table has no part of that name.
    """
    config = parser.get()
    given = {name: config[name] for name in (*FORMER, *TABLES) if isinstance(config.get(name), str)}
    words = {name: word for name, word in given.items() if word[:1] not in "%@$" and TABLES[FORMER.get(name, name)] in config}
    for name, word in words.items():
        choice = FORMER.get(name, name)
        table = TABLES[choice]
        if word not in config[table]:
            raise DataError(f"--{name} {word!r} is not known", remedy=f"choose one of {', '.join(config[table])}")
        config.pop(name)
        parser[choice] = f"%{table}::{word}"
    return bool(words)


def with_words(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which what was chosen from a table is told by its word, also where macros have been replaced."""
    words = {}
    for choice, table in TABLES.items():
        options, chosen = config.get(table), config.get(choice)
        if isinstance(options, Mapping):
            name = next((name for name, option in options.items() if chosen in (option, f"%{table}::{name}")), None)
            words.update({} if name is None else {choice: name})
    return {**config, **words}
