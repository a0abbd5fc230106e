"""Values that have broken readers, and changes of nested values."""

import json

DEEP = 3000


class Raw(str):
    """JSON that ``json.dumps`` does not write, put into the text as it is."""


RAW = [Raw(text) for text in ("1e400", "-1e400", "NaN", "-Infinity", "9" * 5000, "[" * DEEP, "-0", "1E-400", "{" * 3, '"\\ud800"')]
PLAIN = [
    *(0, 1, -1, 2, 3, 255, 65536, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, 0.5, -0.5, 1e-300, 1e300, -1e39, 3.4e38),
    *(
        True,
        False,
        None,
        "",
        " ",
        "0",
        "nan",
        "inf",
        "1e5",
        "-1",
        "\u0000",
        "\ud800",
        "\u202e",
        "/",
        "..",
        "../../x",
        "a" * 5000,
        "é" * 200,
    ),
    *("$__import__('os').getpid()", "@network", "%train.json", "_target_", "_disabled_", "torch.nn.Conv2d", "<script>", "=1+1", "\x1b[31m"),
    *([], {}, [[]], [{}], [None], [0], [[0]], [1, 2, 3, 4, 5, 6, 7], ["a", 1], {"": None}, {"_target_": "os.getpid"}, {"a": {"a": []}}),
]
WORDS = [
    *(str(value) for value in PLAIN if not isinstance(value, dict | list | bool)),
    "NaN",
    "Infinity",
    "1e400",
    "0x10",
    "1_000",
    "٣",
    '"',
    "'",
    "\t",
]


def value(rng):
    """A value that nobody expects."""
    return rng.choice(RAW) if rng.random() < 0.2 else rng.choice(PLAIN)


def places(document):
    """(container, key) of every value below the top."""
    found, left = [], [document]
    while left:
        part = left.pop()
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, inner in items:
            found.append((part, key))
            left.append(inner)
    return found


def change(document, rng):
    """The document with one value changed, lost, doubled, moved or renamed; changed in place where that can be."""
    spots = places(document)
    if not spots or rng.random() < 0.02:
        return value(rng)
    part, key = rng.choice(spots)
    other, name = rng.choice(spots)
    kind = rng.choice(["value", "value", "value", "number", "delete", "double", "rename", "move", "wrap"])
    old = part[key]
    if kind == "number" and isinstance(old, int | float) and not isinstance(old, bool):
        part[key] = rng.choice([-old, old + 1, old - 1, old * 10**9, old + 0.5, str(old), [old], float(old)])
    elif kind == "delete":
        del part[key]
    elif kind == "double" and isinstance(part, list):
        part.insert(key, old)
    elif kind == "rename" and isinstance(part, dict):
        part[rng.choice([str(key).upper(), str(key) + "s", "", "_target_", rng.choice(WORDS)])] = part.pop(key)
    elif kind == "move":
        part[key] = json.loads(json.dumps(other[name], default=str)) if not isinstance(other[name], Raw) else other[name]
    elif kind == "wrap":
        part[key] = rng.choice([[old], {"a": old}, [old, old]])
    else:
        part[key] = value(rng)
    return document


def dump(document):
    """JSON text of a document that may hold ``Raw`` parts."""
    raws: list[str] = []

    def marked(part):
        if isinstance(part, Raw):
            raws.append(str(part))
            return f"@@raw{len(raws) - 1}@@"
        if isinstance(part, dict):
            return {str(key): marked(inner) for key, inner in part.items()}
        return [marked(inner) for inner in part] if isinstance(part, list | tuple) else part

    text = json.dumps(marked(document), default=str)
    for number, raw in enumerate(raws):
        text = text.replace(f'"@@raw{number}@@"', raw)
    return text
