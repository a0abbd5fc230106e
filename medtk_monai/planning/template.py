"""The bundle that a plan is laid over: what its parts take, and how they match the objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from medtk_monai.anchors.layout import PerAxis, per_axis
from medtk_monai.bundle import keys
from medtk_monai.bundle.overrides import read_config
from medtk_monai.detectors.coverage import ObjectMatch, match_objects
from medtk_monai.engines import resolve_precision
from medtk_monai.planning.facts import DataFacts
from medtk_monai.planning.memory import step_memory
from medtk_monai.structures import Target

_MOST_OBJECTS = 500
"""That are assigned: a random choice where there are more."""


class Template:
    """A bundle's train.json, with values of a plan laid over it.

    Args:
        config_file: the train.json.
        device: that the training will run on, which decides its precision.

    Raises:
        DataError: there is no such file.
    """

    def __init__(self, config_file: str, device: str):
        self.config_file, self.device = config_file, device
        read_config([config_file])

    def memory(self, values: Mapping[str, Any]) -> float:
        """Bytes that a training step is expected to take."""
        dims, batch = values["spatial_dims"], values["batch_size"]
        shape = (batch, values["in_channels"], *map(int, per_axis(values["patch_size"], dims)))

        def make() -> nn.Module:
            network = self._parser(values).get_parsed_content(keys.NETWORK)
            assert isinstance(network, nn.Module)
            return network

        return step_memory(make, shape, resolve_precision("auto", self.device)).total

    def match(self, values: Mapping[str, Any], facts: DataFacts) -> list[ObjectMatch]:
        """How many priors learn each object, by the assigner and the priors of the bundle."""
        criterion = self._parser(values).get_parsed_content(keys.CRITERION)
        return match_objects(criterion.generator, criterion.assigner, _targets(facts, values), values["patch_size"])

    def strides(self, values: Mapping[str, Any]) -> Sequence[PerAxis]:
        """Voxels per cell of each level, as the network tells them."""
        return self._of_the_network(values, keys.STRIDES)

    def coarsest_stride(self, values: Mapping[str, Any]) -> tuple[int, ...]:
        """Voxels along each axis that are whole cells of all its maps."""
        return tuple(self._of_the_network(values, keys.COARSEST_STRIDE))

    def _of_the_network(self, values: Mapping[str, Any], name: str) -> Any:
        with FakeTensorMode():  # no weights are needed
            return self._parser(values).get_parsed_content(name)

    def _parser(self, values: Mapping[str, Any]) -> ConfigParser:
        return read_config([self.config_file], {**values, "device": "cpu"})


def _targets(facts: DataFacts, values: Mapping[str, Any]) -> list[tuple[str, Target]]:
    """Each object by itself, in voxels of the planned grid, at a place of its own in a cell."""
    steps = [step["pixdim"] for step in values[keys.TRANSFORMS] if step["_target_"] == "Spacingd"]
    spacing = np.array(steps[0]) if steps else np.median(facts.spacing, axis=0)
    sides = facts.sides_mm / spacing
    places = np.random.default_rng(0).uniform(0, 64, sides.shape)
    boxes = torch.tensor(np.concatenate([places - sides / 2, places + sides / 2], axis=1), dtype=torch.float32)
    some = np.sort(np.random.default_rng(1).permutation(len(boxes))[:_MOST_OBJECTS])
    return [
        (str(index), Target(box[None], torch.tensor([label]), torch.zeros(1, dtype=torch.bool)))
        for index, box, label in zip(some, boxes[some], facts.labels[some].tolist())
    ]


def share_matched(matches: Sequence[ObjectMatch], enough: int = 3) -> float:
    """The share of the objects that at least ``enough`` priors learn."""
    return sum(match.positives >= enough for match in matches) / max(len(matches), 1)
