"""The exported network in the place of the one it was made from."""

import contextlib
import hashlib
import io
import json
import logging
import shutil
import zipfile

import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.export import ExportedNetwork, read_description
from tests.export.networks import assert_same_detections, bundle_parts

SIZES = {2: (75, 60), 3: (40, 37, 20)}
CHEAP = [(3, "anchor")]
ALL = [
    pytest.param(*pair, marks=[] if pair in CHEAP else pytest.mark.slow)
    for pair in ((2, "point"), (2, "anchor"), (3, "point"), (3, "anchor"))
]


@pytest.mark.parametrize("dims, head", ALL)
def test_windows_find_what_the_network_finds(exported, dims, head):
    folder = exported(dims, head)
    network, inferer = bundle_parts(folder / "best.pt")
    images = torch.randn(2, 1, *SIZES[dims], generator=torch.Generator().manual_seed(0))
    assert len(inferer.plan(SIZES[dims])[0]) > 1
    for found, expected in zip(inferer(images, ExportedNetwork(folder / "export")), inferer(images, network)):
        assert_same_detections(found, expected)


@pytest.mark.parametrize("dims, head", CHEAP)
def test_a_program_of_ones_own_finds_the_same(exported, dims, head):
    folder = exported(dims, head)
    network, inferer = bundle_parts(folder / "best.pt")
    program = torch.export.load(folder / "export" / "network.pt2").module()
    images = torch.randn(1, 1, *SIZES[dims], generator=torch.Generator().manual_seed(0))
    assert_same_detections(inferer(images, ExportedNetwork(folder / "export", program))[0], inferer(images, network)[0])


def test_export_json_tells_what_the_files_take_and_give(exported):
    folder = exported(3, "anchor") / "export"
    content = json.loads((folder / "export.json").read_text())
    assert content["input"] | {"text": ""} == {
        "name": "images", "dtype": "float32", "dynamic_batch": True, "dynamic_size": True, "text": "",
        "channels": 1, "stride": [4, 4, 4], "min_size": [8, 8, 8], "max_size": None,
    }  # fmt: skip
    assert content["outputs"] == ["logits_0", "logits_1", "deltas_0", "deltas_1"]
    assert content["level_strides"] == [[2, 2, 2], [4, 4, 4]] and content["num_classes"] == 1 and content["spatial_dims"] == 3
    for part in content["files"].values():
        assert part["sha256"] == hashlib.sha256((folder / part["name"]).read_bytes()).hexdigest()
    assert content["notes"]["checkpoint"]["sha256"] == hashlib.sha256((folder.parent / "best.pt").read_bytes()).hexdigest()
    compared = {(row["program"], *row["shape"]) for row in content["parity"]["comparisons"]}
    shapes = [(batch, 1, *size) for batch in (1, 2) for size in ((8, 8, 8), (12, 16, 20))]
    assert compared == {(name, *shape) for name in ("onnx", "pt2") for shape in shapes}
    assert max(value for row in content["parity"]["comparisons"] for value in row["max_abs_difference"].values()) < 1e-4
    assert {"torch", "onnx", "onnxruntime", "medtk_monai"} <= content["versions"].keys()


def test_files_do_not_tell_where_they_were_made(exported):
    for path in (exported(3, "anchor") / "export").iterdir():
        content = path.read_bytes()
        if path.suffix == ".pt2":
            archive = zipfile.ZipFile(path)
            content = b"".join(archive.read(name) for name in archive.namelist())
        assert b"medtk_monai/" not in content and b"site-packages" not in content and str(path.parent).encode() not in content


@pytest.mark.parametrize(
    "shape", [(1, 1, 16, 16), (1, 2, 16, 16, 16), (1, 1, 16, 16, 4), (1, 1, 18, 16, 16), (1, 1, 16, 16, 16, 16), (0, 1, 16, 16, 16)]
)
def test_images_of_other_shapes_are_refused(exported, shape):
    with pytest.raises(DataError, match="a multiple of 4 from 8"):
        ExportedNetwork(exported(3, "anchor") / "export")(torch.zeros(shape))


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of an export to change, and a function that changes its export.json."""
    folder = tmp_path / "export"
    shutil.copytree(exported(3, "anchor") / "export", folder)

    def rewrite(change):
        content = json.loads((folder / "export.json").read_text())
        change(content)
        (folder / "export.json").write_text(json.dumps(content))

    return folder, rewrite


def test_a_file_that_was_changed_is_refused(copied):
    folder, _ = copied
    content = bytearray((folder / "network.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "network.onnx").write_bytes(content)
    with pytest.raises(DataError, match="not the file that export.json tells of"):
        ExportedNetwork(folder)


@pytest.mark.parametrize("name", ["../network.onnx", "/etc/passwd", "none.onnx", "."])
def test_files_outside_the_folder_are_refused(copied, name):
    folder, rewrite = copied
    shutil.copy(folder / "network.onnx", folder.parent)
    rewrite(lambda content: content["files"]["onnx"].update(name=name))
    with pytest.raises(DataError, match="not there"):
        ExportedNetwork(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other", "version": 1}', '{"format": "medtk_monai export", "version": 1}'])
def test_a_wrong_export_json_is_told(tmp_path, text):
    with pytest.raises(DataError, match=r"export\.json"):
        read_description(tmp_path)
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(DataError, match=r"export\.json"):
        ExportedNetwork(tmp_path)


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def make_hostile(path, marker):
    """Replace the sample inputs of a .pt2 file by an object that makes the file ``marker`` when it is loaded."""
    content, buffer = io.BytesIO(path.read_bytes()), io.BytesIO()
    torch.save(Touch(marker), buffer)
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        replaced = [new.writestr(name, buffer.getvalue()) for name in old.namelist() if "sample_inputs" in name]
        for name in old.namelist():
            if "sample_inputs" not in name:
                new.writestr(name, old.read(name))
    assert len(replaced) == 1


@pytest.mark.filterwarnings("ignore")
def test_a_hostile_pt2_file_is_never_run(copied, tmp_path):
    folder, rewrite = copied
    path, marker = folder / "network.pt2", tmp_path / "marker"
    make_hostile(path, marker)
    logging.disable()  # one of torch's own messages about this cannot be formatted
    with contextlib.suppress(Exception):
        torch.export.load(path)
    logging.disable(logging.NOTSET)
    assert marker.exists(), "the file is not hostile, so that the test would show nothing"
    marker.unlink()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rewrite(lambda content: content["files"]["pt2"].update(sha256=digest))
    ExportedNetwork(folder)(torch.zeros(1, 1, 16, 16, 16))
    rewrite(lambda content: content["files"]["onnx"].update(name="network.pt2", sha256=digest))
    with pytest.raises(DataError, match="onnxruntime cannot load"):
        ExportedNetwork(folder)
    rewrite(lambda content: content["files"].pop("onnx"))
    with pytest.raises(DataError, match="can run any code"):
        ExportedNetwork(folder)
    assert not marker.exists()
