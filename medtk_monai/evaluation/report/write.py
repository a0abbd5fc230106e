"""The report of an evaluation: one HTML file for readers, reviewers and archives."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import medtk_monai
from medtk_monai.atomic import write_text_atomically
from medtk_monai.evaluation.evaluate import Evaluation
from medtk_monai.evaluation.report.gallery import Shown, draw_gallery, top_alarms, worst_misses
from medtk_monai.evaluation.report.html import page, paragraph, section
from medtk_monai.evaluation.report.origin import capsule_section, curves_section, fingerprint_section, methods_section
from medtk_monai.evaluation.report.paths import FileNames
from medtk_monai.evaluation.report.run import Run
from medtk_monai.evaluation.report.sections import froc_section, operating_section, scores_section, sizes_section, summary_tiles
from medtk_monai.metrics.breakdown import Lesions, all_lesions
from medtk_monai.metrics.matching import Outcome
from medtk_monai.metrics.thresholds import OperatingPoint
from medtk_monai.wording import counted

NUM_SHOWN = 9
PICTURES_BYTES = 1_600_000
"""All pictures together, before base64 makes them a third larger."""


@dataclass(frozen=True)
class Origin:
    """Where the figures of a report come from.

    Args:
        title: of the report.
        sources: what was read and asked for, by name: files with their digests, the split, the command.
        run: the training, if it is known.
        validated: what operating points of the result gave in the validation that their thresholds are from, by name.
        names: how files are named.
    """

    title: str
    sources: Mapping[str, str] = field(default_factory=dict)
    run: Run | None = None
    validated: Mapping[str, OperatingPoint] = field(default_factory=dict)
    names: FileNames = field(default_factory=FileNames)


def write_report(path: str | os.PathLike, result: Evaluation, origin: Origin, point: str | None = None, num_shown: int = NUM_SHOWN) -> None:
    """Write the report of an evaluation; it holds all that it shows, and needs neither network nor scripts.

    Args:
        path: the HTML file.
        result: of ``evaluate_files``.
        origin: where it comes from.
        point: name of the operating point that misses and sizes are told of; the first unless given.
        num_shown: misses, and false positives, that are shown.
    """
    written = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    parts = [counted(getattr(result.summary, f"num_{noun}s"), noun) for noun in ("lesion", "case", "patient")]
    lead = f"{parts[0]} in {parts[1]} of {parts[2]}; {written}"
    foot = f"Written by medtk_monai {medtk_monai.__version__}, {written}. For research; not a medical device."
    write_text_atomically(Path(path), page(origin.title, lead, _sections(result, origin, point, num_shown), foot))


def _sections(result: Evaluation, origin: Origin, wanted: str | None, num_shown: int) -> Sequence[str]:
    summary, weights = result.summary, result.summary.weights
    lesions = all_lesions(result.matches, [case.truth.boxes.sizes.numpy().max(axis=1, initial=0) for case in result.cases])
    points = summary.operating_points
    name = wanted or next(iter(points))
    threshold = points[name].threshold
    return [
        summary_tiles(summary),
        froc_section(summary),
        operating_section(points, origin.validated),
        sizes_section(summary.table, lesions, name, threshold, weights),
        scores_section(summary.table, threshold, weights),
        *_galleries(result, lesions, name, threshold, num_shown, origin.names),
        *([curves_section(origin.run, origin.names)] if origin.run else []),
        fingerprint_section(result.cases, lesions),
        capsule_section(origin.sources, origin.run, origin.names),
        methods_section(summary),
    ]


def _galleries(result: Evaluation, lesions: Lesions, name: str, threshold: float, count: int, names: FileNames) -> list[str]:
    misses = worst_misses(result.cases, lesions, threshold, count)
    alarms = top_alarms(result.cases, result.matches, count)
    budget = PICTURES_BYTES // max(len(misses) + len(alarms), 1)
    num_missed = int((~(lesions.scores >= threshold)).sum())
    num_alarms = sum(int((match.outcomes == Outcome.FALSE_POSITIVE).sum()) for match in result.matches)
    how = paragraph(_VIEWS[result.cases[0].truth.boxes.centers.shape[1] == 3], "soft")
    first = f"{_some(len(misses), num_missed, 'lesion')} missed at {name}: first those that no finding hits, the largest first; then those "
    first += "whose best hit has the lowest score."
    second = f"{_some(len(alarms), num_alarms, 'false positive')} at any score, highest score first."

    def part(heading: str, words: str, shown: Sequence[Shown], nothing: str) -> str:
        if not shown:
            return section(heading, paragraph(nothing))
        return section(heading, paragraph(words), draw_gallery(shown, result.cases, budget, names), how)

    return [
        part("Worst misses", first, misses, f"No lesion is missed at {name}."),
        part("Highest-scored false positives", second, alarms, "There is no false positive."),
    ]


def _some(shown: int, count: int, noun: str) -> str:
    return counted(count, noun) if shown == count else f"{shown} of {counted(count, noun)}"


_WINDOW = "intensities from the 1st to the 99.9th percentile of the scan without its background."
_VIEWS = {
    True: "Each picture: axial, coronal and sagittal slices through the middle of the box, 8 to 20 mm around it or as far as it "
    "reaches, and the whole axial slice. "
    f"Radiological view: the patient's right is on the left. Shown are {_WINDOW}",
    False: f"Each picture: the surroundings of the box, and the whole image; shown are {_WINDOW}",
}
"""What pictures show, of volumes and of flat images."""
