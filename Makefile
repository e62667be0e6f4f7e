# make demo   sets up, recognizes the shipped recording, writes a page  (make demo AUDIO=street.wav: of yours)
# make golden remakes the golden outputs in tests/golden/outputs and prints what changed
# make test   sets up and checks everything: lint, types, tests, docs

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet -c constraints.txt

.PHONY: notebook demo test check golden bench ablation docs gallery words clean

demo: $(VENV)/.demo
	$(BIN)/earwitness demo $(AUDIO)

test: check

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile

golden: $(VENV)/.dev
	$(BIN)/python scripts/make_golden.py

bench: $(VENV)/.dev
	$(BIN)/python bench/speed.py

ablation: $(VENV)/.dev
	$(BIN)/python bench/ablation.py

docs: $(VENV)/.demo
	$(BIN)/python scripts/make_cli_docs.py

gallery: $(VENV)/.dev
	$(BIN)/python scripts/make_gallery.py

words: $(VENV)/.dev
	$(BIN)/python scripts/make_word_table.py

notebook: $(VENV)/.dev
	$(BIN)/pip install --quiet -c constraints.txt nbclient ipykernel
	$(BIN)/python scripts/make_notebook.py

clean:
	rm -rf $(VENV) demo_out

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.demo
