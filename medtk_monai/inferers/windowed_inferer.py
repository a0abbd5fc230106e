from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from medtk_monai.anchors.layout import coarsest_stride, per_axis
from medtk_monai.detectors import Postprocessor, TwoStagePostprocessor
from medtk_monai.errors import DataError
from medtk_monai.inferers.memory import run_within_memory
from medtk_monai.inferers.windows import plan_windows
from medtk_monai.reflection import check_padding_mode, read_region
from medtk_monai.structures import DenseOutput, Detections, TwoStageOutput, Window

Network = Callable[..., DenseOutput | TwoStageOutput]


class WindowedInferer(Inferer):
    """Detects in whole images, window by window.

    Every window carries a margin of context, reflected at the image border or filled with zeros, and only the priors of its core vote.
    Nothing is blended: on the device there is one batch of windows, in main memory the image and its candidates. With a margin of at
    least the network's receptive field and no normalization over space, the result does not depend on the windows. When a GPU runs out
    of memory, batches are halved; when one window is too much for it, the rest is done on the CPU.

    Args:
        postprocessor: decodes and merges.
        window_size: largest window, voxels; one value or one per axis.
        margin: context around the core of a window, voxels; one value or one per axis.
        batch_size: windows at once.
        stride: coarsest stride of the network, which windows are aligned to; that of the coarsest priors if None.
        device: where windows go; None for where the network is, or the images if it is no module.
        foreground_threshold: windows whose core has no voxel above it are left out; None for all windows.
        padding_mode: what lies beyond the image, "reflect" or "zeros"; as in training.

    Raises:
        ValueError: no such padding.
    """

    def __init__(
        self,
        postprocessor: Postprocessor | TwoStagePostprocessor,
        window_size: int | Sequence[int],
        margin: int | Sequence[int] = 16,
        batch_size: int = 1,
        stride: int | Sequence[int] | None = None,
        device: torch.device | str | None = None,
        foreground_threshold: float | None = None,
        padding_mode: str = "reflect",
    ):
        super().__init__()
        self.postprocessor, self.window_size, self.margin = postprocessor, window_size, margin
        self.batch_size, self.stride, self.device = batch_size, stride, device
        self.foreground_threshold, self.padding_mode = foreground_threshold, check_padding_mode(padding_mode)

    def __call__(self, inputs: Tensor, network: Network, foreground: Tensor | None = None, *args, **kwargs) -> list[Detections]:
        """Images of any size and a network -> the detections of each image, on its device.

        Args:
            inputs: (B, C, *spatial).
            foreground: (B, *spatial) or (B, 1, *spatial) mask; windows whose core it leaves empty are left out.
        """
        masks = [None] * len(inputs) if foreground is None else foreground.reshape(len(inputs), *inputs.shape[2:])
        with torch.no_grad():
            return [self._one_image(image, network, mask) for image, mask in zip(inputs, masks)]

    def plan(self, image_size: Sequence[int]) -> tuple[list[Window], tuple[int, ...]]:
        """The windows of an image of ``image_size`` voxels, and the size of each.

        Raises:
            DataError: windows have no core between their margins, or their stride is not made of whole cells of the priors.
        """
        dims = len(image_size)
        window_size, margin = (tuple(map(int, per_axis(v, dims))) for v in (self.window_size, self.margin))
        whole = coarsest_stride(self.postprocessor.generator.strides, dims)
        stride = whole if self.stride is None else tuple(map(int, per_axis(self.stride, dims)))
        if min(stride) < 1 or any(given % cell for given, cell in zip(stride, whole)):
            raise DataError(
                f"windows are aligned to {stride} voxels, and cells of priors to {whole}", remedy="give a multiple of the latter"
            )
        if min(margin) < 0:
            raise DataError(f"the margin of windows is {margin}", remedy="give at least 0")
        return plan_windows(image_size, window_size, margin, stride)

    def _one_image(self, image: Tensor, network: Network, mask: Tensor | None) -> Detections:
        size = tuple(image.shape[1:])
        windows, extent = self.plan(size)
        windows = [window for window in windows if self._is_foreground(window, image, mask)]

        def detect(batch: Sequence[Window], device: torch.device) -> list[Detections]:
            parts = [read_region(image, window.origin, extent, self.padding_mode)[None] for window in batch]
            patches = (parts[0] if len(parts) == 1 else torch.cat(parts)).to(device)
            return [part.to(image.device) for part in self.postprocessor.candidates(network(patches), batch)]  # type: ignore[arg-type]

        found = run_within_memory(detect, windows, self.batch_size, self._device(network, image), network)
        return self.postprocessor.merge([_nothing(len(size), image.device), *found], size)

    def _device(self, network: Network, image: Tensor) -> torch.device:
        if self.device is not None:
            return torch.device(self.device)
        weights = next(network.parameters(), image) if isinstance(network, nn.Module) else image
        return weights.device

    def _is_foreground(self, window: Window, image: Tensor, mask: Tensor | None) -> bool:
        core = tuple(slice(low, high) for low, high in zip(window.core_min, window.core_max))
        if mask is not None and not mask[core].any():
            return False
        return self.foreground_threshold is None or bool((image[(slice(None), *core)] > self.foreground_threshold).any())


def _nothing(dims: int, device: torch.device) -> Detections:
    none = torch.zeros(0, dtype=torch.int64, device=device)
    return Detections(torch.zeros(0, 2 * dims, device=device), torch.zeros(0, device=device), none, none)
