"""Rules: what they are called, and how they are written and read again."""

import json
from dataclasses import fields, replace

import pytest

from medtk_monai.errors import DataError
from medtk_monai.metrics import PRESETS, CenterDistanceHit, Cover, DetectionMetrics, IoUHit, Pairing, RadiusHit, Rules, parse_rules
from medtk_monai.metrics.figures import FIGURES, Trait, figures_of
from medtk_monai.metrics.rules import difference

WORDS = [*PRESETS, "iou:0.1", "iou:0.5", "center", "distance:5", "radius", "radius:1.5", "mask"]
OTHERS = {
    "hit": RadiusHit(1.0, 0.5),
    "pairing": Pairing("one_to_one", "set_aside"),
    "interpolation": "linear",
    "fp_per_case": (1.0, 2.0),
    "beta": 2.0,
    "ranking": ("ap",),
    "excuse": Cover(0.3),
    "name": "mine",
}


def written(rules):
    return json.loads(json.dumps(rules.to_dict(), allow_nan=False))


@pytest.mark.parametrize("word", WORDS)
def test_rules_can_be_read_again(word):
    rules = parse_rules(word)
    assert rules.name == word == written(rules)["name"]
    again = Rules.read(written(rules))
    assert (again, again.name) == (rules, word)


@pytest.mark.parametrize("name", [part.name for part in fields(Rules)])
def test_every_field_is_written_and_read(name):
    """A field that ``to_dict`` forgot would be read as its default; a new one needs a line in OTHERS."""
    other = replace(Rules(name="medtk"), **{name: OTHERS[name]})
    assert written(other) != written(Rules()) and getattr(Rules.read(written(other)), name) == OTHERS[name]
    assert bool(difference(written(Rules()), written(other))) == (name != "name")


def test_words_that_count_in_other_ways_are_written_in_other_ways():
    """Words for the same rules, as medtk and iou:0.1, differ in their name alone, and are equal."""
    texts = [json.dumps(written(parse_rules(word)), sort_keys=True) for word in WORDS]
    assert len(set(texts)) == len(WORDS)
    same = {word for word in WORDS if parse_rules(word) == Rules()}
    assert same == {"medtk", "iou:0.1"}
    for word in WORDS:
        told = difference(written(Rules()), written(parse_rules(word)))
        assert (told == "") == (word in same), told


def test_what_excuses_is_that_of_the_challenge():
    """Whose rule it is, is told with the presets; what has none counts the share of the finding."""
    own = {word: parse_rules(word).excuse for word in WORDS}
    assert {word: excuse for word, excuse in own.items() if excuse != Cover()} == {"nndetection": "hit", "luna16": "hit", "adam": "center"}
    texts = [parse_rules(word).excuse_text for word in ("medtk", "iou:0.5", "center", "mask", "luna16", "adam")]
    assert [text.split()[6] for text in texts[:4]] == ["0.1", "0.5", "0.5", "0.5"] and len(set(texts)) == 4
    with pytest.raises(ValueError, match="choose from"):
        Rules(excuse="cover")


def test_rules_find_their_name():
    assert Rules().name == DetectionMetrics().rules.name == "medtk"
    assert Rules(IoUHit(0.5)).name == "iou>=0.5" and Rules(CenterDistanceHit(3)).name == "distance<=3"


@pytest.mark.parametrize(
    "change",
    [
        {"hit": {"rule": "os.system"}},
        {"hit": {"rule": "iou", "threshold": 7}},
        {"pairing": {}, "beta": []},
        {"excuse": "near"},
        {"excuse": {"cover": 2}},
    ],
)
def test_damaged_rules_are_refused(change):
    assert Rules.read(Rules().to_dict())
    values = Rules().to_dict() | change
    if change.get("pairing") == {}:
        del values["ranking"]
    with pytest.raises(DataError, match="not known here.*evaluate again"):
        Rules.read(values)


def test_a_rule_of_another_package_is_written_with_its_class():
    class Mine:
        threshold, name = 0.5, "mine"

        def __call__(self, detection_boxes, object_boxes): ...

    assert written(Rules(Mine()))["hit"]["rule"].endswith("Mine")


def test_only_known_figures_rank():
    keys = {figure.key for figure in FIGURES}
    for rules in PRESETS.values():
        assert set(rules.ranking) <= keys and set(rules.ranking) <= set(figures_of(rules))
    ranked = {figure.key for figure in FIGURES if Trait.RANKED in figure.traits}
    assert ranked == {"picai_score", "picai_ap"} and not ranked & set(figures_of(Rules()))
