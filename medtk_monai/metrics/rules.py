"""How evaluations count: the hit rule, who may find what, how a FROC curve is read, and what ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.metrics.excuse import COVER, Cover, Excuse
from medtk_monai.metrics.froc import STANDARD_FP_PER_CASE
from medtk_monai.metrics.hits import CenterDistanceHit, CenterInBoxHit, Hit, IoUHit, RadiusHit
from medtk_monai.metrics.matching import ONE_TO_ONE, Pairing
from medtk_monai.metrics.weighted import Interpolation

_MANY_TO_ONE = Pairing("each_object", "set_aside")


@dataclass(frozen=True)
class Rules:
    """How an evaluation counts. Rules that count alike are equal, whatever they are called.

    Args:
        hit: the hit rule, of boxes in mm; None for a point in the object's mask, which is another in each case.
        pairing: who may find what.
        interpolation: of FROC curves between operating points.
        fp_per_case: where FROC curves are read off; their mean is that of these sensitivities.
        beta: of the F-score; 2 weighs sensitivity more than precision.
        ranking: keys of the figures that these rules rank by, the first one first; empty where a challenge ranks by others.
        excuse: what makes a finding count neither way because of an ignored object: the share of it that lies inside, or its own rule.
        name: the preset, or the rule as it was typed; found by itself unless given.
    """

    hit: Hit | None = IoUHit(0.1)
    pairing: Pairing = ONE_TO_ONE
    interpolation: Interpolation = "step"
    fp_per_case: tuple[float, ...] = STANDARD_FP_PER_CASE
    beta: float = 1.0
    ranking: tuple[str, ...] = ("froc_mean",)
    excuse: Excuse = COVER
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.excuse, Cover) and self.excuse not in ("hit", "center"):
            raise ValueError(f"{self.excuse!r} excuses no finding: choose from Cover(), 'hit' and 'center'")
        if not self.name:
            object.__setattr__(self, "name", next((name for name, preset in PRESETS.items() if preset == self), self.hit_name))

    @property
    def hit_name(self) -> str:
        """Of the hit rule, in result files."""
        return "center in mask" if self.hit is None else self.hit.name

    @property
    def excuse_text(self) -> str:
        """Which findings an ignored object sets aside, for reports."""
        if self.excuse == "hit":
            return "findings that hit them count neither way"
        if self.excuse == "center":
            return "findings whose center lies in them count neither way"
        share = self.excuse.share if isinstance(self.excuse, Cover) else None
        needed = share or (0.5 if self.hit is None else self.hit.threshold)
        return (
            f"findings of which a share of {needed:g} lies in them (in their mask where there is one), or that hit them, count neither way"
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain values, see ``read``."""
        values: dict[str, Any] = {"name": self.name, "hit": _hit_values(self.hit), "pairing": asdict(self.pairing)}
        plain = {part.name: getattr(self, part.name) for part in fields(self) if part.name not in values}
        plain["excuse"] = {"cover": self.excuse.share} if isinstance(self.excuse, Cover) else self.excuse
        return values | {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    @staticmethod
    def read(values: Mapping[str, Any]) -> Rules:
        """The rules that ``to_dict`` told.

        Raises:
            DataError: they are of another release or package, or damaged.
        """
        try:
            parts = {part.name: values[part.name] for part in fields(Rules)}
            parts |= {name: tuple(value) for name, value in parts.items() if isinstance(value, list)}
            parameters = dict(values["hit"])
            hit = _HITS[parameters.pop("rule")](**parameters)
            excuse = Cover(parts["excuse"]["cover"]) if isinstance(parts["excuse"], Mapping) else parts["excuse"]
            return Rules(**parts | {"hit": hit, "pairing": Pairing(**values["pairing"]), "excuse": excuse})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"the rules {values} are not known here: {error!r}", remedy="evaluate again with this release") from error


PRESETS = {
    "medtk": Rules(name="medtk"),
    "nndetection": Rules(excuse="hit", name="nndetection"),
    "luna16": Rules(RadiusHit(), _MANY_TO_ONE, "linear", excuse="hit", name="luna16"),
    "adam": Rules(RadiusHit(), _MANY_TO_ONE, ranking=(), excuse="center", name="adam"),
    "cada": Rules(None, _MANY_TO_ONE, beta=2.0, ranking=(), name="cada"),
    "picai": Rules(IoUHit(0.1), Pairing("optimal", "set_aside"), ranking=("picai_score", "picai_ap"), name="picai"),
}
"""The rules of known evaluations. nnDetection (Baumgartner et al., MICCAI 2021) counts as we do: IoU of 0.1, one to one. LUNA16 (Setio et
al., Medical Image Analysis 2017) and ADAM (Timmins et al., NeuroImage 2021) ask for the center within the lesion's radius, CADA (Ivantsits
et al., Medical Image Analysis 2022) for a point in its mask; further hits of a lesion count neither way. PI-CAI (Saha et al., Lancet
Oncology 2024) finds as many lesions as possible by IoU of 0.1, and sets further hits aside.

Ignored objects: nnDetection sets aside what hits them by IoU (``nndet/evaluator/detection/matching.py``), LUNA16 what lies within the radius
of an irrelevant finding (``noduleCADEvaluationLUNA16.py``), ADAM points in the mask of a treated aneurysm (``evaluation_detect.py``). CADA and
PI-CAI have none; there, and by our own rules, it is the share of the finding that lies inside, as COCO has it for crowds."""


def parse_rules(text: str) -> Rules:
    """The rules that a word names: a preset, or a hit rule with our usual ones: iou:0.1, center, distance:5 (mm), radius, radius:1.5, mask.

    Raises:
        ValueError: the word is not known, or its number is out of range.
    """
    if text in PRESETS:
        return PRESETS[text]
    name, _, number = text.partition(":")
    if name not in _HITS:
        raise ValueError(f"{text!r} is no hit rule: choose from {', '.join(PRESETS)}, {', '.join(_HITS)}")
    try:
        values = [float(number)] if number else []
        return replace(PRESETS["medtk"], hit=_HITS[name](*values), name=text)
    except TypeError as error:
        raise ValueError(f"{text!r}: {name} takes {'a number, as distance:5' if name == 'distance' else 'no number'}") from error


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The first field in which rules in plain values differ, with both values; "" where they count alike, whatever they are called."""
    for name in dict.fromkeys([*first, *second]):
        one, other = first.get(name), second.get(name)
        if name != "name" and one != other:
            inner = difference(one, other) if isinstance(one, Mapping) and isinstance(other, Mapping) else ""
            return f"{name} {inner}" if inner else f"{name} is {one} and {other}"
    return ""


_HITS: dict[str, Callable[..., Hit | None]] = {
    "iou": IoUHit,
    "center": CenterInBoxHit,
    "distance": CenterDistanceHit,
    "radius": RadiusHit,
    "mask": lambda: None,
}


def _hit_values(hit: Hit | None) -> dict[str, Any]:
    """The word of a hit rule, and its parameters; of a rule of another package the path of its class."""
    if hit is None:
        return {"rule": "mask"}
    word = next((word for word, kind in _HITS.items() if kind is type(hit)), f"{type(hit).__module__}.{type(hit).__qualname__}")
    return {"rule": word} | ({part.name: getattr(hit, part.name) for part in fields(hit) if part.init} if is_dataclass(hit) else {})
