"""What a case of a datalist tells besides its image: no column of it keeps a training from starting, and none makes it stale."""

import os
import time

import pytest
from monai.transforms import Compose, LoadImaged

from medtk_monai.data.item_key import describe, item_key
from medtk_monai.errors import DataError
from medtk_monai.transforms import LoadCased


@pytest.fixture
def key_of(tmp_path):
    (tmp_path / "scan.nii").write_bytes(b"scan")

    def key(transform=None, **columns):
        return item_key(
            {"image": str(tmp_path / "scan.nii"), "case_id": "a"} | columns, describe(transform or LoadCased()), tmp_path / "digests"
        )

    return key


@pytest.mark.parametrize("place", ["/usr", "/", "/proc", "/proc/kmsg", "/dev/zero", "/dev/stdin", "\0", "x" * 5000])
def test_a_column_that_names_a_place_is_not_read(key_of, place):
    start = time.perf_counter()
    assert key_of(source=place) != key_of(source="elsewhere")
    assert time.perf_counter() - start < 1


def test_a_column_that_names_a_pipe_is_not_read(key_of, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    key_of(source=str(tmp_path / "pipe"))
    with pytest.raises(DataError, match="neither a file nor a folder, but a pipe or a device"):
        key_of(image=str(tmp_path / "pipe"))
    with pytest.raises(DataError, match="pipe or a device"):
        key_of(label_map="/dev/zero")


def test_a_file_that_some_code_may_read_counts_by_its_time_of_change(key_of, tmp_path):
    (tmp_path / "extra.txt").write_text("one")
    before = key_of(extra=str(tmp_path / "extra.txt"))
    assert key_of(extra=str(tmp_path / "extra.txt")) == before
    (tmp_path / "extra.txt").write_text("two")
    assert key_of(extra=str(tmp_path / "extra.txt")) != before


def test_what_the_preprocessing_names_counts_by_its_content(key_of, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    (folder / "1.dcm").write_text("one")
    transform = Compose([LoadCased(), LoadImaged(keys=["second"])])
    before = key_of(transform, second=str(folder))
    (folder / "1.dcm").write_text("two")
    changed = key_of(transform, second=str(folder))
    (folder / "1.dcm").write_text("one")
    assert changed != before == key_of(transform, second=str(folder))


def test_no_deeper_than_the_reader_of_a_series(key_of, tmp_path):
    (tmp_path / "series/deep").mkdir(parents=True)
    (tmp_path / "series/1.dcm").write_text("one")
    before = key_of(image=str(tmp_path / "series"))
    (tmp_path / "series/deep/2.dcm").write_text("two")
    os.mkfifo(tmp_path / "series/pipe")
    assert key_of(image=str(tmp_path / "series")) == before
