"""The bundle with values that make it small."""

from pathlib import Path

from monai.bundle import ConfigWorkflow

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "bundles" / "aneurysm"
TRAIN, EVALUATE, MULTI_GPU = (str(BUNDLE / name) for name in ("train.json", "evaluate.json", "multi_gpu.json"))
SMALL = {
    "device": "cpu", "cache_workers": 0, "max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "patch_size": 32, "window_size": 96, "margin": 16,
    "backbone::channels": [4, 4, 8], "channels": 8,
}  # fmt: skip


def workflow(config, kind, folder, out, **overrides):
    values = {**SMALL, "dataset_dir": str(folder), "output_dir": str(out), **overrides}
    return ConfigWorkflow(config, workflow_type=kind, logging_file=False, **values)


def run(config, run_id, folder, out, **overrides):
    flow = workflow(config, "train", folder, out, run_id=run_id, **overrides)
    flow.initialize()
    flow.run()
    return flow
