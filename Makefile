# make demo: the main job on made-up data.  make test: the test suite.  make check: lint, types.
# Everything is installed into a private .venv, which is used again while setup.cfg and constraints.txt stay as they are.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/demo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check clean

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

demo: $(VENV)/package.stamp
	$(BIN)/medtk demo --out $(OUT)

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info
