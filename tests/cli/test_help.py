"""Help, mistakes in typing, and what is told before anything heavy is imported."""

import json
import subprocess
import sys
from inspect import Parameter, signature

import pytest

import medtk_monai
from medtk_monai.cli.help import command_help, kind_of_value
from medtk_monai.cli.main import COMMANDS, _load, main
from medtk_monai.cli.options.declare import helps
from medtk_monai.cli.typed import RENAMED

HEAVY = ("torch", "monai", "numpy", "scipy", "nibabel")


@pytest.fixture
def medtk(monkeypatch, capsys):
    """medtk(words) -> exit code, what is printed, and what is written to stderr."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["medtk", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help_and_a_kind(name):
    command = _load(name)
    told, shown = helps(command), command_help(name, command)
    for part in signature(command).parameters.values():
        assert len(told.get(part.name, "")) > 5, f"medtk {name}: {part.name} has no help"
        assert told[part.name][:20].split()[0] in shown
        assert "Optional" not in shown and "|None" not in shown.replace(" ", "")
        if part.kind is Parameter.KEYWORD_ONLY:
            assert f"--{part.name} {kind_of_value(part.annotation)}".rstrip() in shown


def test_an_option_without_help_is_found():
    """The test above can fail."""
    assert "bare" not in helps(lambda bare=1: None)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_and_the_functions_behind_them_take_few_parameters(name):
    parts = signature(_load(name).__wrapped__).parameters.values()
    assert sum(part.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD) for part in parts) <= 8


def test_one_word_is_of_one_kind_in_all_commands():
    """Options of one name ask for one kind of value, whatever the command; places of the arguments need no names."""
    kinds = {}
    for name in COMMANDS:
        for part in signature(_load(name)).parameters.values():
            if part.kind is Parameter.KEYWORD_ONLY:
                kinds.setdefault(part.name, set()).add(kind_of_value(part.annotation))
    several = {name: found for name, found in kinds.items() if len(found) > 1}
    # An export writes fewer files than predict; an analysis is of one operating point, a report of one model, an import of one folder;
    # phantoms and what is inserted have kinds of their own.
    assert set(several) == {"formats", "threshold", "fp_per_case", "model", "images", "kind"}


@pytest.mark.parametrize(
    "words", [["check", "d.json", "-h"], ["-h"], ["predict", "-h"], ["evaluate", "a", "--hit", "x", "--help", "--bad"]]
)
def test_help_wins_over_whatever_else_is_typed(medtk, words):
    code, shown, told = medtk(*words)
    assert code == 0 and told == "" and "usage: medtk" in shown
    assert (f"medtk {words[0]} - " in shown) == (words[0] != "-h")


def test_the_overview_has_a_line_for_each_command(medtk):
    code, shown, _ = medtk("--help")
    lines = shown.splitlines()
    assert code == 0 and all(sum(line.startswith(f"  {name} ") for line in lines) == 1 for name in COMMANDS)
    assert max(map(len, lines)) <= 110 and medtk()[1] == shown


def test_version(medtk):
    assert medtk("--version") == (0, f"medtk {medtk_monai.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "what", "usage"),
    [
        (["evaluate", "a", "b", "--treshold", "3"], "no option --treshold -- did you mean --threshold?", "evaluate PREDICTIONS TRUTH"),
        (["evaluate", "a"], "TRUTH is missing", "evaluate PREDICTIONS TRUTH"),
        (["evaluate"], "PREDICTIONS and TRUTH are missing", "evaluate PREDICTIONS TRUTH"),
        (["sweep", "a", "--bundle", "b"], "OUT is missing", "sweep DATALIST OUT"),
        (["export", "--bundle", "b"], "OUT is missing", "export --out PATH"),
        (["export", "best.pt", "--out", "o"], "no argument is left for 'best.pt'", "export --out PATH"),
        (["evaluate", "a", "b", "1.10"], "no argument is left for '1.10'", "evaluate PREDICTIONS TRUTH"),
        (["evaluat"], "no command evaluat -- did you mean evaluate?", "COMMAND"),
        (["phantom", "out", "-zz", "3"], "no option --zz", "phantom OUT"),
        (["phantom", "out", "-n", "3"], "no option --n", "phantom OUT"),
        (["predict", "HERE", "-x", "3"], "no option --x", "predict INPUTS..."),
        (["analyze", "setup.cfg", "setup.cfg", "o", "--treshold", "3"], "no option --treshold -- did you mean", "analyze PREDICTIONS"),
    ],
)
def test_mistyped_commands_get_two_lines(medtk, words, what, usage):
    code, shown, told = medtk(*words)
    assert code == 2 and shown == "" and told.count("\n") == 2
    assert told.startswith(f"error: {what}") and told.splitlines()[1].startswith(f"usage: medtk {usage}")


def test_earlier_spellings_are_understood_and_the_new_ones_named(medtk):
    for command, names in RENAMED.items():
        options = signature(_load(command)).parameters
        assert set(names.values()) <= set(options) and not set(names) & set(options)
    code, _, told = medtk("predict", "--format", "json", "--top_k=3")
    assert told == "note: --format is now --formats\nnote: --top_k is now --max_findings\n" and "nothing to predict" in code


WRONG = [
    (["predict"], "nothing to predict"),
    (["predict", "absent.nii", "--bundle", "HERE", "--checkpoint", "HERE"], "no file, folder or pattern absent.nii"),
    (["predict", "HERE", "--tuned", "absent.json"], "no file absent.json"),
    (["predict", "HERE", "--chekpoint", "best.pt"], "did you mean --checkpoint?"),
    (["predict", "HERE", "--model", "HERE", "--bundle", "HERE"], "names a detector, and --bundle"),
    (["predict", "HERE", "--bundle", "HERE"], "no checkpoint is given"),
    (["predict", "HERE", "--budget", "long"], "--budget is long -- give a number"),
    (["predict", "HERE", "--tta_scales", "1,-1"], "--tta_scales is 1,-1 -- give numbers above 0"),
    (["evaluate", "HERE", "absent.json"], "no file absent.json"),
    (["evaluate", "HERE", "HERE", "--sensitivity", "80"], "give a number in (0, 1]"),
    (["evaluate", "HERE", "HERE", "--bootstraps", "many"], "--bootstraps is many -- give a whole number"),
    (["evaluate", "HERE", "HERE", "--allow_missing=perhaps"], "--allow_missing is perhaps -- give True or False"),
    (["evaluate", "HERE", "HERE", "--label_map_kind", "classes"], "choose from instance, class"),
    (["evaluate", "HERE", "HERE", "--min_volume_mm3", "9", "--max_volume_mm3", "5"], "give the smaller one first"),
    (["compare", "HERE", "HERE", "HERE", "--bootstraps", "0"], "--bootstraps is 0 -- give a number from 1"),
    (["analyze", "HERE", "HERE", "out", "--near_mm", "nan"], "--near_mm is nan"),
    (["report", "HERE", "HERE", "--fp_per_case", ""], "there is no operating point"),
    (["report", "HERE", "HERE", "--out"], "--out has no value"),
    (["report", "HERE", "HERE", "--model", "absent"], "no file or folder absent"),
    (["sweep", "HERE", "out"], "no model is given -- name the folder of a training, as --model"),
    (["sweep", "HERE", "out", "--suppressors", "nms,nmms"], "'nmms' is not known -- choose from nms, wbc, soft"),
    (["export", "--out", "out"], "no model is given"),
    (["export", "--out", "out", "--formats", "ts"], "choose from onnx, pt2"),
    (["crossval", "HERE", "out"], "no bundle is given"),
    (["crossval", "HERE", "out", "--bundle", "HERE", "--fold", "7"], "folds count from 0 to 4"),
    (["crossval", "HERE", "out", "--bundle", "HERE", "--fold", "1", "--collect"], "leave out --collect"),
    (["audit"], "no bundle is given"),
    (["audit", "absent.json"], "no file absent.json"),
    (["check", "absent.json"], "absent.json does not exist"),
    (["fingerprint", "HERE", "--picture", "fingerprint.json"], "are not different files"),
    (["new", "a b", "HERE", "4", "--template", "HERE"], "'a b' is no name for a bundle"),
    (["plan", "HERE", "4", "--template", "absent"], "no file or folder absent"),
    (["new", "lesions", "HERE", "4"], "no file or folder bundles/aneurysm -- give the folder of a bundle by --template"),
    (["plan", "HERE", "--memory", "-1"], "--memory is -1 -- give a number above 0"),
    (["plan", "HERE", "4", "--template", "HERE", "--head", "both"], "--head is both -- choose from anchor, point"),
    (["import", "masks", "absent", "--out", "out"], "no file or folder absent"),
    (["convert", "absent.json", "a.csv"], "no file or folder absent.json"),
    (["phantom", "out", "--spatial_dims", "4"], "--spatial_dims is 4 -- choose from 2, 3"),
]


def test_wrong_arguments_are_told_before_anything_heavy_is_imported(tmp_path):
    """All in one process, so that whatever one of them imports is seen by the end."""
    (tmp_path / "here").write_text("")
    calls = [[str(tmp_path / "here") if word == "HERE" else word for word in words] for words, _ in WRONG]
    program = f"""
import contextlib, io, json, sys
from medtk_monai.cli.main import main
told = []
for words in {calls!r}:
    sys.argv, err = ["medtk", *words], io.StringIO()
    try:
        with contextlib.redirect_stderr(err):
            main()
        told.append("nothing was wrong")
    except SystemExit as stop:
        told.append(f"{{stop.code}} {{err.getvalue()}} {{[name for name in {HEAVY} if name in sys.modules]}}")
    if told[-1][-2:] != "[]":
        break
print(json.dumps(told))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    told = json.loads(done.stdout)
    for (words, expected), text in zip(WRONG, told, strict=True):
        assert expected in text and text.endswith("[]"), (words, text)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
