"""The card of a model, for people: what it finds, in which images, where it comes from, and how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medtk_monai.wording import counted


def model_card(name: str, recipe: Mapping[str, Any], description: Mapping[str, Any]) -> str:
    """Markdown about a model.

    Args:
        recipe: see ``make_recipe``.
        description: the other contents of model.json.
    """
    dims, classes = recipe.get("spatial_dims", 3), recipe.get("num_classes", 1)
    names = [str(part) for part in recipe.get("class_names") or []]
    found = ", ".join(names) if names else f"objects of {counted(classes, 'class')}"
    sections = [
        f"# {name}\n\nFinds {found} in {dims}D images. A model of medtk_monai; for research, not for clinical use.",
        f'```\nmedtk predict scan.nii.gz {name} --out findings\n```\n\nor `medtk_monai.load({name!r})("scan.nii.gz")` in Python.',
        _section("Images", _images(recipe, description.get("fingerprint") or {})),
        _section("Training", _training(description.get("origin") or {})),
        _section("Operating points", _points(description)),
        _section(
            "Limits",
            [
                "It has been judged on no other data than what is told above. Scans of other scanners, protocols or patients may give",
                "other results: evaluate it on some of your own first (`medtk evaluate`).",
            ],
        ),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def _images(recipe: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> list[str]:
    lines = [f"- {counted(recipe.get('in_channels', 1), 'channel')}; the preprocessing is part of the model"]
    for key, unit in (("spacing", "mm"), ("size", "voxels")):
        if key in fingerprint:
            low, high = (" x ".join(f"{value:.3g}" for value in fingerprint[key][end]) for end in ("min", "max"))
            lines.append(f"- {key} in training: {low} to {high} {unit}")
    return lines


def _training(origin: Mapping[str, Any]) -> list[str]:
    lines = []
    for split, data in (origin.get("data") or {}).items():
        lines.append(f"- {split}: {counted(data['num_cases'], 'case')}, SHA-256 of their entries {data['sha256'][:16]}")
    if origin.get("key_metric"):
        value = origin.get("best_metric")
        told = "not determined" if value is None else f"{value:.3f}"
        lines.append(
            f"- {origin['key_metric']} on the validation, by which these weights were chosen: {told}, after epoch {origin['epoch']}"
        )
    if origin.get("seed") is not None:
        lines.append(f"- seed {origin['seed']}")
    if origin.get("versions"):
        lines.append("- " + ", ".join(f"{package} {number}" for package, number in origin["versions"].items() if number))
    return lines


def _points(description: Mapping[str, Any]) -> list[str]:
    points = description.get("operating_points") or {}
    lines = [f"- {name}: scores from {point['threshold']:.4g}" for name, point in points.items() if point.get("threshold") is not None]
    return [*lines, "", "Chosen by `medtk sweep` on a validation, with the suppression that goes with them."] if lines else []
