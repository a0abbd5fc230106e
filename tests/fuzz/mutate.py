"""Changes of files: of their bytes, and of what stands in them, by suffix."""

import gzip
import io
import json
import re
import struct
import zipfile
import zlib

import numpy as np

from tests.fuzz import nasty

INTEGERS = [struct.pack(kind, number) for kind, numbers in {
    "<H": (0, 1, 0x7FFF, 0xFFFF), ">H": (1, 0x7FFF), "<I": (0, 1, 0x7FFFFFFF, 0xFFFFFFFF), ">I": (1, 0x7FFFFFFF),
    "<Q": (2**63, 2**64 - 1, 2**40), "<f": (0.0, -1.0, 3e38, float("nan"), float("inf")),
}.items() for number in numbers]  # fmt: skip


def mutate(name, content, rng, others=()):
    """The content of a file, changed once or a few times.

    Args:
        name: of the file; its suffix tells what stands in it.
        others: contents of other files, for splices.
    """
    for _ in range(1 + int(rng.random() < 0.3) + int(rng.random() < 0.1)):
        structured = _structured(name.lower())
        if structured is not None and rng.random() < 0.7:
            try:
                content = structured(content, rng)
                continue
            except Exception:  # noqa: BLE001, S110
                pass  # damaged before: bytes can always be changed
        content = change_bytes(content, rng, others)
    return content


def change_bytes(content, rng, others=()):
    """Flipped, lost, doubled, foreign or cut bytes; most often near the beginning, where headers are."""
    data = bytearray(content)
    size = len(data)
    if size == 0:
        return rng.choice([b"\0", b"\n", b"{}", b"\xff\xfe"])
    at = rng.randrange(size) if rng.random() < 0.5 else rng.randrange(min(size, 512))
    kind = rng.choice(["flip", "flip", "flips", "cut", "drop", "double", "splice", "integer", "integer", "zero", "empty", "append"])
    length = min(rng.choice([1, 2, 4, 16, 64, 1024]), size - at)
    if kind == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "flips":
        for _ in range(rng.choice([2, 10, 100])):
            data[rng.randrange(size)] = rng.randrange(256)
    elif kind == "cut":
        del data[at:]
    elif kind == "drop":
        del data[at : at + length]
    elif kind == "double":
        data[at:at] = data[at : at + length] * rng.choice([1, 2, 100])
    elif kind == "splice":
        other = rng.choice(list(others) or [content])
        begin = rng.randrange(max(len(other), 1))
        data[at : at + length] = other[begin : begin + length]
    elif kind == "integer":
        value = rng.choice(INTEGERS)
        data[at : at + len(value)] = value
    elif kind == "zero":
        data[at : at + length] = bytes(length)
    elif kind == "empty" and rng.random() < 0.1:
        return b""
    else:
        data += rng.choice([b"\0", b"\n", bytes(100), content[:100]])
    return bytes(data)


def _structured(name):
    """The change of what stands in files of a suffix; None for others."""
    return next((change for suffix, change in _CHANGES.items() if name.endswith(suffix)), None)


def change_json(content, rng):
    """One value of the document."""
    return nasty.dump(nasty.change(json.loads(content.decode("utf-8-sig")), rng)).encode("utf-8", "surrogatepass")


_WORD = re.compile(r"[^\s,;:<>\"'\[\](){}=/]+")


def change_text(content, rng):
    """One word, line or encoding of a text: XML, CSV, YAML, headers."""
    text = content.decode("utf-8")
    kind = rng.choice(["word", "word", "word", "word", "line", "double", "swap", "sign", "encoding"])
    lines = text.splitlines(keepends=True) or [""]
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    if kind == "word" and (words := list(_WORD.finditer(text))):
        word = rng.choice(words)
        new = rng.choice(nasty.WORDS) if rng.random() < 0.7 else rng.choice(words).group()
        return (text[: word.start()] + new + text[word.end() :]).encode("utf-8", "surrogatepass")
    if kind == "line":
        del lines[at]
    elif kind == "double":
        lines.insert(at, lines[other])
    elif kind == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "sign":
        place = rng.randrange(len(text) + 1)
        return (text[:place] + rng.choice(list("\0\t\n,;:\"'<>[]{}&#-|*%\ufeff")) + text[place + rng.randrange(2) :]).encode()
    else:
        return rng.choice(
            [b"\xef\xbb\xbf" + content, text.encode("utf-16"), text.replace("\n", "\r\n").encode(), text.encode("utf-8") + b"\xff"]
        )
    return "".join(lines).encode()


_NIFTI = [
    *((0, "<i", (0, 348, 540, -1)), (70, "<h", (0, 1, 2, 8, 16, 32, 64, 128, 512, 768, 1024, 1536, 1792, 2304, -1))),
    *((40 + 2 * axis, "<h", (0, 1, 2, 3, 5, 7, 8, 32767, -1)) for axis in range(8)),
    *((76 + 4 * axis, "<f", (0, 1, -1, 1e-30, 3e38, float("nan"), float("inf"))) for axis in range(8)),
    *((place, "<f", (0, -1, 352, 1e6, 3e38, float("nan"), float("inf"))) for place in (108, 112, 116)),
    *((place, "<h", (0, 1, 2, 3, 4, -1, 999)) for place in (72, 252, 254)),
    *((256 + 4 * number, "<f", (0, 1, -1, 2, 1e30, float("nan"), float("inf"))) for number in range(18)),
    *((123, "<B", (0, 1, 2, 3, 255)), (344, "<i", (0, 0x31696E, 0x2B6E, -1))),
]  # fmt: skip


def change_nifti(content, rng):
    """One field of the header."""
    place, kind, values = rng.choice(_NIFTI)
    data = bytearray(content)
    struct.pack_into(kind, data, place, rng.choice(values))
    return bytes(data)


def change_gzip(content, rng):
    """The NIfTI file inside."""
    return gzip.compress(change_nifti(gzip.decompress(content), rng), 1)


def change_header(content, rng):
    """The text before the voxels of MetaImage and NRRD files."""
    end = content.find(b"\n\n") if content.startswith(b"NRRD") else content.find(b"\n", content.find(b"ElementDataFile"))
    end = len(content) if end < 0 else end
    return change_text(content[:end], rng) + content[end:]


def change_png(content, rng):
    """A chunk, whose sum is right again."""
    chunks, at = [], 8
    while at + 12 <= len(content):
        length = struct.unpack(">I", content[at : at + 4])[0]
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    number = rng.randrange(len(chunks)) if rng.random() < 0.5 else 0
    kind, data = chunks[number]
    if number == 0 and rng.random() < 0.7:
        width, height, *rest = struct.unpack(">IIBBBBB", data)
        field = rng.randrange(7)
        values = [width, height, *rest]
        values[field] = rng.choice([0, 1, 2**31 - 1, 2**20, 30000] if field < 2 else [0, 1, 2, 3, 4, 6, 8, 16, 255])
        data = struct.pack(">IIBBBBB", *values)
    else:
        data = change_bytes(data, rng)
    chunks[number] = (kind, data)
    return content[:8] + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in chunks
    )


def change_tiff(content, rng):
    """A field of the first directory."""
    order = "<" if content[:2] == b"II" else ">"
    place = struct.unpack(order + "I", content[4:8])[0]
    count = struct.unpack(order + "H", content[place : place + 2])[0]
    data, at = bytearray(content), place + 2 + 12 * rng.randrange(count)
    offset, kind, values = rng.choice([
        (0, "H", (256, 257, 258, 259, 262, 277, 320, 338, 65535)), (2, "H", (0, 1, 2, 3, 4, 5, 12, 16, 99)), (4, "I", (0, 1, 2, 2**31, 2**32 - 1)),
        (8, "I", (0, 1, 2, 4, 8, 20000, 2**31, 2**32 - 1)), (8, "I", (0, 1, 3, 4, 5, 6, 16, 32)),
    ])  # fmt: skip
    struct.pack_into(order + kind, data, at + offset, rng.choice(values))
    return bytes(data)


def change_dicom(content, rng):
    """One element: lost, emptied, or of a value that its kind does not allow."""
    import pydicom
    from pydicom import config

    config.settings.writing_validation_mode = config.IGNORE
    config.settings.reading_validation_mode = config.IGNORE
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    part = dataset.file_meta if rng.random() < 0.1 else dataset
    element = rng.choice([item for item in part if item.tag != 0x7FE00010 or rng.random() < 0.3])
    if rng.random() < 0.2:
        del part[element.tag]
    elif element.VR in ("US", "SS", "UL", "SL"):
        element._value = rng.choice([0, 1, 2, 7, 8, 32, 255, 65535, [1, 2], None]) if element.VR[0] == "U" else -1
    elif element.VR in ("OW", "OB"):
        element._value = bytes(rng.choice([0, 2, 1000])) if isinstance(element.value, bytes) else b""
    else:
        texts = [
            "",
            "0",
            "-1",
            "1e400",
            "nan",
            "x",
            "0\\0",
            "1\\1\\1",
            "1\\0\\0\\1\\0\\0",
            "0\\0\\0\\0\\0\\0",
            "1.2.3",
            "9" * 70,
            "\\",
            "MONOCHROME1",
            "RGB",
            "ISO 2022 IR 87",
        ]
        part[element.tag] = pydicom.dataelem.DataElement(
            element.tag, "LO" if rng.random() < 0.5 else element.VR, rng.choice(texts), already_converted=True
        )
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=False)
    return out.getvalue()


def change_zip(content, rng):
    """One member: changed, renamed, doubled or lost."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = [(info.filename, file.read(info)) for info in file.infolist()]
    number = rng.randrange(len(members))
    name, data = members[number]
    kind = rng.choice(["change", "change", "change", "rename", "double", "lose"])
    if kind == "change":
        members[number] = (name, mutate(name, data, rng))
    elif kind == "rename":
        members[number] = (rng.choice(["../x", "/x", "a/" * 50 + "x", "x", "", name.upper(), "a\\b", name + "/"]), data)
    elif kind == "double":
        members.append((name, data))
    else:
        del members[number]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as file:
        for name, data in members:
            file.writestr(name, data)
    return out.getvalue()


def change_safetensors(content, rng):
    """The description of the tensors."""
    length = struct.unpack("<Q", content[:8])[0]
    head = change_json(content[8 : 8 + length], rng)
    return struct.pack("<Q", rng.choice([len(head), len(head), len(head), 2**63, 0])) + head + content[8 + length :]


def change_checkpoint(content, rng):
    """A value, weights among them."""
    import torch

    document = nasty.change(torch.load(io.BytesIO(content), weights_only=True), rng)
    out = io.BytesIO()
    torch.save(_without_raw(document), out)
    return out.getvalue()


def _without_raw(part):
    if isinstance(part, nasty.Raw):
        return float("nan")
    if isinstance(part, dict):
        return {key: _without_raw(inner) for key, inner in part.items()}
    return [_without_raw(inner) for inner in part] if isinstance(part, list) else part


def change_pickle(content, rng):
    """A pickled dictionary of arrays, as nnDetection writes it."""
    import pickle

    document = pickle.loads(content)
    key = rng.choice(list(document))
    values = [
        None,
        "x",
        3,
        [],
        np.zeros((0, 6)),
        np.zeros((2, 5)),
        np.full((3, 6), np.nan),
        np.zeros(3, dtype=np.int64),
        np.full(3, 2**62),
        {},
        np.array(["a"]),
    ]
    document[key] = rng.choice(values)
    return pickle.dumps(document, protocol=rng.choice([2, 4, 5]))


_CHANGES = {
    ".json": change_json, ".nii": change_nifti, ".nii.gz": change_gzip, ".mha": change_header, ".mhd": change_header, ".nrrd": change_header,
    ".png": change_png, ".tif": change_tiff, ".dcm": change_dicom, ".zip": change_zip, ".safetensors": change_safetensors,
    ".pt": change_checkpoint, ".pkl": change_pickle, ".xml": change_text, ".csv": change_text, ".tsv": change_text, ".txt": change_text,
    ".yaml": change_text,
}  # fmt: skip
