"""The configuration of a bundle that is being run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from monai.bundle import ConfigParser


def running_config() -> dict[str, Any]:
    """The configuration that a caller is being resolved from, with all overlays and overrides, before references are resolved.

    MONAI does not pass it to components. It is looked for among the callers.

    Returns:
        Plain values; empty outside of a bundle.
    """
    frame = inspect.currentframe()
    try:
        while frame is not None:
            if isinstance(parser := frame.f_locals.get("self"), ConfigParser):
                return dict(parser.get())
            frame = frame.f_back
        return {}
    finally:
        del frame


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
        if not any(step.startswith("_") for step in str(key).replace("#", "::").split("::")):
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
