from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from medtk_monai.anchors import PriorGenerator, place_in_window
from medtk_monai.box_ops import box_sizes, clip_boxes
from medtk_monai.coders import BoxCoder
from medtk_monai.detectors.fit import check_fit
from medtk_monai.errors import DataError
from medtk_monai.scores import exact_scores, narrowed, ranked_by, score_and_miss
from medtk_monai.structures import DenseOutput, Detections, Priors, Window
from medtk_monai.suppressors import Suppressor


class Postprocessor:
    """Turns a network's maps into detections: threshold, best ``top_k``, decode, clip to the image, suppression.

    A score is the probability of the class, or with a quality branch the geometric mean of both.

    Args:
        generator, coder: as in training.
        suppressor: leaves one candidate per object.
        score_threshold: candidates score more than this, in [0, 1).
        top_k: candidates of an image that enter suppression at most.
        max_detections: of an image.
    """

    def __init__(
        self,
        generator: PriorGenerator,
        coder: BoxCoder,
        suppressor: Suppressor,
        score_threshold: float = 0.02,
        top_k: int = 1000,
        max_detections: int = 100,
    ):
        if not 0 <= score_threshold < 1:
            raise ValueError(f"score_threshold is {score_threshold}: it must lie in [0, 1)")
        if not callable(suppressor):
            raise ValueError(f"suppressor is {suppressor!r}: give one of medtk_monai.suppressors")
        self.generator, self.coder, self.suppressor = generator, coder, suppressor
        self.score_threshold, self.top_k, self.max_detections = score_threshold, top_k, max_detections

    def __call__(self, output: DenseOutput, image_size: Sequence[int]) -> list[Detections]:
        """The output for B whole images of ``image_size`` voxels -> their detections."""
        windows = [Window.whole(image_size)] * len(output.logits[0])
        return [self.merge([found], image_size) for found in self.candidates(output, windows)]

    def candidates(self, output: DenseOutput, windows: Sequence[Window]) -> list[Detections]:
        """The output for B windows -> decoded candidates of each window's core, in voxels of the whole image; scores are float64.

        Raises:
            DataError: the maps are not those that the priors are laid for.
        """
        check_fit(output, self.generator)
        logits, deltas = output.flatten()
        quality = output.flat_quality()
        scores, misses = score_and_miss(logits, None if quality is None else quality[..., None])
        places = {w: place_in_window(self.generator, output.feature_sizes, w, logits.device) for w in set(windows)}
        return [self._window_candidates((s, m), d, *places[w]) for s, m, d, w in zip(scores, misses, deltas, windows)]

    def merge(self, parts: Sequence[Detections], image_size: Sequence[int]) -> Detections:
        """Candidates of all windows of one image -> its detections, best first; equal scores rank by prior id.

        Raises:
            DataError: the network has given NaN.
        """
        found = Detections.cat(parts)
        check_finite(found)
        found = found[found.prior_ids.argsort(stable=True)]
        found = found[found.scores.argsort(descending=True, stable=True)[: self.top_k]]
        boxes = clip_boxes(found.boxes, tuple(image_size))
        found = Detections(boxes, narrowed(found.scores), found.labels, found.prior_ids)
        found = found[(box_sizes(boxes) > 0).all(dim=1)]
        return self.suppressor(found)[: self.max_detections]

    def _window_candidates(self, given: tuple[Tensor, Tensor], deltas: Tensor, priors: Priors, positions: Tensor) -> Detections:
        num_classes, (scores, miss) = given[0].shape[1], (part[positions].flatten() for part in given)
        # NaN, which is not above any number, must not pass for nothing found: it ranks first, and is told where windows are merged.
        scores = torch.where(scores <= self.score_threshold, 0.0, scores)
        best = ranked_by(scores, miss).topk(min(self.top_k, len(scores)))
        index = best.indices[best.values != 0]
        rows, labels = index // num_classes, index % num_classes
        boxes = self.coder.decode(priors[rows], deltas[positions[rows]])
        return Detections(boxes, exact_scores(scores[index], 1 - miss[index].double()), labels, priors.ids[rows])


def check_finite(found: Detections) -> None:
    """Refuse candidates whose score or box is NaN or infinite.

    Raises:
        DataError: there are such.
    """
    finite = found.scores.isfinite() & found.boxes.isfinite().all(dim=1)
    if not bool(finite.all()):
        what = f"the network gives values that are no numbers (NaN) for {int((~finite).sum())} of {len(found)} candidates"
        raise DataError(what, remedy="its weights are broken, or the image or --precision overflows: try --precision float32")
