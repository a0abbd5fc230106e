"""The newcomer's page: every command of docs/your_own_data.md, one after the other, on a small set."""

import ast
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from monai.bundle import ConfigWorkflow

from medtk_monai.cli.main import main
from tests.bundles.running import BUNDLE

PAGE = Path(__file__).parents[2] / "docs" / "your_own_data.md"
SMALL = {"max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "batch_size": 2, "cache_workers": 0, "device": "cpu"}
QUICK = {
    "fingerprint": ["--num_workers", "1"],
    "check": ["--num_workers", "1"],
    "new": ["--num_workers", "1", "--device", "cpu"],
    "sweep": ["--suppressors", "nms", "--iou", "0.1,0.2", "--bootstraps", "10", "--device", "cpu"],
    "predict": ["--formats", "json", "--device", "cpu"],
    "evaluate": ["--bootstraps", "10"],
    "report": ["--bootstraps", "10"],
}
"""What is added to keep the test short; nothing is changed."""


def train(config):
    flow = ConfigWorkflow(config, workflow_type="train", logging_file=False, run_id="training", **SMALL)
    flow.initialize()
    flow.run()


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.strip().splitlines()]


@pytest.fixture
def data(phantom, tmp_path, monkeypatch):
    """A folder with images and masks, beside the bundle as in a clone."""
    shutil.copytree(phantom(3) / "images", tmp_path / "data" / "images")
    shutil.copytree(phantom(3) / "label_maps", tmp_path / "data" / "masks")
    shutil.copytree(BUNDLE, tmp_path / "bundles" / "aneurysm")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("quiet_hooks")
def test_every_command_does_what_the_page_says(data, monkeypatch):
    done = commands()
    assert {words[1] for words in done if words[0] == "medtk"} >= set(QUICK) | {"import", "audit"}
    for words in done:
        if words[0] == "medtk":
            monkeypatch.setattr(sys, "argv", [*words, *QUICK.get(words[1], [])])
            main()
        else:
            assert words[:5] == ["python", "-m", "monai.bundle", "run", "training"] and words[5] == "--config_file" and len(words) == 7
            train(ast.literal_eval(words[6]))
    made = ["checked.json", "fingerprint.png"]
    assert all((data / "data" / name).is_file() for name in made)
    assert (data / "bundles" / "lesions" / "plan.md").is_file() and (data / "report.html").stat().st_size > 10_000
    assert (data / "evaluation" / "metrics.json").is_file() and len(list((data / "new_findings").glob("*/predictions.json"))) == 9
