import json
import sys
from pathlib import Path

import pytest

from medtk_monai.cli.main import main

TRAIN = str(Path(__file__).parents[2] / "bundles" / "aneurysm" / "train.json")


def audit(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", "audit", "--config_file", TRAIN, *map(str, arguments)])
    main()


@pytest.fixture(scope="session")
def usual(made_once, phantom):
    """As ``phantom``, but volumes have the usual size, and with it the usual aneurysms."""
    from medtk_monai.phantom import write_phantom_dataset

    def write(folder):
        return write_phantom_dataset(folder, num_cases=6, seed=1, num_validation=0, num_test=0, num_workers=1)

    return lambda spatial_dims: phantom(2) if spatial_dims == 2 else made_once("usual_phantom3d", write).parent


@pytest.mark.parametrize("head", ["anchor", "point"])
@pytest.mark.parametrize("dims", [2, 3])
def test_default_settings_match_the_phantom(usual, tmp_path, monkeypatch, capsys, dims, head):
    arguments = ["--dataset_dir", usual(dims), "--spatial_dims", dims, "--head", head, "--out", tmp_path / "report.json", "--strict"]
    monkeypatch.chdir(tmp_path)
    audit(monkeypatch, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["objects"] > 0 and report["unmatched"] == []
    assert "best IoU" in capsys.readouterr().out


def test_strict_fails_where_priors_do_not_match(phantom, monkeypatch, capsys):
    settings = [
        "--head",
        "anchor",
        "--anchor_sizes",
        "[[40],[80]]",
        "--heads::anchor::assigner",
        "{'_target_':'medtk_monai.assigners.MaxIoUAssigner'}",
    ]
    with pytest.raises(SystemExit) as exit_info:
        audit(monkeypatch, "--dataset_dir", phantom(3), "--strict", *settings)
    assert exit_info.value.code == 1
    assert "add anchors of about" in capsys.readouterr().out


def test_a_mistyped_override_is_told(phantom, monkeypatch):
    with pytest.raises(SystemExit) as exit_info:
        audit(monkeypatch, "--dataset_dir", phantom(3), "--anchor_size", "[[4],[8]]")
    assert "--anchor_size names no value" in str(exit_info.value.code)


def test_a_missing_configuration_is_told(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["medtk", "audit", "--config_file", "none.json"])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert "no file none.json" in str(exit_info.value.code)


def test_what_ignored_objects_cover_is_told(phantom, tmp_path, monkeypatch, capsys):
    """All objects are too small to count: there is nothing to match, and the masks teach nothing."""
    settings = ["--dataset_dir", phantom(3), "--min_volume_mm3", "1e6", "--out", tmp_path / "report.json"]
    audit(monkeypatch, *settings)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["objects"] == 0 and report["untaught"] and all(0 < share < 0.2 for share in report["untaught"].values())
    assert "teaches nothing" in capsys.readouterr().out
    audit(monkeypatch, *settings[:2])
    assert "teaches nothing" not in capsys.readouterr().out
