import pickle

import pytest

from medtk_monai.errors import DataError, existing_file, find_data_error
from medtk_monai.wording import shown
from tests.processes import run_code

HOOK = "from medtk_monai.errors import *\nshow_data_errors_in_one_line()\n"


def run(code):
    return run_code(HOOK + code)


def test_the_message_says_what_where_and_the_remedy():
    assert str(DataError("no image", "case_7", "check the path")) == "case 'case_7': no image -- check the path"
    assert str(DataError("no image")) == "no image"


def test_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(DataError("what", "case", "remedy")))
    assert (error.what, error.case, error.remedy) == ("what", "case", "remedy")


def test_what_a_terminal_would_obey_is_shown_instead():
    assert shown("a\x1b[31mb\x1b]0;title\x07\n\ud800 ä") == r"a\x1b[31mb\x1b]0;title\x07\n\ud800 ä"
    assert run("raise DataError('\x1b[31m', remedy='\x9b2J')").stderr == "error: \\x1b[31m -- \\x9b2J\n"


def test_is_found_in_the_chain_of_causes():
    try:
        try:
            raise DataError("deep")
        except DataError as cause:
            raise RuntimeError("shallow") from cause
    except RuntimeError as error:
        assert find_data_error(error).what == "deep"
    assert find_data_error(RuntimeError("alone")) is None


def test_prints_one_line_and_exits_with_1():
    done = run("try:\n    raise DataError('no image', 'a')\nexcept DataError as e:\n    raise RuntimeError from e")
    assert done.returncode == 1 and done.stderr == "error: case 'a': no image\n"


def test_prints_one_line_for_an_error_in_a_loader_worker():
    code = (
        "from torch.utils.data import DataLoader\n"
        "def fail(items): raise DataError('no image', 'a', 'mend it')\n"
        "if __name__ == '__main__': list(DataLoader([1], num_workers=1, collate_fn=fail))"
    )
    done = run(code)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "error: case 'a': no image -- mend it"
    assert "Traceback" not in done.stderr


def test_other_errors_keep_their_traceback():
    done = run("1 / 0")
    assert done.returncode == 1 and "Traceback" in done.stderr and "ZeroDivisionError" in done.stderr


def test_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="train first"):
        existing_file(tmp_path / "model.pt", "train first")


BUILD = """
from monai.bundle import ConfigParser
parser = ConfigParser({"part": {"_target_": TARGET, "argument": 80}})
parser.get_parsed_content("part")
"""


def test_a_value_that_a_part_of_a_configuration_refuses_is_told_in_one_line():
    refused = BUILD.replace("TARGET", "'medtk_monai.engines.TrainStep'").replace("argument", "batch_statistics_share")
    done = run(refused)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "error: batch_statistics_share is 80: it must lie in [0, 1]"
    assert "Traceback" not in done.stderr


def test_what_fails_elsewhere_in_a_configuration_keeps_its_traceback():
    done = run(BUILD.replace("TARGET", "'torch.nn.Dropout'").replace("argument", "p"))  # torch raises a ValueError
    assert done.returncode == 1 and "Traceback" in done.stderr and "probability" in done.stderr
