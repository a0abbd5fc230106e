# make demo: $(VENV)/package.stamp
	$(BIN)/python -m monai.bundle run training --config_file $(BUNDLE)/train.json --output_dir $(OUT)
	$(BIN)/python -m monai.bundle run evaluating --config_file "['$(BUNDLE)/train.json','$(BUNDLE)/evaluate.json']" --output_dir $(OUT)
	@echo "picture of the best-scored detections: $(OUT)/preview.png"
	@echo "training curves: $(BIN)/tensorboard --logdir $(OUT)/tensorboard"

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info
