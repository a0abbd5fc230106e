"""Damage to a model is told in one line, and never changes findings."""

import numpy as np
import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.prediction import load_predictor
from tests.model.changes import replace_weights, zipped


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << (place % 8)
    path.write_bytes(bytes(content))


def test_every_flipped_bit_is_told(model):
    rng = np.random.default_rng(0)
    for name in [path.name for path in model.iterdir() if path.name != "README.md"]:
        whole = (model / name).read_bytes()
        for place in rng.integers(0, len(whole), 24).tolist():
            flip(model / name, place)
            with pytest.raises(DataError) as told:
                load_predictor(model, device="cpu")
            assert len(str(told.value).splitlines()) == 1
            (model / name).write_bytes(whole)
    load_predictor(model, device="cpu")


def test_every_flipped_bit_of_a_checkpoint_is_told(run_folder, tmp_path):
    path = tmp_path / "best.pt"
    whole = (run_folder / "best.pt").read_bytes()
    for place in np.random.default_rng(1).integers(0, len(whole), 24).tolist():
        path.write_bytes(whole)
        flip(path, place)
        try:
            found = load_predictor(path, device="cpu").parts.networks[0].state_dict()
        except DataError as error:
            assert len(str(error).splitlines()) == 1
            continue
        # A bit that no sum covers is in the archive's own bookkeeping, and changes nothing.
        expected = load_predictor(run_folder / "best.pt", device="cpu").parts.networks[0].state_dict()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(model, value):
    replace_weights(model, lambda state: next(v for v in state.values() if v.is_floating_point()).view(-1)[:1].fill_(value))
    with pytest.raises(DataError, match="not finite"):
        load_predictor(model, device="cpu")


@pytest.mark.parametrize("change, told", [
    (lambda state: state.update(extra=torch.zeros(2)), "the network lacks extra"),
    (lambda state: state.pop(next(iter(state))), "the file lacks"),
    (lambda state: state.update({next(iter(state)): torch.zeros(3)}), r"float32 \(3,\) there"),
    (lambda state: state.update({next(iter(state)): next(iter(state.values())).to(torch.complex64)}), "is complex"),
])  # fmt: skip
def test_weights_of_another_network_are_refused(model, change, told):
    replace_weights(model, change)
    with pytest.raises(DataError, match=told):
        load_predictor(model, device="cpu")


def test_torn_zip_files_are_told(model, tmp_path):
    whole = zipped(model, tmp_path / "m.zip").read_bytes()
    for end in (0, 10, len(whole) // 2, len(whole) - 10):
        (tmp_path / "m.zip").write_bytes(whole[:end])
        with pytest.raises(DataError, match="m.zip"):
            load_predictor(tmp_path / "m.zip", device="cpu")


@pytest.mark.parametrize(
    "text", ["[" * 100000, "", "[]", "null", '{"format": "medtk_monai model", "version": 2}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_broken_description_takes_one_line(model, text):
    (model / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as error:
        load_predictor(model, device="cpu")
    assert len(str(error.value).splitlines()) == 1


def test_networks_that_give_nan_end_in_an_error(model, scan):
    """Finite weights may overflow all the same."""
    replace_weights(model, lambda state: [value.fill_(3e38) for name, value in state.items() if name.endswith("weight")])
    with pytest.raises(DataError, match="no numbers .NaN"):
        load_predictor(model, device="cpu")(scan)
