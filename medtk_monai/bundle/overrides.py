"""What was typed on the command line of MONAI's bundles, which takes any name for a new value."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.bundle.choices import FORMER, spell_out
from medtk_monai.bundle.layers import with_templates
from medtk_monai.bundle.running import EXPLANATION, running_parser
from medtk_monai.errors import DataError, root_in_one_line

HANDLERS = {"train": "train_handlers", "validate": "validation_handlers"}
"""Where the handlers of each engine are named."""
OF_MONAI = {"run_id", "init_id", "final_id", "config_file", "meta_file", "logging_file", "tracking", "args_file"}


def check_overrides(arguments: Sequence[str] | None = None) -> None:
    """Refuse values given on the command line of ``python -m monai.bundle run`` that the configuration does not have.

    Args:
        arguments: the command line; None takes that of this process, and another program's is not looked at.

    Raises:
        DataError: a name that is not in the configuration, or the configuration is of a former version.
    """
    words = sys.argv if arguments is None else list(arguments)
    if "run" not in words[:2] or not any(word.split("=")[0] == "--config_file" for word in words):
        return
    given = [word[2:].split("=")[0] for word in words if word.startswith("--")]
    config = ConfigParser.load_config_files(_config_files(words))
    refuse_former(config)
    check_names([name for name in given if name not in OF_MONAI], list(config))


def choose_parts() -> None:
    """Let words such as ``--head anchor`` choose in the configuration that is being run.

    Raises:
        DataError: there is no such part, or the configuration is of a former version.
    """
    parser = running_parser()
    refuse_former(parser.get())
    if spell_out(parser):
        parser.parse(reset=True)


def read_config(files: Sequence[str], overrides: Mapping[str, Any] | None = None, remedy: str = "check the path") -> ConfigParser:
    """MONAI's parser of one or more files that lie over one another, with further values.

    Args:
        overrides: values by their ids, which must be there.

    Raises:
        DataError: there is no such file, it is no configuration, does not fit the one below it, is of a former version, or an override
            names no value of the configuration.
    """
    parser, found = ConfigParser(), with_templates(files, remedy)
    try:
        parser.read_config(found)
    except Exception as error:  # MONAI merges whatever is there, and fails in many ways
        what = f"{' and '.join(found)} make no configuration: {root_in_one_line(error)}"
        raise DataError(what, remedy="mend the value that it names, or give the files that belong together") from error
    refuse_former(parser.get())
    check_names(overrides or {}, list(parser.get()))
    lay_over(parser, overrides or {})
    return parser


def refuse_former(config: Mapping[str, Any]) -> None:
    """Refuse configurations written before networks told their strides, in which parts were chosen by a function and handlers were a list.

    Raises:
        DataError: it is such a one.
    """
    parts = config.get("parts")
    if isinstance(parts, Mapping) and str(parts.get("_target_")).endswith(".choose"):
        remedy = "make it anew by medtk new, or keep what differs from bundles/aneurysm/train.json, as bundles/blood_cells does"
        raise DataError("this train.json was written for a former version of medtk_monai", remedy=remedy)
    for part, handlers in HANDLERS.items():
        if handlers in config and isinstance(config.get(part), Mapping) and "handlers" in config[part]:
            what = f"{part}::handlers is not looked at: handlers have names now"
            raise DataError(
                what, remedy=f"name them in {handlers}, as evaluate.json does, or leave one out by --{handlers}::NAME::_disabled_ true"
            )


def lay_over(parser: ConfigParser, values: Mapping[str, Any]) -> None:
    """Give a configuration other values, by their ids; words choose.

    Raises:
        DataError: a word chooses a part that there is not.
    """
    parser.update(dict(values))
    spell_out(parser)


def check_names(names: Iterable[str], known: Sequence[str]) -> None:
    """Refuse names of values, nested ones as ``a::b``, whose first part is not among the ``known`` ones.

    Raises:
        DataError: with the likely name.
    """
    names_of_values = [name for name in (*known, *FORMER) if not name.endswith(EXPLANATION)]
    for name in names:
        root = name.replace("#", "::").split("::")[0]
        if root not in names_of_values:
            close = get_close_matches(root, names_of_values, n=1)
            remedy = f"did you mean --{close[0]}?" if close else "see the bundle's docs/README.md for what can be set"
            raise DataError(f"--{name} names no value of the configuration", remedy=remedy)


def _config_files(words: Sequence[str]) -> str | list[str]:
    """The argument of ``--config_file``: one file, or several in a list."""
    place = next(i for i, word in enumerate(words) if word.split("=")[0] == "--config_file")
    text = words[place].split("=", 1)[1] if "=" in words[place] else words[place + 1]
    files = [part.strip(" '\"") for part in text.strip("[]() ").split(",")]
    return files if len(files) > 1 else files[0]
