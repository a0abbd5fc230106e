from __future__ import annotations

import logging
from collections.abc import Sequence
from math import isnan
from typing import Any

from ignite.engine import Engine
from ignite.metrics import Metric

from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.errors import DataError
from medtk_monai.handlers.gathering import gather_cases
from medtk_monai.metrics import DetectionMetrics, Goal, Trait, figures_of, parse_goal

logger = logging.getLogger(__name__)


def _cases(output: dict[str, Any]) -> tuple[Sequence[Any], ...]:
    return output[DETECTIONS], output[TARGETS], output[CASE_IDS]


class DetectionMetric(Metric):
    """DetectionMetrics as an Ignite metric: its value is one figure of theirs, 0 where there are no lesions.

    The evaluator's state also gets the main ones of ``figures_of``. Where several processes share the cases, all get the values of all
    cases, each counted once.

    Args:
        metrics: gathers the cases.
        figure: the key of one, such as "froc_mean", "ap@0.5" (at an IoU that ``metrics`` know), or "sensitivity@2" (false positives per
            case), see ``parse_goal``.

    Raises:
        DataError: there is no such figure.
    """

    def __init__(self, metrics: DetectionMetrics, figure: str = "froc_mean"):
        self.metrics, self.goal = metrics, _read_goal(figure, metrics)
        self._case_ids: list[str] = []
        super().__init__(output_transform=_cases, skip_unrolling=True)

    def reset(self) -> None:
        self.metrics.reset()
        self._case_ids = []

    def update(self, output: tuple[Sequence[Any], ...]) -> None:
        """Add the cases of one ``EvaluateStep``."""
        for detections, target, case_id in zip(*output):
            self.metrics.update(detections, target, case_id)
            self._case_ids.append(case_id)

    def compute(self) -> float:
        table, at_iou = self.metrics.tables()
        hit = self.goal.rules.hit
        value = self.goal.value(table if hit == self.metrics.hit else at_iou[hit.threshold])  # type: ignore[union-attr]
        if isnan(value) and len(table.scores):
            logger.warning("%s is undefined for these cases, and counts as 0: choose another key_metric", self.goal.name)
        return 0.0 if isnan(value) else value

    def completed(self, engine: Engine, name: str) -> None:
        """At the end of an evaluation: add the main figures to the engine's metrics, 0 where they are undefined."""
        self._gather()
        super().completed(engine, name)
        rules, (table, _) = self.metrics.rules, self.metrics.tables()
        main = {key: figure.value(table, rules) for key, figure in figures_of(rules).items() if Trait.MAIN in figure.traits}
        engine.state.metrics |= {key: 0.0 if isnan(value) else value for key, value in main.items()}

    def _gather(self) -> None:
        """Give this process the cases of the others."""
        cases = gather_cases(self._case_ids, self.metrics.state)
        self.metrics.reset()
        self.metrics.merge(cases)


def _read_goal(figure: str, metrics: DetectionMetrics) -> Goal:
    known = [metrics.hit, *metrics.ap_hits]
    try:
        goal = parse_goal(figure, metrics.rules)
    except ValueError as error:
        raise DataError(str(error), remedy="choose another key_metric") from error
    if goal.rules.hit not in known:
        ious = ", ".join(f"{hit.threshold:g}" for hit in metrics.ap_hits)
        raise DataError(f"key_metric {figure}: the metrics know the IoUs {ious}", remedy="choose one, or add it to their ap_iou_thresholds")
    return goal


def key_metric(metrics: DetectionMetrics, figure: str = "froc_mean") -> dict[str, DetectionMetric]:
    """The figure by its name, as an evaluator of MONAI takes its key metric; see ``DetectionMetric``."""
    return {figure: DetectionMetric(metrics, figure)}


def key_metric_name(evaluator: Any) -> str | None:
    """The name of an evaluator's key metric; None before it has one."""
    return getattr(evaluator.state, "key_metric_name", None)
