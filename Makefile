# make demo    the whole path against the embedded API        make check   what CI runs
# make test    every test                                     make bench   how fast it is
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BENCH := .venv/.bench

.PHONY: demo test check lint types docs docs-check bench bench-quick soak clean

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: lint types docs-check test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python docs/reference.py > docs/reference.md

docs-check: $(READY)
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

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(BENCH): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@
