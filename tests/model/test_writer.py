"""What a training leaves, and when."""

import logging
from os import replace

import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.model import ModelWriter, read_model
from tests.bundle.test_recipe import config
from tests.bundles.running import SMALL, TRAIN, run


def writer(folder, **values):
    return ModelWriter(folder / "model", str(folder / "lung"), config(**SMALL, **values), {"num_cases": 1}, {"seed": 3})


def state(value=1.0):
    from monai.bundle import ConfigParser

    network = ConfigParser(config(**SMALL)).get_parsed_content("network_def")
    return {name: torch.full_like(w, value) if w.is_floating_point() else w for name, w in network.state_dict().items()}


def first_weight(model):
    return next(w for w in model.networks[0].read().values() if w.is_floating_point()).flatten()[0]


def test_each_best_takes_the_place_of_the_one_before(tmp_path):
    one = writer(tmp_path)
    assert one.is_wanted
    for epoch, value in ((1, 1.0), (2, 2.0)):
        one.write(state(value), {"epoch": epoch, "key_metric": "ap", "best_metric": 0.5})
        found = read_model(tmp_path)
        assert found.name == "lung" and found.origin["epoch"] == epoch and found.origin["seed"] == 3
        assert first_weight(found) == value
    assert len(list((tmp_path / "model").iterdir())) == 3 and not one.is_wanted


def test_a_write_that_is_cut_off_leaves_the_model_before(tmp_path, monkeypatch):
    one = writer(tmp_path)
    one.write(state(1.0), {"epoch": 1})

    def full(source, target):
        if str(target).endswith("model.json"):
            raise OSError(28, "No space left on device")
        return replace(source, target)

    monkeypatch.setattr("medtk_monai.atomic.os.replace", full)
    with pytest.raises(DataError, match="cannot write"):
        one.write(state(2.0), {"epoch": 2})
    assert read_model(tmp_path).origin["epoch"] == 1
    assert first_weight(read_model(tmp_path)) == 1.0


def test_weights_that_are_not_finite_make_no_model(tmp_path):
    with pytest.raises(DataError, match="not finite"):
        writer(tmp_path).write(state(float("nan")), {"epoch": 1})


def test_what_no_model_can_hold_is_told_and_trained_all_the_same(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        one = writer(tmp_path, **{"network_def::head": "$torch.nn.Identity()"})
    assert "will leave no model" in caplog.text and one.notes == {"fingerprint": {"num_cases": 1}} and not one.is_wanted
    one.write(state(), {"epoch": 1})
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("quiet_hooks")
def test_a_training_without_validation_leaves_the_model_of_its_end(phantom, tmp_path):
    run(TRAIN, "run", phantom(3), tmp_path, **{"train_handlers::validation::_disabled_": True})
    assert not (tmp_path / "best.pt").exists()
    last = torch.load(tmp_path / "last.pt", weights_only=True)["network"]
    found = read_model(tmp_path).networks[0].read()
    assert all(torch.equal(found[name], last[name]) for name in last)


@pytest.mark.usefixtures("quiet_hooks")
def test_a_new_training_leaves_no_model_of_another(phantom, tmp_path):
    run(TRAIN, "run", phantom(3), tmp_path)
    assert (tmp_path / "model").is_dir()
    step = "$monai.transforms.NormalizeIntensityd(keys='image', nonzero=True)"
    run(TRAIN, "run", phantom(3), tmp_path, **{"preprocessing::transforms::1": step})
    assert not (tmp_path / "model" / "model.json").exists()
    with pytest.raises(DataError, match="no model in"):
        read_model(tmp_path)


@pytest.mark.usefixtures("quiet_hooks")
def test_going_on_elsewhere_with_nothing_left_to_do_leaves_a_model(phantom, tmp_path):
    run(TRAIN, "run", phantom(3), tmp_path / "a")
    run(TRAIN, "run", phantom(3), tmp_path / "b", resume=str(tmp_path / "a" / "last.pt"))
    assert read_model(tmp_path / "b").networks[0].sha256 == read_model(tmp_path / "a").networks[0].sha256
