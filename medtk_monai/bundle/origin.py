"""Where a training comes from: what is needed to repeat it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import ignite.distributed as idist
import torch

PACKAGES = ("medtk_monai", "torch", "monai", "pytorch-ignite", "numpy", "scipy", "nibabel", "itk")


def origin_of(splits: Mapping[str, Sequence[Mapping[str, Any]]], seed: int | None, device: torch.device | str) -> dict[str, Any]:
    """The time, the versions of Python and of packages, the state of the working directory's git repository, the seed, the device, and
    for each split the number of its cases with a hash of their entries in the datalist.

    Args:
        splits: cases of each split.
        seed: of the training.
        device: of the network.
    """
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seed": seed,
        "device": _describe_device(torch.device(device)),
        "processes": idist.get_world_size(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "git": _git_state(),
        "data": {name: _digest(cases) for name, cases in splits.items()},
    }


def _describe_device(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} threads"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    """The commit of the working directory, and whether files differ from it; None outside of a repository."""
    commit, changes = (_git(*words) for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")))
    return None if commit is None else {"commit": commit, "changed": None if changes is None else bool(changes)}


def _git(*words: str) -> str | None:
    try:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _digest(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    entries = json.dumps(list(cases), sort_keys=True, default=str)
    return {"num_cases": len(cases), "sha256": hashlib.sha256(entries.encode()).hexdigest()}
