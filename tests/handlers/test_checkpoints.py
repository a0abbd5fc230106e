"""Checkpoints: what goes on from one is what would have been."""

import random
from contextlib import suppress

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events

from medtk_monai.bundle.checkpoint import read_checkpoint
from medtk_monai.errors import DataError
from medtk_monai.handlers import Checkpoints
from medtk_monai.handlers.checkpoints import random_states, set_random_states


def training(folder, resume="none", epochs=4, stop_at=None, scores=None, width=3, batches=(0.0, 1.0, 2.0), figure="score"):
    """A network that learns random numbers of all generators; returns it with the losses of each step."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    network = torch.nn.Linear(width, 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.9**step)
    losses = {}

    def step(engine, batch):
        drawn = torch.rand(2, width) + np.random.rand() + random.random()
        loss = (network(drawn) - batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses[engine.state.iteration] = loss.item()

    trainer, evaluator = Engine(step), Engine(lambda engine, batch: None)
    evaluator.state.key_metric_name = figure

    def validate(engine):
        evaluator.run([0])

    @evaluator.on(Events.EPOCH_COMPLETED)
    def score(engine):
        engine.state.metrics = {figure: (scores or [0.1, 0.5, 0.3, 0.2])[trainer.state.epoch - 1]}

    if stop_at:
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=stop_at), lambda engine: 1 / 0)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
    Checkpoints(str(folder), {"network": network, "optimizer": optimizer, "lr_scheduler": schedule}, evaluator, resume).attach(trainer)
    with suppress(ZeroDivisionError):
        trainer.run(batches, max_epochs=epochs)
    return network, losses


@pytest.mark.parametrize("stop_at", [4, 6, 8, 11])
def test_going_on_is_as_if_it_had_never_stopped(tmp_path, stop_at):
    network, losses = training(tmp_path / "whole")
    training(tmp_path / "parts", stop_at=stop_at)
    resumed, later = training(tmp_path / "parts", "auto")
    assert later == {step: loss for step, loss in losses.items() if step > (stop_at - 1) // 3 * 3}
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), resumed.parameters()))
    for name in ("last.pt", "best.pt"):
        first, second = (read_checkpoint(tmp_path / part / name) for part in ("whole", "parts"))
        assert first["progress"]["epoch"] == second["progress"]["epoch"] == {"last.pt": 4, "best.pt": 2}[name]
        assert first["progress"]["best_metric"] == second["progress"]["best_metric"] == 0.5
        assert torch.equal(first["network"]["weight"], second["network"]["weight"])


def test_a_worse_epoch_after_going_on_is_not_the_best(tmp_path):
    training(tmp_path, epochs=2)
    training(tmp_path, "auto", scores=[9, 9, 0.4, 0.45])
    assert read_checkpoint(tmp_path / "best.pt")["progress"]["epoch"] == 2


def test_the_best_of_another_figure_is_not_compared_with(tmp_path):
    training(tmp_path, epochs=2)
    training(tmp_path, "auto", scores=[9, 9, 0.1, 0.05], figure="ap")
    assert read_checkpoint(tmp_path / "best.pt")["progress"]["epoch"] == 3


def test_a_best_that_is_not_there_is_not_compared_with(tmp_path):
    training(tmp_path, epochs=2)
    (tmp_path / "best.pt").unlink()
    training(tmp_path, "auto", scores=[9, 9, 0.1, 0.05])
    assert read_checkpoint(tmp_path / "best.pt")["progress"]["epoch"] == 3


def test_epochs_of_another_length_are_refused(tmp_path):
    training(tmp_path, epochs=2)
    with pytest.raises(DataError, match="3 steps per epoch, and this training has 2.*batch_size"):
        training(tmp_path, "auto", batches=(0.0, 1.0))


def test_none_starts_anew_and_a_path_is_taken(tmp_path):
    _, losses = training(tmp_path / "one")
    assert training(tmp_path / "one", "none")[1] == losses
    assert training(tmp_path / "two", "auto")[1] == losses
    _, later = training(tmp_path / "three", str(tmp_path / "one" / "best.pt"))
    assert later == {step: loss for step, loss in losses.items() if step > 6}
    with pytest.raises(DataError, match="no checkpoint .*elsewhere.pt"):
        training(tmp_path / "four", str(tmp_path / "elsewhere.pt"))


def test_broken_and_foreign_checkpoints_are_told(tmp_path):
    training(tmp_path, epochs=1)
    with pytest.raises(DataError, match="does not fit.*configuration it was made with"):
        training(tmp_path, "auto", width=4)
    content = (tmp_path / "last.pt").read_bytes()
    for broken in (content[: len(content) // 2], content[:-3], b"", b"something else"):
        (tmp_path / "last.pt").write_bytes(broken)
        with pytest.raises(DataError, match="last.pt is broken.*--resume none"):
            training(tmp_path, "auto")


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    training(tmp_path, epochs=2)
    save = torch.save

    def full(content, path):
        save(content, path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DataError, match="No space left.*free space"):
        training(tmp_path, "auto")
    assert read_checkpoint(tmp_path / "last.pt")["progress"]["epoch"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "best.pt"}


def test_random_states_come_back_through_a_file(tmp_path):
    np.random.normal()  # leaves half of a pair behind
    torch.save(random_states(), tmp_path / "states.pt")
    drawn = [torch.rand(3).tolist(), np.random.normal(size=3).tolist(), random.random()]
    set_random_states(torch.load(tmp_path / "states.pt", weights_only=True))
    assert [torch.rand(3).tolist(), np.random.normal(size=3).tolist(), random.random()] == drawn


@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_mapped_is_the_same(tmp_path, zipped):
    content = {"network": {"weight": torch.arange(6.0)}, "notes": {"values": {"head": "point"}}}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    mapped, whole = (read_checkpoint(tmp_path / "a.pt", mapped) for mapped in (True, False))
    assert mapped["notes"] == whole["notes"] and torch.equal(mapped["network"]["weight"], whole["network"]["weight"])
