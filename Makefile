# Every target sets up what it needs, in .venv, and says what it does. `make` alone lists the targets.
# To use another interpreter: make PYTHON=/path/to/python3.12 setup

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-minecraft demo-robustness demo-training test lint docs pictures bench mutants clean

BIN := .venv/bin
DEMO_EXTRAS := llm reason report
TRAINING_EXTRAS := llm reason report train
ROBUSTNESS_EXTRAS := mujoco report rl
MINECRAFT_EXTRAS := minecraft report rl
TEST_EXTRAS := atari box2d dev docs llm minecraft mujoco reason report rl sandbox serve train video z3
BENCH := $(patsubst benchmarks/%.py,%,$(wildcard benchmarks/*.py))
# Two torch threads on two busy cores fight; pytest's workers use the cores instead.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false
# Tests and pages start hundreds of processes. Where Python may not write byte code beside its sources, it writes it
# here: compiling PyTorch and Transformers again in each takes half of the time.
ifneq ($(PYTHONDONTWRITEBYTECODE),)
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/.venv/pycache
export PYTHONDONTWRITEBYTECODE :=
endif

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything that development needs
	@scripts/setup.sh $(TEST_EXTRAS)

demo: ## Evaluate the embedded language model on CodeReason-v0 and write report.html
	@scripts/setup.sh $(DEMO_EXTRAS)
	@scripts/demo.sh

demo-minecraft: ## Design a reward for a voxel world, train with it, and write report.html with every round
	@scripts/setup.sh $(MINECRAFT_EXTRAS)
	@scripts/demo_minecraft.sh

demo-robustness: ## Train two small policies, attack them, and write report.html with curves and clips
	@scripts/setup.sh $(ROBUSTNESS_EXTRAS)
	@scripts/demo_robustness.sh

demo-training: ## Train a nano language model by imitation and reinforcement, evaluate it before and after
	@scripts/setup.sh $(TRAINING_EXTRAS)
	@scripts/demo_training.sh

test: lint docs ## Run everything that must pass: linters, documentation, tests, doctests
	@echo "test: tests and doctests, two at a time"
	@$(BIN)/pytest -n 2 --durations 30 --doctest-modules tests quintain

lint: setup ## Check format, style, types and spelling
	@echo "lint: ruff, mypy, codespell"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/codespell

docs: setup ## Build the documentation into site/
	@echo "docs: building site/, warnings are errors"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict 2>&1 | sed '/^INFO/d' # with --quiet, --strict counts no warnings

pictures: setup ## Make the pictures in docs/images again, with Chromium; some of them: make pictures ARGS="report games"
	@$(BIN)/python scripts/pictures.py $(ARGS)

bench: setup ## Run the benchmarks and print their tables; one of them: make bench BENCH=startup
	@for name in $(BENCH); do echo "bench: $$name"; $(BIN)/python "benchmarks/$$name.py"; done

mutants: setup ## Change the algorithms one thing at a time and count what the tests notice; other options: make mutants ARGS="--help"
	@$(BIN)/python scripts/mutants $(ARGS)

clean: ## Remove .venv, caches and built files; runs/ stays
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
