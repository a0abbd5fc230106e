"""A trained network for commands that need one, and how commands are typed."""

import sys

import pytest

from tests.bundles.running import EVALUATE, TRAIN, run

EVERYTHING = {"dense_postprocessor::score_threshold": 0.0}


@pytest.fixture(scope="session")
def trained(made_once, phantom):
    """Folder of a short training of the anchor head on small values, and of its evaluation."""

    def make(folder):
        run(TRAIN, "run", phantom(3), folder, head="anchor", **EVERYTHING)
        run([TRAIN, EVALUATE], "evaluating", phantom(3), folder, head="anchor", **EVERYTHING)
        return folder

    return made_once("trained_for_prediction", make)


@pytest.fixture
def medtk(monkeypatch, capsys):
    """Runs the command, and gives what it prints."""
    from medtk_monai.cli.main import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["medtk", *map(str, arguments)])
        main()
        return capsys.readouterr().out

    return call
