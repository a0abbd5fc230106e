"""Image files as they come: each is read rightly, or told, by headers and voxels alike."""

import gzip
import random
import struct
import subprocess
import sys
import zlib

import itk
import nibabel as nib
import numpy as np
import pytest
from PIL import Image, ImageOps

from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.images import streams
from medtk_monai.images.image_file import read_header, read_image
from medtk_monai.transforms import LoadCased

VOLUME = np.random.default_rng(0).integers(0, 100, (11, 12, 13)).astype(np.int16)
AFFINE = np.array([[0.8, 0, 0, -30], [0, 0.8, 0, -40], [0, 0, 2, 10], [0, 0, 0, 1]])


def save_nifti(path, values=VOLUME, affine=AFFINE, edit=None):
    image = nib.Nifti1Image(values, affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    if edit:
        edit(image)
    nib.save(image, path)
    return path


def patched(path, source, *patches):
    """A packed NIfTI file with other numbers at some places of its header."""
    content = bytearray(gzip.decompress(source.read_bytes()))
    for code, at, *values in patches:
        struct.pack_into(f"<{code}", content, at, *values)
    path.write_bytes(gzip.compress(bytes(content)))
    return path


@pytest.mark.parametrize("suffix", ["nii.gz", "mha", "nrrd"])
def test_a_flipped_bit_is_told_or_changes_nothing(tmp_path, suffix):
    path, chance = tmp_path / f"scan.{suffix}", random.Random(0)
    save_nifti(path) if suffix == "nii.gz" else itk.imwrite(itk.image_from_array(VOLUME.T.copy()), str(path), compression=True)
    content = path.read_bytes()
    start = {"nii.gz": 0, "mha": content.find(b"LOCAL\n") + 6, "nrrd": content.find(b"\n\n") + 2}[suffix]
    told = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[chance.randrange(start, len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            values = read_image(path)[0][0].numpy()
        except DataError:
            told += 1
        else:
            np.testing.assert_array_equal(values, VOLUME)
    assert told > 150


def test_a_damaged_label_map_is_told(tmp_path):
    image, label_map = save_nifti(tmp_path / "a.nii.gz"), save_nifti(tmp_path / "m.nii.gz")
    content = bytearray(label_map.read_bytes())
    content[-8] ^= 1  # of gzip's own checksum
    label_map.write_bytes(content)
    with pytest.raises(DataError, match="cannot read label map .*damaged"):
        LoadCased()({"image": str(image), "label_map": str(label_map)})


def test_damaged_png_files_are_told(tmp_path):
    Image.fromarray(VOLUME[0].astype(np.uint8)).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[content.index(b"IDAT") + 20] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match="IDAT.* is damaged"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(("unit", "factor"), [("micron", 1000), ("meter", 0.001), ("mm", 1), ("unknown", 1)])
def test_units_become_millimeters(tmp_path, unit, factor):
    scale = np.diag([factor, factor, factor, 1])
    path = save_nifti(tmp_path / "a.nii.gz", affine=scale @ AFFINE, edit=lambda image: image.header.set_xyzt_units(unit))
    np.testing.assert_allclose(read_grid(path)["affine"], AFFINE, atol=1e-4)
    np.testing.assert_allclose(read_image(path)[0].affine, AFFINE, atol=1e-4)


def test_capitals_in_a_suffix_change_nothing(tmp_path):
    old = np.diag([1.0, 1, 1, 1])
    path = save_nifti(tmp_path / "a.nii.gz", edit=lambda image: image.set_qform(old, 1, update_affine=False))
    capital = tmp_path / "B.NII.GZ"
    capital.write_bytes(path.read_bytes())
    for file in (path, capital):
        np.testing.assert_allclose(read_header(file).affine, AFFINE, atol=1e-5)
        np.testing.assert_allclose(read_image(file)[0].affine, AFFINE, atol=1e-5)


def test_a_quaternion_a_hair_too_long_is_no_reason_to_refuse(tmp_path):
    plain = save_nifti(tmp_path / "a.nii.gz")
    beside_sform = patched(tmp_path / "b.nii.gz", plain, ("3f", 256, 0.7071070, 0.7071070, 0.0))
    np.testing.assert_allclose(read_header(beside_sform).affine, AFFINE, atol=1e-5)
    alone = patched(tmp_path / "c.nii.gz", plain, ("3f", 256, 0.0, 0.0, 1.0000003), ("h", 254, 0))
    turned = np.diag([-0.8, -0.8, 2, 1])  # by half a turn around the third axis
    turned[:3, 3] = AFFINE[:3, 3]
    np.testing.assert_allclose(read_header(alone).affine, turned, atol=1e-4)
    assert read_image(alone)[1].assumed == ()


@pytest.mark.parametrize(
    ("patches", "told"),
    [
        ([("hh", 252, 0, 0)], "neither sform nor qform"),
        ([("hh", 252, 0, 0), ("3f", 80, 0, 0, 0)], "1 mm is assumed"),
        ([("hh", 252, 1, 0), ("3f", 80, 0, 1, 1)], "1 mm is assumed"),
        ([("f", 112, float("nan"))], "slope of nan"),
        ([("f", 112, float("inf"))], "slope of inf"),
        ([("f", 112, 0.0)], None),  # by the standard: not scaled
        ([("hh", 252, 0, 1), ("3f", 80, 0, 0, 0)], None),  # the sform tells all
    ],
)
def test_what_nifti_headers_do_not_tell_is_told(tmp_path, patches, told):
    path = patched(tmp_path / "b.nii.gz", save_nifti(tmp_path / "a.nii.gz"), *patches)
    image, header = read_image(path)
    np.testing.assert_array_equal(image[0], VOLUME)
    case = {"image": str(path), "case_id": "A", "boxes": []}
    if told is None:
        assert header.assumed == () and LoadCased()(case)["case_id"] == "A"
        return
    assert told in "; ".join(header.assumed)
    with pytest.raises(DataError, match="allow_assumed"):
        LoadCased()(case)
    assert LoadCased(allow_assumed=True)(case)["scan_facts"]["assumed"] == list(header.assumed)
    allowed = LoadCased()(case | {"allow_assumed": True})
    assert "allow_assumed" not in allowed and allowed["scan_facts"]["assumed"]


def meta_file(path, *lines, values=VOLUME, data="LOCAL"):
    head = ["ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", *lines]
    head += ["DimSize = 11 12 13", "ElementType = MET_SHORT", f"ElementDataFile = {data}", ""]
    path.write_bytes("\n".join(head).encode() + (values.tobytes(order="F") if data == "LOCAL" else b""))
    return path


@pytest.mark.parametrize(
    ("lines", "told"),
    [([], "tells no spacing"), (["ElementSpacing = 0 0 2"], "0 x 0 x 2"), (["ElementSpacing = 1 1 2"], None)],
)
def test_spacing_that_metaimage_does_not_tell_is_told(tmp_path, lines, told):
    image, header = read_image(meta_file(tmp_path / "a.mha", *lines))
    np.testing.assert_array_equal(image[0], VOLUME)
    assert header.assumed == () if told is None else told in header.assumed[0]
    assert np.abs(np.diag(header.affine)).tolist() == [1, 1, 2 if lines else 1, 1]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_pictures_leave_nothing_to_assume(tmp_path, suffix):
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / f"a.{suffix}")
    assert read_header(tmp_path / f"a.{suffix}").assumed == ()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_are_upright_as_annotation_tools_see_them(tmp_path, suffix, orientation, mode):
    stored = Image.fromarray(np.kron(np.array([[10, 60, 110], [160, 210, 250]], np.uint8), np.ones((16, 16), np.uint8))).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if suffix == "jpg" else {}
    stored.save(tmp_path / f"a.{suffix}", exif=exif, **options)
    exif_only = stored.copy()
    exif_only.info["exif"] = exif.tobytes()
    exif_only.getexif()[0x0112] = orientation
    upright = np.atleast_3d(np.asarray(ImageOps.exif_transpose(exif_only))).transpose(2, 1, 0)
    image, header = read_image(tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(image, upright, atol=2)
    assert header.size == tuple(read_grid(tmp_path / f"a.{suffix}")["size"]) == upright.shape[1:]


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "RGB", "L"])
def test_tiff_files_have_one_grid_whatever_their_colors(tmp_path, mode):
    values = np.zeros((12, 20, 3), np.uint8)
    values[2:5, 10:17] = 200
    picture = Image.fromarray(values)
    picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    picture.save(tmp_path / "a.tif", dpi=(254, 254))
    image, header = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image[0].numpy(), values[..., 0].T)
    np.testing.assert_allclose(header.affine, np.diag([-0.1, -0.1, 1]), atol=1e-6)  # 254 dots per inch; LPS as ITK has it
    np.testing.assert_allclose(image.affine, read_grid(tmp_path / "a.tif")["affine"])


def deep_png(path, array):
    """A PNG file of 16 bits, by the letter of its standard."""
    height, width, channels = array.shape

    def part(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    parts = part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


@pytest.mark.parametrize(("channels", "kept"), [(2, 1), (3, 3), (4, 3)])
def test_png_files_of_16_bits_keep_them(tmp_path, channels, kept):
    array = np.random.default_rng(0).integers(0, 65536, (6, 9, channels)).astype(np.uint16)
    array[0, 0] = 60000
    deep_png(tmp_path / "a.png", array)
    image, header = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image, array[..., :kept].transpose(2, 1, 0))
    assert header.channels == kept and not header.byte_values


def test_a_tiff_file_of_16_bits_and_colors_keeps_them(tmp_path):
    array = np.random.default_rng(0).integers(0, 65536, (6, 9, 3)).astype("<u2")
    tags = [(256, 9), (257, 6), (258, 122), (259, 1), (262, 2), (273, 128), (277, 3), (278, 6), (279, array.nbytes)]
    entries = b"".join(struct.pack("<HHII", tag, 3 if tag != 279 else 4, 3 if tag == 258 else 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    (tmp_path / "a.tif").write_bytes(head.ljust(122, b"\0") + struct.pack("<3H", 16, 16, 16) + array.tobytes())
    image, header = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image, array.transpose(2, 1, 0))
    assert header.channels == 3


def test_pictures_that_users_name_may_be_of_any_size(tmp_path, monkeypatch):
    Image.fromarray(np.ones((60, 50), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_image(tmp_path / "a.png")[0].shape == (1, 50, 60) and Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("name", ["x%d%s%n.raw 1 24 1", "../out.raw", "/etc/hostname", "LIST\n../out.raw"])
def test_data_files_elsewhere_and_patterns_are_refused_before_they_are_read(tmp_path, name):
    (tmp_path / "out.raw").write_bytes(VOLUME.tobytes())
    (tmp_path / "in").mkdir()
    path = meta_file(tmp_path / "in" / "a.mhd", "ElementSpacing = 1 1 1", data=name)
    for read in (read_header, read_image):
        with pytest.raises(DataError, match="pattern|not in its folder"):
            read(path)
    lines = ["NRRD0004", "type: int16", "dimension: 3", "sizes: 11 12 13", "encoding: raw", "endian: little", f"data file: {name}", ""]
    (tmp_path / "in" / "a.nhdr").write_text("\n".join(lines))
    with pytest.raises(DataError, match="pattern|not in its folder"):
        read_header(tmp_path / "in" / "a.nhdr")


def test_data_files_of_a_list_in_the_folder_are_read(tmp_path):
    names = [f"{number}.raw" for number in range(13)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(VOLUME[..., number].tobytes(order="F"))
    path = meta_file(tmp_path / "a.mhd", "ElementSpacing = 1 1 1", data="\n".join(["LIST", *names]))
    np.testing.assert_array_equal(read_image(path)[0][0], VOLUME)


def test_a_stream_far_longer_than_its_header_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "SURPLUS", 2**22)
    content = gzip.decompress(save_nifti(tmp_path / "a.nii.gz").read_bytes())
    packer = zlib.compressobj(1, wbits=31)
    with open(tmp_path / "b.nii.gz", "wb") as file:
        file.write(packer.compress(content))
        for _ in range(8):
            file.write(packer.compress(bytes(2**20)))
        file.write(packer.flush())
    with pytest.raises(DataError, match="MB follow"):
        read_image(tmp_path / "b.nii.gz")
    patched(tmp_path / "c.nii.gz", tmp_path / "a.nii.gz", ("4h", 40, 3, 32767, 32767, 32767))
    with pytest.raises(DataError, match="memory|cannot hold"):
        read_image(tmp_path / "c.nii.gz")


def test_layers_of_segments_are_channels(tmp_path):
    layers = np.stack([VOLUME > 50, VOLUME > 80]).astype(np.uint8)
    lines = [
        "NRRD0004",
        "type: uchar",
        "dimension: 4",
        "space: left-posterior-superior",
        "sizes: 2 11 12 13",
        "kinds: list domain domain domain",
    ]
    lines += ["space directions: none (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)", "encoding: gzip", "", ""]
    (tmp_path / "a.seg.nrrd").write_bytes("\n".join(lines).encode() + gzip.compress(layers.tobytes(order="F")))
    image, header = read_image(tmp_path / "a.seg.nrrd")
    np.testing.assert_array_equal(image, layers)
    save_nifti(tmp_path / "i.nii.gz")
    with pytest.raises(DataError, match="label map .* has 2 channels -- store mask values in one channel"):
        LoadCased()({"image": str(tmp_path / "i.nii.gz"), "label_map": str(tmp_path / "a.seg.nrrd")})


@pytest.mark.parametrize("axes", ["9223372036854775808", "0", "-3", "11", "x", "3\nNDims = 9223372036854775808"])
def test_axes_that_no_metaimage_has_are_refused_before_itk_believes_them(tmp_path, axes):
    path = meta_file(tmp_path / "a.mhd", "ElementSpacing = 1 1 1")
    path.write_text(path.read_bytes().decode("latin-1").replace("NDims = 3", f"NDims = {axes}"), "latin-1")
    code = f"from medtk_monai.images.image_file import read_header, DataError\ntry: read_header({str(path)!r})\nexcept DataError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "NDims" in done.stdout, done.stderr[-300:]
