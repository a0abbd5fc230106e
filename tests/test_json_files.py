"""Whatever lies in the place of a JSON file takes one line."""

import json

import pytest

from medtk_monai.errors import DataError
from medtk_monai.json_files import as_json, parse_json, read_json, write_json

ODD = {
    "nested": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "empty": b"",
    "spaces": b" \n",
    "latin-1": '{"a": "é"}'.encode("latin-1"),
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "NaN": b'{"a": NaN}',
    "infinite": b'{"a": -Infinity}',
    "cut off": b'{"a": [1, 2',
    "text": b"hello",
    "long number": b"1" * 10_000,
    "zeros": b"\0" * 100,
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_is_no_json_is_told_in_one_line(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match="a.json is not a JSON file that can be read: .* -- mend it") as error:
        read_json(tmp_path / "a.json", "mend it")
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize(
    "content, name", [("[]", "a list"), ('"a"', "text"), ("3", "a number"), ("null", "null"), ("true", "true or false")]
)
def test_what_is_no_object_is_told(tmp_path, content, name):
    (tmp_path / "a.json").write_text(content)
    assert read_json(tmp_path / "a.json") == json.loads(content)
    with pytest.raises(DataError, match=f"a.json holds {name}, not an object"):
        read_json(tmp_path / "a.json", kind=dict)


def test_no_file_and_a_folder_are_told(tmp_path):
    for path, word in ((tmp_path / "no.json", "No such file"), (tmp_path, "directory")):
        with pytest.raises(DataError, match=f"cannot be read: .*{word}"):
            read_json(path)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}


def test_any_number_is_taken_where_it_is_told_of_later():
    assert str(parse_json(b"[NaN, 1]", "here", any_number=True)) == "[nan, 1]"


def test_what_is_written_comes_back(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1.5, None, "ä"]})
    assert read_json(tmp_path / "a.json") == {"a": [1.5, None, "ä"]} == json.loads((tmp_path / "a.json").read_text())
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()
    assert as_json({1: (2, 3), "p": tmp_path}, str) == {"1": [2, 3], "p": str(tmp_path)}
