"""Words of the command line in the place of macros."""

import pytest
from monai.bundle import ConfigParser

from medtk_monai.bundle.choices import spell_out, with_words
from medtk_monai.errors import DataError

TABLES = {
    "heads": {"point": {"size": 1}, "anchor": {"size": 2}},
    "optimizers": {"adamw": {"rate": "@learning_rate"}, "sgd": {"rate": 4}},
    "schedules": {"cosine": {"steps": 5}, "poly": {"steps": 6}},
    "learning_rate": 3,
}
CONFIG = TABLES | {"head": "%heads::point", "optimizer": "%optimizers::adamw", "lr_scheduler": "%schedules::cosine"}


def chosen(**words):
    parser = ConfigParser(CONFIG | words)
    told = spell_out(parser)
    assert told == bool([word for word in words.values() if word[0] != "%"])
    names = ("head", "optimizer", "lr_scheduler")
    return [next(iter(parser.get_parsed_content(name).values())) for name in names], with_words(parser.get())


@pytest.mark.parametrize(
    "words, values",
    [
        ({}, [1, 3, 5]),
        ({"head": "anchor"}, [2, 3, 5]),
        ({"head": "%heads::anchor"}, [2, 3, 5]),
        ({"optimizer": "sgd", "lr_scheduler": "poly"}, [1, 4, 6]),
        ({"optimizer_name": "sgd", "schedule": "poly"}, [1, 4, 6]),
    ],
)
def test_words_choose_from_tables_and_are_told_again(words, values):
    found, told = chosen(**words)
    assert found == values
    assert told["head"] == ("anchor" if values[0] == 2 else "point") and told["optimizer"] == ("sgd" if values[1] == 4 else "adamw")
    assert not {"optimizer_name", "schedule"} & set(told)


@pytest.mark.parametrize("name", ["head", "optimizer", "optimizer_name", "lr_scheduler", "schedule"])
def test_unknown_words_are_told_with_what_there_is(name):
    with pytest.raises(DataError, match=f"--{name} 'other' is not known -- choose one of (point, anchor|adamw, sgd|cosine, poly)$"):
        chosen(**{name: "other"})


def test_a_choice_of_ones_own_stays_as_it_is():
    config = CONFIG | {"head": {"size": 7}, "optimizer": "@learning_rate"}
    parser = ConfigParser(dict(config))
    assert not spell_out(parser) and with_words(config)["head"] == {"size": 7} and with_words(config)["optimizer"] == "@learning_rate"


def test_configurations_without_tables_are_left_alone():
    parser = ConfigParser({"head": "anchor", "schedule": "weekly"})
    assert not spell_out(parser) and parser.get()["head"] == "anchor" and parser.get()["schedule"] == "weekly"
