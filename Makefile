# `make` or `make help` lists the targets. Each one does all the set-up it needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: e2e
e2e: $(READY) ## Run every scenario against the real platform as local processes (ARGS="smoke --seed 7")
	@$(BIN)/harness run $(ARGS)

.PHONY: e2e-kind
e2e-kind: $(READY) ## Run what can run there on a kind cluster of its own (ARGS="smoke"; root, Docker, debootstrap)
	@$(BIN)/harness run --on kind $(ARGS)

.PHONY: test
test: $(READY) ## Run the tests of the harness itself (ARGS="-k history")
	@$(BIN)/python -m pytest tests $(ARGS)

.PHONY: check
check: $(READY) ## Types, lint, format, rules and their unit tests; changes nothing
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/mypy bench/*.py
	@$(BIN)/harness toolchain check-rules

.PHONY: fix
fix: $(READY) ## Format and mend what lint can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

.PHONY: report
report: $(READY) ## Show the verdict of the latest run and where its reports are
	@$(BIN)/harness report

.PHONY: requirements
requirements: $(READY) ## Pin the dependencies of pyproject.toml anew, with hashes
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra dev pyproject.toml -o requirements.txt

.PHONY: clean
clean: ## Take back what crashed runs have left, then delete runs and the virtual environment
	@if [ -x $(BIN)/harness ]; then $(BIN)/harness gc; fi
	@rm -rf .fawkes $(VENV)

# Two `make` at once must not install into one environment: the second waits for the first.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 3; }
	@exec 9>.venv.lock; flock 9; \
	  if [ ! -e $@ ] || [ requirements.txt -nt $@ ] || [ pyproject.toml -nt $@ ]; then \
	    echo "setting up $(VENV) (about a minute)" && \
	    $(PYTHON) -m venv $(VENV) && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	    touch $@; \
	  fi
