"""All figures of an evaluation from its tables of matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.metrics.figures import Trait, figures_of
from medtk_monai.metrics.froc import FrocCurve, froc_curve
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import NO_BOOTSTRAP, Bootstrap, Interval, intervals, plain
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.thresholds import OperatingPoint, operating_point
from medtk_monai.metrics.weighted import average_precisions, froc_sensitivities

Band = tuple[np.ndarray, np.ndarray, np.ndarray]
"""False positives per case, and the lower and upper ends of the sensitivity's interval there, (K,) each."""
_BAND_POINTS = 49


@dataclass(frozen=True)
class FrocPoints:
    """A FROC curve where the rules read it off.

    Args:
        fp_per_case: R numbers.
        sensitivity: at each of them.
        mean: of these sensitivities.
    """

    fp_per_case: tuple[float, ...]
    sensitivity: tuple[Interval, ...]
    mean: Interval

    def to_dict(self, with_ends: bool = True) -> dict[str, Any]:
        """As files have it, the intervals only if asked for."""
        told = [value.to_dict("x", with_ends) for value in self.sensitivity]
        return (
            {"fp_per_case": list(self.fp_per_case), "sensitivity": [value["x"] for value in told]}
            | ({"sensitivity_interval": [value["x_interval"] for value in told]} if with_ends else {})
            | self.mean.to_dict("mean", with_ends)
        )


@dataclass(frozen=True)
class ClassSummary:
    """One class: its lesions, the figures that are told of classes, by key, and average precision at each IoU."""

    label: int
    num_lesions: int
    figures: Mapping[str, Interval]
    ap_per_iou: Mapping[float, float]

    def to_dict(self, with_ends: bool = True) -> dict[str, Any]:
        """As files have it, the intervals only if asked for."""
        values = {"label": self.label, "num_lesions": self.num_lesions} | _flat(self.figures, with_ends)
        return values | {"ap_per_iou": _per_iou(self.ap_per_iou)}


@dataclass(frozen=True)
class Summary:
    """All figures of an evaluation. Each of ``figures`` is an attribute as well: ``summary.froc_mean.value``, ``.low``, ``.high``.

    Args:
        table: matches by the rules, of which figures are functions.
        rules: how it was counted.
        bootstrap: that intervals are of.
        figures: by key, see ``figures_of``; NaN stands for what is undefined.
        curves: FROC over all cases, and over the cases with lesions alone.
        ap_per_iou: average precision one to one at IoUs.
        per_class: all classes.
        operating_points: by name.
    """

    table: MatchTable
    rules: Rules
    bootstrap: Bootstrap
    figures: Mapping[str, Interval]
    curves: tuple[FrocPoints, FrocPoints]
    ap_per_iou: Mapping[float, float]
    per_class: Sequence[ClassSummary]
    operating_points: Mapping[str, OperatingPoint]

    def __getattr__(self, name: str) -> Interval:
        if name != "figures" and name in self.figures:
            return self.figures[name]
        raise AttributeError(f"an evaluation has no {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.figures]

    @property
    def num_cases(self) -> int:
        return self.table.num_cases

    @property
    def num_patients(self) -> int:
        return int(self.table.patients.max(initial=-1)) + 1

    @property
    def num_diseased(self) -> int:
        """Cases with lesions."""
        return int(self.table.diseased.sum())

    @property
    def num_lesions(self) -> int:
        return int(self.table.lesions.sum())

    @property
    def num_detections(self) -> int:
        """Found lesions and false positives; what was set aside is left out."""
        return len(self.table.scores)

    @property
    def froc(self) -> FrocPoints:
        return self.curves[0]

    @property
    def froc_diseased(self) -> FrocPoints:
        """Over the cases with lesions alone."""
        return self.curves[1]

    @property
    def curve(self) -> FrocCurve:
        """The whole FROC curve, all operating points."""
        return froc_curve(self.table.scores, self.table.is_tp, self.num_lesions, self.num_cases)

    @property
    def weights(self) -> np.ndarray:
        """(B, N) of the bootstrap."""
        return self.bootstrap.weights(self.table)

    def sensitivity_at(self, fp_per_case: float) -> Interval:
        """Sensitivity at a number of false positives per case."""
        return self._sensitivities([fp_per_case])[0]

    def band(self) -> Band:
        """The interval of the FROC curve; NaN without a bootstrap."""
        rates = np.geomspace(min(self.rules.fp_per_case) / 1.15, max(self.rules.fp_per_case) * 1.15, _BAND_POINTS)
        values = self._sensitivities(rates)
        return rates, np.array([value.low for value in values]), np.array([value.high for value in values])

    def _sensitivities(self, rates: Sequence[float] | np.ndarray) -> list[Interval]:
        def figure(table: MatchTable, weights: np.ndarray) -> np.ndarray:
            return froc_sensitivities(table, weights, rates, self.rules.interpolation)

        return intervals(self.table, figure, self.weights, self.bootstrap.level, float(self.num_lesions))

    def to_dict(self) -> dict[str, Any]:
        """The content of metrics.json. Of each figure ``x`` there is ``x_interval`` as well with a bootstrap, null where there is none."""
        boot, with_ends = self.bootstrap, self.bootstrap.draws > 0
        counts = ("num_cases", "num_patients", "num_diseased", "num_lesions", "num_detections")
        return (
            {name: getattr(self, name) for name in counts}
            | {"hit": self.rules.hit_name, "rules": self.rules.to_dict()}
            | {"froc": self.froc.to_dict(with_ends), "froc_diseased": self.froc_diseased.to_dict(with_ends)}
            | _flat(self.figures, with_ends)
            | {"ap_per_iou": _per_iou(self.ap_per_iou), "per_class": [part.to_dict(with_ends) for part in self.per_class]}
            | {"bootstrap": {"draws": boot.draws, "seed": boot.seed, "level": boot.level, "unit": "patient"}}
            | {"interpolation": self.rules.interpolation}
            | {"operating_points": {name: point.to_dict(with_ends) for name, point in self.operating_points.items()}}
        )

    def to_pandas(self) -> Any:
        """A data frame with rows of ``figure``, ``value``, ``low`` and ``high``: figures by key, sensitivity@x at the points of the FROC
        curve, and ap@x at IoUs.

        Raises:
            DataError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise DataError(f"a data frame needs pandas: {error}", remedy="pip install pandas, or use to_dict()") from error
        rows = [(name, told.value, told.low, told.high) for name, told in self._rows()]
        return pandas.DataFrame(rows, columns=["figure", "value", "low", "high"])

    def _rows(self) -> Iterator[tuple[str, Interval]]:
        yield from self.figures.items()
        yield from ((f"sensitivity@{rate:g}", value) for rate, value in zip(self.froc.fp_per_case, self.froc.sensitivity))
        yield from ((f"ap@{iou:g}", Interval(ap, np.nan, np.nan)) for iou, ap in self.ap_per_iou.items())


def summarize(
    table: MatchTable,
    rules: Rules,
    ap_tables: Mapping[float, MatchTable],
    bootstrap: Bootstrap = NO_BOOTSTRAP,
    thresholds: Mapping[str, float] | None = None,
) -> Summary:
    """All figures of an evaluation, with bootstrap intervals over patients.

    Args:
        table: matches by the rules.
        ap_tables: IoU threshold -> matches one to one at that IoU, of the same cases.
        thresholds: of the operating points, by name.
    """
    weights = bootstrap.weights(table)
    classes = []
    for label in range(table.num_classes):
        own, at_iou = table.of_class(label), {iou: other.of_class(label) for iou, other in ap_tables.items()}
        told = _figures(own, rules, weights, bootstrap.level, Trait.BY_CLASS)
        classes.append(ClassSummary(label, int(own.lesions.sum()), told, _ap(at_iou)))
    return Summary(
        table,
        rules,
        bootstrap,
        _figures(table, rules, weights, bootstrap.level),
        (_read_off(table, rules, weights, bootstrap.level), _read_off(table, rules, weights, bootstrap.level, diseased=True)),
        _ap(ap_tables),
        classes,
        {name: operating_point(table, value, rules.beta, weights, bootstrap.level) for name, value in (thresholds or {}).items()},
    )


def _figures(table: MatchTable, rules: Rules, weights: np.ndarray, level: float, wanted: Trait = Trait.NONE) -> dict[str, Interval]:
    lesions = float(table.lesions.sum())
    return {
        key: intervals(table, figure.by(rules), weights, level, lesions if Trait.SHARE in figure.traits else 0.0)[0]
        for key, figure in figures_of(rules).items()
        if wanted in figure.traits
    }


def _read_off(table: MatchTable, rules: Rules, weights: np.ndarray, level: float, diseased: bool = False) -> FrocPoints:
    def figure(table: MatchTable, weights: np.ndarray) -> np.ndarray:
        chosen = weights * table.diseased if diseased else weights
        values = froc_sensitivities(table, chosen, rules.fp_per_case, rules.interpolation)
        return np.column_stack([values, values.mean(axis=1)])

    totals = [*[float(table.lesions.sum())] * len(rules.fp_per_case), 0.0]
    *values, mean = intervals(table, figure, weights, level, totals)
    return FrocPoints(rules.fp_per_case, tuple(values), mean)


def _ap(tables: Mapping[float, MatchTable]) -> dict[float, float]:
    return {iou: float(average_precisions(table, np.ones((1, table.num_cases)))[0]) for iou, table in tables.items()}


def _flat(values: Mapping[str, Interval], with_ends: bool) -> dict[str, Any]:
    return {name: part for key, value in values.items() for name, part in value.to_dict(key, with_ends).items()}


def _per_iou(values: Mapping[float, float]) -> dict[str, float | None]:
    return {f"{iou:g}": plain(ap) for iou, ap in values.items()}
