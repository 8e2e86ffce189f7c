# The front door. `make run` and `make test` need Python 3.11 or newer and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check format bench clean

run: $(VENV)/run.stamp  ## set up, start everything, print where to click
	@$(BIN)/python -m serve.run

test: $(VENV)/dev.stamp  ## every test (real Valkey, PostgreSQL, Ray, browser)
	@$(BIN)/python -m pytest

check: $(VENV)/dev.stamp  ## format, lint, types, import rules, fast tests; no Ray, under a minute
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.txt || (cat $(VENV)/lint-imports.txt; false)
	@$(BIN)/python -m pytest -q tests/unit tests/property tests/contract -m "not slow and not postgres" -p no:schemathesis -n 2 --dist loadfile

format: $(VENV)/dev.stamp  ## write the format and the safe fixes
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(VENV)/dev.stamp  ## the numbers of the README, on this machine (about half an hour)
	@$(BIN)/python -m benchmarks.all

clean:  ## forget the environment and the built-in stores' data
	rm -rf $(VENV) .raydesk

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Raydesk needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Raydesk runs on (a few minutes, once) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements.txt requirements-encoder.txt requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what Raydesk and its tests run on (a few minutes, once) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp
