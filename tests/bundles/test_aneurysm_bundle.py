"""The bundle as its users run it, on very little data."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from itertools import product

import nibabel as nib
import numpy as np
import pytest
import torch
from ignite.engine import Events
from monai.bundle import ConfigParser, ConfigWorkflow
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medtk_monai.bundle.choices import FORMER
from medtk_monai.errors import find_data_error
from tests.bundles.running import BUNDLE, EVALUATE, MULTI_GPU, SMALL, TRAIN, run, workflow
from tests.processes import free_port, run_module, run_program

pytestmark = pytest.mark.usefixtures("quiet_hooks")


def train(config, folder, out, **overrides):
    """The losses of each step."""
    flow, losses = workflow(config, "train", folder, out, **overrides), []
    flow.initialize()
    trainer = flow.parser.get_parsed_content("train::trainer")
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output))
    flow.run()
    return losses


IMAGES = [f"validation/{name}" for name in ("froc", "precision_recall", "scores", "sizes", "errors")]


def images_told(folder):
    """The steps of each image in TensorBoard files."""
    events = [EventAccumulator(str(path), size_guidance={"images": 0}).Reload() for path in folder.iterdir()]
    told = [(name, event.step) for part in events for name in part.Tags()["images"] for event in part.Images(name)]
    return {name: sorted(step for other, step in told if other == name) for name, _ in told}


def test_every_property_of_a_training_bundle_is_there(phantom, tmp_path):
    flow = workflow(TRAIN, "train", phantom(3), tmp_path)
    flow.initialize()
    assert flow.check_properties() == []


OVERLAYS = sorted((BUNDLE / "heads").glob("*.json"))


@pytest.mark.parametrize("number, overlay", enumerate(OVERLAYS), ids=[path.stem for path in OVERLAYS])
def test_every_head_trains_reproducibly_and_evaluates(phantom, tmp_path, number, overlay):
    dims = 2 + number % 2
    losses = [train([TRAIN, str(overlay)], phantom(dims), tmp_path, spatial_dims=dims) for _ in range(2)]
    assert losses[0] == losses[1] and losses[0]
    assert {"best.pt", "last.pt", "tensorboard"} <= {p.name for p in tmp_path.iterdir()}
    assert images_told(tmp_path / "tensorboard") == dict.fromkeys(IMAGES, [1, 1])  # of two trainings
    run([TRAIN, str(overlay), EVALUATE], "evaluating", phantom(dims), tmp_path, spatial_dims=dims)
    predictions = json.loads((tmp_path / "predictions.json").read_text())["cases"]
    test_cases = json.loads((phantom(dims) / "datalist.json").read_text())["test"]
    assert [case["case_id"] for case in predictions] == [case["case_id"] for case in test_cases]
    assert all(case["space"] == "RAS" and len(case["direction"]) == dims for case in predictions)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["num_cases"] == len(test_cases) and metrics["hit"] == "iou>=0.1"
    assert metrics["froc"]["fp_per_case"] == [0.125, 0.25, 0.5, 1, 2, 4, 8]
    for name in ("froc.csv", "froc.png", "preview.png"):
        assert (tmp_path / name).stat().st_size > 0


def train_in_a_child(folder, out, log, kill_at=None, sent=signal.SIGKILL, **overrides):
    """A training in a process of its own, which notes the loss of each step and may get a signal at one."""

    def child():
        torch.set_num_threads(1)  # threads do not survive a fork
        flow = workflow(TRAIN, "train", folder, out, max_epochs=2, samples_per_case=2, batch_size=2, **overrides)
        flow.initialize()
        trainer = flow.parser.get_parsed_content("train::trainer")

        @trainer.on(Events.ITERATION_COMPLETED)
        def note(engine):
            with log.open("a") as file:
                file.write(f"{engine.state.iteration} {float(engine.state.output['loss']).hex()}\n")
            if engine.state.iteration == kill_at:
                os.kill(os.getpid(), sent)

        flow.run()

    return run_program(child).returncode


def test_a_killed_training_goes_on_as_if_nothing_had_happened(phantom, tmp_path):
    assert train_in_a_child(phantom(3), tmp_path / "whole", tmp_path / "whole.log") == 0
    expected = (tmp_path / "whole.log").read_text().splitlines()
    per_epoch = len(expected) // 2
    kill_at = per_epoch + random.randint(1, per_epoch)
    assert train_in_a_child(phantom(3), tmp_path / "parts", tmp_path / "killed.log", kill_at) == -signal.SIGKILL
    assert train_in_a_child(phantom(3), tmp_path / "parts", tmp_path / "resumed.log", resume="auto") == 0
    killed, resumed = ((tmp_path / name).read_text().splitlines() for name in ("killed.log", "resumed.log"))
    assert killed == expected[:kill_at] and resumed == expected[per_epoch:]
    # One that is asked to stop ends the step that it is in, the next one here.
    assert train_in_a_child(phantom(3), tmp_path / "asked", tmp_path / "stopped.log", per_epoch // 2, signal.SIGTERM) == 143
    assert train_in_a_child(phantom(3), tmp_path / "asked", tmp_path / "went_on.log", resume="auto") == 0
    stopped, went_on = ((tmp_path / name).read_text().splitlines() for name in ("stopped.log", "went_on.log"))
    assert stopped == expected[: per_epoch // 2] and went_on == expected[per_epoch // 2 + 1 :]
    for name, run_name in product(("last.pt", "best.pt"), ("parts", "asked")):
        whole, parts = (torch.load(tmp_path / run / name, weights_only=True) for run in ("whole", run_name))
        assert whole["progress"]["best_metric"] == parts["progress"]["best_metric"]
        assert whole["progress"]["epoch"] == parts["progress"]["epoch"]
        assert all(torch.equal(whole["network"][key], parts["network"][key]) for key in whole["network"])


SWITCHES = {
    "fast_dev_run": {"fast_dev_run": True, "max_epochs": 50},
    "overfit": {"overfit": 2, "spatial_dims": 2},
    "fold": {"folds": 3, "fold": 2, "spatial_dims": 2},
    "average": {"ema_momentum": 0.1, "batch_size": 2, "spatial_dims": 2},
    "poly": {"optimizer_name": "sgd", "schedule": "poly", "learning_rate": 0.01, "max_gradient_norm": 10.0, "spatial_dims": 2},
    "early_stop": {"early_stop_patience": 1, "max_epochs": 9, "learning_rate": 0.0, "spatial_dims": 2},
    "augmentation_ramp": {"augmentation_ramp": 2, "train::patches::ranges::rotation": 20, "spatial_dims": 2},
    "float16": {"precision": "float16", "batch_size": 1, "max_epochs": 4, "spatial_dims": 2},
    "deterministic": {"deterministic": True, "spatial_dims": 2},
}


@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step")  # float16 leaves out its first steps
@pytest.mark.parametrize("switch", SWITCHES)
def test_switches_of_training_do_what_they_say(phantom, tmp_path, switch):
    overrides = SWITCHES[switch]
    flow = run(TRAIN, "run", phantom(overrides.get("spatial_dims", 3)), tmp_path, **overrides)
    get = flow.parser.get_parsed_content
    folder = tmp_path / {"fast_dev_run": "fast_dev_run", "overfit": "overfit"}.get(switch, "")
    assert (folder / "best.pt").exists() and (folder == tmp_path or not (tmp_path / "last.pt").exists())
    capsule = json.loads((folder / "run.json").read_text())
    numbers = {name: part["num_cases"] for name, part in capsule["data"].items()}
    expected = {
        "fast_dev_run": {"training": 2, "validation": 1},
        "overfit": {"training": 2, "validation": 2},
        "fold": {"training": 5, "validation": 2},
    }
    assert numbers == expected.get(switch, {"training": 6, "validation": 1}), "of nine phantoms, two are for testing"
    assert len(capsule["epochs"]) == {"early_stop": 2, "float16": 4}.get(switch, 1)
    assert capsule["config"]["seed"] == 0 and all(
        capsule["config"][FORMER.get(name, name)] == value for name, value in overrides.items() if ":" not in name
    )
    if switch == "fast_dev_run":
        assert capsule["epochs"][0]["steps"] <= 2
    if switch == "average":
        content = torch.load(tmp_path / "best.pt", weights_only=True)
        assert any(not torch.equal(content["network"][key], value) for key, value in content["average"]["network"].items())
        evaluation = run([TRAIN, EVALUATE], "evaluating", phantom(2), tmp_path, **overrides)
        used = evaluation.parser.get_parsed_content("validate::evaluator").network.state_dict()
        assert all(torch.equal(used[key], value) for key, value in content["average"]["network"].items())
        assert get("validate::evaluator").network is get("averaged").network is not get("network")
    if switch == "poly":
        assert isinstance(get("optimizer"), torch.optim.SGD) and get("optimizer").param_groups[0]["lr"] < 0.01
        assert get("train::trainer")._process_function.max_norm == 10
    if switch == "augmentation_ramp":
        assert [get("train::dataloader").strength(epoch) for epoch in range(3)] == [0, 0.5, 1]
    if switch == "float16":
        trained = torch.load(tmp_path / "last.pt", weights_only=True)
        assert trained["scaler"]["scale"] < 2**16 and any(state["step"] > 0 for state in trained["optimizer"]["state"].values())
    assert torch.are_deterministic_algorithms_enabled() == (switch == "deterministic")
    torch.use_deterministic_algorithms(False)


def test_two_processes_train_one_network_and_validate_each_case_once(phantom, tmp_path):
    """As torchrun starts them, on the CPU."""
    context, port = multiprocessing.get_context("fork"), free_port()

    def child(rank):
        torch.set_num_threads(1)
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        changes = {"device_type": "cpu", "spatial_dims": 2, "overfit": 3, "ema_momentum": 0.1, "max_epochs": 2, "batch_size": 1}
        values = {key: value for key, value in SMALL.items() if key != "device"} | changes
        flow = ConfigWorkflow(
            [TRAIN, MULTI_GPU], workflow_type="train", logging_file=False, dataset_dir=str(phantom(2)), output_dir=str(tmp_path), **values
        )
        flow.initialize()
        flow.run()
        get = flow.parser.get_parsed_content
        state = {
            "cases": [case["case_id"] for case in get("validate::cases")],
            "validated": len(get("validate::metrics").state),
            "metrics": get("validate::evaluator").state.metrics,
            "steps": get("train::trainer").state.iteration,
            "samples": [sample for batch in get("train::dataloader") for sample in batch["image"].flatten(1).sum(dim=1).tolist()],
            "weights": get("network_def").state_dict(),
            "average": get("averaged").network.state_dict(),
        }
        torch.save(state, tmp_path / f"{rank}.pt")
        flow.finalize()

    phantom(2)
    children = [context.Process(target=child, args=(rank,)) for rank in range(2)]
    for process in children:
        process.start()
    for process in children:
        process.join()
    assert [process.exitcode for process in children] == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert len(first["cases"]) == 2 and len(second["cases"]) == 1 and not set(first["cases"]) & set(second["cases"])
    assert first["validated"] == second["validated"] == 3
    assert first["metrics"] == second["metrics"]
    assert first["steps"] == second["steps"] == 2  # of three samples in two epochs, one each
    assert first["samples"] != second["samples"]
    for name in ("weights", "average"):
        assert all(torch.equal(value, second[name][key]) for key, value in first[name].items()), name
    capsule = json.loads((tmp_path / "overfit/run.json").read_text())
    assert capsule["processes"] == 2 and capsule["data"]["validation"]["num_cases"] == 3
    assert images_told(tmp_path / "overfit/tensorboard") == dict.fromkeys(IMAGES, [1, 2]), "one process writes"
    content = torch.load(tmp_path / "overfit/last.pt", weights_only=True)
    assert len(content["progress"]["random"]) == 2
    assert all(torch.equal(content["network"][key], value) for key, value in first["weights"].items())


@pytest.mark.slow
def test_torchrun_trains(phantom, tmp_path):
    config = f"['{TRAIN}','{MULTI_GPU}']"
    small = [word for key, value in SMALL.items() if key != "device" for word in (f"--{key}", str(value))]
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "-m", "monai.bundle", "run", "training"]
    words += ["--config_file", config, *small, "--phantom_cases", "6", "--output_dir", "out"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/1 | loss") == 1
    assert len({path.name.split(".")[-2] for path in (tmp_path / "out/tensorboard").iterdir()}) == 1, "one process writes"


@pytest.mark.parametrize("argument", ["head", "schedule", "optimizer_name", "optimizer", "lr_scheduler"])
def test_unknown_choices_take_one_line(phantom, tmp_path, argument):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run(TRAIN, "run", phantom(2), tmp_path, spatial_dims=2, **{argument: "other"})
    assert f"--{argument} 'other' is not known" in str(find_data_error(caught.value))


def test_the_last_epoch_is_validated_whatever_the_interval(phantom, tmp_path):
    flow, validated = workflow(TRAIN, "train", phantom(2), tmp_path, spatial_dims=2, max_epochs=3, val_interval=2), []
    flow.initialize()
    trainer, evaluator = (flow.parser.get_parsed_content(name) for name in ("train::trainer", "validate::evaluator"))
    evaluator.add_event_handler(Events.STARTED, lambda: validated.append(trainer.state.epoch))
    flow.run()
    assert validated == [2, 3]
    assert torch.load(tmp_path / "last.pt", weights_only=True)["early_stop"]["best"] is None


def test_the_last_fifth_is_normalized_as_inference_is(phantom, tmp_path):
    flow = workflow(TRAIN, "train", phantom(2), tmp_path, spatial_dims=2)
    flow.initialize()
    assert flow.parser.get_parsed_content("train::trainer#iteration_update").batch_statistics_share == 0.8


def test_group_norm_by_one_override(phantom, tmp_path):
    flow = workflow(TRAIN, "train", phantom(3), tmp_path, norm=["group", {"num_groups": 4}])
    flow.initialize()
    network = flow.parser.get_parsed_content("network")
    kinds = {type(module).__name__ for module in network.modules()}
    assert "GroupNorm" in kinds and not any("BatchNorm" in kind for kind in kinds)


def test_evaluation_overrides_only_keys_that_training_has():
    train, evaluate = ConfigParser.load_config_file(TRAIN), ConfigParser.load_config_file(EVALUATE)
    parser = ConfigParser(train)
    new = {key for key in evaluate if key[0] != "+" and not key.endswith("?") and key not in train}
    assert new == {"checkpoint", "load_weights", "evaluating"}
    assert all(set(values) <= set(parser.get(key[1:])) for key, values in evaluate.items() if key[0] == "+")


COMMAND = ("run", "training", "--config_file", TRAIN)


def test_runs_from_elsewhere_without_complaints(phantom, tmp_path):
    small = [word for key, value in SMALL.items() for word in (f"--{key}", str(value))]
    words = [sys.executable, "-m", "monai.bundle", *COMMAND, *small, "--dataset_dir", str(phantom(3)), "--output_dir", "out"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stdout + done.stderr and "WARNING" not in done.stdout + done.stderr
    assert "epoch 1/1 | loss" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_a_mistyped_override_ends_with_one_line(tmp_path):
    done = run_module("monai.bundle", *COMMAND, "--max_epoch", 1, "--output_dir", "out", cwd=tmp_path)
    assert done.returncode != 0 and "did you mean --max_epochs?" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "value, told",
    [
        ({"key_metric": "map"}, "'map' is no figure"),
        ({"padding_mode": "edge"}, "choose one of reflect, zeros"),
        ({"device": "gpu"}, "--device gpu: no such device"),
    ],
)
def test_wrong_words_are_named(phantom, tmp_path, value, told):
    flow = workflow(TRAIN, "train", phantom(2), tmp_path, spatial_dims=2, **value)
    with pytest.raises(Exception) as caught:
        flow.initialize()
        flow.run()
    error = find_data_error(caught.value)
    assert error is not None and told in str(error)


INSIDE = {"space": "RAS", "labels": [0]}
BAD_CASES = {
    "missing file": ({"image": "missing.nii.gz"}, "does not exist"),
    "unreadable image": ({"image": "broken.nii.gz"}, "cannot read"),
    "NaN": ({"boxes": [[float("nan"), 0, 0, 1, 1, 1]], **INSIDE}, "finite"),
    "inverted box": ({"boxes": [[0, 0, 0, 1, -1, 1]], **INSIDE}, "size"),
    "zero-size box": ({"boxes": [[0, 0, 0, 1, 1, 0]], **INSIDE}, "size"),
    "box outside": ({"boxes": [[9999, 0, 0, 1, 1, 1]], **INSIDE}, "outside the image"),
    "label out of range": ({"boxes": [[0, 0, 0, 1, 1, 1]], "space": "RAS", "labels": [3]}, "label 3 lies outside"),
    "no frame": ({"boxes": [[0, 0, 0, 1, 1, 1]], "labels": [0]}, "space"),
}


def datalist_with(phantom, folder, item):
    """A datalist of good cases and one that is called the-bad-one."""
    good = json.loads((phantom(3) / "datalist.json").read_text())
    for case in good["training"]:
        case.update(image=str(phantom(3) / case["image"]), label_map=str(phantom(3) / case["label_map"]))
    (folder / "broken.nii.gz").write_bytes(b"not an image")
    bad = {"image": good["training"][0]["image"], "case_id": "the-bad-one", **item}
    content = {"training": [*good["training"], bad], "validation": good["training"][:1], "nothing": []}
    (folder / "datalist.json").write_text(json.dumps(content))


@pytest.mark.parametrize("kind", BAD_CASES)
def test_bad_data_is_told_with_the_case_and_the_remedy(phantom, tmp_path, kind):
    item, words = BAD_CASES[kind]
    datalist_with(phantom, tmp_path, item)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run(TRAIN, "training", tmp_path, tmp_path / "out")
    error = find_data_error(caught.value)
    assert error is not None and error.case == "the-bad-one" and words in str(error) and error.remedy


def test_the_wrong_frame_is_named(phantom, tmp_path):
    """A box in the image's far corner, given in LPS but called RAS."""
    image = nib.load(phantom(3) / json.loads((phantom(3) / "datalist.json").read_text())["training"][0]["image"])
    x, y, z = image.affine[:3, :3] @ (np.array(image.shape) - 8) + image.affine[:3, 3]
    datalist_with(phantom, tmp_path, {"boxes": [[-x, -y, z, 2, 2, 2]], **INSIDE})
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run(TRAIN, "training", tmp_path, tmp_path / "out")
    assert find_data_error(caught.value).remedy == '"space" should be "LPS"'


def test_an_empty_split_is_named(phantom, tmp_path):
    datalist_with(phantom, tmp_path, {})
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run(TRAIN, "training", tmp_path, tmp_path / "out", eval_split="nothing")
    assert "no cases in split 'nothing'" in str(find_data_error(caught.value))


def test_bad_data_ends_the_command_with_one_line(phantom, tmp_path):
    datalist_with(phantom, tmp_path, BAD_CASES["unreadable image"][0])
    done = run_module("monai.bundle", *COMMAND, "--dataset_dir", tmp_path, "--output_dir", tmp_path / "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "the-bad-one" in line and "cannot read" in line and " -- " in line


def test_evaluating_before_training_says_so(phantom, tmp_path):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run([TRAIN, EVALUATE], "evaluating", phantom(3), tmp_path)
    assert "train first" in str(find_data_error(caught.value))
