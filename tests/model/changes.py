"""How models are changed for tests."""

import json
from zipfile import ZipFile

from safetensors.torch import load_file, save_file

from medtk_monai.digests import file_sha256, values_sha256


def edit(model, change):
    """Change model.json as somebody would who knows about its digest."""
    path = model / "model.json"
    content = json.loads(path.read_text())
    change(content)
    content["sha256"] = values_sha256({key: value for key, value in content.items() if key != "sha256"})
    path.write_text(json.dumps(content))


def replace_weights(model, change):
    (path,) = model.glob("weights-*.safetensors")
    state = load_file(path)
    change(state)
    save_file(state, path)
    edit(model, lambda content: content["weights"][0].update(sha256=file_sha256(path)))


def zipped(folder, target, prefix=""):
    with ZipFile(target, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, prefix + path.name)
    return target
