from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medtk_monai.errors import DataError


def choose(options: Mapping[str, Any], name: str, argument: str) -> Any:
    """The option of that name.

    Args:
        options: parts of a configuration that may be chosen.
        name: of the wanted one.
        argument: of the command line that gives the name, for errors.

    Raises:
        DataError: there is no such option.
    """
    if name not in options:
        raise DataError(f"--{argument} {name!r} is not known", remedy="see the bundle's docs/README.md for what can be chosen")
    return options[name]
