import sys

import pytest

from medtk_monai.cli.main import main
from tests.export.networks import BUNDLE, SMALL, write_checkpoint


@pytest.fixture(scope="session")
def exported(made_once):
    """``exported(dims, head)`` is a folder with ``best.pt`` and, in ``export``, what ``medtk export`` has made of it, once."""

    def make(dims, head):
        def write(folder):
            checkpoint = write_checkpoint(folder / "best.pt", spatial_dims=dims, head=head)
            settings = [word for name, value in SMALL.items() for word in (f"--{name}", str(value).replace(" ", ""))]
            given = ["--bundle", str(BUNDLE), "--checkpoint", str(checkpoint), "--out", str(folder / "export"), *settings]
            before, sys.argv = sys.argv, ["medtk", "export", *given]
            try:
                main()
            finally:
                sys.argv = before
            return folder

        return made_once(f"export_{head}_{dims}d", write)

    return make
