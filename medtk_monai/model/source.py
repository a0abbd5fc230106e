"""Where a detector comes from, as a user names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.bundle.parts import PARTS, BundleParts, configuration_sha256, load_bundle, parse_bundle
from medtk_monai.errors import DataError


@dataclass(frozen=True)
class ModelSource:
    """A model that a training has left, or checkpoints with the bundle that they were trained with.

    Args:
        model: folder of a model or of its training, or a zipped model; several make an ensemble.
        bundle: folder of a bundle, or its train.json.
        checkpoint: of the training, or a folder that ``medtk export`` has written; several make an ensemble.
        overlay: files that lay over the bundle's train.json in training.
        device: cpu, cuda or cuda:1; None for the GPU if there is one.
        trust: components of other packages than MONAI, torch and this one may be imported.
        overrides: further values of the configuration, by their ids.
    """

    model: Sequence[str] = ()
    bundle: str | None = None
    checkpoint: Sequence[str] = ()
    overlay: Sequence[str] = ()
    device: str | None = None
    trust: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def load(self, **changes: Any) -> BundleParts:
        """What inference needs.

        Args:
            changes: further values of the configuration.

        Raises:
            DataError: nothing is named, or it is missing, broken, or does not belong together.
        """
        return load_bundle(self._bundle(), self.checkpoint, self.overlay, self.device, {**self.overrides, **changes})

    def parse(self, parts: Sequence[str] = PARTS) -> tuple[ConfigParser, dict[str, Any]]:
        """The configuration that parts are built from, and the notes of the training.

        Raises:
            DataError: as for ``load``.
        """
        return parse_bundle(self._bundle(), self.checkpoint, self.overlay, self.device, self.overrides, parts)

    def sha256(self) -> str:
        """Digest of all values that inference makes use of, before overrides."""
        return configuration_sha256(self._bundle(), self.overlay)

    def _bundle(self) -> str:
        if self.bundle is None:
            raise DataError("no model is given", remedy="name the folder of a training by --model, or --bundle and --checkpoint")
        return self.bundle
