from __future__ import annotations

import os

from monai.utils import set_determinism


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seed all global random number generators.

    Args:
        seed: 0 or above.
        deterministic: let torch use algorithms that give the same bits in each run on a GPU as well, and fail where there are none.
            Some are slower.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS cannot; read when it starts
    set_determinism(seed=seed, use_deterministic_algorithms=deterministic)
