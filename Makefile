# make demo:   train and evaluate a detector on made-up data
# make test:   run the test suite
# make check:  lint and types
# Everything is installed into a private .venv, which is used again while setup.cfg and constraints.txt stay as they are.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/demo
BUNDLE := bundles/aneurysm
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check clean

demo: $(VENV)/package.stamp
	$(BIN)/python -m monai.bundle run training --config_file $(BUNDLE)/train.json --output_dir $(OUT)
	$(BIN)/python -m monai.bundle run evaluating --config_file "['$(BUNDLE)/train.json','$(BUNDLE)/evaluate.json']" --output_dir $(OUT)
	$(BIN)/medtk report $(OUT)/predictions.json $(OUT)/phantom/datalist.json --model $(OUT) --out $(OUT)/report.html
	@echo "report, for any browser: $(OUT)/report.html"
	@echo "picture of the best-scored detections: $(OUT)/preview.png"
	@echo "training curves: $(BIN)/tensorboard --logdir $(OUT)/tensorboard"

test: $(VENV)/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info

# torch alone and first, at its pinned version, so that nothing else chooses another build of it
$(VENV)/torch.stamp: constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	touch $@

$(VENV)/package.stamp: $(VENV)/torch.stamp setup.cfg pyproject.toml
	$(PIP) --editable .
	touch $@

$(VENV)/test.stamp: $(VENV)/package.stamp
	$(PIP) --editable ".[test,dev]"
	touch $@
