"""Data for commands under load: many small files, or few large ones, made quickly."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np

BUNDLE = Path(__file__).parents[1] / "bundles" / "aneurysm"


def many_scans(folder: Path, count: int, shape: tuple[int, int, int] = (16, 16, 12)) -> Path:
    """A datalist of so many scans of noise, each with a bright block that a box tells; the datalist's path."""
    generator, images, cases = np.random.default_rng(0), folder / "images", []
    images.mkdir(exist_ok=True)
    header = nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)).to_bytes()[:352]
    for number in range(count):
        voxels = generator.integers(0, 100, shape, dtype=np.int16)
        corner = [int(generator.integers(0, side - 4)) for side in shape]
        voxels[tuple(slice(start, start + 4) for start in corner)] += 300
        name = f"images/{number:05d}.nii"
        (folder / name).write_bytes(header + voxels.tobytes(order="F"))
        box = [*(start + 1.5 for start in corner), 4, 4, 4]
        cases.append({"image": name, "space": "RAS", "boxes": [box], "labels": [0], "patient_id": f"{number:05d}"})
    path = folder / "datalist.json"
    path.write_text(json.dumps({"training": cases}))
    return path


def many_findings(folder: Path, cases: int, each: int, with_images: bool = False) -> tuple[Path, Path]:
    """predictions.json of findings, of which the best of a case is near its only object, and the datalist of the objects."""
    generator = np.random.default_rng(0)
    images = many_scans(folder, cases, (48, 48, 32)).parent / "images" if with_images else None
    lines, items = [], []
    for number in range(cases):
        name = f"{number:05d}"
        lesion = generator.uniform(8, 24, (1, 3))
        centers = np.concatenate([lesion + generator.normal(0, 1.0, (1, 3)), generator.uniform(0, 32, (each - 1, 3))])
        boxes = np.concatenate([centers, generator.uniform(3, 6, (each, 3))], axis=1).round(4).tolist()
        scores = np.concatenate([generator.beta(4, 2, 1), generator.beta(1, 4, each - 1)]).tolist()
        frame = {"case_id": name, "image": f"images/{name}.nii", "space": "RAS", "direction": np.eye(3).tolist()}
        lines.append(json.dumps(frame | {"boxes": boxes, "scores": scores, "labels": [0] * each}))
        image = f"images/{name}.nii" if images else "one.nii"
        items.append({"image": image, "case_id": name, "space": "RAS", "boxes": [[*lesion[0].tolist(), 5, 5, 5]], "labels": [0]})
    (folder / "one.nii").touch()
    (folder / "predictions.json").write_text(
        '{"format": "medtk_monai predictions", "version": 1, "cases": [\n' + ",\n".join(lines) + "\n]}\n"
    )
    (folder / "truth.json").write_text(json.dumps({"test": items}))
    return folder / "predictions.json", folder / "truth.json"


def large_volume(folder: Path, shape: tuple[int, ...]) -> Path:
    """A datalist of one volume of noise with a bright block, volume.nii."""
    generator, path = np.random.default_rng(0), folder / "volume.nii"
    header = nibabel.Nifti1Image(np.zeros((1, 1, 1), np.int16), np.eye(4)).header
    header.set_data_shape(shape)
    header.set_sform(np.eye(4), 1)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    slab = generator.integers(0, 400, shape[:2], dtype=np.int16)
    with path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for index in range(shape[2]):
            noise = np.roll(slab, index * 37, axis=0)
            if 4 <= index < 12:
                noise = noise.copy()
                noise[4:12, 4:12] += 2000
            file.write(noise.tobytes(order="F"))
    datalist = folder / "datalist.json"
    box = {"space": "RAS", "boxes": [[7.5, 7.5, 7.5, 8, 8, 8]], "labels": [0]}
    datalist.write_text(json.dumps({"training": [{"image": path.name} | box]}))
    return datalist


def large_picture(folder: Path, side: int, suffix: str) -> Path:
    """A datalist of one gray picture with a bright square; the picture has the datalist's name but for its suffix."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    generator = np.random.default_rng(0)
    pixels = np.tile(generator.integers(0, 200, (side // 4, side // 4), dtype=np.uint8), (4, 4))
    pixels[10:30, 10:30] = 255
    path = folder / f"large{suffix[1:]}{suffix}"
    Image.fromarray(pixels).save(path)
    datalist = path.with_suffix(".json")
    datalist.write_text(json.dumps({"training": [{"image": path.name, "space": "RAS", "boxes": [[19.5, 19.5, 20, 20]], "labels": [0]}]}))
    return datalist


def model(folder: Path, spatial_dims: int) -> Path:
    """The model of a small training of one epoch on a phantom; its folder."""
    from monai.bundle import ConfigWorkflow

    from medtk_monai.phantom import write_phantom_dataset

    shape = (40, 40, 32) if spatial_dims == 3 else (96, 96)
    write_phantom_dataset(folder / "phantom", 4, seed=1, shape=shape, spatial_dims=spatial_dims, num_workers=1)
    values = {
        "dataset_dir": str(folder / "phantom"), "output_dir": str(folder / "run"), "device": "cpu", "spatial_dims": spatial_dims,
        "cache_workers": 0, "max_epochs": 1, "val_interval": 1, "samples_per_case": 1, "patch_size": 32, "window_size": 160 if spatial_dims == 3 else 512,
        "margin": 16, "backbone::channels": [4, 4, 8], "channels": 8, "run_id": "run",
    }  # fmt: skip
    flow = ConfigWorkflow(str(BUNDLE / "train.json"), workflow_type="train", logging_file=False, **values)
    flow.initialize()
    flow.run()
    return folder / "run"
