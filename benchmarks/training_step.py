"""What the criterion costs of a training step of the bundle's network: python -m benchmarks.training_step [--device cuda] [--out FILE]."""

from __future__ import annotations

from pathlib import Path

import fire
import torch
from monai.bundle import ConfigParser

from benchmarks.timing import report, time_in_turns
from medtk_monai.structures import Target

TRAIN = Path(__file__).parents[1] / "bundles" / "aneurysm" / "train.json"


def main(device: str = "cpu", out: str | None = None, repeats: int = 25, overlay: str | None = None) -> None:
    """Prints the milliseconds of a step, those of its criterion, and their ratio."""
    place = torch.device(device)
    parser = ConfigParser()
    parser.read_config([str(TRAIN), overlay] if overlay else str(TRAIN))
    parser.update({"device": place})
    network, criterion = parser.get_parsed_content("network").train(), parser.get_parsed_content("criterion")
    optimizer, precision = parser.get_parsed_content("optimizer"), parser.get_parsed_content("network_dtype")
    side, batch = parser.get_parsed_content("patch_size"), parser.get_parsed_content("batch_size")
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 1, side, side, side, generator=generator).to(place, memory_format=torch.channels_last_3d)
    targets = []
    for index in range(batch):
        lower = torch.rand(int(index % 3 != 2), 3, generator=generator) * (side - 8)
        flags = torch.zeros(len(lower), dtype=torch.int64)
        targets.append(Target(torch.cat([lower, lower + 6], dim=1), flags, flags.bool()).to(place))

    def forward():
        with torch.autocast(place.type, dtype=precision, enabled=precision != torch.float32):
            return network(images)

    def step():
        optimizer.zero_grad(set_to_none=True)
        sum(criterion(forward(), targets).values()).backward()
        optimizer.step()

    output = forward()
    seconds = time_in_turns({"step": step, "criterion": lambda: criterion(output, targets)}, place, repeats, budget_s=60)
    share = seconds["criterion"] / seconds["step"]
    report([{"step_ms": 1e3 * seconds["step"], "criterion_ms": 1e3 * seconds["criterion"], "share": share}], place, out)


if __name__ == "__main__":
    fire.Fire(main)
