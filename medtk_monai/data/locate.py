"""Where a run's data is: the user's, or a phantom data set made on the spot."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.errors import DataError

DATALIST_NAMES = ("datalist.json", "dataset.json")


def locate_datalist(
    dataset_dir: str | None,
    datalist: str | None,
    output_dir: str,
    num_cases: int = 150,
    seed: int = 0,
    spatial_dims: int = 3,
) -> str:
    """Path of the datalist to use; makes the phantom data set ``output_dir/phantom`` when no data is named.

    Args:
        dataset_dir: folder of the user's data; None for the phantom.
        datalist: its JSON file, absolute, or relative to the working directory or to ``dataset_dir``; by default datalist.json or
            dataset.json in ``dataset_dir``.
        output_dir: of the run.
        num_cases, seed, spatial_dims: of the phantom.

    Raises:
        DataError: there is no such folder or file.
    """
    if dataset_dir is None and datalist is None:
        from medtk_monai.phantom import write_phantom_dataset

        return str(write_phantom_dataset(Path(output_dir) / "phantom", num_cases=num_cases, seed=seed, spatial_dims=spatial_dims))
    if dataset_dir is not None and not Path(dataset_dir).is_dir():
        raise DataError(f"dataset_dir {dataset_dir} is not a folder", remedy="give the folder that holds the images")
    names = [str(datalist)] if datalist is not None else list(DATALIST_NAMES)
    places = [Path(name) for name in names if datalist is not None] + [
        Path(dataset_dir) / name for name in names if dataset_dir is not None
    ]
    for place in places:
        if place.is_file():
            return str(place)
    raise DataError(f"no datalist at {' or '.join(map(str, places))}", remedy="give its path with --datalist")
