"""What inference uses of a bundle, without anything to evaluate."""

import json

import pytest
import torch
from monai.bundle import ConfigParser

from medtk_monai.bundle.recipe import differing_ids, is_choice, make_recipe, recipe_sha256
from medtk_monai.errors import DataError
from tests.bundles.running import BUNDLE, TRAIN

HEADS = sorted((BUNDLE / "heads").glob("*.json"))


def strings(value):
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value] if isinstance(value, str) else [text for part in children for text in strings(part)]


def config(*overlays, **values):
    parser = ConfigParser()
    parser.read_config([TRAIN, *map(str, overlays)])
    parser.update(values)
    return parser.get()


@pytest.mark.parametrize("overlay", HEADS, ids=lambda path: path.stem)
def test_every_head_has_a_recipe_that_builds_the_same_network(overlay):
    given = config(overlay)
    recipe = make_recipe(given)
    assert not [text for text in strings(recipe) if text.startswith(("$", "%"))]
    json.dumps(recipe)
    one, other = (
        ConfigParser(part).get_parsed_content("network_def") for part in (given | {"device": "cpu"}, json.loads(json.dumps(recipe)))
    )
    assert str(one) == str(other)
    assert {name: tuple(value.shape) for name, value in one.state_dict().items()} == {
        name: tuple(value.shape) for name, value in other.state_dict().items()
    }


def test_making_one_changes_no_random_numbers_and_no_configuration():
    given = config()
    before = json.dumps(given)
    state = torch.get_rng_state()
    make_recipe(given)
    assert torch.equal(state, torch.get_rng_state()) and json.dumps(given) == before


def test_what_is_chosen_elsewhere_comes_along():
    recipe = make_recipe(config(**{"preprocessing::transforms::1::nonzero": True, "suppressor::iou": 0.4}))
    assert recipe["preprocessing"]["transforms"][1]["nonzero"] is True and recipe["suppressor"]["iou"] == 0.4
    assert not is_choice("padding_mode") and "padding_mode" in recipe and "optimizers" not in recipe and "train" not in recipe


def test_digests_are_of_what_inference_uses():
    first = make_recipe(config())
    assert recipe_sha256(first) == recipe_sha256(make_recipe(config(max_epochs=3, learning_rate=1.0, folds=5)))
    changed = make_recipe(config(**{"preprocessing::transforms::1::nonzero": True}))
    assert recipe_sha256(first) != recipe_sha256(changed)
    assert differing_ids(first, changed) == ["preprocessing::transforms::1::nonzero"]
    assert is_choice("margin") and is_choice("dense_postprocessor::score_threshold") and not is_choice("backbone::channels")


@pytest.mark.parametrize("values, told", [
    ({"network_def::head": "$torch.nn.Identity()"}, "gives a Identity"),
    ({"preprocessing::transforms::1": {"_target_": "torch.relu", "_mode_": "callable"}}, "is a function"),
])  # fmt: skip
def test_what_no_file_can_hold_is_refused_before_training(values, told):
    with pytest.raises(DataError, match=told):
        make_recipe(config(**values))


def test_what_is_missing_is_named():
    given = config()
    del given["preprocessing"]
    with pytest.raises(DataError, match="preprocessing"):
        make_recipe(given)
