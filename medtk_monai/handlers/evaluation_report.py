from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from medtk_monai.box_ops import spatial_affine
from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.errors import DataError
from medtk_monai.evaluation import Evaluation
from medtk_monai.evaluation.matching import MatchedCase, case_on_grid
from medtk_monai.evaluation.printed import format_evaluation
from medtk_monai.formats.cases import case_prediction
from medtk_monai.formats.predictions import PREDICTIONS, write_predictions
from medtk_monai.metrics import Bootstrap, CaseMatches, DetectionMetrics
from medtk_monai.metrics.thresholds import fp_name
from medtk_monai.visualize import Tile, TopFindings, make_tile, plot_mosaic, plot_preview

logger = logging.getLogger(__name__)


class EvaluationReport:
    """Writes what an evaluation found: predictions.json, the files of an ``Evaluation`` and preview.png; of flat images mosaic.png too,
    which shows the first of them as a whole at one false positive per case. Boxes are compared in mm.

    Args:
        metrics: gathers the cases; not shared with another handler.
        output_dir: folder of the files.
        num_findings: detections in the preview.
        num_draws: of the bootstrap over patients (``patient_id`` of the cases, or the cases) that gives the intervals.
        class_names: of class 0, 1, ..., for the mosaic.
        num_tiles: images in the mosaic.
    """

    def __init__(
        self,
        metrics: DetectionMetrics,
        output_dir: str | os.PathLike,
        num_findings: int = 6,
        num_draws: int = 1000,
        class_names: Sequence[str] = (),
        num_tiles: int = 12,
    ):
        self.metrics, self.output_dir, self.num_findings, self.num_draws = metrics, Path(output_dir), num_findings, num_draws
        self.class_names, self.num_tiles = class_names, num_tiles
        self._forget()

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_batch)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _start(self, engine: Engine) -> None:
        if idist.get_world_size() > 1:
            raise DataError("several processes would each report their share of the cases", remedy="evaluate with one process")
        self.metrics.reset()
        self._forget()

    def _forget(self) -> None:
        self._tiles: list[Tile] = []
        self._predictions: list[dict[str, Any]] = []
        self._cases: list[MatchedCase] = []
        self._matches: list[CaseMatches] = []
        self._top = TopFindings(self.num_findings)

    def _add_batch(self, engine: Engine) -> None:
        batch: Any = engine.state.batch
        output: Any = engine.state.output
        patients = [str(patient) for patient in batch.get("patient_id", output[CASE_IDS])]
        rows = zip(output[DETECTIONS], output[TARGETS], output[CASE_IDS], patients, batch["image"], batch["affine"], batch["image_path"])
        for detections, target, case_id, patient, image, affine, path in rows:
            detections, target = detections.to("cpu"), target.to("cpu")
            affine = spatial_affine(affine, image.ndim - 1)
            case = case_on_grid(detections, target, affine, case_id, patient)
            spacing = affine[:-1, :-1].norm(dim=0).tolist()
            matches = self.metrics.update(case.detections, case.target, case_id, spacing)
            self._predictions.append(case_prediction(detections, affine, case_id, path))
            self._cases.append(case)
            self._matches.append(matches)
            self._top.update(image.cpu(), detections, target, matches, spacing, case_id)
            if image.ndim == 3 and len(self._tiles) < self.num_tiles:
                self._tiles.append(make_tile(image, detections, target, matches, case_id))

    def _write(self, engine: Engine) -> None:
        summary = self.metrics.summary([case.truth.patient for case in self._cases], Bootstrap(self.num_draws))
        write_predictions(self.output_dir / PREDICTIONS, self._predictions)
        Evaluation(summary, self._matches, self._cases).write(self.output_dir)
        plot_preview(self._top.findings, self.output_dir / "preview.png", self._top.missed)
        if self._tiles:
            threshold = summary.operating_points[fp_name(1)].threshold
            plot_mosaic(self._tiles, threshold, self.output_dir / "mosaic.png", self.class_names)
        logger.info("evaluation of %d cases\n%s\nfiles in %s", summary.num_cases, format_evaluation(summary), self.output_dir)
