"""What lets MONAI's SupervisedTrainer and SupervisedEvaluator run a detector."""

from medtk_monai.engines.determinism import seed_everything
from medtk_monai.engines.devices import check_device, device_kind
from medtk_monai.engines.precision import resolve_precision
from medtk_monai.engines.processes import Processes, first_alone, join_processes, leave_processes
from medtk_monai.engines.schedules import warmup_cosine_schedule, warmup_poly_schedule
from medtk_monai.engines.steps import EvaluateStep, TrainStep, memory_order, prepare_batch

__all__ = [
    "EvaluateStep",
    "Processes",
    "TrainStep",
    "check_device",
    "device_kind",
    "first_alone",
    "join_processes",
    "leave_processes",
    "memory_order",
    "prepare_batch",
    "resolve_precision",
    "seed_everything",
    "warmup_cosine_schedule",
    "warmup_poly_schedule",
]
