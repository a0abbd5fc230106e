"""The configuration of a bundle that is being run."""

from __future__ import annotations

import inspect
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
