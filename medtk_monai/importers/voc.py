"""Pascal VOC (Everingham et al., IJCV 2010): boxes in XML files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.cases import ImportedSet, map_cases, some
from medtk_monai.importers.pictures import Picture, PixelBox, find_picture, import_picture
from medtk_monai.importers.splits import TEST, TRAINING, VALIDATION

_SPLITS = {"train": TRAINING, "val": VALIDATION, "test": TEST}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def import_voc(source: Path, images: str = "JPEGImages", class_names: Sequence[str] | None = None) -> ImportedSet:
    """Boxes whose corner pixels, counted from 1, belong to them: columns xmin to xmax are here [xmin - 1, xmax)::

        SRC/Annotations/a.xml    SRC/JPEGImages/a.jpg    SRC/ImageSets/Main/train.txt, val.txt, test.txt (optional)

    Difficult objects are ignored. Where there are lists, they are the splits, and images in none of them are left out. A box whose
    corners are one pixel is taken for the slip of a mouse that it is in published sets, and left out.

    Args:
        source: SRC.
        images: folder of the images within SRC.
        class_names: in the order of the classes; by default in that of the alphabet.

    Raises:
        DataError: a file is missing, or not as described.
    """
    paths = some(sorted((source / "Annotations").glob("*.xml")), "files Annotations/*.xml", source)
    split_of = _read_lists(source / "ImageSets" / "Main")
    roots = {path.stem: _read_xml(path) for path in paths if not split_of or path.stem in split_of}
    missing = [name for name in split_of if name not in roots]
    if missing:
        raise DataError(f"{source / 'Annotations'} has no {missing[0]}.xml", missing[0], "download it, or remove it from the lists")
    names = list(class_names or sorted({_text(item, "name", case) for case, root in roots.items() for item in root.iter("object")}))
    folders = [source / images]
    pictures = [_picture(case, root, folders, names, split_of.get(case, "")) for case, root in roots.items()]
    left = len(paths) - len(roots)
    notes = [f"{left} images in none of the lists were left out"] if left else []
    return ImportedSet(map_cases(lambda picture: import_picture(picture, names), pictures, "images"), names, notes)


def _read_lists(folder: Path) -> dict[str, str]:
    """Case id -> split."""
    found: dict[str, str] = {}
    for name, split in _SPLITS.items():
        path = folder / f"{name}.txt"
        for case in path.read_text(encoding="utf-8-sig").split() if path.exists() else ():
            if found.setdefault(case, split) != split:
                raise DataError(f"{path}: the case is in the list of {found[case]} as well", case, "keep it in one list")
    return found


def _read_xml(path: Path) -> Element:
    """The root of an XML file; document types, whose entities may unfold without end or read files, are refused."""
    builder, parser = TreeBuilder(), expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: builder.start(name, attributes)
    parser.EndElementHandler = lambda name: builder.end(name)
    parser.CharacterDataHandler = lambda text: builder.data(text)
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(path.read_bytes(), True)
    except (expat.ExpatError, OSError, ValueError) as error:
        raise DataError(f"{path} is not an annotation that can be read: {error}", path.stem, "write it again") from error
    return builder.close()


def _refuse(*declaration: object) -> None:
    raise ValueError("it declares a document type")


def _picture(case: str, root: Element, folders: Sequence[Path], names: Sequence[str], split: str) -> Picture:
    boxes = [_box(item, names, case) for item in root.iter("object")]
    sides = [parse_number(root.findtext(f"size/{name}") or "") for name in ("width", "height")]
    # Some tools write 0 where they did not look.
    size = (int(sides[0]), int(sides[1])) if sides[0] and sides[1] else None
    return Picture(case, find_picture(case, folders, case), boxes, split, size=size)


def _box(item: Element, names: Sequence[str], case: str) -> PixelBox:
    name = _text(item, "name", case)
    if name not in names:
        raise DataError(f"{case}.xml: unknown class {name!r}", case, f"the class names are {', '.join(names)}")
    texts = {corner: _text(item, f"bndbox/{corner}", case) for corner in _CORNERS}
    found = [parse_number(text) for text in texts.values()]
    xmin, ymin, xmax, ymax = [number for number in found if number is not None] if None not in found else _no_numbers(texts, case)
    # Equal corners make a box of no size, not one of a pixel.
    right, bottom = xmax if xmax > xmin else xmin - 1, ymax if ymax > ymin else ymin - 1
    return PixelBox((xmin - 1, ymin - 1, right, bottom), names.index(name), (item.findtext("difficult") or "0").strip() == "1")


def _no_numbers(texts: Mapping[str, str], case: str) -> list[float]:
    raise DataError(f"{case}.xml: the corners of a box are {dict(texts)}", case, "write four numbers")


def _text(item: Element, name: str, case: str) -> str:
    text = (item.findtext(name) or "").strip()
    if not text:
        raise DataError(f"{case}.xml: an object has no {name}", case, "add it, or remove the object")
    return text
