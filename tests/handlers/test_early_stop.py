"""A training ends after so many validations without a better one."""

import pytest
from ignite.engine import Engine, Events

from medtk_monai.handlers import EarlyStop


def training(scores, patience, min_delta=0.0, state=None, epochs=None):
    """Number of epochs, and the handler's state."""
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
    evaluator.state.key_metric_name = "froc"
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
    evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: engine.state.metrics.update(froc=scores[trainer.state.epoch - 1]))
    handler = EarlyStop(evaluator, patience, min_delta)
    if state:
        handler.load_state_dict(state)
    handler.attach(trainer)
    trainer.run([0], max_epochs=epochs or len(scores))
    return trainer.state.epoch, handler.state_dict()


@pytest.mark.parametrize(
    "scores, patience, min_delta, epochs",
    [
        ([0.1, 0.2, 0.3, 0.4], 1, 0, 4),
        ([0.5, 0.2, 0.3, 0.4], 2, 0, 3),
        ([0.5, 0.2, 0.6, 0.4, 0.5, 0.9], 2, 0, 5),
        ([0.5, 0.5, 0.5], 2, 0, 3),  # as good is not better
        ([0.1, 0.15, 0.2, 0.25], 2, 0.1, 3),  # 0.2 exceeds 0.1 by no more than min_delta
        ([0.5, 0.1, 0.1, 0.1], None, 0, 4),
    ],
)
def test_epochs(scores, patience, min_delta, epochs):
    assert training(scores, patience, min_delta)[0] == epochs


def test_waiting_goes_on_from_its_state():
    scores = [0.5, 0.1, 0.2, 0.3]
    _, state = training(scores, 3, epochs=2)
    assert state == {"best": 0.5, "waited": 1, "key_metric": "froc"}
    assert training([0.1, 0.2, 0.3, 0.3], 3, state=state)[0] == 2


def test_a_training_that_ended_does_not_go_on():
    """As where a checkpoint is read when the training starts."""
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
    handler = EarlyStop(evaluator, 2)
    handler.attach(trainer)
    trainer.add_event_handler(Events.STARTED, lambda: handler.load_state_dict({"best": 0.5, "waited": 2}))
    epochs = []
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda engine: epochs.append(engine.state.epoch))
    trainer.run([0], max_epochs=3)
    assert epochs == []


def test_impossible_patience_is_named():
    with pytest.raises(ValueError, match="patience"):
        EarlyStop(Engine(lambda *_: None), 0)


def test_the_best_of_another_figure_does_not_count():
    _, state = training([0.9, 0.1], 3, epochs=2)
    assert training([0.5, 0.5], 2, state=state | {"key_metric": "ap"}, epochs=2)[1]["best"] == 0.5
    assert training([0.5, 0.5], 5, state=state, epochs=2)[1]["best"] == 0.9
