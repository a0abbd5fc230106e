"""Models of models: one file to send, an ensemble, or a model of a checkpoint of earlier versions."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from medtk_monai.atomic import refuse_existing
from medtk_monai.bundle.checkpoint import network_state, read_checkpoint
from medtk_monai.bundle.parts import parse_bundle
from medtk_monai.bundle.recipe import PARTS, make_recipe
from medtk_monai.digests import file_sha256
from medtk_monai.errors import DataError
from medtk_monai.model.files import ModelFiles
from medtk_monai.model.model import Model, Network, State, as_one, write_model
from medtk_monai.model.source import ModelSource


def make_model(source: ModelSource, out: str | os.PathLike, name: str | None = None, overwrite: bool = False) -> Model:
    """Write one model of all that a source names.

    Args:
        source: one model or several, or checkpoints, those of earlier versions with their bundle and overlays.
        out: folder, or .zip file.
        name: of the model; that of the first unless given.
        overwrite: take the place of a model that is there.

    Raises:
        DataError: the source cannot be read, its models look at images in different ways, or the target exists or cannot be written.
    """
    if not overwrite:
        refuse_existing(out)
    if source.overrides and source.bundle is None:
        what = f"--{next(iter(source.overrides))} is given, and a model is written as it was trained"
        raise DataError(what, remedy="values are changed where the model is used, as medtk predict --margin 32")
    models = source.models() if source.bundle is None else [_of_checkpoint(source, path) for path in source.checkpoint]
    first = as_one(models)
    networks = [network for model in models for network in model.networks]
    states = [_state(network) for network in networks]
    model = replace(first, name=name or first.name, networks=networks)
    try:
        write_model(ModelFiles(Path(out)), model, states)
    except BaseException:
        if not overwrite:
            shutil.rmtree(out, ignore_errors=True)
        raise
    return model


def _of_checkpoint(source: ModelSource, path: str) -> Model:
    assert source.bundle is not None
    parser, notes = parse_bundle(source.bundle, path, source.overlay, "cpu", source.overrides, PARTS)

    def read(most: int | None = None) -> State:
        return network_state(read_checkpoint(Path(path)), path)

    name = Path(path).absolute().parent.name
    return Model(name, path, make_recipe(parser.get()), [Network(file_sha256(path), read)], dict(notes.get("fingerprint") or {}))


def _state(network: Network) -> State:
    if network.read is None:
        raise DataError(f"{network.exported} holds an exported network, which has no weights", remedy="name the training it is of")
    return network.read(None)
