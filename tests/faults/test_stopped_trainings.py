"""A training that is asked to stop loses nothing, and says how to go on."""

import os
import random
import re
import signal
from itertools import islice
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events

from medtk_monai.bundle.checkpoint import read_checkpoint
from medtk_monai.engines import join_processes, leave_processes
from medtk_monai.handlers import Checkpoints
from tests.processes import free_port, run_program

STEPS, EPOCHS = 3, 4


class Loader:
    """Numbers that depend on the epoch and the step alone, as those of a PatchLoader do."""

    epoch, done = 0, (-1, 0)

    def __len__(self):
        return STEPS

    def go_on_within(self, epoch, batches):
        self.done = (epoch, batches)

    def __iter__(self):
        epoch = self.epoch
        return islice((10.0 * epoch + step for step in range(STEPS)), self.done[1] if self.done[0] == epoch else 0, None)


class Plain(list):
    """A loader that begins at its beginning."""


def training(folder, resume="none", disturb=None, loader=None):
    """Trains a network on the loader and on random numbers of all generators; ``disturb(place, number)`` is called in each step, validation
    and writing of a checkpoint, which the numbers count."""
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    disturb, loader = disturb or (lambda place, number: None), loader or Loader()
    network = torch.nn.Linear(3, 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)

    def step(engine, batch):
        drawn = torch.rand(2, 3) + np.random.rand() + random.random()
        loss = (network(drawn) - batch).square().mean()
        optimizer.zero_grad(), loss.backward(), optimizer.step()
        disturb("step", engine.state.iteration)

    def look(engine, batch):
        torch.rand(1)  # as a DataLoader draws
        disturb("validation", trainer.state.epoch)
        engine.state.metrics = {"score": network.weight.sum().item()}

    trainer, evaluator = Engine(step), Engine(look)
    evaluator.state.key_metric_name = "score"
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda engine: setattr(loader, "epoch", engine.state.epoch - 1))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: evaluator.run([0, 1]))
    objects = {"network": network, "optimizer": optimizer, "writing": Disturbed(trainer, disturb)}
    Checkpoints(str(folder), objects, evaluator, resume).attach(trainer)
    trainer.run(loader, max_epochs=EPOCHS)


class Disturbed:
    """A part of checkpoints whose state is asked for when one is written."""

    def __init__(self, trainer, disturb):
        self.trainer, self.disturb = trainer, disturb

    def state_dict(self):
        self.disturb("writing", self.trainer.state.epoch)
        return {}

    def load_state_dict(self, state):
        pass


def broken_off(folder, place, number, sent=signal.SIGTERM, times=1, **kwargs):
    """A training in a process of its own, that gets a signal at a place."""

    left = [sent] * times

    def disturb(where, count):
        while left and (where, count) == (place, number):
            os.kill(os.getpid(), left.pop())

    return run_program(lambda: training(folder, disturb=disturb, **kwargs))


def assert_equal(first, second):
    """Two checkpoints, to the last bit."""
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        for pair in zip(first, second):
            assert_equal(*pair)
    else:
        assert torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    training(folder)
    return folder


@pytest.mark.parametrize(
    ("place", "number", "told"),
    [
        ("step", 1, "after step 1 of epoch 1"),
        ("step", 5, "after step 2 of epoch 2"),
        ("step", 6, "after step 3 of epoch 2"),
        ("validation", 2, "in the validation of epoch 2"),
        ("validation", 4, "in the validation of epoch 4"),
        ("writing", 3, "after step 1 of epoch 4"),
    ],
)
def test_a_training_that_is_asked_to_stop_is_taken_up_exactly_where_it_was(tmp_path, whole, place, number, told):
    ended = broken_off(tmp_path, place, number)
    assert ended.returncode == 143, ended.stderr
    line, end = ended.stderr.split("\n", 1)
    assert line.startswith(f"stopped by SIGTERM {told}: ") and not end
    assert line.endswith("last.pt is written -- go on by the same command and --resume auto")
    assert [path for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []
    training(tmp_path, "auto")
    for name in ("last.pt", "best.pt"):
        assert_equal(read_checkpoint(whole / name), read_checkpoint(tmp_path / name))


def one_of_two(rank, folder, port, resume, number):
    """A process of two, of which the second may get a signal in a step."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    join_processes("cpu")

    def disturb(place, count):
        if rank == 1 and (place, count) == ("step", number):
            os.kill(os.getpid(), signal.SIGTERM)

    training(folder, resume, disturb)
    leave_processes()


def two(folder, resume="none", number=0):
    """The statuses of two processes that train together."""
    context, port = get_context("fork"), free_port()
    children = [context.Process(target=one_of_two, args=(rank, folder, port, resume, number)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return [child.exitcode for child in children]


def test_processes_that_train_together_stop_at_one_step_whichever_is_asked(tmp_path):
    assert two(tmp_path / "whole") == [0, 0]
    assert two(tmp_path / "parts", number=5) == [143, 143]
    assert read_checkpoint(tmp_path / "parts" / "last.pt")["progress"]["iteration"] == 5
    assert two(tmp_path / "parts", "auto") == [0, 0]
    for name in ("last.pt", "best.pt"):
        assert_equal(read_checkpoint(tmp_path / "whole" / name), read_checkpoint(tmp_path / "parts" / name))


@pytest.mark.parametrize(("sent", "status"), [("SIGTERM", 143), ("SIGUSR1", 138), ("SIGINT", 130)])
def test_each_signal_has_the_status_that_shells_give_it(tmp_path, sent, status):
    ended = broken_off(tmp_path, "step", 5, getattr(signal, sent))
    assert ended.returncode == status and ended.stderr.startswith(f"stopped by {sent} after step 2 of epoch 2")


def test_a_second_signal_ends_it_at_once(tmp_path):
    ended = broken_off(tmp_path, "step", 5, times=2)
    assert ended.returncode == -signal.SIGTERM and ended.stderr == ""
    assert read_checkpoint(tmp_path / "last.pt")["progress"]["iteration"] == 3


def test_a_loader_that_cannot_begin_within_an_epoch_goes_on_from_the_one_before(tmp_path):
    first = broken_off(tmp_path, "step", 2, loader=Plain([0.0, 1.0, 2.0]))
    assert first.returncode == 143 and re.search("in epoch 1, whose steps are lost: there is no checkpoint yet", first.stderr)
    second = broken_off(tmp_path, "step", 5, loader=Plain([0.0, 1.0, 2.0]))
    assert re.search("in epoch 2, whose steps are lost: .*last.pt is of the epoch before -- go on by .*--resume auto", second.stderr)
    assert read_checkpoint(tmp_path / "last.pt")["progress"]["iteration"] == 3


def test_a_checkpoint_within_an_epoch_is_refused_by_a_loader_that_cannot_begin_there(tmp_path):
    broken_off(tmp_path, "step", 5)
    ended = run_program(lambda: training(tmp_path, "auto", loader=Plain([0.0, 1.0, 2.0])))
    assert "lies within epoch 2, and a Plain cannot begin there" in ended.stderr


def test_what_a_killed_training_has_left_is_removed_by_the_next(tmp_path):
    def killed():
        synced = []

        def sync(number):
            synced.append(number)
            if len(synced) == 5:  # two for each of the two files of the first epoch
                os.kill(os.getpid(), signal.SIGKILL)

        os.fsync = sync
        training(tmp_path)

    assert run_program(killed).returncode == -signal.SIGKILL
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".tmp", ".pt", ".pt"]
    training(tmp_path, "auto")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt"]


def test_signals_do_what_they_did_before_when_a_training_has_ended(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    training(tmp_path / "well")

    def fail(place, number):
        if (place, number) == ("step", 4):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        training(tmp_path / "badly", disturb=fail)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)] == before
