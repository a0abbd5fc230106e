import pytest
import torch

from medtk_monai.structures import DenseOutput, Detections, PriorGrid, Window


@pytest.mark.parametrize("sizes", [((4, 6), (2, 3)), ((4, 6, 2), (2, 3, 1), (1, 2, 1))])
def test_ids_count_through_the_grid_and_decode_back(sizes):
    grid = PriorGrid(sizes, tuple(range(1, len(sizes) + 1)))
    ids = torch.arange(len(grid))
    levels, cells, anchors = grid.decode(ids)
    again = torch.cat([grid.encode(level, cells[levels == level], anchors[levels == level]) for level in range(len(sizes))])
    assert torch.equal(again, ids)
    rows = torch.cat([levels[:, None], cells, anchors[:, None]], dim=1)
    assert len(rows.unique(dim=0)) == len(grid)


def test_ids_run_over_level_then_cells_in_axis_order_then_anchor():
    grid = PriorGrid(((2, 3), (1, 1)), (2, 5))
    levels, cells, anchors = grid.decode(torch.tensor([0, 1, 2, 6, 11, 12, 16]))
    assert levels.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert cells.tolist() == [[0, 0], [0, 0], [0, 1], [1, 0], [1, 2], [0, 0], [0, 0]]
    assert anchors.tolist() == [0, 1, 0, 0, 1, 0, 4]


@pytest.mark.parametrize("bad", [-1, 17])
def test_an_id_outside_the_grid_is_refused(bad):
    with pytest.raises(IndexError, match="outside a grid of 17"):
        PriorGrid(((2, 3), (1, 1)), (2, 5)).decode(torch.tensor([0, bad]))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_map_of_ids_flattens_to_counting(dims):
    """Maps laid out as a head lays them out, (B, A * C, *cells), flatten in the order of prior ids."""
    sizes, anchors, classes = [(4, 2, 3)[:dims], (2, 1, 2)[:dims]], 3, 2
    grid = PriorGrid(tuple(sizes), (anchors, anchors))
    maps, start = [], 0
    for size, length in zip(sizes, grid.level_lengths):
        ids = torch.arange(start, start + length).reshape(*size, anchors).float()
        channels = torch.stack([ids[..., a] + 1000 * c for a in range(anchors) for c in range(classes)])
        maps.append(channels[None])
        start += length
    deltas = tuple(m[:, : 2 * dims].repeat_interleave(anchors, dim=1) for m in maps)
    logits, _ = DenseOutput(tuple(maps), deltas, classes).flatten()
    assert torch.equal(logits[0, :, 0], torch.arange(len(grid)).float())
    assert torch.equal(logits[0, :, 1], torch.arange(len(grid)).float() + 1000)


def test_flat_maps_are_float32_whatever_autocast_made():
    output = DenseOutput((torch.ones(1, 1, 2, 2, dtype=torch.bfloat16),), (torch.ones(1, 4, 2, 2, dtype=torch.bfloat16),), 1)
    assert [part.dtype for part in output.flatten()] == [torch.float32, torch.float32]


def test_detections_concatenate_and_select():
    first = Detections(torch.zeros(2, 4), torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), torch.tensor([5, 6]))
    both = Detections.cat([first, first[:0], first[1:]])
    assert both.prior_ids.tolist() == [5, 6, 6]
    assert len(first[:0]) == 0


def test_the_whole_window_is_the_image():
    assert Window.whole([3, 4]) == Window((0, 0), (0, 0), (3, 4), (3, 4))
