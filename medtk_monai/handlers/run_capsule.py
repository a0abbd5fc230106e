from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from medtk_monai.atomic import write_text_atomically
from medtk_monai.handlers.step_times import StepTimes

logger = logging.getLogger(__name__)
PACKAGES = ("medtk_monai", "torch", "monai", "pytorch-ignite", "numpy", "scipy", "nibabel", "itk")


class RunCapsule:
    """Writes ``run.json`` after each epoch: what is needed to repeat a training, and how long it took.

    It holds the command, the configuration with all overrides, the versions of Python and of packages, the state of the git repository
    of the working directory, the number of cases of each split with a hash of their entries in the datalist, the seed, the device, and
    the times of each epoch. A training that goes on from a checkpoint keeps the times of the epochs before.

    Args:
        folder: of the file.
        times: of the same trainer.
        config: see ``running_config``.
        splits: cases of each split.
        device: of the network.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        times: StepTimes,
        config: Mapping[str, Any],
        splits: Mapping[str, Sequence[Mapping[str, Any]]],
        device: torch.device | str,
    ):
        self.path, self.times = Path(folder) / "run.json", times
        self._content = {
            "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": sys.argv,
            "seed": config.get("seed"),
            "device": _describe_device(torch.device(device)),
            "processes": idist.get_world_size(),
            "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
            "git": _git_state(),
            "data": {name: _fingerprint(cases) for name, cases in splits.items()},
            "config": config,
        }
        self._epochs: list[dict[str, float]] = []

    def attach(self, engine: Engine) -> None:
        """To a trainer, as the last of its handlers; what the others do at the end of an epoch counts as validation."""
        engine.add_event_handler(Events.STARTED, self._recall)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _recall(self, engine: Engine) -> None:
        """The epochs of the training that this one goes on from."""
        if engine.state.epoch and self.path.is_file():
            try:
                earlier = json.loads(self.path.read_text(encoding="utf-8"))["epochs"]
                self._epochs = [times for times in earlier if times["epoch"] <= engine.state.epoch]
            except (ValueError, KeyError, TypeError) as error:
                logger.warning("%s is damaged (%s): the times of earlier epochs are lost", self.path, error)

    def _write(self, engine: Engine) -> None:
        self._epochs.append({name: round(value, 4) for name, value in self.times.finish(engine).items()})
        if idist.get_rank() == 0:
            try:
                write_text_atomically(self.path, json.dumps(self._content | {"epochs": self._epochs}, indent=1, default=str) + "\n")
            except OSError as error:
                logger.warning("cannot write %s: %s", self.path, error)


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


def _fingerprint(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    entries = json.dumps(list(cases), sort_keys=True, default=str)
    return {"num_cases": len(cases), "sha256": hashlib.sha256(entries.encode()).hexdigest()}
