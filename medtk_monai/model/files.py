"""The files of a model: a folder, or the same folder zipped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo, is_zipfile

from medtk_monai.atomic import replacing
from medtk_monai.errors import DataError
from medtk_monai.json_files import parse_json

MODEL_FILE, CARD_FILE = "model.json", "README.md"
IN_RUN = "model"
"""Name of a model's folder in that of its training."""
_MOST_DESCRIPTION = 64 << 20
_NAME = re.compile(r"model\.json|README\.md|weights-[0-9a-f]+\.safetensors")
"""Of the files of a model."""
_REMEDY = "give the folder of a training, its model folder, or that folder zipped"


@dataclass(frozen=True)
class ModelFiles:
    """Access to the files of a model by their names.

    Args:
        path: the folder, or the zip file.
        prefix: of the names within a zip file.
    """

    path: Path
    prefix: str = ""

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of a file.

        Args:
            most: bytes that it may have.

        Raises:
            DataError: there is none, or it is damaged or too large.
        """
        if not _NAME.fullmatch(name):
            raise DataError(f"{self.path} names a file {name!r} outside of itself", remedy="do not use models of strangers")
        try:
            if self.path.is_dir():
                found = (self.path / name).stat()
                if not S_ISREG(found.st_mode):
                    raise DataError(f"{self.path / name} is no file", remedy=_REMEDY)
                size, content = found.st_size, None
            else:
                with ZipFile(self.path) as file:
                    info = file.getinfo(self.prefix + name)
                    size = info.file_size
                    content = file.read(info) if most is None or size <= most else b""
            if most is not None and size > most:
                raise DataError(f"{self.path}: {name} has {size} bytes", remedy=_REMEDY)
            return (self.path / name).read_bytes() if content is None else content
        except DataError:
            raise
        except Exception as error:  # zip files have many ways to be broken
            raise DataError(f"cannot read {name} of {self.path}: {error}".splitlines()[0], remedy=_REMEDY) from error

    def read_description(self) -> Any:
        """The content of model.json.

        Raises:
            DataError: there is none, or it is no JSON.
        """
        content = self.read(MODEL_FILE, _MOST_DESCRIPTION)
        return parse_json(content, f"{MODEL_FILE} of {self.path}", _REMEDY)

    def write(self, parts: Mapping[str, bytes]) -> None:
        """Replace files; model.json, which names the others, is the last, so that the model is whole at any time.

        Raises:
            DataError: they cannot be written.
        """
        ordered = sorted(parts, key=lambda name: name == MODEL_FILE)
        if self.path.is_dir() or self.path.suffix.lower() != ".zip":
            for name in ordered:
                with replacing(self.path / name) as temporary:
                    temporary.write_bytes(parts[name])
            return
        kept = self._others(parts) if self.path.exists() else {}
        with replacing(self.path) as temporary, ZipFile(temporary, "w", ZIP_STORED) as file:
            for name, content in {**kept, **{self.prefix + name: parts[name] for name in ordered}}.items():
                file.writestr(ZipInfo(name), content)  # without the time, so that equal models are equal files

    def _others(self, parts: Iterable[str]) -> dict[str, bytes]:
        with ZipFile(self.path) as file:
            replaced = {self.prefix + name for name in parts}
            return {name: file.read(name) for name in file.namelist() if name not in replaced and not name.endswith("/")}

    def keep_only(self, names: Iterable[str], pattern: str) -> None:
        """Remove files of a folder that match a pattern and have other names: weights that the model no longer has."""
        kept = set(names)
        if self.path.is_dir():
            for path in self.path.glob(pattern):
                if path.name not in kept:
                    path.unlink(missing_ok=True)


def find_model(path: str | os.PathLike) -> ModelFiles | None:
    """The model that a path stands for: a model's folder, that of its training, or a zip file; None if there is none.

    Raises:
        DataError: a zip file is damaged.
    """
    path = Path(path)
    for folder in (path, path / IN_RUN):
        if (folder / MODEL_FILE).is_file():
            return ModelFiles(folder)
    if path.is_file() and path.suffix.lower() == ".zip":
        if not is_zipfile(path):
            raise DataError(f"{path} is damaged: it is no zip file", remedy="get it again")
        try:
            with ZipFile(path) as file:
                names = [name for name in file.namelist() if name.split("/")[-1] == MODEL_FILE and name.count("/") <= 1]
        except (OSError, BadZipFile):
            return None
        return ModelFiles(path, names[0].removesuffix(MODEL_FILE)) if len(names) == 1 else None
    return None


def is_model(path: str | os.PathLike) -> bool:
    """Whether a path is that of a model, of a training that has left one, of a checkpoint, or of an exported network; nothing else is read."""
    return find_model(path) is not None or Path(path).suffix == ".pt" or (Path(path) / "export.json").is_file()
