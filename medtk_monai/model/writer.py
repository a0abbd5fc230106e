"""How a training leaves its model."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from medtk_monai.bundle.recipe import make_recipe
from medtk_monai.errors import DataError
from medtk_monai.model.files import CARD_FILE, MODEL_FILE, ModelFiles
from medtk_monai.model.model import Model, write_model

logger = logging.getLogger(__name__)


class ModelWriter:
    """Writes the model of a training into a folder, and tells its checkpoints what they are of.

    A configuration with something that no model can hold, such as a network made by an expression, is trained all the same: a warning tells
    it, no model is written, and inference needs the bundle beside the checkpoint.

    Args:
        folder: of the model.
        name: of the model.
        config: of the training, see ``running_config``.
        fingerprint: of the scans of the training, see ``fingerprint_of``.
        origin: versions, digest of the data, seed; see ``origin_of``.
    """

    def __init__(
        self, folder: str | os.PathLike, name: str, config: Mapping[str, Any], fingerprint: Mapping[str, Any], origin: Mapping[str, Any]
    ):
        self.folder, self.name = Path(folder), os.path.basename(os.path.abspath(name))
        self.fingerprint, self.origin = dict(fingerprint), dict(origin)
        self.recipe: dict[str, Any] | None = None
        try:
            self.recipe = make_recipe(config)
        except DataError as error:
            logger.warning("this training will leave no model, and its checkpoints need their bundle: %s", error)

    @property
    def notes(self) -> dict[str, Any]:
        """What a checkpoint says to those who use its network."""
        model = {} if self.recipe is None else {"model": {"name": self.name, "recipe": self.recipe, "origin": self.origin}}
        return {"fingerprint": self.fingerprint, **model}

    @property
    def is_wanted(self) -> bool:
        """Whether a model can be written and has not been, by this training or one that it goes on from."""
        return self.recipe is not None and not (self.folder / MODEL_FILE).is_file()

    def begin(self) -> None:
        """Remove the model of another training in this folder, whose weights its best.pt still has: nobody shall take it for that of this one."""
        for path in [self.folder / MODEL_FILE, self.folder / CARD_FILE, *self.folder.glob("weights-*.safetensors")]:
            path.unlink(missing_ok=True)

    def write(self, state: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        """Write the model with the weights of the network at present.

        Args:
            state: of the network that is evaluated.
            progress: of the training: "epoch", "key_metric" and "best_metric".

        Raises:
            DataError: weights are not finite, or the folder cannot be written.
        """
        if self.recipe is None:
            return
        origin = self.origin | {key: progress.get(key) for key in ("epoch", "key_metric", "best_metric")}
        model = Model(self.name, str(self.folder), self.recipe, (), self.fingerprint, origin)
        write_model(ModelFiles(self.folder), model, [dict(state)])
