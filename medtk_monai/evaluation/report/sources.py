"""What a report comes from, in words: files with their digests, the split, the command, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy

import medtk_monai
from medtk_monai.digests import file_sha256
from medtk_monai.evaluation.report.paths import FileNames


def describe_sources(
    files: Mapping[str, str | None], split: str | None = None, command: Sequence[str] = (), names: FileNames | None = None
) -> dict[str, str]:
    """The sources of an ``Origin``.

    Args:
        files: that were read, by what they are; None for one that was not.
        split: of the datalist; None for the usual one.
        command: that wrote the report, as its words; none if it was no command.
        names: how files are named.
    """
    naming = names or FileNames()

    def told(path: str) -> str:
        return f"{naming.path(path)}, SHA-256 {file_sha256(path)}" if Path(path).is_file() else naming.path(path)

    return {kind: told(path) for kind, path in files.items() if path} | {
        "Split": split or "the test split, or the only one",
        **({"Command": naming.command(command)} if command else {}),
        "Versions": f"medtk_monai {medtk_monai.__version__}, Python {platform.python_version()}, numpy {numpy.__version__}",
    }
