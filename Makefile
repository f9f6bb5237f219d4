# Everything happens in .venv, with the versions that constraints.txt names.
# Another Python: make PYTHON=python3.12 demo
# Tests in more processes side by side (many of them wait), and with options of pytest:
# make JOBS=8 PYTEST=--durations=20 test

PYTHON ?= python3
JOBS ?= 4
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml constraints.txt

.PHONY: help demo install test lint clean

help: ## Show this list.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: .venv/core.stamp ## Attack real images with every method: a table, and signflip-demo.png.
	$(BIN)/signflip demo

install: .venv/all.stamp ## Install with all extras, for work on the code.

test: .venv/all.stamp ## Run all tests.
	$(BIN)/python scripts/compile_all.py
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadgroup $(PYTEST)

lint: .venv/all.stamp ## Check style, imports and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-cache
	$(BIN)/mypy

clean: ## Remove .venv and caches.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/core.stamp: $(SOURCES) | $(BIN)/python
	$(PIP) --editable .
	@touch $@

.venv/all.stamp: $(SOURCES) | $(BIN)/python
	$(PIP) --editable '.[scip,gurobi,train,report,cluster,onnx,keras,dev]'
	@touch $@ .venv/core.stamp

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	    echo "error: '$(PYTHON)' is no Python 3.11 to 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
