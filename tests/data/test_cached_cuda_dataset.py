"""Prepared cases: once only, whatever process asks, and anew when anything they depend on changes."""

import errno
import json
import multiprocessing
import os
import signal
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from monai.transforms import Compose, NormalizeIntensityd, ScaleIntensityd

from medtk_monai.atomic import replacing
from medtk_monai.data import CacheBudget, CachedCudaDataset, cached_cuda_dataset
from medtk_monai.data.item_key import describe, item_key
from medtk_monai.errors import DataError
from medtk_monai.structures import Target
from medtk_monai.transforms import LoadCased, ToPlainTensord, WorldToVoxelBoxesd


class Load:
    """A case's file of numbers as an image; leaves a note of each call."""

    def __init__(self, notes, fail=None):
        self.notes, self.fail = str(notes), fail

    def __call__(self, case):
        with open(self.notes, "a") as file:
            file.write(case["case_id"] + "\n")
        if case["case_id"] == self.fail:
            raise DataError("it is bad", "", "make it good")
        if self.fail == f"kill at {case['case_id']}":
            os.kill(os.getpid(), signal.SIGKILL)
        image = torch.tensor(json.loads(Path(case["image"]).read_text()), dtype=torch.float32)[None]
        boxes = torch.tensor([[0.0, 0, 1, 1]])
        return {"image": image, "target": Target(boxes, torch.tensor([0]), torch.tensor([False])), "case_id": case["case_id"]}


@pytest.fixture
def cases(tmp_path):
    found = []
    for number in range(5):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps([[number, 1], [2, 3]]))
        found.append({"image": str(path), "case_id": f"case {number}"})
    return found


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


def prepared(notes):
    """The cases prepared since the last call."""
    found = sorted(notes.read_text().splitlines()) if notes.exists() else []
    notes.unlink(missing_ok=True)
    return found


def build(cases, notes, folder, transform=None, workers=0, **budget):
    budget = CacheBudget(folder=None if folder is None else str(folder), **budget)
    return CachedCudaDataset(cases, transform or Load(notes), budget=budget, num_workers=workers, progress=False)


@pytest.mark.parametrize("workers", [0, 2])
def test_items_are_those_of_the_transform_and_prepared_once(cases, notes, tmp_path, workers):
    for count in (5, 0):
        dataset = build(cases, notes, tmp_path / "cache", workers=workers)
        assert len(prepared(notes)) == count
        for case, item in zip(cases, dataset):
            expected = Load(notes)(case)
            assert torch.equal(item["image"], expected["image"]) and item["case_id"] == case["case_id"]
            assert torch.equal(item["target"].boxes, expected["target"].boxes)
        prepared(notes)
    assert len(dataset) == 5


def test_what_changes_is_prepared_anew(cases, notes, tmp_path):
    folder = tmp_path / "cache"
    scaled = Compose([Load(notes), ScaleIntensityd("image")])
    for transform, count in ((None, 5), (scaled, 5), (None, 0), (scaled, 0)):
        build(cases, notes, folder, transform)
        assert len(prepared(notes)) == count
    build(cases, notes, folder, Compose([Load(notes), ScaleIntensityd("image", minv=0.5)]))
    assert len(prepared(notes)) == 5
    Path(cases[3]["image"]).write_text("[[7, 7], [7, 7]]")
    assert build(cases, notes, folder)[3]["image"].eq(7).all() and prepared(notes) == ["case 3"]
    build([*cases[:2], cases[2] | {"labels": {"1": 0}}], notes, folder)
    assert prepared(notes) == ["case 2"]


def test_a_file_moved_in_time_but_not_changed_is_found_again(cases, notes, tmp_path):
    build(cases, notes, tmp_path / "cache")
    prepared(notes)
    os.utime(cases[0]["image"], (1, 1))
    build(cases, notes, tmp_path / "cache")
    assert prepared(notes) == []


def test_torn_files_are_prepared_anew(cases, notes, tmp_path):
    paths = build(cases, notes, tmp_path / "cache").paths
    prepared(notes)
    paths[1].write_bytes(paths[1].read_bytes()[:-7])
    paths[2].unlink()
    dataset = build(cases, notes, tmp_path / "cache")
    assert prepared(notes) == ["case 1", "case 2"]
    assert [item["image"][0, 0, 0] for item in dataset] == [0, 1, 2, 3, 4]


def test_budgets_are_kept(cases, notes, tmp_path):
    whole = build(cases, notes, tmp_path / "cache").places
    assert whole["file"] == 0 and whole["host"] % 5 == 0
    one = whole["host"] // 5
    found = build(cases, notes, tmp_path / "cache", device_gb=1.5 * one / 1e9, host_gb=2.5 * one / 1e9).places
    assert found == {"device": one, "host": 2 * one, "file": 2 * one}
    images = build(cases, notes, tmp_path / "cache", host_gb=0.0)
    assert [item["image"][0, 0, 0] for item in images] == [0, 1, 2, 3, 4]


def test_a_temporary_folder_goes_with_the_dataset(cases, notes):
    dataset = build(cases, notes, None)
    folder = dataset.paths[0].parent
    assert folder.exists()
    del dataset
    assert not folder.exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_case_is_named_and_others_are_kept(cases, notes, tmp_path, workers):
    with pytest.raises(DataError, match="case 3.*it is bad -- make it good"):
        build(cases, notes, tmp_path / "cache", Load(notes, fail="case 3"), workers)
    prepared(notes)
    assert len(list((tmp_path / "cache").glob("*.item"))) >= 3


@pytest.mark.parametrize("workers", [0, 2])
def test_any_error_names_the_case(cases, notes, tmp_path, workers):
    Path(cases[2]["image"]).write_text("not json")
    with pytest.raises(DataError, match="case 2.*JSONDecodeError"):
        build(cases, notes, tmp_path / "cache", workers=workers)


def test_a_full_disk_is_told(cases, notes, tmp_path, monkeypatch):
    def full(path, item):
        with replacing(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    build(cases[:2], notes, tmp_path / "cache")
    monkeypatch.setattr(cached_cuda_dataset, "write_item", full)
    with pytest.raises(DataError, match="case 2.*No space left on device -- free .* GB"):
        build(cases, notes, tmp_path / "cache")
    monkeypatch.undo()
    prepared(notes)
    assert len(build(cases, notes, tmp_path / "cache")) == 5 and prepared(notes) == ["case 2", "case 3", "case 4"]


def test_a_killed_worker_is_told_and_the_next_start_goes_on(cases, notes, tmp_path):
    with pytest.raises(DataError, match="died.*start again"):
        build(cases, notes, tmp_path / "cache", Load(notes, fail="kill at case 3"), workers=1)
    done = len(list((tmp_path / "cache").glob("*.item")))
    assert done == 3
    prepared(notes)


def build_as_rank(rank, cases, notes, folder, results):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    results.put([float(item["image"][0, 0, 0]) for item in build(cases, notes, folder)])


def test_processes_share_a_folder(cases, notes, tmp_path):
    """Two at once, each from its own share: both are right, and later ones find everything."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    running = [context.Process(target=build_as_rank, args=(rank, cases, notes, tmp_path / "cache", results)) for rank in range(2)]
    for process in running:
        process.start()
    assert [results.get(timeout=60) for _ in running] == [[0, 1, 2, 3, 4]] * 2
    for process in running:
        process.join()
    assert set(prepared(notes)) == {case["case_id"] for case in cases}
    build(cases, notes, tmp_path / "cache")
    assert prepared(notes) == []


def test_descriptions_tell_transforms_apart():
    def first(x):
        return x

    def second(x):
        return x + 1

    def scaled(by):
        return lambda x: x * by

    class Unknown:
        def __init__(self, value):
            self.value = value

        def run(self, x, factor=1):
            return x

    values = [
        Path("b"), Path("b/c"), Unknown(1).run, Unknown(2).run, scaled(1), scaled(2), np.sqrt, np.log, slice(1), slice(2), range(3), range(4),
        partial(first, 1), partial(first, 2), Unknown, Unknown(1), os.path.join, first, second, Load("a"), Load("b"), Load, 1, "1", 1.5, None, [1], {"a": 1}, torch.ones(2), torch.zeros(2), torch.float16,
    ]  # fmt: skip
    texts = [json.dumps(describe(value), sort_keys=True) for value in values]
    assert len(set(texts)) == len(values)
    assert texts == [json.dumps(describe(value), sort_keys=True) for value in values]
    assert describe({1, 2}) == describe({2, 1})


def test_use_does_not_change_what_a_transform_is(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.arange(27, dtype=np.int16).reshape(3, 3, 3), np.eye(4)), tmp_path / "a.nii.gz")
    transform = Compose([LoadCased(), NormalizeIntensityd("image"), WorldToVoxelBoxesd(), ToPlainTensord()])
    before = describe(transform)
    transform({"image": str(tmp_path / "a.nii.gz")})
    assert describe(transform) == before


def test_everything_a_case_names_counts(tmp_path):
    """Paths, folders of slices, and the data that a header points to."""
    scan = tmp_path / "scan"
    scan.mkdir()
    (scan / "1.dcm").write_text("one")
    (tmp_path / "a.mhd").write_text("ObjectType = Image\nElementDataFile = other.raw\n")
    (tmp_path / "other.raw").write_text("one")
    (tmp_path / "b.img").write_text("one")
    (tmp_path / "b.hdr").write_text("header")
    for path, source in ((scan, scan / "1.dcm"), (tmp_path / "a.mhd", tmp_path / "other.raw"), (tmp_path / "b.hdr", tmp_path / "b.img")):
        for named in (path, str(path)):
            before = item_key({"image": named}, None, tmp_path / "digests")
            assert item_key({"image": named}, None, tmp_path / "digests") == before
            source.write_text(source.read_text() + " more")
            assert item_key({"image": named}, None, tmp_path / "digests") != before


def test_items_that_cannot_be_cached_are_named(cases, notes, tmp_path):
    with pytest.raises(DataError, match="case 0.*'shape' is a tuple.*drop or convert"):
        build(cases, notes, tmp_path / "cache", Compose([Load(notes), lambda item: item | {"shape": (1, 2)}]))


def test_an_unusable_folder_is_named(cases, notes, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="cannot write .*choose another folder"):
        build(cases, notes, tmp_path / "file")


def test_negative_budgets_are_named():
    with pytest.raises(ValueError, match="negative"):
        CacheBudget(host_gb=-1)
