# make demo    the whole path against the embedded API        make check   what CI runs
# make test    every test                                     make bench   how fast it is
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BENCH := .venv/.bench
# What tests/test_editor.py starts; without npm it is skipped.
SERVER := tests/editor/node_modules/.ready

.PHONY: demo test check lint types docs docs-check bench bench-quick soak clean

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(READY) $(if $(shell command -v npm),$(SERVER))
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: lint types docs-check test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python docs/written.py > .venv/written.json
	mv .venv/written.json schemas/numbers.schema.json
	$(BIN)/python docs/reference.py > docs/reference.md

docs-check: $(READY)
	$(BIN)/python docs/written.py | diff -u schemas/numbers.schema.json - \
	  || { echo 'schemas/numbers.schema.json is stale: run make docs'; exit 1; }
	$(BIN)/python docs/reference.py | diff -u docs/reference.md - \
	  || { echo 'docs/reference.md is stale: run make docs'; exit 1; }

bench: $(BENCH)
	$(BIN)/python benchmarks/bench.py

bench-quick: $(BENCH)
	$(BIN)/python benchmarks/bench.py --quick

soak: $(READY)
	$(BIN)/python tests/soak.py

clean:
	rm -rf .venv .reconciler build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf tests/editor/node_modules

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(BENCH): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

$(SERVER): tests/editor/package.json tests/editor/package-lock.json
	cd tests/editor && npm ci --ignore-scripts --silent
	@touch $@
