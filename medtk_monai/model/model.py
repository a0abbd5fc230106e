"""A model: what inference needs, from the files that a training, or an export, has left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from medtk_monai.bundle import keys
from medtk_monai.bundle.checkpoint import NOTES, network_state, read_checkpoint
from medtk_monai.bundle.recipe import recipe_sha256
from medtk_monai.bundle.weights import check_values, pack_weights, unpack_weights
from medtk_monai.digests import file_sha256, values_sha256
from medtk_monai.errors import DataError
from medtk_monai.export import read_description
from medtk_monai.export.description import EXPORT_FILE
from medtk_monai.json_files import as_json
from medtk_monai.model.card import model_card
from medtk_monai.model.files import CARD_FILE, MODEL_FILE, ModelFiles, find_model
from medtk_monai.model.safety import check_recipe, check_tuned
from medtk_monai.transforms.scan_ranges import check_ranges

FORMAT, VERSION = "medtk_monai model", 1
_SHA256 = "sha256"
State = dict[str, Tensor]


@dataclass(frozen=True)
class Network:
    """The weights of one network, or the folder of an exported one.

    Args:
        sha256: digest of the weights.
        read: the weights, of at most so many bytes; None for an exported network.
        exported: folder of an exported network.
    """

    sha256: str
    read: Callable[[int | None], State] | None = None
    exported: Path | None = None


@dataclass(frozen=True)
class Model:
    """What inference needs.

    Args:
        name: of the training, or of the folder.
        source: path that it is from.
        recipe: see ``make_recipe``; checked to run nothing.
        networks: of an ensemble, or one.
        fingerprint: of the scans of the training, empty if unknown; see ``fingerprint_of``.
        origin: versions, digest of the data, seed, and the figure by which the weights were chosen.
        tuned: values of the recipe that ``medtk sweep`` has chosen; empty if it has not.
        operating_points: of that sweep, by name, each with its ``threshold``.
    """

    name: str
    source: str
    recipe: Mapping[str, Any]
    networks: Sequence[Network]
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    operating_points: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, Any]:
        """Digests of all that decides what it finds."""
        told = {name: self.recipe.get(name) for name in (keys.CLASS_NAMES, "precision")}
        return {
            "recipe": recipe_sha256(self.recipe),
            **told,
            "weights": [network.sha256 for network in self.networks],
            "tuned": dict(self.tuned),
        }


def read_model(path: str | Path, trust: bool = False) -> Model:
    """The model that a path stands for: a model's folder or that of its training, a zipped model, a checkpoint, or an exported network.

    Args:
        trust: components of other packages may be imported.

    Raises:
        DataError: there is none, it is damaged or of another version, or would run code.
    """
    path = Path(path)
    files = find_model(path)
    if files is not None:
        return _from_files(files, str(path), trust)
    if (path / EXPORT_FILE).is_file():
        notes = read_description(path).notes.get("training", {})
        return _from_notes(notes, path, Network(file_sha256(path / EXPORT_FILE), exported=path), trust)
    if path.is_file() and path.suffix != ".zip":
        return _from_checkpoint(path, trust)
    found = sorted(path.glob("*.pt")) if path.is_dir() else []
    remedy = f"its training is of an earlier version: medtk model {found[0]} --bundle BUNDLE --out MODEL makes one" if found else _HINT
    raise DataError(f"there is no model in {path}" if path.exists() else f"there is no {path}", remedy=remedy)


_HINT = "give the folder of a training, its model folder, or that folder zipped"


def write_model(files: ModelFiles, model: Model, states: Sequence[State]) -> None:
    """Write a model to a folder or zip file, whole at any time; weights that a folder held before are removed at the end.

    Args:
        states: of its networks, in their order.

    Raises:
        DataError: weights are not finite, or the files cannot be written.
    """
    packed = [pack_weights(state) for state in states]
    digests = [hashlib.sha256(content).hexdigest() for content in packed]
    names = [f"weights-{sha256[:12]}.safetensors" for sha256 in digests]
    named = dict(zip(names, packed))
    weights = [{"file": name, _SHA256: sha256} for name, sha256 in zip(names, digests)]
    files.write({**named, **_description(model, weights)})
    files.keep_only(named, "weights-*.safetensors")


def write_tuning(path: str | Path, tuned: Mapping[str, Any], operating_points: Mapping[str, Any]) -> None:
    """Note in a model what a sweep has chosen, so that inference follows it.

    Args:
        path: of the model, or of its training.
        tuned: values of the recipe.
        operating_points: by name, each with its ``threshold``.

    Raises:
        DataError: there is no such model, or it cannot be written.
    """
    files = find_model(path)
    if files is None:
        raise DataError(f"{path} is no model", remedy=_HINT)
    content = _checked(files)
    model = _from_files(files, str(path), trust=True)
    changed = replace(model, tuned=dict(tuned), operating_points=dict(operating_points))
    files.write(_description(changed, content["weights"]))


def _description(model: Model, weights: Sequence[Mapping[str, str]]) -> dict[str, bytes]:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "name": model.name,
        "weights": list(weights),
        "recipe": dict(model.recipe),
        "fingerprint": dict(model.fingerprint),
        "origin": dict(model.origin),
        "tuned": dict(model.tuned),
        "operating_points": dict(model.operating_points),
    }
    text = json.dumps({**content, _SHA256: values_sha256(content)}, indent=1, ensure_ascii=False) + "\n"
    return {CARD_FILE: model_card(model.name, model.recipe, content).encode(), MODEL_FILE: text.encode()}


def _checked(files: ModelFiles) -> dict[str, Any]:
    """The description of a model, whole and of this version."""
    content = files.read_description()
    where = f"{MODEL_FILE} of {files.path}"
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{where} describes no model of this package", remedy=_HINT)
    if content.get("version") != VERSION:
        raise DataError(f"{where} has version {content.get('version')!r}", remedy=f"this release reads version {VERSION}: update it")
    if values_sha256({key: part for key, part in content.items() if key != _SHA256}) != content.get(_SHA256):
        remedy = "get it again; values are changed by options, as --margin 32, not in the file"
        raise DataError(f"{where} is damaged or was changed", remedy=remedy)
    return content


def _from_files(files: ModelFiles, source: str, trust: bool) -> Model:
    content = _checked(files)
    try:
        weights = [(str(part["file"]), str(part[_SHA256])) for part in content["weights"]]
        parts = [_mapping(content, key) for key in ("recipe", "fingerprint", "origin", "tuned", "operating_points")]
        model = Model(str(content["name"]), source, parts[0], [_packed(files, *pair) for pair in weights], *parts[1:])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{MODEL_FILE} of {source} is not as models are: {type(error).__name__}: {error}", remedy=_HINT) from error
    if not model.networks:
        raise DataError(f"{source} has no weights", remedy=_HINT)
    check_recipe(model.recipe, source, trust)
    check_tuned(model.tuned, source, trust)
    check_ranges(model.fingerprint, source)
    return model


def _mapping(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    if not isinstance(content[key], dict):
        raise TypeError(f"{key} is a {type(content[key]).__name__}")
    return content[key]


def as_one(models: Sequence[Model]) -> Model:
    """The first of some models, for what they share; of several, what was tuned for one alone is left out.

    Raises:
        DataError: they look at images, or find objects, in different ways.
    """
    first = models[0]
    for other in models[1:]:
        different = recipe_sha256(other.recipe) != recipe_sha256(first.recipe)
        if different or other.recipe.get(keys.CLASS_NAMES) != first.recipe.get(keys.CLASS_NAMES):
            what = f"{first.source} and {other.source} look at images, or find objects, in different ways"
            raise DataError(what, remedy="an ensemble is made of models that differ in their weights alone")
    return first if len(models) == 1 else replace(first, tuned={}, operating_points={})


def _packed(files: ModelFiles, name: str, sha256: str) -> Network:
    def read(most: int | None = None) -> State:
        return unpack_weights(files.read(name, most), sha256, f"{files.path}: {name}")

    return Network(sha256, read)


def _from_checkpoint(path: Path, trust: bool) -> Model:
    notes = read_checkpoint(path, mapped=True).get(NOTES, {})

    def read(most: int | None = None) -> State:
        state = network_state(read_checkpoint(path), path)
        check_values(state, str(path))
        return state

    return _from_notes(notes, path, Network(file_sha256(path), read), trust)


def _from_notes(notes: Any, path: Path, network: Network, trust: bool) -> Model:
    """A model from what a training has noted in its checkpoints."""
    try:
        notes = as_json(notes)  # lists in the place of tuples, and nothing but plain values
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"the notes of {path} are broken: {error}".splitlines()[0], remedy=_HINT) from error
    noted = notes.get("model") if isinstance(notes, Mapping) else None
    if not isinstance(noted, Mapping) or not isinstance(noted.get("recipe"), Mapping):
        remedy = f"name the bundle it was trained with by --bundle; medtk model {path} --bundle BUNDLE --out MODEL makes a model of it"
        raise DataError(f"{path} is of an earlier version, and does not tell its preprocessing", remedy=remedy)
    check_recipe(noted["recipe"], str(path), trust)
    fingerprint, origin = notes.get("fingerprint") or {}, noted.get("origin") or {}
    check_ranges(fingerprint, str(path))
    return Model(str(noted.get("name", path.stem)), str(path), noted["recipe"], [network], fingerprint, origin)
