"""Several processes, over gloo."""

import ignite.distributed as idist
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from medtk_monai.engines import Processes, first_alone, join_processes, leave_processes
from medtk_monai.errors import DataError
from tests.processes import free_port


def one_of_two(rank, folder, port):
    import os

    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    assert join_processes("cpu") == Processes(rank, 2, torch.device("cpu"))

    def make():
        if rank == 1:
            assert (folder / "made").exists()
        (folder / "made").touch()
        return rank

    assert first_alone(make) == rank
    assert idist.all_gather({"rank": rank}) == [{"rank": 0}, {"rank": 1}]
    leave_processes()
    assert not dist.is_initialized()


def test_two_processes_meet_and_leave(tmp_path):
    mp.start_processes(one_of_two, (tmp_path, free_port()), nprocs=2, start_method="fork")


def test_one_process_is_all():
    assert idist.all_gather([3]) == [[3]] and first_alone(lambda: 4) == 4
    leave_processes()


def test_without_torchrun_it_says_so(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(DataError, match="torchrun --nproc_per_node"):
        join_processes()


@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="has that many GPUs")
def test_too_few_gpus_are_told(monkeypatch):
    for name, value in {"RANK": "7", "LOCAL_RANK": "7", "WORLD_SIZE": "8"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DataError, match="no GPU of its own.*nproc_per_node"):
        join_processes("cuda")
