"""What is typed, and what commands get."""

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from medtk_monai.cli import main as main_module
from medtk_monai.cli.typed import parse
from medtk_monai.cli.words import check_arguments, read_arguments
from medtk_monai.errors import DataError

Words = str | Sequence[str]
Share = float | int | str | Sequence[str]


def command(
    *inputs: str,
    out: str = "",
    name: str | None = None,
    overlay: Words = (),
    share: Share = 0.2,
    size: int | None = None,
    strict: bool = False,
    **overrides: Any,
) -> None:
    """Something to call."""


@pytest.fixture
def call():
    """What the command gets for some words."""

    def run(*arguments):
        called = parse("predict", command, arguments)
        return called.args, called.keywords

    return run


NAMES = ["1.10", "007.nii.gz", "1e3", "1_000", "0x10", "None", "True", "[1]", "{a: b}", "a,b", "'quoted'", "a#b", "scans/*,[0-9].nii"]


@pytest.mark.parametrize("name", NAMES)
def test_words_stay_as_they_are_typed(call, name):
    assert call(name, "x", "--out", name) == ((name, "x"), {"out": name})
    assert call(f"--out={name}") == ((), {"out": name})


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a,b", ("a", "b")),
        ("['a.json','b.json']", ["a.json", "b.json"]),
        ("[a, 1.10]", ["a", "1.10"]),
        ("1.10,a", ["1.10", "a"]),
        ("1e3", "1e3"),
        ("fold0.pt,fold1.pt", "fold0.pt,fold1.pt"),
        ("()", ()),
    ],
)
def test_lists_of_words(call, typed, expected):
    assert call("--overlay", typed) == ((), {"overlay": expected})


@pytest.mark.parametrize(
    ("argument", "typed", "expected"),
    [
        ("share", "0.2", 0.2),
        ("share", "5", 5),
        ("share", "1.10,2", ["1.10", "2"]),
        ("share", "case_1", "case_1"),
        ("size", "160", 160),
        ("window_size", "160", 160),
        ("anchor_sizes", "[[4],[8]]", [[4], [8]]),
        ("lr", "1e-3", 1e-3),
        ("head", "anchor", "anchor"),
        ("name", "None", None),
        ("name", "12", "12"),
    ],
)
def test_numbers_are_numbers_where_they_may_be(call, argument, typed, expected):
    _, given = call(f"--{argument}", typed)
    assert given == {argument: expected} and type(given[argument]) is type(expected)


def test_switches_take_no_word_after_them(call):
    assert call("--strict", "a.nii", "--out", "o") == (("a.nii",), {"strict": True, "out": "o"})
    assert call("a.nii", "--strict", "False") == (("a.nii",), {"strict": False}) and call("--nostrict")[1] == {"strict": False}
    assert call("--strict", "--size", "3") == ((), {"strict": True, "size": 3}) and call("--new", "x")[1] == {"new": "x"}


@pytest.mark.parametrize("name", main_module.COMMANDS)
def test_every_command_shows_its_help(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["medtk", name, "--help"])
    with pytest.raises(SystemExit) as stop:
        main_module.main()
    assert stop.value.code == 0 and f"medtk {name} - " in "".join(capsys.readouterr())


def takes_numbers(count: int = 1, share: float | None = None, verbose: bool = False) -> str:
    return f"{count} {share} {verbose}"


@pytest.mark.parametrize(
    "given, message",
    [
        ({"count": "many"}, "--count is many.*whole number"),
        ({"count": "1.5"}, "--count is 1.5.*whole number"),
        ({"share": "half"}, "--share is half.*give a number"),
        ({"verbose": "perhaps"}, "--verbose is perhaps.*True or False"),
    ],
)
def test_words_in_place_of_numbers_are_told(given, message):
    with pytest.raises(DataError, match=message):
        check_arguments(read_arguments(takes_numbers, [], given))


def test_numbers_are_read():
    assert read_arguments(takes_numbers, [], {"count": "3", "share": "1", "verbose": "True"})() == "3 1 True"
    assert read_arguments(takes_numbers, ["2", "None"], {})() == "2 None False"
    check_arguments(read_arguments(takes_numbers, ["2"], {"share": "1"}))


def test_a_command_that_fails_over_a_word_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr(main_module, "_load", lambda name: takes_positive)
    monkeypatch.setattr(sys, "argv", ["medtk", "evaluate", "--count", "many"])
    with pytest.raises(SystemExit, match="--count is many"):
        main_module.main()


def takes_positive(count: int = 1) -> None:
    assert count > 0
