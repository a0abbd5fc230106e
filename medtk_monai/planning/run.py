"""From a datalist to a plan whose priors match its objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medtk_monai.bundle import keys
from medtk_monai.detectors.coverage import ObjectMatch, summarize
from medtk_monai.planning.facts import read_facts
from medtk_monai.planning.plan import Plan, Wishes, make_plan
from medtk_monai.planning.template import Template, share_matched

WANTED_SHARE = 0.99


@dataclass(frozen=True)
class Planned:
    """A plan, and how its priors match the objects of the training split.

    Args:
        matched: share of the objects that at least three priors learn.
        audit: see ``medtk_monai.detectors.coverage.summarize``.
    """

    plan: Plan
    matched: float
    audit: dict[str, Any]


def plan_for(fingerprint: Mapping[str, Any], template: Template, wishes: Wishes, split: str = "training") -> Planned:
    """The first plan in which 99% of the objects are learnt by three priors or more; else the best.

    What is tried if the levels that suit the sizes best leave too many objects with fewer: to leave out the coarsest level, whose cells
    may take objects that they cannot hold, then further levels of finer cells.

    Raises:
        DataError: the split has no objects, or not even a single patch fits into the memory.
    """
    facts = read_facts(fingerprint, split, wishes.min_volume_mm3, wishes.max_volume_mm3)
    tried: list[tuple[Plan, Sequence[ObjectMatch]]] = []
    spans: list[Any] = [None]
    while spans:
        plan = make_plan(facts, wishes, template.memory, spans.pop(0))
        if not tried:
            first, last = plan.values[keys.LEVELS][0], plan.values[keys.LEVELS][-1]
            spans = [(first, last - 1)] * (last > first) + [(finer, last) for finer in range(first - 1, -1, -1)]
        tried.append((plan, template.match(plan.values, facts)))
        if share_matched(tried[-1][1]) >= WANTED_SHARE:
            break
    best, matches = max(tried, key=lambda pair: min(share_matched(pair[1]), WANTED_SHARE))
    share = share_matched(matches)
    reason = ("Matching", f"{share:.1%} of the objects are learnt by three priors or more", "So says the assigner of the bundle.")
    return Planned(replace(best, reasons=[*best.reasons, reason]), share, summarize(matches, template.strides(best.values)))
