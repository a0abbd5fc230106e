"""The names that a bundle's configuration has for its parts and for values within them: no other room of the package spells them."""

from __future__ import annotations

# The detector.
NETWORK, CRITERION, POSTPROCESSOR, SUPPRESSOR = "network_def", "dense_criterion", "dense_postprocessor", "suppressor"
NETWORK_ON_DEVICE, PRECISION = "network_on_device", "network_dtype"
STRIDES, COARSEST_STRIDE = "strides", "coarsest_stride"
PREPROCESSING, TRANSFORMS = "preprocessing", "preprocessing::transforms"
STAGE_CHANNELS, STAGE_STRIDES, STAGE_BLOCKS, LEVELS = "backbone::channels", "backbone::strides", "backbone::blocks", "neck::levels"
HEAD, HEADS = "head", "heads"
IGNORE_NEAR = ("heads::anchor::assigner::ignore_near", "heads::point::assigner::ignore_near")
BOX_WEIGHT, QUALITY = "dense_criterion::box_weight", "dense_criterion::quality"

# Inference.
INFERER, LABEL_PAIRS, MERGE_IOU, CLASS_NAMES = "validate::inferer", "label_pairs", "merge_iou", "class_names"
SCORE_THRESHOLD, MAX_DETECTIONS = "dense_postprocessor::score_threshold", "dense_postprocessor::max_detections"
INFERENCE = (NETWORK, PREPROCESSING, INFERER, PRECISION, LABEL_PAIRS)
"""What prediction takes from a bundle; the IoU at which views merge, and the names of classes besides, if the bundle tells them."""
EXPORT = (NETWORK, "in_channels", "spatial_dims", COARSEST_STRIDE)
"""What an export takes."""
GENERATOR, ASSIGNER = "dense_criterion::generator", "dense_criterion::assigner"
ERRORS = (PREPROCESSING, INFERER, ASSIGNER, "patch_size")
"""What an analysis of errors takes."""
MATCHES = (GENERATOR, ASSIGNER, "patch_size")
"""What tells which priors learn an object."""

# Training.
TRAINING_SET, OVERHANG, RANGES = "train::dataset", "train::patches::sampling::overhang", "train::patches::ranges"

# Groups of plain values.
OF_OBJECTS = ("num_classes", "label_map_kind", "min_volume_mm3", "max_volume_mm3")
"""Which objects count."""
OF_DATA = ("datalist", "dataset_dir")
"""Where the cases are."""
OF_A_RUN = ("output_dir", "resume", "eval_split", "fast_dev_run", "overfit", "run_dir")
"""What a run is, and where it writes."""
OF_THIS_MACHINE = ("loader_threads", "cache_dir", "cache_device_gb", "cache_host_gb", "cache_workers")
"""Values of a training that may differ between machines."""
OF_THIS_DEVICE = ("device", "precision", "window_batch_size")
"""Values of an inference that may differ between machines."""


def head_named(word: str) -> str:
    """The value of ``HEAD`` that chooses a head of a table."""
    return f"%{HEADS}::{word}"
