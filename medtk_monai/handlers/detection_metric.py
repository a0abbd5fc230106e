from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ignite.engine import Engine
from ignite.metrics import Metric

from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.handlers.gathering import gather_cases
from medtk_monai.metrics import DetectionMetrics


def _cases(output: dict[str, Any]) -> tuple[Sequence[Any], ...]:
    return output[DETECTIONS], output[TARGETS], output[CASE_IDS]


class DetectionMetric(Metric):
    """DetectionMetrics as an Ignite metric: its value is the mean FROC sensitivity, 0 where there are no lesions.

    The evaluator's state also gets ``ap`` and ``sensitivity_at_1``, at one false positive per case. Where several processes share the
    cases, all get the values of all cases, each counted once.

    Args:
        metrics: gathers the cases.
    """

    def __init__(self, metrics: DetectionMetrics):
        self.metrics = metrics
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
        return self.metrics.compute()["froc"]["mean"] or 0.0

    def completed(self, engine: Engine, name: str) -> None:
        """At the end of an evaluation: add AP and the sensitivity at 1 false positive per case to the engine's metrics."""
        self._gather()
        super().completed(engine, name)
        values = self.metrics.compute()
        at_one = values["froc"]["fp_per_case"].index(1)
        engine.state.metrics["ap"] = values["ap"] or 0.0
        engine.state.metrics["sensitivity_at_1"] = values["froc"]["sensitivity"][at_one] or 0.0

    def _gather(self) -> None:
        """Give this process the cases of the others."""
        cases = gather_cases(self._case_ids, self.metrics.state)
        self.metrics.reset()
        self.metrics.merge(cases)
