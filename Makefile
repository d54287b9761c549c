# Two commands: `make demo` and `make test`. Both make the environment in .venv first, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint clean

help:
	@echo "make demo   classify real pictures and count what it cost (10 seconds; the first time 2 minutes more)"
	@echo "make test   run all tests (5 minutes; the first time 2 minutes more)"
	@echo "make lint   ruff and mypy"
	@echo "make clean  remove the environment"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "microbotnet needs Python 3.11 or newer; say which: make PYTHON=python3.12 …"; exit 1; }
	@echo "Making the environment in $(VENV): downloads about 250 MB, takes 1 to 3 minutes. Done once."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

demo: $(READY)
	@echo "== What is in the pictures? (a few seconds) =="
	@$(BIN)/microbotnet classify src/microbotnet/demo/pictures --top 2
	@echo "== What did it cost? =="
	@$(BIN)/microbotnet profile microbotnet --width 0.32 --totals

test: $(READY)
	@echo "Running all tests: about 5 minutes on two cores."
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal -q

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean:
	rm -rf $(VENV)
