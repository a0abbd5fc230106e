"""Cases in several processes, which run nothing of the program that starts them."""

import math
import os
import subprocess
import sys
from functools import partial

import pytest

from medtk_monai.case_mapper import case_mapper
from medtk_monai.errors import DataError, existing_file


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_the_order_of_the_cases(workers):
    with case_mapper(workers) as mapper:
        assert list(mapper(math.sqrt, [4.0, 9.0, 16.0, 25.0])) == [2.0, 3.0, 4.0, 5.0]
        assert list(mapper(math.sqrt, [])) == []


def test_they_come_from_other_processes_that_were_prepared(tmp_path):
    with case_mapper(2, partial(os.chdir, tmp_path)) as mapper:
        assert set(mapper(eval, ["__import__('os').getcwd()"] * 4)) == {str(tmp_path)}
        assert os.getpid() not in set(mapper(eval, ["__import__('os').getpid()"] * 4))


def test_an_error_arrives_as_it_is():
    with case_mapper(2) as mapper, pytest.raises(DataError, match="no file nowhere -- look") as error:
        list(mapper(partial(existing_file, remedy="look"), ["nowhere", "nowhere"]))
    assert error.value.remedy == "look"


def test_what_a_case_prints_is_no_result(capfd):
    with case_mapper(2) as mapper:
        assert list(mapper(print, ["hello"])) == [None]
    assert "hello" in capfd.readouterr().err


def test_a_process_that_is_ended_is_told():
    with case_mapper(2) as mapper, pytest.raises(DataError, match="was ended, perhaps for want of memory -- try --num_workers 1"):
        list(mapper(os._exit, [9, 9]))


def test_what_is_left_to_do_is_left_undone(tmp_path):
    with pytest.raises(ZeroDivisionError), case_mapper(2) as mapper:
        results = mapper(eval, ["1/0", *["__import__('time').sleep(60)"] * 20])
        list(results)


def test_no_process_outlives_the_program(tmp_path):
    with case_mapper(2) as mapper:
        numbers = set(mapper(eval, ["__import__('os').getpid()"] * 8))
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


PROGRAM = """
from medtk_monai.phantom import write_phantom_dataset
print("once")
print(write_phantom_dataset({out!r}, 3, 1, 2, num_workers=2, shape=(32, 32, 24)))
"""


@pytest.mark.parametrize("given", ["as a file", "on standard input", "with -c"])
def test_a_program_without_a_guard_runs_once(tmp_path, given):
    program = PROGRAM.format(out=str(tmp_path / "out"))
    (tmp_path / "program.py").write_text(program)
    arguments = {"as a file": [tmp_path / "program.py"], "on standard input": ["-"], "with -c": ["-c", program]}[given]
    typed = program if given == "on standard input" else ""
    ended = subprocess.run([sys.executable, *map(str, arguments)], input=typed, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["once", str(tmp_path / "out" / "datalist.json")] and "Traceback" not in ended.stderr
