"""Where a detector comes from, as a user names it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.bundle.layers import with_templates
from medtk_monai.bundle.parts import PARTS, BundleParts, config_file, load_bundle, parse_bundle, parse_notes
from medtk_monai.bundle.recipe import PARTS as OF_RECIPES
from medtk_monai.bundle.recipe import differing_ids, is_choice, make_recipe, recipe_sha256
from medtk_monai.bundle.running import plain_values
from medtk_monai.digests import file_sha256
from medtk_monai.errors import DataError, existing_file, root_in_one_line
from medtk_monai.export.description import EXPORT_FILE
from medtk_monai.model.load import build_parts, recipe_parser
from medtk_monai.model.model import Model, read_model

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """A model that a training has left, or checkpoints, with the bundle that they were trained with where they do not tell it.

    Args:
        model: folder of a training or of its model, or a zipped model; several make an ensemble.
        bundle: folder of a bundle, or its train.json; needed for checkpoints of earlier versions alone.
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

    def __post_init__(self) -> None:
        if self.model and self.bundle is not None:
            raise DataError("a model and a bundle are given", remedy="give --model alone: it holds what it needs of its bundle")
        if self.overlay and self.bundle is None:
            raise DataError("an overlay is given without a bundle", remedy="models and checkpoints know theirs: leave --overlay out")
        if not (self.model or self.checkpoint):
            raise DataError("no model is given", remedy="name the folder of a training, as --model runs/mine")

    @staticmethod
    def of_checkpoints(paths: Sequence[str], otherwise: ModelSource) -> ModelSource:
        """Checkpoints of one's own trainings by themselves.

        Args:
            otherwise: the same with their bundle, for those of earlier versions, which do not tell theirs.
        """
        try:
            source = ModelSource(checkpoint=paths, device=otherwise.device, trust=True)
            source.models()
            return source
        except DataError:
            return otherwise

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.bundle or ", ".join(map(str, (*self.model, *self.checkpoint)))

    def models(self) -> list[Model]:
        """What is named, read and checked.

        Raises:
            DataError: see ``read_model``.
        """
        return list(self._read)

    @cached_property
    def _read(self) -> tuple[Model, ...]:
        """Once, however many ask: a checkpoint is read whole for its digest."""
        return tuple(read_model(path, self.trust) for path in (*self.model, *self.checkpoint))

    def load(self, **changes: Any) -> BundleParts:
        """What inference needs.

        Args:
            changes: further values of the configuration.

        Raises:
            DataError: something is missing, broken, or does not belong together.
        """
        values = {**self.overrides, **changes}
        if self.bundle is None:
            return build_parts(self.models(), self.device, values)
        self._check_belongs(self.bundle)
        return load_bundle(self.bundle, self.checkpoint, self.overlay, self.device, values)

    def parse(self, parts: Sequence[str] = PARTS) -> tuple[ConfigParser, dict[str, Any]]:
        """The configuration that parts are built from, on the CPU unless a device is named, and the notes of the training.

        Raises:
            DataError: as for ``load``.
        """
        if self.bundle is not None:
            self._check_belongs(self.bundle)
            return parse_bundle(self.bundle, self.checkpoint, self.overlay, self.device, self.overrides, parts)
        model = self.models()[0]
        noted = {"name": model.name, "recipe": model.recipe, "origin": model.origin}
        notes = {"values": plain_values(model.recipe), "fingerprint": model.fingerprint, "model": noted}
        return recipe_parser(model, self.overrides), notes

    def identity(self) -> dict[str, Any]:
        """Digests and values that decide what is found."""
        if self.bundle is None:
            return {"models": [model.identity for model in self.models()], "overrides": dict(self.overrides)}
        parser, _ = parse_bundle(self.bundle, self.checkpoint, self.overlay, self.device)
        digests = [file_sha256(_file_of(path)) for path in self.checkpoint]
        return {"recipe": recipe_sha256(make_recipe(parser.get())), "checkpoints": digests, "overrides": dict(self.overrides)}

    def _check_belongs(self, bundle: str) -> None:
        """Refuse checkpoints that were trained with another bundle.

        Raises:
            DataError: with what differs.
        """
        with_templates([config_file(bundle), *self.overlay], "give the files that lay over train.json in training")
        for path in self.checkpoint:
            noted = parse_notes(path).get("model")
            if not isinstance(noted, Mapping):
                _hint(path, bundle)
                continue
            try:
                parser, _ = parse_bundle(bundle, path, self.overlay, "cpu", parts=OF_RECIPES)
                differing = differing_ids(noted["recipe"], make_recipe(parser.get()))
            except Exception as error:
                raise self._stranger(path, root_in_one_line(error)) from error
            # Overlays may choose anew how detections are made of candidates, as a tuned.json does.
            wrong = [name for name in differing if not (self.overlay and is_choice(name))]
            if wrong:
                shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
                raise self._stranger(path, f"{shown} differ")

    def _stranger(self, path: str, why: str) -> DataError:
        what = f"{path} was not trained with bundle {self.bundle}{' and its overlays' if self.overlay else ''}: {why}"
        return DataError(what, remedy="leave --bundle out, as the checkpoint knows its own")


def _hint(checkpoint: str, bundle: str) -> None:
    what = f"{checkpoint} is of an earlier version, and cannot tell whether it was trained with {bundle}"
    logger.warning("%s -- medtk model %s --bundle %s --out MODEL makes a model of it, which can", what, checkpoint, bundle)


def _file_of(checkpoint: str) -> str:
    """A checkpoint, or what describes an exported network."""
    description = Path(checkpoint, EXPORT_FILE)
    return str(description) if description.is_file() else existing_file(checkpoint, "give the checkpoint of a training")
