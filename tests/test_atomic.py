"""Files that are whole or absent, on full disks and after kills."""

import errno
import os
import socket
import sys
import time
from pathlib import Path
from zlib import crc32

import pytest

from medtk_monai import atomic
from medtk_monai.atomic import make_folder, remove_leftovers, replacing, write_text_atomically
from medtk_monai.errors import OutputError
from tests.processes import run_program

HOST = f"{crc32(socket.gethostname().encode()):08x}"


def limited(function):
    """Calls it in a process whose files may have 1000 bytes: the next one fails as on a full disk."""

    def program():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            function()
        except OutputError as error:
            sys.exit(str(error))

    return run_program(program)


def test_what_does_not_fit_leaves_the_earlier_file_whole(tmp_path):
    write_text_atomically(tmp_path / "a.json", "before")
    ended = limited(lambda: write_text_atomically(tmp_path / "a.json", "x" * 2000))
    assert ended.returncode == 1
    assert ended.stderr == f"cannot write {tmp_path / 'a.json'}: File too large -- free space, or choose another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"] and (tmp_path / "a.json").read_text() == "before"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free space"), (errno.EDQUOT, "free space"), (errno.EROFS, "may be written"), (errno.EACCES, "permissions"),
     (errno.EIO, "disk"), (errno.ENOENT, "moved or removed")],
)  # fmt: skip
def test_each_refusal_of_the_disk_has_its_remedy(tmp_path, monkeypatch, number, remedy):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=f"cannot write .*a.txt: {os.strerror(number)} -- .*{remedy}") as error:
        write_text_atomically(tmp_path / "a.txt", "x")
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


def test_an_error_of_torch_is_told_as_that_of_the_disk_behind_it(tmp_path):
    def save():
        import torch

        with replacing(tmp_path / "a.pt") as draft, draft.open("wb") as file:
            torch.save({"weight": torch.zeros(10000)}, file)

    ended = limited(save)
    assert ended.stderr.splitlines()[-1].endswith("a.pt: File too large -- free space, or choose another folder")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_read_meanwhile_is_not_taken_for_the_one_that_is_written(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        Path("/nowhere/input.txt").read_text()


def test_a_file_in_the_working_folder_is_told_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="cannot write a.txt: No such file"), replacing("a.txt") as draft:
        draft.read_text()


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    for act in (lambda: write_text_atomically(tmp_path / "file" / "a", ""), lambda: make_folder(tmp_path / "file" / "b")):
        with pytest.raises(OutputError, match="a part of this path is a file"):
            act()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="Is a directory -- choose another name"):
        write_text_atomically(tmp_path / "folder", "")


def test_content_is_on_the_disk_before_its_name(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.readlink(f"/proc/self/fd/{number}")), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("replace"), replace(*names)))
    write_text_atomically(tmp_path / "a.txt", "x")
    assert [Path(name).suffix or name for name in done] == [".tmp", "replace", str(tmp_path)]


def left_by(name, hours=0.0):
    name.write_text("half")
    os.utime(name, (time.time() - hours * 3600,) * 2)
    return name


def dead_process():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_drafts_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    dead, alive = dead_process(), os.getppid()
    gone = [f".a.pt.{HOST}-{dead}-01234567.tmp", f".a.pt.00000000-{alive}-01234567.tmp", ".last.pt.01234567.tmp"]
    stay = [
        f".a.pt.{HOST}-{alive}-01234567.tmp",
        f".b.pt.00000000-{dead}-01234567.tmp",
        ".best.pt.01234567.tmp",
        ".of_another.tmp",
        "a.tmp",
    ]
    hours = dict(zip([*gone, *stay], [0, 25, 25, 1, 1, 1, 99, 99]))
    for name, age in hours.items():
        left_by(tmp_path / name, age)
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(stay)


def test_the_first_file_that_a_process_writes_into_a_folder_tidies_it(tmp_path):
    atomic._tidy.cache_clear()
    left_by(tmp_path / f".a.pt.{HOST}-{dead_process()}-01234567.tmp")
    write_text_atomically(tmp_path / "b.txt", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_a_long_name_can_be_written(tmp_path):
    for name in ("x" * 255, "ä" * 127):
        write_text_atomically(tmp_path / name, "x")
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(OutputError, match="choose a shorter name"):
        write_text_atomically(tmp_path / ("x" * 256), "x")


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path):
    remove_leftovers(tmp_path / "nowhere")
