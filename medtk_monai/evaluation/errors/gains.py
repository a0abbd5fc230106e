"""What figures would be without errors of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medtk_monai.evaluation.errors.kinds import ERRORS, CaseErrors, Kind
from medtk_monai.evaluation.evaluate import table_of
from medtk_monai.metrics import CaseMatches, Outcome
from medtk_monai.metrics.figures import figures_of
from medtk_monai.metrics.resampling import plain
from medtk_monai.metrics.rules import Rules

FIGURES = ("froc_mean", "ap")


def gains_if_mended(errors: Sequence[CaseErrors], rules: Rules, threshold: float) -> dict[str, Any]:
    """FROC mean and AP as they are, and what mending all errors of one kind would add to them; None stands for what is undefined.

    Returns:
        ``figures``: by name; ``errors``: for each kind ``kind``, ``false_positives``, ``missed`` (lesions), and ``x_gain`` of each figure.
    """
    num_classes = max((label for part in errors for label in _labels(part.match)), default=0) + 1

    def values_of(matches: Sequence[CaseMatches]) -> dict[str, float]:
        table = table_of([part.case for part in errors], matches, num_classes)
        return {name: figures_of(rules)[name].value(table, rules) for name in FIGURES}

    now = values_of([part.match for part in errors])
    rows = []
    for kind in ERRORS:
        then = values_of([mend(part, kind, threshold) for part in errors])
        counts = [sum(int((getattr(part, name) == kind).sum()) for part in errors) for name in ("kinds", "lesion_kinds")]
        row = {"kind": kind.text, "false_positives": counts[0], "missed": counts[1]}
        rows.append(row | {f"{name}_gain": plain(then[name] - now[name]) for name in FIGURES})
    return {"figures": {name: plain(value) for name, value in now.items()}, "errors": rows}


def mend(errors: CaseErrors, kind: Kind, threshold: float) -> CaseMatches:
    """The matches of a case as if there were no errors of a kind at the threshold.

    False positives go. Those of class and localization find their objects with their scores, unless better ones did, and so do the
    detections that tell of lesions of these kinds, whatever their score. Lesions below the threshold get it as score. Those never seen
    are left out of the count, as in TIDE: there is no score that they could be found with.
    """
    match = errors.match
    outcomes, found, ignored = match.outcomes.copy(), match.found_scores.copy(), match.object_ignored.copy()
    missed = np.flatnonzero(errors.lesion_kinds == kind)
    wrong = np.flatnonzero(errors.kinds == kind)
    outcomes[wrong] = Outcome.SET_ASIDE
    if kind in (Kind.CLASS, Kind.LOCALIZATION):
        tellers = errors.detections[missed]
        unused = tellers[outcomes[tellers] == Outcome.FALSE_POSITIVE]
        outcomes[unused] = Outcome.SET_ASIDE
        for objects, detections in ((errors.objects[wrong], wrong), (missed, tellers)):
            np.fmax.at(found, objects, match.scores[detections])
        found[ignored] = np.nan
    elif kind is Kind.BELOW_THRESHOLD:
        found[missed] = threshold
    elif kind is Kind.NEVER_SEEN:
        ignored[missed] = True
    return replace(match, outcomes=outcomes, found_scores=found, object_ignored=ignored)


def _labels(match: CaseMatches) -> list[int]:
    return [*match.labels.tolist(), *match.object_labels.tolist()]
