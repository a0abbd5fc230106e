import pytest

from medtk_monai.bundle import choose
from medtk_monai.errors import DataError


def test_options_are_chosen_by_name():
    assert choose({"a": 1, "b": 2}, "b", "letter") == 2
    with pytest.raises(DataError, match="--letter 'c'.*docs"):
        choose({"a": 1}, "c", "letter")
