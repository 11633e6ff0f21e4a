# `make help` lists the targets. Each works first and alone on a machine with Python >= 3.11.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
CORE   := $(VENV)/.core
READY  := $(VENV)/.ready
ON_ALL_CORES := --numprocesses=logical --dist=worksteal
# Keep compiled modules. Containers often forbid it, and then each process compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install embeddings demo ui test test-all lint format docs wheel bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## make the environment in .venv, with the tested versions

$(CORE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing into $(VENV), a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e .
	@touch $@

$(READY): $(CORE)
	@echo "installing networks and the tools of development into $(VENV), minutes"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	@touch $@

embeddings: $(READY) ## the published weights of embedder=musicnn (29 MB)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps musicnn==0.1.0

demo: $(CORE) ## three models on synthetic audio, with and without artists in both parts
	$(BIN)/gtzan-exp -m model=logreg,svc,xgboost split=holdout,group_holdout
	@echo
	@echo "This is SYNTHETIC audio: it shows how things work, not how good anything is. Next:"
	@echo "  . $(BIN)/activate"
	@echo "  gtzan-exp compare      tests between the models, and a page with pictures"
	@echo "  gtzan-exp ui           the runs in MLflow"
	@echo "  gtzan-exp --help       data, views, models, splits"

ui: $(CORE) ## MLflow's pages over mlruns/, on this machine only
	$(BIN)/gtzan-exp ui

test: $(READY) ## the fast tests, on all cores
	$(BIN)/pytest $(ON_ALL_CORES) -p no:nbmake -m 'not slow and not soak'

test-all: $(READY) ## all tests; those on the real data need GTZAN_ROOT
	$(BIN)/pytest $(ON_ALL_CORES) -m 'not soak' --nbmake docs/tutorials tests

lint: $(READY) ## check style, formatting, the layers of the rooms and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(READY) ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

wheel: $(READY) ## build the sdist, and the wheel from it, into dist/
	$(BIN)/python -m build

bench: $(READY) ## the benchmarks, paired against plain scripts (minutes)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove the environment, build results and caches, but no recorded run
	rm -rf $(VENV) build dist site .pytest_cache .ruff_cache
