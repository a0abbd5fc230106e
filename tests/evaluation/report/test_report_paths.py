"""Names of files in a report: enough to know them again, nothing of whose they are."""

import shlex
from pathlib import Path

import pytest

from medtk_monai.evaluation.report import paths
from medtk_monai.evaluation.report.paths import FileNames


@pytest.fixture
def names(monkeypatch):
    """Of a report in /home/jane/trial/run7, written by jane."""
    monkeypatch.setenv("HOME", "/home/jane")
    monkeypatch.setattr(paths, "_user", lambda: "jane")
    return FileNames("/home/jane/trial/run7")


@pytest.mark.parametrize(
    "given, told",
    [
        ("/home/jane/trial/run7/predictions.json", "predictions.json"),
        ("/home/jane/trial/run7/val/deep/er/metrics.json", "val/deep/er/metrics.json"),
        ("/home/jane/trial/run7", "."),
        ("~/trial/run7/froc.csv", "froc.csv"),
        ("/home/jane/trial/data/ms/datalist.json", "ms/datalist.json"),
        ("/home/jane/trial/run70/x.json", "run70/x.json"),
        ("/home/jane/x.json", "x.json"),
        ("/home/jane", "~"),
        ("~bob/x.json", "x.json"),
        ("/home/bob smith/x.json", "x.json"),
        ("/Users/bob/data/x.json", "data/x.json"),
        ("/mnt/home/bob/x.json", "x.json"),
        ("/scratch/jane/x.json", "x.json"),
        ("/scratch/jane/a/x.json", "a/x.json"),
        ("/data/x.json", "data/x.json"),
        (r"C:\Users\bob\trial\run7\x.json", "run7/x.json"),
        (r"C:\Users\bob\x.json", "x.json"),
        ("", ""),
    ],
)
def test_paths(names, given, told):
    assert names.path(given) == told
    assert FileNames("/home/jane/trial/run7", full=True).path(given) == given


def test_relative_paths_start_here(names, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert FileNames("runs/a").path("runs/a/x.json") == "x.json" and FileNames("runs/a").path("runs/b/x.json") == "b/x.json"
    assert FileNames("/").path("/home/jane/x.json") == "x.json"


@pytest.mark.parametrize(
    "text, told",
    [
        ("loss/box and 1/8 of 3 // 4, as </b> says", "loss/box and 1/8 of 3 // 4, as </b> says"),
        ("cannot read /data/deep/a/x.nii.gz: it ends early", "cannot read a/x.nii.gz: it ends early"),
        ("no file '/home/jane/trial/run7/x.json'.", "no file 'x.json'."),
        ("in /home/Jane Doe/my scans/x.json", "in my scans/x.json"),
        ("file:///home/bob/x.json", "x.json"),
        ("see https://example.org/a/b/c", "see https://example.org/a/b/c"),
        (r"reading C:\Users\bob\a\b\x.json failed", "reading b/x.json failed"),
    ],
)
def test_texts(names, text, told):
    assert names.within(text) == told
    assert FileNames("/home/jane/trial/run7", full=True).within(text) == text


def test_command_lines(names):
    words = ["medtk", "report", "/home/jane/trial/run7/found.json", "/home/jane/my data/list.json", "--run=/home/jane/trial/run7/net"]
    words += ["--config_file", "['/home/jane/trial/bundles/aneurysm/train.json','bundles/aneurysm/evaluate.json']", "--hit", "iou:0.5"]
    told = shlex.split(names.command(words))
    assert told[:5] == ["medtk", "report", "found.json", "my data/list.json", "--run=net"]
    assert told[6:] == ["['aneurysm/train.json','aneurysm/evaluate.json']", "--hit", "iou:0.5"]
    assert shlex.split(FileNames(full=True).command(words)) == words


def test_a_user_without_a_name(monkeypatch):
    def unknown():
        raise KeyError("uid not found")

    monkeypatch.setattr(paths.getpass, "getuser", unknown)
    paths._user.cache_clear()
    assert FileNames().path("/data/a/x.json") == "a/x.json"
    paths._user.cache_clear()


def test_the_folder_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert FileNames(tmp_path / "link").path(Path(tmp_path / "real" / "x.json")) == "x.json"
