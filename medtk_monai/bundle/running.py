"""The configuration of a bundle that is being run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.bundle.choices import with_words

EXPLANATION = "?"
"""Ends the name of what explains a value, beside that value: ``"max_epochs": 14, "max_epochs?": "of the training"``."""
_PARSER: ContextVar[ConfigParser | None] = ContextVar("parser", default=None)


def _noted(method: Callable[..., Any]) -> Callable[..., Any]:
    """MONAI's method that resolves a configuration, which lets those who are built by it know whose it is."""

    @wraps(method)
    def get_parsed_content(self: ConfigParser, *args: Any, **kwargs: Any) -> Any:
        token = _PARSER.set(self)
        try:
            return method(self, *args, **kwargs)
        finally:
            _PARSER.reset(token)

    return get_parsed_content


# MONAI hands no component the configuration that it stands in. The expressions of ``initialize`` are resolved one by one, the first of
# which imports this module: from the second on everything is noted, also of those who type ``python -m monai.bundle``.
if not hasattr(ConfigParser.get_parsed_content, "__wrapped__"):
    ConfigParser.get_parsed_content = _noted(ConfigParser.get_parsed_content)  # type: ignore[method-assign]


def running_parser() -> ConfigParser:
    """MONAI's parser that the caller is being built by; of nested ones the innermost.

    Raises:
        RuntimeError: there is none.
    """
    parser = _PARSER.get()
    if parser is None:
        raise RuntimeError("no configuration is being resolved; import medtk_monai.bundle before MONAI's parser is asked")
    return parser


def running_config() -> dict[str, Any]:
    """The configuration that a caller is being resolved from, with all overlays and overrides, before references are resolved.

    Raises:
        RuntimeError: no configuration is being resolved.
    """
    return values_of(running_parser())


def values_of(parser: ConfigParser) -> dict[str, Any]:
    """The values of a configuration: what was chosen from a table as its word, without explanations."""
    return {key: value for key, value in with_words(parser.get()).items() if not key.endswith(EXPLANATION)}


def plain_values(config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The values of a configuration that are nothing but numbers, words, and lists and dictionaries of such, by their ids.

    ``{"head": "point", "backbone": {"_target_": ..., "channels": [32, 64]}}`` has ``{"head": "point", "backbone::channels": [32, 64]}``.
    No component, expression or reference is among them: taking them from a file that somebody else wrote runs nothing.

    Args:
        config: that which the caller is being resolved from if None.
    """
    return dict(_walk(running_config() if config is None else config, ""))


def _walk(part: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Plain values below a part that is not plain itself."""
    children = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list | tuple) else ()
    for key, value in children:
        if not str(key).endswith(EXPLANATION) and not any(step.startswith("_") for step in str(key).replace("#", "::").split("::")):
            name = f"{prefix}{key}"
            yield from [(name, value)] if _is_plain(value) else _walk(value, f"{name}::")


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(
            isinstance(key, str) and not key.startswith("_") and "::" not in key and "#" not in key and _is_plain(part)
            for key, part in value.items()
        )
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return not any(sign in value for sign in "$@%")
    return value is None or isinstance(value, bool | int | float)
