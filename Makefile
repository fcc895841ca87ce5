# Every target does its own set-up in .venv: the package with its groups, and a Chromium (see agent/browser/chromium.py).
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough; `make PYTHON=/path/to/python3.12 ...` picks another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
TYPESCRIPT := typescript@5.9.3
WORKERS ?= 2

.PHONY: help setup demo test lint bench clean
.DEFAULT_GOAL := help

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(BIN)/.chromium  ## .venv with the package and every tool, and a Chromium

demo: setup  ## users, weeks, reports, and a private summary for each API; make demo ARGS="--headed", ARGS=--exit
	@$(BIN)/tallyhost demo $(ARGS)

test: setup  ## all tests; make test ARGS='-m "not browser"' for those that need no Chromium
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(BIN)/.installed  ## ruff, mypy --strict, import directions, and the JavaScript where node is there
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@if command -v node >/dev/null && command -v npx >/dev/null; then \
		find agent injected_js sites -name '*.js' -not -path '*/node_modules/*' -print0 | xargs -0 -r -n 1 node --check && \
		for config in */jsconfig.json */*/jsconfig.json; do npx --yes --package $(TYPESCRIPT) -- tsc --project $$config || exit 1; done; \
	else echo "JavaScript not checked: no node and npx on this machine"; fi

bench: setup  ## benchmarks as JSON
	@$(BIN)/python -m benchmarks $(ARGS)

clean:  ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "tallyhost needs Python 3.11 or newer: install python3.11 (with venv), or run make PYTHON=/path/to/python3" >&2; exit 3; }
	@$(PYTHON) -m venv $(VENV) || { echo "could not make $(VENV): on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 3; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

$(BIN)/.chromium: $(BIN)/.installed
	@$(BIN)/python -m agent.browser.chromium
	@touch $@
