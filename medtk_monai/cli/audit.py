"""``medtk audit``: do the priors of a configuration match the objects of its data?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import Existing, Target, Words, words
from medtk_monai.cli.options.model import Configuration


@flat
def audit(
    config_file: Annotated[Words, Existing(remedy="give the path of the bundle's train.json")] = (),
    *,
    strict: bool = False,
    out: Target | None = None,
    configuration: Configuration,
    **overrides: Any,
) -> None:
    """Show how many priors learn the training objects of each size, before training.

    Each object is assigned in a patch around it, by the generator and the assigner of the configuration.

    Args:
        config_file: of the bundle, or a list of files as for MONAI's bundle commands; or else --bundle or --model.
        strict: exit with code 1 when an object is learnt by no prior, or by fewer than three in one of ten cases of a size.
        out: JSON file for the report.
        overrides: values of the configuration, as --dataset_dir DIR --anchor_sizes [[4],[8]].

    Raises:
        DataError: there is no such file, an override names no value of the configuration, or the data is wrong.
    """
    if not config_file:
        configuration.bundle_or_model()
    from medtk_monai.atomic import write_text_atomically
    from medtk_monai.planning.audit import is_enough

    report = _report(words(config_file), configuration, overrides)
    _show(report)
    if out is not None:
        write_text_atomically(Path(out), json.dumps(report, indent=1) + "\n")
    if strict and not is_enough(report):
        sys.exit(1)


def _report(files: list[str], configuration: Configuration, overrides: dict[str, Any]) -> dict[str, Any]:
    from medtk_monai.bundle.parts import config_file
    from medtk_monai.model import ModelSource
    from medtk_monai.planning.audit import audit_files, audit_model

    if configuration.model and not files:
        return audit_model(
            ModelSource(words(configuration.model), overlay=words(configuration.overlay), device=configuration.device, overrides=overrides)
        )
    given = files or [config_file(configuration.bundle_or_model())]
    device = {"device": configuration.device} if configuration.device else {}
    return audit_files([*given, *words(configuration.overlay)], overrides | device)


def _show(report: dict[str, Any]) -> None:
    print(f"{'size in voxels':>16} {'objects':>8} {'0 priors':>9} {'1-2':>6} {'3 and more':>11} {'best IoU (quartiles)':>22}")
    for part in report["bins"]:
        name = f"{part['from']:g} and more" if part["to"] is None else f"{part['from']:g} to {part['to']:g}"
        iou = " ".join(f"{value:.2f}" for value in part["best_iou"]) if part["best_iou"] else "points"
        shares = f"{part['none']:>9.0%} {part['few']:>6.0%} {part['enough']:>11.0%}"
        print(f"{name:>16} {part['objects']:>8} {shares} {iou:>22}")
    if report["small_size"] is not None:
        print(f"finest stride {report['finest_stride']:.3g} voxels; a tenth of the objects are smaller than {report['small_size']:.1f}")
    if untaught := report["untaught"]:
        case, share = max(untaught.items(), key=lambda row: row[1])
        print(f"ignored objects in {len(untaught)} cases: what they cover teaches nothing, at most {share:.2%} of an image (case {case})")
    for sentence in report["advice"]:
        print(sentence)
    for case in sorted(set(report["unmatched"])):
        print(f"no prior for an object of case {case}")
