from __future__ import annotations

import os
from math import isfinite
from typing import Any

import ignite.distributed as idist
import numpy as np
from ignite.engine import Engine, Events
from torch.utils.tensorboard import SummaryWriter

from medtk_monai.box_ops import box_sizes, spatial_affine
from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.handlers.gathering import gather, gather_cases
from medtk_monai.metrics import DetectionMetrics, IoUHit, Summary, Trait, figures_of
from medtk_monai.metrics.breakdown import all_lesions, sensitivity_by_size
from medtk_monai.metrics.resampling import plain
from medtk_monai.metrics.thresholds import fp_name
from medtk_monai.visualize import plot_froc
from medtk_monai.visualize.charts import figure_pixels, plot_precision_recall, plot_scores, plot_sizes
from medtk_monai.visualize.errors import WorstErrors, plot_errors

FOLDER = "validation"
"""Tags begin with it."""
_POINT = fp_name(1)


class ValidationFigures:
    """Writes to TensorBoard, at each validation, what the report of an evaluation shows, from the same table of matches.

    Images: the FROC curve, precision against recall, scores and their calibration, sensitivity by lesion size, and slices through the
    worst misses and the best-scored false positives. Scalars: what the metrics of the engine do not hold, see ``further_scalars``. To be
    attached to the evaluator of each process, after a ``DetectionMetric``; the first process writes the figures of all cases.

    Args:
        metrics: those of that ``DetectionMetric``.
        log_dir: folder of the event files.
        num_shown: misses, and false positives, in the picture.
    """

    def __init__(self, metrics: DetectionMetrics, log_dir: str | os.PathLike, num_shown: int = 4):
        self.metrics, self.log_dir, self.num_shown = metrics, os.fspath(log_dir), num_shown
        self._writer: SummaryWriter | None = None
        self._start()

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_batch)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _start(self) -> None:
        self._case_ids: list[str] = []
        self._sizes: list[np.ndarray] = []
        self._errors = WorstErrors(self.num_shown)

    def _add_batch(self, engine: Engine) -> None:
        batch: Any = engine.state.batch
        output: Any = engine.state.output
        rows = list(zip(output[DETECTIONS], output[TARGETS], output[CASE_IDS], batch["image"], batch["affine"]))
        for (detections, target, case_id, image, affine), matches in zip(rows, self.metrics.state[-len(rows) :]):
            detections, target, affine = detections.to("cpu"), target.to("cpu"), spatial_affine(affine, image.ndim - 1)
            self._case_ids.append(case_id)
            self._sizes.append((box_sizes(target.boxes) * affine[:-1, :-1].norm(dim=0)).numpy().max(axis=1, initial=0))
            self._errors.update(image, affine, detections, target, matches[0], case_id)

    def _write(self, engine: Engine) -> None:
        sizes, errors = gather_cases(self._case_ids, self._sizes), gather(self._errors.state)
        if idist.get_rank() > 0:
            return
        self._errors.merge(errors)
        self._writer = self._writer or SummaryWriter(self.log_dir)
        summary = self.metrics.summary()
        table, threshold = summary.table, summary.operating_points[_POINT].threshold
        for name, value in further_scalars(summary).items():
            self._writer.add_scalar(f"{FOLDER}/{name}", value, engine.state.epoch)
        shares = sensitivity_by_size(table, all_lesions([case[0] for case in self.metrics.state], sizes), threshold, summary.weights)
        images = {
            "froc": figure_pixels(plot_froc(summary)),
            "precision_recall": figure_pixels(plot_precision_recall(table, plain(summary.ap.value))),
            "scores": figure_pixels(plot_scores(table, threshold)),
            "sizes": figure_pixels(plot_sizes(shares, _POINT)),
            "errors": np.asarray(plot_errors(self._errors.misses(threshold), self._errors.alarms, _POINT)),
        }
        for name, pixels in images.items():
            self._writer.add_image(f"{FOLDER}/{name}", pixels, engine.state.epoch, dataformats="HWC")
        self._writer.flush()


def further_scalars(summary: Summary) -> dict[str, float]:
    """What ``DetectionMetric`` leaves out of an evaluation: the other figures; AP at IoUs other than the hit rule's, figures of each class
    if there are several, and of 1 false positive per case the threshold and PPV. Undefined ones are left out."""
    known, point = figures_of(summary.rules), summary.operating_points[_POINT]
    found = {key: value.value for key, value in summary.figures.items() if Trait.MAIN not in known[key].traits}
    found["froc_diseased"] = summary.froc_diseased.mean.value
    found |= {f"ap_iou_{iou:g}": ap for iou, ap in summary.ap_per_iou.items() if IoUHit(iou) != summary.rules.hit}
    classes = summary.per_class if len(summary.per_class) > 1 else []
    found |= {f"{key}_class_{part.label}": value.value for part in classes for key, value in part.figures.items()}
    found |= {"ppv_at_1": point.ppv.value, "threshold_at_1": point.threshold}
    return {name: value for name, value in found.items() if isfinite(value)}
