# The doors of the project: `make` lists them. Each does its own set-up, and does it once: the stamps in .build/ are
# older than the lock files only after one of those has changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := doors
MAKEFLAGS += --no-print-directory

DATA ?= headwater-home
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --no-input --disable-pip-version-check --no-color
NPM_CI := npm ci --loglevel=error --ignore-scripts --no-audit --no-fund > /dev/null
PYTEST := $(BIN)/python -m pytest -q
# Most tests wait for media that comes in real time, so two at a time need little more than one.
WORKERS ?= 2
GOLDEN_TESTS = $$(grep -rlE 'tests\.kit(\.golden| import golden)' tests --include='test_*.py')
SOURCES := base node packager ingest origin edge control tools bench tests

.PHONY: doors setup run test test-slow lint bench golden lock clean needs needs-bench

doors:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .build/python .build/web  ## everything that the appliance needs; the command is then .venv/bin/headwater

run: setup  ## start the appliance with its demo channel (DATA=folder ARGS="--port-base 9000" change where)
	@exec $(BIN)/headwater up --demo --home $(DATA) $(ARGS)

test: needs setup .build/test-python .build/browser lint  ## lint and every test but the slow ones
	@$(PYTEST) -n $(WORKERS) --dist loadfile -m "not slow" --ignore tests/browser $(ARGS)
	@$(PYTEST) -m "not slow" tests/browser  # alone: players that share cores with other tests stall

test-slow: needs setup .build/test-python .build/browser  ## the tests that take minutes
	@$(PYTEST) -m slow $(ARGS)

lint: .build/test-python  ## ruff, mypy --strict, the import contracts
	@$(BIN)/ruff format --quiet --check $(SOURCES)
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --cache-dir .build/import-linter > .build/imports.txt || { cat .build/imports.txt; exit 1; }

bench: needs-bench setup .build/test-python  ## measure this machine; writes docs/reference/benchmarks.md
	@$(BIN)/python -m bench $(ARGS)

golden: setup .build/test-python  ## rewrite the golden files and docs/reference; read the diff
	@HEADWATER_GOLDEN=write $(PYTEST) $(GOLDEN_TESTS)

lock: .build/python  ## resolve the lock files anew after a change of pyproject.toml
	@python=$$(tools/needs.sh python) && rm -rf .build/lock && "$$python" -m venv .build/lock
	@.build/lock/bin/python -m pip --quiet --disable-pip-version-check install uv
	@resolve=".build/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate"; \
	 $$resolve -o requirements.lock && $$resolve --group test -c requirements.lock -o requirements-test.lock

clean:  ## remove what setup and the tests made; the data folder stays
	@rm -rf .venv .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@rm -rf control/web/node_modules control/web/vendor tests/browser/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, one stamp a step.

needs:
	@tools/needs.sh test --install

needs-bench:
	@tools/needs.sh bench --install

.build/system:
	@mkdir -p .build && tools/needs.sh run && touch $@

.build/venv: | .build/system
	@echo "headwater: making .venv"
	@rm -rf .venv && "$$(tools/needs.sh python)" -m venv .venv && touch $@

.build/locked: requirements.lock .build/venv
	@echo "headwater: installing Python packages from requirements.lock"
	@$(PIP) install --require-hashes -r requirements.lock && touch $@

.build/python: .build/locked pyproject.toml
	@PYTHONWARNINGS=ignore $(PIP) install --no-deps --editable . && touch $@

.build/test-python: requirements-test.lock .build/python
	@echo "headwater: installing test packages from requirements-test.lock"
	@$(PIP) install --require-hashes -r requirements-test.lock && touch $@

.build/web: control/web/package-lock.json control/vendor.py .build/python
	@echo "headwater: fetching browser libraries"
	@(cd control/web && $(NPM_CI)) && $(BIN)/python -m control.vendor && touch $@

.build/browser: tests/browser/package-lock.json | .build/system
	@(cd tests/browser && $(NPM_CI)) && touch $@
