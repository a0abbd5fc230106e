from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from monai.inferers import Inferer
from torch import Tensor

from medtk_monai.anchors.layout import coarsest_stride, per_axis
from medtk_monai.detectors import Postprocessor
from medtk_monai.inferers.windows import plan_windows
from medtk_monai.reflection import read_reflected
from medtk_monai.structures import DenseOutput, Detections


class WindowedInferer(Inferer):
    """Detects in whole images, window by window.

    Every window carries a margin of context, reflected at the image border, and only the priors of its core vote. Nothing is blended:
    memory is one batch of windows. With a margin of at least the network's receptive field and no normalization over space, the result
    does not depend on the windows.

    Args:
        postprocessor: decodes and merges.
        window_size: largest window, voxels; one value or one per axis.
        margin: context around the core of a window, voxels; one value or one per axis.
        batch_size: windows at once.
        stride: coarsest stride of the network, which windows are aligned to; that of the coarsest priors if None.
        device: where the network is, if not where the images are.
    """

    def __init__(
        self,
        postprocessor: Postprocessor,
        window_size: int | Sequence[int],
        margin: int | Sequence[int] = 16,
        batch_size: int = 1,
        stride: int | Sequence[int] | None = None,
        device: torch.device | str | None = None,
    ):
        super().__init__()
        self.postprocessor, self.window_size, self.margin = postprocessor, window_size, margin
        self.batch_size, self.stride, self.device = batch_size, stride, device

    def __call__(self, inputs: Tensor, network: Callable[..., DenseOutput], *args, **kwargs) -> list[Detections]:
        """(B, C, *spatial) images of any size and a network -> the detections of each image, on its device."""
        with torch.no_grad():
            return [self._one_image(image, network) for image in inputs]

    def _one_image(self, image: Tensor, network: Callable[..., DenseOutput]) -> Detections:
        size = tuple(image.shape[1:])
        stride = self._coarsest_stride(len(size))
        window_size, margin = (tuple(map(int, per_axis(v, len(size)))) for v in (self.window_size, self.margin))
        windows, extent = plan_windows(size, window_size, margin, stride)
        found: list[Detections] = []
        for start in range(0, len(windows), self.batch_size):
            batch = windows[start : start + self.batch_size]
            patches = torch.stack([read_reflected(image, w.origin, extent) for w in batch]).to(self.device or image.device)
            found.extend(part.to(image.device) for part in self.postprocessor.candidates(network(patches), batch))
        return self.postprocessor.merge(found, size)

    def _coarsest_stride(self, spatial_dims: int) -> tuple[int, ...]:
        given = self.postprocessor.generator.strides if self.stride is None else [self.stride]
        return coarsest_stride(given, spatial_dims)
