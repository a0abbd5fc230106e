"""What can be exported, and what is told where it cannot."""

import ast
import sys

import pytest
import torch
from torch import nn

from medtk_monai import export
from medtk_monai.cli.main import main
from medtk_monai.errors import DataError
from medtk_monai.export import ExportedNetwork, InputSpec, dense_stage, export_network
from medtk_monai.export.parity import check, compare, probe_images
from medtk_monai.structures import DenseOutput
from tests.detectors.test_two_stage import network as build_two_stage
from tests.export.networks import BUNDLE, SMALL, assert_same_detections, bundle_parts, write_checkpoint


def maps(value):
    return lambda images: {"logits_0": images * 0 + value}


@pytest.mark.parametrize("value, agrees", [(0.0, True), (0.9e-4, True), (1.1e-4, False), (float("nan"), False)])
def test_differences_above_the_tolerance_are_told(value, agrees):
    found = compare(maps(0.0), {"onnx": maps(value)}, [torch.zeros(1, 1, 4, 4)])
    if agrees:
        check(found)
    else:
        with pytest.raises(DataError, match="logits_0 of the exported onnx differs"):
            check(found)


def test_the_tolerance_grows_with_large_values():
    check(compare(maps(100.0), {"onnx": maps(100.009)}, [torch.zeros(1, 1, 4, 4)]))
    with pytest.raises(DataError):
        check(compare(maps(100.0), {"onnx": maps(100.02)}, [torch.zeros(1, 1, 4, 4)]))


def test_outputs_of_another_shape_are_told():
    with pytest.raises(DataError, match="other shapes"):
        compare(maps(0.0), {"onnx": lambda images: {"logits_0": images[..., 1:]}}, [torch.zeros(1, 1, 4, 4)])


def test_images_to_compare_are_of_two_sizes_and_batches():
    shapes = [tuple(images.shape) for images in probe_images(InputSpec.of_any_size(2, (4, 1)))]
    assert shapes == [(1, 2, 8, 2), (2, 2, 8, 2), (1, 2, 12, 4), (2, 2, 12, 4)]
    fixed = [tuple(images.shape) for images in probe_images(InputSpec.of_one_size(1, (4, 4), (8, 12)))]
    assert fixed == [(1, 1, 8, 12), (2, 1, 8, 12)]


@pytest.mark.parametrize("size", [(8,), (8, 10), (0, 8)])
def test_a_window_that_does_not_fit_is_refused(size):
    with pytest.raises(DataError, match="give multiples of"):
        InputSpec.of_one_size(1, (4, 4), size)


class Shifting(nn.Module):
    """Says something else in each format, for a parity check that must fail; a weight lets it be traced."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        output = self.network(images)
        shift = 1e-3 * torch.compiler.is_exporting()
        return type(output)(tuple(level + shift for level in output.logits), output.deltas, output.num_classes)


class OneConvolution(nn.Module):
    """The smallest network."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 4, stride=4)

    def forward(self, images):
        maps = self.conv(images)
        return DenseOutput((maps[:, :1],), (maps[:, 1:],), 1)


def test_nothing_is_written_when_a_file_differs(tmp_path):
    with pytest.raises(DataError, match=r"logits_0 of the exported pt2 differs by 1\.0e-03"):
        export_network(Shifting(OneConvolution()), tmp_path / "out", InputSpec.of_any_size(1, (4, 4)), ["pt2"])
    assert list((tmp_path / "out").iterdir()) == []


def test_the_network_stays_as_it_is_and_pt2_needs_no_other_package(tmp_path, monkeypatch):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    network = OneConvolution().train()
    description = export_network(network, tmp_path, InputSpec.of_one_size(1, (4, 4), (16, 12)), ["pt2"])
    assert network.training and all(weights.requires_grad for weights in network.parameters())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.json", "network.pt2"]
    assert not description.input.is_dynamic and str(description.input) == "(B, 1, 16, 12)"
    program = torch.export.load(tmp_path / "network.pt2").module()
    with pytest.raises(DataError, match=r"takes \(B, 1, 16, 12\)"):
        ExportedNetwork(tmp_path, program)(torch.zeros(1, 1, 16, 16))
    assert len(ExportedNetwork(tmp_path, program)(torch.zeros(3, 1, 16, 12)).logits) == 1
    with pytest.raises(DataError, match=r"pip install 'medtk_monai\[export\]'"):
        export_network(network, tmp_path / "none", InputSpec.of_any_size(1, (4, 4)))
    assert not (tmp_path / "none").exists()


def test_two_stages_are_refused_and_the_first_can_be_exported(tmp_path):
    network = build_two_stage(2)
    with pytest.raises(DataError, match="how many proposals .* --dense_stage"):
        export_network(network, tmp_path, InputSpec.of_any_size(1, (4, 4)))
    stage, images = dense_stage(network.eval()), torch.randn(1, 1, 16, 16)
    assert torch.equal(stage(images).logits[0], network(images).dense.logits[0])
    assert dense_stage(stage) is stage


def test_a_network_that_cannot_be_traced_is_told(tmp_path):
    class Peeking(nn.Module):
        def forward(self, images):
            return OneConvolution()(images if images.sum().item() > 0 else -images)

    with pytest.raises(DataError, match="cannot trace .* --fixed_size"):
        export_network(Peeking(), tmp_path, InputSpec.of_any_size(1, (4, 4)), ["pt2"])


@pytest.mark.parametrize("formats", [[], ["ts"], ["onnx", "torchscript"]])
def test_unknown_formats_are_told(tmp_path, formats):
    with pytest.raises(DataError, match="choose from onnx, pt2"):
        export_network(nn.Identity(), tmp_path, InputSpec.of_any_size(1, (4, 4)), formats)
    assert export.FORMATS == ("onnx", "pt2")


def run_export(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", "export", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    return str(exit_info.value.code)


def test_mistakes_on_the_command_line_take_one_line(tmp_path, monkeypatch):
    checkpoint = write_checkpoint(tmp_path / "best.pt", spatial_dims=2)
    given = ["--bundle", BUNDLE, "--out", tmp_path / "out", "--checkpoint"]
    assert "no file or folder" in run_export(monkeypatch, *given, tmp_path / "none.pt")
    assert "another network" in run_export(monkeypatch, *given, checkpoint, "--head", "anchor")
    assert "--hed names no value" in run_export(monkeypatch, *given, checkpoint, "--hed", "anchor")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--fixed_size", "banana"],
            "--fixed_size banana is no number of voxels -- give a whole number, or one for each axis, as 64 or 64,64",
        ),
        (["--fixed_size", "96,banana"], "--fixed_size 96,banana is no number"),
        (["--fixed_size", "1.5"], "--fixed_size 1.5 is no number"),
        (["--fixed_size", "16,16,16"], "--fixed_size 16,16,16 is no number"),
        (["--fixed_size", "[[16],[16]]"], "is no number"),
        (["--fixed_size", "-8"], "is no number"),
        (["--fixed_size", "18"], "give multiples of (4, 4)"),
        (["--coarsest_stride", "banana"], "--coarsest_stride banana is no number"),
        (["--in_channels", "banana"], "--in_channels banana: TypeError: "),
        (["--out", "FILE"], "cannot write"),
    ],
)
def test_odd_arguments_take_one_line(tmp_path, monkeypatch, arguments, words):
    checkpoint = write_checkpoint(tmp_path / "best.pt", spatial_dims=2)
    given = ["--bundle", BUNDLE, "--checkpoint", checkpoint, *([] if "--out" in arguments else ["--out", tmp_path / "out"])]
    given += [f"--{name}={value}".replace(" ", "") for name, value in SMALL.items()]
    shown = run_export(monkeypatch, *given, "--spatial_dims", 2, *(checkpoint if word == "FILE" else word for word in arguments))
    assert words in shown and "\n" not in shown and not (tmp_path / "out").exists()


UNET = "{'_target_':'medtk_monai.networks.UNetDecoder','spatial_dims':'@spatial_dims','maps':'@backbone_maps',"
UNET += "'out_channels':'@channels','levels':[0,1]}"
VARIANTS = {
    "combined": {},
    "quality": {},
    "segmentation": {},
    "two_stage": {},
    "group": {"norm": ["group", {"num_groups": 1}]},
    "unet": {"neck": ast.literal_eval(UNET), "dense_postprocessor::score_threshold": 0.2},
    "anisotropic": {"backbone::strides": [[2, 1, 2], 2]},
}


@pytest.mark.slow
@pytest.mark.parametrize("name, dims", [(name, dims) for name in VARIANTS for dims in (2, 3) if (name, dims) != ("anisotropic", 2)])
def test_every_network_of_the_bundle_can_be_exported(tmp_path, monkeypatch, name, dims):
    path = BUNDLE / "heads" / f"{name}.json"
    overlays, values = [path] if path.exists() else [], {"spatial_dims": dims} | VARIANTS[name]
    checkpoint = write_checkpoint(tmp_path / "best.pt", overlays, **values)
    settings = [f"--{key}={value}".replace(" ", "") for key, value in {**SMALL, **VARIANTS[name]}.items()]
    given = ["--bundle", BUNDLE, "--checkpoint", checkpoint, "--out", tmp_path / "out", *settings, f"--dense_stage={name == 'two_stage'}"]
    monkeypatch.setattr(sys, "argv", ["medtk", "export", *map(str, given), *(f"--overlay={path}" for path in overlays)])
    main()
    exported = ExportedNetwork(tmp_path / "out")
    assert ("quality_0" in exported.description.outputs) == (name == "quality")
    network, inferer = bundle_parts(checkpoint, overlays, **VARIANTS[name])
    if name == "two_stage":
        inferer.postprocessor = inferer.postprocessor.dense
    images = torch.randn(1, 1, *(40, 37, 20)[:dims], generator=torch.Generator().manual_seed(0))
    assert_same_detections(inferer(images, exported)[0], inferer(images, dense_stage(network))[0])
