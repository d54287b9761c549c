# Two commands: `make demo` and `make test`. Each first makes what it needs in .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --no-compile  # Python compiles what is imported, when it is
USE := $(VENV)/.use
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs release clean

help:
	@echo "make demo   classify real pictures, then run the network as firmware on an emulated Cortex-M0 (half a minute; the first time 1 minute more)"
	@echo "make test   run all tests (8 to 25 minutes; the first time 3 minutes more)"
	@echo "make lint   ruff and mypy"
	@echo "make docs   the documentation site, in docs/_build; a broken link or reference is an error"
	@echo "make release  wheels and sdist in dist/: built, checked, installed without network and used (half a minute)"
	@echo "make clean  remove the environment"

$(USE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "microbotnet needs Python 3.11 or newer; say which: make PYTHON=python3.12 …"; exit 1; }
	@echo "Making the environment in $(VENV): no PyTorch, downloads about 150 MB, takes about a minute. Done once."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --requirement requirements.lock
	@$(INSTALL) --no-deps --editable .
	@touch $@

$(DEV): $(USE) requirements-dev.lock
	@echo "Adding PyTorch and what the tests need: downloads about 350 MB, takes 2 to 3 minutes. Done once."
	@$(INSTALL) --requirement requirements-dev.lock
	@touch $@

demo: $(USE)
	@echo "== What is in the pictures? The network as C, compiled on this machine (a few seconds) =="
	@$(BIN)/microbotnet classify src/microbotnet/demo/pictures --top 2
	@echo "== What did it cost? =="
	@$(BIN)/microbotnet profile --checkpoint grain-xl-ternary --totals
	@echo "== As firmware for SCuM on an emulated Cortex-M0: every instruction counted, every score equal to this machine's =="
	@$(BIN)/microbotnet firmware grain-xl-ternary --board scum --run src/microbotnet/demo/pictures --totals

test: $(DEV)
	@echo "Running all tests: 8 to 25 minutes on two cores."
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal -q

lint: $(DEV)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: $(DEV)
	@$(BIN)/python -m sphinx -q -b html -W --keep-going docs docs/_build
	@echo "open docs/_build/index.html"

release: $(DEV)
	@$(BIN)/python tools/release.py

clean:
	rm -rf $(VENV)
