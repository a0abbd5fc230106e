from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from medtk_monai.inferers.views import View
from medtk_monai.inferers.windowed_inferer import WindowedInferer
from medtk_monai.structures import Detections
from medtk_monai.suppressors import WeightedBoxClustering


class NetworkEnsemble(nn.Module):
    """Networks of one kind, from several trainings or folds, whose findings are to be merged.

    Args:
        members: at least one.

    Raises:
        ValueError: no member.
    """

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__()
        if not members:
            raise ValueError("an ensemble needs at least one network")
        self.members = nn.ModuleList(members)


class MultiViewInferer(Inferer):
    """Detects in several views of an image, with one network or an ensemble of them, and merges what they find.

    All that the views find of one object becomes one detection by weighted box clustering (Jaeger et al., Retina U-Net, ML4H 2019): an
    object that few of them see scores less. With one view and one network it is the windowed inferer itself.

    Args:
        inferer: for one view and one network.
        views: of each image, see ``mirror_views``.
        iou: with the best of an object's detections above which another is of the same object.
        label_pairs: classes, such as left and right, that become each other in a mirror image.
    """

    def __init__(
        self, inferer: WindowedInferer, views: Sequence[View] = (View(),), iou: float = 0.2, label_pairs: Sequence[Sequence[int]] = ()
    ):
        super().__init__()
        if not views:
            raise ValueError("there must be at least one view; View() is the image as it is")
        self.inferer, self.views, self.iou, self.label_pairs = inferer, tuple(views), iou, label_pairs

    def __call__(
        self, inputs: Tensor, network: Callable | NetworkEnsemble, foreground: Tensor | None = None, *args, **kwargs
    ) -> list[Detections]:
        """(B, C, *spatial) images and a network or an ensemble -> the detections of each image; see WindowedInferer."""
        parts = self.look(inputs, network, foreground)
        limit = self.inferer.postprocessor.max_detections
        return [merge_views(found, self.iou, limit) for found in zip(*parts)]

    def look(self, inputs: Tensor, network: Callable | NetworkEnsemble, foreground: Tensor | None = None) -> list[list[Detections]]:
        """What each view and each network finds, unmerged: one list for each of them, with the detections of each image."""
        networks = list(network.members) if isinstance(network, NetworkEnsemble) else [network]
        if foreground is not None:
            foreground = foreground.reshape(len(inputs), *inputs.shape[2:])
        return [self._one_view(inputs, view, member, foreground) for view in self.views for member in networks]

    def _one_view(self, images: Tensor, view: View, network: Callable, foreground: Tensor | None) -> list[Detections]:
        size, generator = tuple(images.shape[2:]), self.inferer.postprocessor.generator
        shown = view.show(images) if view != View() else images
        mask = None if foreground is None else view.show_mask(foreground)
        found = self.inferer(shown, network, mask)
        with torch.no_grad():
            return [view.bring_back(part, size, generator, self.label_pairs) for part in found]


def merge_views(parts: Sequence[Detections], iou: float, max_detections: int) -> Detections:
    """What several views found in one image -> its detections; those of a single view as they are.

    Args:
        iou: see ``MultiViewInferer``.
    """
    if len(parts) == 1:
        return parts[0]
    return WeightedBoxClustering(iou, num_views=len(parts))(Detections.cat(parts))[:max_detections]
