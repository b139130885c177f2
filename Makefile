# Everything runs in .venv, which `make install` creates with the versions that constraints.txt names.
# Another interpreter:  make install PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip
WORKERS ?= 2

.PHONY: install install-dev demo test lint docs dist bench-attention bench-fdr bench-graph bench-hybrid bench-inference bench-nonlocal bench-nri bench-peers bench-physics bench-recordings bench-simulators

install: .venv/.installed
install-dev: .venv/.installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "edgewise needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name a newer one: make install PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { \
	  echo "On Debian and Ubuntu, venv is a package of its own: apt-get install python3-venv" >&2; exit 1; }

# torch goes first and alone, so that pip settles which build of it is used before anything else depends on it.
.venv/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -q -c constraints.txt torch
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(PIP) install -q -c constraints.txt -e '.[dev,fast,hub,md,molecules,peers,pyg,text,tracking]'
	@touch $@

demo: install
	$(BIN)/edgewise demo

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

test: lint
	$(BIN)/pytest -n $(WORKERS)

docs: install-dev
	$(BIN)/pytest tests/docs

bench-hybrid bench-inference bench-nri bench-physics bench-simulators: bench-%: install
	$(BIN)/python benchmarks/$*.py

bench-fdr: install
	$(BIN)/python benchmarks/false_discoveries.py

bench-recordings: install-dev
	for script in benchmarks/recordings/[a-z]*.py; do $(BIN)/python $$script || exit 1; done

bench-attention bench-graph bench-nonlocal: bench-%: install-dev
	$(BIN)/python benchmarks/$*.py --growth

bench-peers: install-dev
	$(BIN)/python benchmarks/peers.py

dist: install-dev
	$(PIP) install -q -c constraints.txt build
	$(BIN)/python -m build --no-isolation
