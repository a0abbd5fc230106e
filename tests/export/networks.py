"""A small bundle checkpoint, and what the tests of exports share."""

from pathlib import Path

import torch

from medtk_monai.bundle.checkpoint import NOTES
from medtk_monai.bundle.overrides import read_config
from medtk_monai.bundle.parts import load_bundle

BUNDLE = Path(__file__).parents[2] / "bundles" / "aneurysm"
SMALL = {"backbone::channels": [3, 4], "backbone::strides": [2, 2], "backbone::blocks": [1, 1], "channels": 4}
"""Of a network that is traced soon; not plain values at the top level, so they are given again with each command."""
MARGIN = 16


def write_checkpoint(path, overlays=(), **values):
    """Random weights that find something everywhere, under "average"; those under "network" are others. Returns its path."""
    parser = read_config([str(BUNDLE / "train.json"), *map(str, overlays)], {"device": "cpu", **SMALL, **values})
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    raw = {name: weights.clone() for name, weights in network.state_dict().items()}
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2.0)
        _spread_logits(network.eval(), values.get("spatial_dims", 3))
    content = {"network": raw, "average": {"network": network.state_dict()}, NOTES: {"values": values}}
    torch.save(content, path)
    return path


def _spread_logits(network, dims):
    """Give the logits of random images the mean -2 and the standard deviation 2."""
    (head,) = (part for name, part in network.named_modules() if name.startswith("head.") and name.endswith("logits.conv"))
    head.weight.normal_()
    head.bias.zero_()
    output = network(torch.randn(2, 1, *(32,) * dims))
    logits = torch.cat([level.flatten() for level in getattr(output, "dense", output).logits])
    head.weight.mul_(2 / logits.std())
    head.bias.fill_(-2 - 2 * logits.mean() / logits.std())


def bundle_parts(checkpoint, overlays=(), **values):
    """The eager network and the inferer of the small bundle, with several windows for small images."""
    settings = SMALL | {"dense_postprocessor::score_threshold": 0.4, "window_size": 56, "margin": MARGIN, "window_batch_size": 3}
    parts = load_bundle(BUNDLE, checkpoint, overlays, "cpu", settings | values)
    return parts.networks[0], parts.inferer


def assert_same_detections(found, expected):
    """The same priors in the same order but for rounding, boxes to 1e-3 voxels and scores to 1e-4, of which there are some."""
    assert len(expected) >= 3
    found, expected = (part[part.prior_ids.argsort(stable=True)] for part in (found, expected))
    assert found.prior_ids.tolist() == expected.prior_ids.tolist()
    assert found.labels.tolist() == expected.labels.tolist()
    torch.testing.assert_close(found.boxes, expected.boxes, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.scores, expected.scores, atol=1e-4, rtol=0)
