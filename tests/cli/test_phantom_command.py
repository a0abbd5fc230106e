import json
import subprocess
import sys

import pytest

from medtk_monai.cli.main import main
from tests.processes import run_code


def run_medtk(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", *map(str, arguments)])
    main()


def test_help_imports_nothing_heavy_and_lists_commands():
    program = (
        "from medtk_monai.cli.main import main; import atexit, sys; sys.argv = ['medtk', '--help'];"
        "atexit.register(lambda: print('heavy:', {'torch', 'monai'} & set(sys.modules))); main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "heavy: set()" in result.stdout
    assert result.returncode == 0
    assert "phantom" in result.stdout + result.stderr and "Write simulated angiograms" in result.stdout + result.stderr


def test_help_imports_nothing_heavy():
    program = "import sys, medtk_monai.cli.main as m; [m._load(name) for name in m.COMMANDS]; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "monai", "numpy", "scipy", "nibabel"} & set(modules)


def test_help_of_the_command_explains_its_arguments(monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run_medtk(monkeypatch, "phantom", "--help")
    shown = " ".join("".join(capsys.readouterr()).split())
    assert exit_info.value.code == 0
    assert "num_cases" in shown and "maximum intensity projections" in shown


def test_writes_a_data_set_and_prints_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_medtk(monkeypatch, "phantom", "--out", "7", "--num_cases", 3, "--seed", 1, "--spatial_dims", 2)
    assert capsys.readouterr().out.strip().endswith("datalist.json")
    datalist = json.loads((tmp_path / "7/datalist.json").read_text())
    assert datalist["seed"] == 1 and datalist["labels"] == ["aneurysm"]
    assert (tmp_path / "7" / datalist["training"][0]["image"]).exists()


def test_writes_heads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("medtk_monai.phantom.head.case.CROP", (48, 48, 32))
    run_medtk(monkeypatch, "phantom", tmp_path / "heads", "--kind", "head", "--num_cases", 3, "--num_workers", 0)
    datalist = json.loads((tmp_path / "heads/datalist.json").read_text())
    assert datalist["settings"]["kind"] == "head" and len(datalist["training"]) == 1
    items = datalist["training"] + datalist["validation"] + datalist["test"]
    assert all(item["scan"]["modality"] in ("tof", "cta") and "look_alikes" in item for item in items)
    assert [bool(item["aneurysms"]) for item in items] == [True, True, False]


@pytest.mark.parametrize("options", [("--kind", "head", "--spatial_dims", 2), ("--size", "slab")])
def test_options_of_the_other_kind_are_refused(tmp_path, monkeypatch, options):
    with pytest.raises(SystemExit, match="kind"):
        run_medtk(monkeypatch, "phantom", tmp_path / "data", *options)
    assert not (tmp_path / "data").exists()


def test_data_errors_take_one_line(tmp_path, monkeypatch, capfd):
    (tmp_path / "mine.txt").write_text("mine")
    result = run_code(
        f"import sys; sys.argv = ['medtk', 'phantom', '--out', {str(tmp_path)!r}]; from medtk_monai.cli.main import main; main()"
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--num_case", 3), ("--seed", 0, "--depth=3"), ("3", "0", "3", "1", "1", "1", "extra")])
def test_unknown_arguments_fail_before_anything_is_written(tmp_path, monkeypatch, arguments):
    with pytest.raises(SystemExit) as exit_info:
        run_medtk(monkeypatch, "phantom", "--out", tmp_path / "data", *arguments)
    assert exit_info.value.code not in (0, None)
    assert not (tmp_path / "data").exists()


def test_unknown_commands_fail(monkeypatch):
    with pytest.raises(SystemExit) as exit_info:
        run_medtk(monkeypatch, "phantoms")
    assert exit_info.value.code not in (0, None)
