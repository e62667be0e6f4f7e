# make demo       sets up, analyses the shipped recording, writes a page (make demo AUDIO=street.wav: of yours)
# make quick      the tests that take no time: under a minute
# make test       sets up and checks everything: lint, types, tests, docs
# make fix        mends what ruff can mend
# make matrix     the tests on every Python at hand, without torch      (make matrix MATRIX="--dependencies lowest")
# make lint-js    ESLint on the pages' JavaScript (npm)
# make consumers  the programs that read our files, each in an environment of its own
# make bench BASE=<commit>   whole commands against another commit      (make memory: peak memory of 2 h against 10 min)
# make speed      how fast it is, against the goals
# make golden     remakes the golden outputs in tests/golden/outputs and prints what changed
# make docs       builds the documentation into site/
# make lock       remakes constraints.txt from pyproject.toml

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet -c constraints.txt
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: notebook demo test check golden quick fix lint-js matrix consumers lock bench memory speed benchmark docs gallery words clean

demo: $(VENV)/.demo
	$(BIN)/earwitness demo $(AUDIO)

test: check

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)

quick: $(VENV)/.dev
	$(PYTEST) -m "not slow and not browser and not ray"

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint-js: node_modules/.package-lock.json
	npx --no-install eslint --max-warnings 0

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund
	touch $@

matrix: $(VENV)/.dev
	$(BIN)/python scripts/run_matrix.py $(MATRIX)

consumers: $(VENV)/.dev
	$(BIN)/python scripts/run_consumers.py $(CONSUMERS)

lock: $(BIN)/python
	$(BIN)/pip install --quiet uv packaging
	$(BIN)/python scripts/lock.py

golden: $(VENV)/.dev
	$(BIN)/python scripts/make_golden.py

bench: $(VENV)/.dev
	$(BIN)/python bench/compare_commits.py $(BASE) $(BENCH)

memory: $(VENV)/.dev
	$(BIN)/python bench/compare_commits.py --memory $(BENCH)

speed: $(VENV)/.dev
	$(BIN)/python bench/speed.py

benchmark: $(VENV)/.dev
	$(BIN)/earwitness benchmark --data $(DATA) $(BENCH)

docs: $(VENV)/.docs
	$(BIN)/python scripts/make_cli_docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

gallery: $(VENV)/.dev
	$(BIN)/python scripts/make_gallery.py

words: $(VENV)/.dev
	$(BIN)/python scripts/make_word_table.py

notebook: $(VENV)/.dev
	$(BIN)/pip install --quiet -c constraints.txt nbclient ipykernel
	$(BIN)/python scripts/make_notebook.py

clean:
	rm -rf $(VENV) demo_out site

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.demo $(VENV)/.docs

$(VENV)/.docs: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[docs]'
	touch $@ $(VENV)/.demo
