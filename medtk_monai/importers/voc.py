"""Pascal VOC (Everingham et al., IJCV 2010): boxes in XML files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.cases import ImportedSet, map_cases, some
from medtk_monai.importers.files import is_there, listed, read_lines
from medtk_monai.importers.pictures import Picture, PixelBox, find_picture, import_picture, lost_box
from medtk_monai.importers.splits import TEST, TRAINING, VALIDATION
from medtk_monai.importers.voc_corners import CORNERS, Convention, choose_convention, read_corners

_SPLITS = {"train": TRAINING, "val": VALIDATION, "test": TEST}


def import_voc(
    source: Path, images: str = "JPEGImages", class_names: Sequence[str] | None = None, zero_based: bool | None = None
) -> ImportedSet:
    """Boxes whose corner pixels, counted from 1, belong to them: columns xmin to xmax are here [xmin - 1, xmax)::

        SRC/Annotations/a.xml    SRC/JPEGImages/a.jpg    SRC/ImageSets/Main/train.txt, val.txt, test.txt (optional)

    Difficult objects are ignored. Where there are lists, they are the splits, and images in none of them are left out. A box whose
    corners are one pixel is taken for the slip of a mouse that it is in published sets, and lost.

    Args:
        source: SRC.
        images: folder of the images within SRC.
        class_names: in the order of the classes; by default in that of the alphabet.
        zero_based: whether corners count from 0; None tells it from the corners, see ``choose_convention``.

    Raises:
        DataError: a file is missing, or not as described.
    """
    paths = some(listed(source / "Annotations", "*.xml"), "files Annotations/*.xml", source)
    split_of = _read_lists(source / "ImageSets" / "Main", {path.stem for path in paths})
    chosen = [path for path in paths if not split_of or path.stem in split_of]
    roots = {path.stem: _read_xml(path) for path in chosen}
    if len(roots) < len(chosen):
        raise DataError(f"{source / 'Annotations'} has files that differ in the case of their suffixes alone", remedy="remove the copies")
    missing = [name for name in split_of if name not in roots]
    if missing:
        raise DataError(f"{source / 'Annotations'} has no {missing[0]}.xml", missing[0], "download it, or remove it from the lists")
    names = list(class_names or sorted({name for root in roots.values() for item in root.iter("object") if (name := _name(item))}))
    convention, notes = choose_convention(_known_corners(roots), zero_based)
    pictures = [_picture(case, root, source / images, names, convention, split_of.get(case, "")) for case, root in roots.items()]
    left = len(paths) - len(roots)
    notes += [f"{left} images in none of the lists were left out"] if left else []
    return ImportedSet(map_cases(lambda picture: import_picture(picture, names), pictures, "images"), names, notes)


def _read_lists(folder: Path, known: set[str]) -> dict[str, str]:
    """Case id -> split: a line is a case, which may have blanks in its name, or begins with one."""
    found: dict[str, str] = {}
    for name, split in _SPLITS.items():
        path = folder / f"{name}.txt"
        lines = [line.strip() for line in read_lines(path)] if is_there(path, "list") else []
        for line in filter(None, lines):
            case = line if line in known else line.split()[0]
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
    except (expat.ExpatError, OSError, ValueError, LookupError) as error:
        raise DataError(f"{path} is not an annotation that can be read: {error}", path.stem, "write it again") from error
    return builder.close()


def _refuse(*declaration: object) -> None:
    raise ValueError("it declares a document type")


def _name(item: Element) -> str:
    return (item.findtext("name") or "").strip()


def _texts(item: Element) -> list[str]:
    """The corners of an object as they are written."""
    return [(item.findtext(f"bndbox/{corner}") or "").strip() for corner in CORNERS]


def _size(root: Element) -> tuple[int, int] | None:
    """What an annotation takes for the width and height of its image; some tools write 0 where they did not look."""
    sides = [parse_number(root.findtext(f"size/{name}") or "") for name in ("width", "height")]
    return (int(sides[0]), int(sides[1])) if sides[0] and sides[1] else None


def _known_corners(roots: Mapping[str, Element]) -> Iterable[tuple[list[str], tuple[int, int] | None]]:
    """The corners of all objects, each with the size of its image."""
    return [(_texts(item), _size(root)) for root in roots.values() for item in root.iter("object")]


def _picture(case: str, root: Element, folder: Path, names: Sequence[str], convention: Convention, split: str) -> Picture:
    boxes = [_box(item, names, convention, case) for item in root.iter("object")]
    return Picture(case, find_picture(case, [folder], case), boxes, split, size=_size(root))


def _box(item: Element, names: Sequence[str], convention: Convention, case: str) -> PixelBox:
    name, texts = _name(item), _texts(item)
    if not name:
        return lost_box(f"{case}.xml: an object has no name")
    if name not in names:
        raise DataError(f"{case}.xml: unknown class {name!r}", case, f"the class names are {', '.join(names)}")
    corners = read_corners(texts)
    if corners is None:
        return lost_box(f"{case}.xml: the corners of a box are {dict(zip(CORNERS, texts))}")
    return PixelBox(convention.box(corners), names.index(name), (item.findtext("difficult") or "0").strip() == "1")
