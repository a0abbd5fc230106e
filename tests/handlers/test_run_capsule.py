"""What a run writes down about itself."""

import json
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from monai.engines.utils import IterationEvents

from medtk_monai.bundle import origin_of
from medtk_monai.handlers import RunCapsule, StepTimes, step_times
from medtk_monai.handlers.step_times import PARTS


def training(folder, epochs, start=0, sleep=lambda seconds: None):
    """Steps that sleep: 1 second while waiting for data, 2 forward, 1 in a handler, and 3 at the end of the epoch."""

    def step(engine, batch):
        sleep(2)
        for event in IterationEvents:
            engine.fire_event(event)

    def batches():
        while True:
            sleep(1)
            yield 0

    engine, times = Engine(step), StepTimes()
    engine.register_events(*IterationEvents)
    times.attach(engine)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: sleep(1))
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: sleep(3))
    engine.add_event_handler(Events.STARTED, lambda engine: setattr(engine.state, "epoch", start))
    cases = [{"case_id": "a"}, {"case_id": "b"}]
    origin = origin_of({"training": cases}, 3, "cpu")
    RunCapsule(folder, times, {"seed": 3, "device": torch.device("cpu")}, origin).attach(engine)
    engine.run(batches(), max_epochs=epochs, epoch_length=4)
    return json.loads((folder / "run.json").read_text())


def test_times_go_to_where_they_are_spent(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(step_times, "perf_counter", lambda: clock[0])
    (epoch,) = training(tmp_path, 1, sleep=lambda seconds: clock.append(clock.pop() + seconds))["epochs"]
    spent = {"data_wait": 4, "forward": 8, "handlers": 4, "validation": 3}
    assert epoch == {"epoch": 1, "steps": 4} | dict.fromkeys(PARTS, 0) | spent


def test_capsule_holds_what_a_repetition_needs(tmp_path):
    content = training(tmp_path, 2)
    assert content["seed"] == 3 and content["config"] == {"seed": 3, "device": "cpu"}
    assert content["versions"]["torch"] == torch.__version__ and content["versions"]["python"]
    assert content["data"]["training"]["num_cases"] == 2 and len(content["data"]["training"]["sha256"]) == 64
    assert "threads" in content["device"] and content["processes"] == 1 and content["command"]
    assert [epoch["epoch"] for epoch in content["epochs"]] == [1, 2]


def test_times_of_a_training_that_goes_on_are_kept(tmp_path):
    content = training(tmp_path, 3)
    (tmp_path / "run.json").write_text(json.dumps(content | {"epochs": [epoch | {"mark": 1} for epoch in content["epochs"]]}))
    later = training(tmp_path, 4, start=2)["epochs"]
    assert [(epoch["epoch"], epoch.get("mark")) for epoch in later] == [(1, 1), (2, 1), (3, None), (4, None)]
    assert [epoch["epoch"] for epoch in training(tmp_path, 1)["epochs"]] == [1]


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"epochs": null}', '{"epochs": [{}]}'])
def test_a_damaged_file_does_not_keep_a_training_from_going_on(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    assert [epoch["epoch"] for epoch in training(tmp_path, 2, start=1)["epochs"]] == [2]


def test_a_full_disk_does_not_end_a_training(tmp_path, monkeypatch, caplog):
    training(tmp_path, 1)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    training(tmp_path, 1)
    assert "No space left" in caplog.text


def test_running_config_is_the_bundles_with_its_overrides():
    parser = ConfigParser({"a": 1, "b": "$@a + 1", "found": {"_target_": "medtk_monai.bundle.running_config"}})
    parser["a"] = 5
    assert parser.get_parsed_content("found") == parser.get() | {"a": 5}


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_git_state_is_none_outside_of_repositories(tmp_path, monkeypatch, folder):
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / folder)
    assert training(tmp_path, 1)["git"] is None
