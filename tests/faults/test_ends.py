"""How commands end: on a full disk, by Ctrl-C, and on files that are none."""

import errno
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from medtk_monai.bundle.checkpoint import network_state, read_checkpoint
from medtk_monai.cli import main as command
from medtk_monai.errors import DataError, OutputError
from medtk_monai.formats import read_predictions
from medtk_monai.prediction import run as prediction_run
from medtk_monai.prediction.run import predict_scans
from medtk_monai.visualize.pictures import save_figure, save_picture
from tests.prediction.marked_scans import predictor
from tests.prediction.test_run import contents, scans


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def ended(monkeypatch, capsys, *words):
    """The status and the errors of a command."""
    monkeypatch.setattr(sys, "argv", ["medtk", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        command.main()
    code = end.value.code
    return (code, capsys.readouterr().err) if isinstance(code, int) else (1, f"{capsys.readouterr().err}{code}\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_ends_a_command_with_one_line(tmp_path, monkeypatch, capsys, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    status, told = ended(monkeypatch, capsys, "phantom", "--out", tmp_path / "out", "--num_cases", 1)
    assert status == 1 and told.count("\n") == 1
    assert re.fullmatch(rf"error: cannot write \S+: {os.strerror(number)} -- (free space|choose a folder|see to its permissions).*\n", told)


def test_an_error_of_the_system_that_nobody_has_expected_takes_one_line_too(monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/mnt/cd/file")

    monkeypatch.setattr("medtk_monai.phantom.write_phantom_dataset", fail)
    assert ended(monkeypatch, capsys, "phantom", "--out", "x") == (
        1,
        "error: /mnt/cd/file: Read-only file system -- choose a folder that may be written to\n",
    )


def test_a_full_disk_stops_a_prediction_at_once_and_with_space_it_goes_on(tmp_path, monkeypatch):
    looked = []

    def looking():
        made = predictor()

        class Looks:
            parts = made.parts

            def __call__(self, scan):
                looked.append(scan.case_id)
                return made(scan)

        return Looks()

    given = scans(tmp_path / "in", 3)
    whole = predict_scans(predictor, given, tmp_path / "whole", ["medtk"], {})
    assert len(whole.done) == 3
    writing = prediction_run.write_case

    def second_fails(out, prediction, scan, *rest):
        if scan.case_id == "scan1":
            with monkeypatch.context() as at:
                at.setattr(os, "fsync", full)
                return writing(out, prediction, scan, *rest)
        return writing(out, prediction, scan, *rest)

    with monkeypatch.context() as at:
        at.setattr(prediction_run, "write_case", second_fails)
        with pytest.raises(OutputError, match="No space left on device -- free space"):
            predict_scans(looking, given, tmp_path / "out", ["medtk"], {})
    assert looked == ["scan0", "scan1"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"settings.json", "scan0"}
    assert list(predict_scans(predictor, given, tmp_path / "out", ["medtk"], {}).done) == ["scan1", "scan2"]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_an_input_that_is_broken_does_not_stop_a_prediction(tmp_path):
    given = scans(tmp_path / "in", 3)
    Path(given[1].path).write_bytes(b"no image")
    progress = predict_scans(predictor, given, tmp_path / "out", ["medtk"], {})
    assert list(progress.done) == ["scan0", "scan2"] and list(progress.failed) == ["scan1"]
    assert len(read_predictions(tmp_path / "out" / "predictions.json")) == 2


@pytest.mark.parametrize("kind", ["figure", "picture"])
def test_a_picture_that_does_not_fit_leaves_the_earlier_one(tmp_path, monkeypatch, kind):
    from matplotlib.figure import Figure
    from PIL import Image

    def save(path):
        return save_figure(Figure(figsize=(1, 1)), path) if kind == "figure" else save_picture(Image.new("RGB", (9, 9)), path)

    for name in ("a.png", "b.JPG"):
        save(tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            assert picture.format == {"a.png": "PNG", "b.JPG": "JPEG"}[name]
    before = contents(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write .*a\.png: No space left"):
        save(tmp_path / "a.png")
    assert contents(tmp_path) == before
    with pytest.raises(DataError, match="no pictures of that suffix -- "):
        save(tmp_path / "a.docx")


SLEEPY = """
import sys, time
from medtk_monai.cli import main
import medtk_monai.phantom
def wait(*_):
    print("ready", flush=True)
    time.sleep(60)
medtk_monai.phantom.write_phantom_dataset = wait
sys.argv = ["medtk", "phantom", "--out", "x"]
main.main()
"""


@pytest.mark.parametrize(("sent", "status", "how"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")])
def test_a_command_that_is_interrupted_says_how_to_go_on(sent, status, how):
    with subprocess.Popen([sys.executable, "-c", SLEEPY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        program.send_signal(sent)
        _, told = program.communicate(timeout=60)
    assert program.returncode == status
    assert told.strip() == f"{how}: what is done stays, and the same command goes on from there"


def test_ctrl_c_before_a_training_takes_one_line():
    from tests.test_errors import run

    told = run("raise KeyboardInterrupt").stderr
    assert told.strip().startswith("interrupted: ") and "--resume auto" in told and "Traceback" not in told


def test_an_ended_program_ends_its_training_in_its_own_time(tmp_path):
    """As ``medtk crossval`` does: the training writes its last checkpoint after Ctrl-C."""
    from medtk_monai.crossval.training import run_logged

    training = "import signal, time, sys\ndef end(*_):\n    time.sleep(1)\n    print('written', flush=True)\n    sys.exit(143)\n"
    training += "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\ntime.sleep(60)\n"
    log, child = tmp_path / "log.txt", os.fork()
    if child == 0:
        try:
            run_logged([sys.executable, "-c", training], log)
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(8)
    while not log.exists() or "ready" not in log.read_text():
        time.sleep(0.05)
    os.kill(child, signal.SIGINT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert log.read_text().split() == ["ready", "written"]


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3), None, 3, "text"], ids=["list", "tensor", "None", "number", "text"])
def test_a_checkpoint_that_is_no_dictionary_takes_one_line(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(DataError, match="no checkpoint of a training, but a ") as error:
        read_checkpoint(tmp_path / "a.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("network", [None, [], 3])
def test_a_checkpoint_without_a_network_takes_one_line(tmp_path, network):
    torch.save({"average": network, "progress": {}}, tmp_path / "a.pt")
    with pytest.raises(DataError, match="it has no network"):
        network_state(read_checkpoint(tmp_path / "a.pt"), "a.pt")


class Strange:
    """Of no class that weights are made of."""


@pytest.mark.parametrize("kind", ["class", "pickle", "script", "picture", "module"])
def test_no_wrong_file_passes_on_advice_to_load_it_unsafely(tmp_path, kind):
    path = tmp_path / "a.pt"
    if kind == "script":
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), path)
    elif kind == "picture":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"network": Strange()}))
    else:
        torch.save({"network": Strange()} if kind == "class" else torch.nn.Linear(1, 1), path)
    for mapped in (False, True):
        with pytest.raises(DataError, match=r"a\.pt is (broken|no checkpoint)") as error:
            read_checkpoint(path, mapped)
        told = str(error.value)
        assert "weights_only" not in told and "trust" not in told and "\n" not in told and "best.pt" in told


def test_no_process_of_the_package_runs_the_program_of_a_user_again():
    package = Path(command.__file__).parents[1]
    found = {
        path.relative_to(package).as_posix(): set(re.findall(r"get_context\((.*?)\)|(\bmp\.\w+)|([\"']spawn[\"'])", path.read_text()))
        for path in package.rglob("*.py")
    }
    assert {name: words for name, words in found.items() if words} == {"data/cached_cuda_dataset.py": {('"fork"', "", "")}}
