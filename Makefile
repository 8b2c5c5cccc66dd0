# The commands of a checkout; everything they make is in .venv and .overwatch.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= .overwatch
PORT ?= 8000

.PHONY: help setup up demo test check bench
.DEFAULT_GOAL := help

help:
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Install everything into .venv
	@$(BIN)/python -m compileall -q hub plugins workers
	@$(BIN)/python -m hub.search.embedding.build

up: setup ## Run the hub on its embedded default
	@$(BIN)/overwatch up --data $(DATA) --port $(PORT)

demo: setup ## Play an incident storm, on a running or a new hub
	@$(BIN)/overwatch demo --data $(DATA) --port $(PORT)

test: setup ## Run the tests
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup ## Lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## Measure this machine
	@$(BIN)/overwatch bench latency

$(VENV)/.installed: requirements-dev.lock setup.cfg pyproject.toml
	@echo "Installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
