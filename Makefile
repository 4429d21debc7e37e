# make demo | test | test-all | check | docs : each makes .venv first, on a machine with Python >= 3.11
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-all bench chaos cluster-test docker-test docs docs-serve check format clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/vae-sweep launch search_spaces/quickstart.yaml $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest

test-all: $(STAMP)
	$(BIN)/python -m pytest -m "not cluster and not docker"

bench: $(STAMP)
	$(BIN)/python -m benchmarks.bench

chaos: $(STAMP)
	$(BIN)/python -m tests.integration.long_chaos

cluster-test: $(STAMP)
	$(BIN)/python -m pytest -s -m cluster tests/cluster

docker-test: $(STAMP)
	$(BIN)/python -m pytest -s -m docker tests/docker

docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -n -q -E -c docs/site docs build/site

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8800

check: $(STAMP) docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not slow"

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
