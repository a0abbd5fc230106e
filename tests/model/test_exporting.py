"""``export_model``: which sources it takes; what it writes is tested by ``medtk export``."""

import pytest

from medtk_monai.errors import DataError
from medtk_monai.model import ModelSource
from medtk_monai.model.exporting import export_model
from tests.export.networks import BUNDLE, SMALL, write_checkpoint


def test_an_ensemble_is_refused(tmp_path):
    checkpoint = str(write_checkpoint(tmp_path / "best.pt", spatial_dims=2))
    source = ModelSource((), str(BUNDLE), [checkpoint, checkpoint], device="cpu", overrides={**SMALL, "spatial_dims": 2})
    with pytest.raises(DataError, match="an export is of one network"):
        export_model(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
