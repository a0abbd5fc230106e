from __future__ import annotations

import torch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_precision(precision: str, device: torch.device | str) -> torch.dtype:
    """The type in which a network's convolutions compute.

    Args:
        precision: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``: bfloat16 where the device multiplies it faster
            (GPUs since Ampere, CPUs with AMX or AVX512-BF16), else float32.
        device: the network's.

    Raises:
        ValueError: an unknown name.
    """
    if precision == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(torch.device(device).type) else torch.float32
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}: give 'auto' or one of {', '.join(PRECISIONS)}")
    return PRECISIONS[precision]


def _multiplies_bfloat16(device_type: str) -> bool:
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device_type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
