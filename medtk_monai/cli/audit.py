"""``medtk audit``: do the priors of a configuration match the objects of its data?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def audit(config_file: str | Sequence[str], strict: bool = False, out: str | None = None, **overrides: Any) -> None:
    """Show how many priors learn the training objects of each size, before training.

    Each object is assigned in a patch around it, by the generator and the assigner of the configuration.

    Args:
        config_file: of the bundle, or a list of files as for MONAI's bundle commands.
        strict: exit with code 1 when an object is learnt by no prior, or by fewer than three in one of ten cases of a size.
        out: JSON file for the report.
        overrides: values of the configuration, as --dataset_dir DIR --anchor_sizes [[4],[8]].

    Raises:
        DataError: there is no such file, an override names no value of the configuration, or the data is wrong.
    """
    import json
    from pathlib import Path

    from medtk_monai.atomic import write_text_atomically
    from medtk_monai.bundle import keys
    from medtk_monai.detectors.coverage import match_objects, summarize

    parser = _parse(config_file, overrides)
    criterion = parser.get_parsed_content(keys.CRITERION)
    cases = ((str(item["case_id"]), item["target"]) for item in parser.get_parsed_content(keys.TRAINING_SET))
    matches = match_objects(criterion.generator, criterion.assigner, cases, parser.get_parsed_content("patch_size"))
    report = summarize(matches, criterion.generator.strides)
    _show(report)
    if out is not None:
        write_text_atomically(Path(out), json.dumps(report, indent=1) + "\n")
    if strict and (report["unmatched"] or any(part["enough"] < 0.9 for part in report["bins"])):
        sys.exit(1)


def _parse(config_file: str | Sequence[str], overrides: dict[str, Any]) -> Any:
    """MONAI's parser of the configuration with the overrides."""
    from medtk_monai.bundle.overrides import lay_over, read_config

    files = [config_file] if isinstance(config_file, str) else list(config_file)
    parser = read_config(files, overrides, "give the path of the bundle's train.json")
    lay_over(parser, {"cache_dir": None} | overrides)  # a report leaves no prepared cases behind
    return parser


def _show(report: dict[str, Any]) -> None:
    print(f"{'size in voxels':>16} {'objects':>8} {'0 priors':>9} {'1-2':>6} {'3 and more':>11} {'best IoU (quartiles)':>22}")
    for part in report["bins"]:
        name = f"{part['from']:g} and more" if part["to"] is None else f"{part['from']:g} to {part['to']:g}"
        iou = " ".join(f"{value:.2f}" for value in part["best_iou"]) if part["best_iou"] else "points"
        shares = f"{part['none']:>9.0%} {part['few']:>6.0%} {part['enough']:>11.0%}"
        print(f"{name:>16} {part['objects']:>8} {shares} {iou:>22}")
    if report["small_size"] is not None:
        print(f"finest stride {report['finest_stride']:.3g} voxels; a tenth of the objects are smaller than {report['small_size']:.1f}")
    for sentence in report["advice"]:
        print(sentence)
    for case in sorted(set(report["unmatched"])):
        print(f"no prior for an object of case {case}")
