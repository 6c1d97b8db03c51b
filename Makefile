# Two front doors: `make reproduce [SCALE=quick]` and `make test`. Both first build .venv from requirements.lock.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help reproduce test test-faults test-slurm lint unit workflow-test browser lock environment

SCALE ?= quick
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
export PATH := $(CURDIR)/$(RUN):$(PATH)

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 28

reproduce: environment  ## run everything at SCALE (quick, standard or paper) and render the reports
	@snakemake --config scale=$(SCALE)

test: browser environment  ## all checks: lint, unit tests, a real quick run, the rerun contract
	@$(MAKE) --no-print-directory lint unit workflow-test

lint: environment  ## style, types and structure: ruff, mypy, snakefmt, import-linter, snakemake --lint
	@ruff check . && ruff format --check . && mypy && snakefmt --check Snakefile rules && lint-imports --no-cache && snakemake --lint

unit: environment  ## unit tests
	@pytest tests --ignore tests/workflow --numprocesses 2

workflow-test: browser environment  ## tests on real runs of the pipeline
	@pytest tests/workflow -m "not faults" --numprocesses 2 --dist loadfile

test-faults: browser environment  ## the same and those that break runs: kills, damage, a full disk, no network
	@pytest tests/workflow --ignore tests/workflow/test_slurm.py --numprocesses 2 --dist loadfile

test-slurm: environment  ## the quick scale through a Slurm cluster on this machine (as root, Debian or Ubuntu)
	@pytest tests/workflow/test_slurm.py

browser:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || { \
	  echo "error: the pages are tested in a real browser; on Debian: apt install chromium chromium-driver" >&2; exit 1; }

lock: environment  ## resolve the dependencies of pyproject.toml anew into requirements.lock
	@uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --no-annotate --no-header \
	  --upgrade --extra dev pyproject.toml --output-file requirements.lock

environment: $(VENV)/installed

$(VENV)/installed: $(VENV)/packages pyproject.toml
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/packages: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null || { \
	  echo "error: '$(PYTHON)' is missing or older than Python 3.11; install it, or name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: this Python has no venv module; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing the locked environment into $(VENV) (about 3 minutes and 6 GB, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@
