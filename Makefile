# shoprec: every command a person needs. `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
READY := $(VENV)/.ready
PEERS_VENV ?= .venv-peers
PEERS_READY := $(PEERS_VENV)/.ready
PEERS_LOCK := tests/benchmarks/peers/requirements.lock
# Where Torch comes from: builds for processors, from its own index. Empty: from wherever other packages do.
TORCH ?= cpu
TESTS ?= tests
WORKERS ?= 2

# No package of ours reports to anybody, whatever command is used.
export DO_NOT_TRACK := true
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := true
export GX_ANALYTICS_ENABLED := false

.PHONY: help setup run test screenshots lint format types contracts check bench bench-cold bench-diversity bench-job bench-gate bench-peers bench-publish bench-replay bench-quick bench-week bench-growth doctor history up down status ui clean

help:  ## Say what each command does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1mmake %-15s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv from requirements.lock (other commands do this first)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "shoprec needs Python 3.11, and '$(PYTHON)' is not: name one with 'make setup PYTHON=/path/to/python3.11'" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/uv --version 2>/dev/null | grep -qF "$(UV_VERSION)" || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirements requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: $(READY)  ## Retrain: fetch, validate, learn, judge, register (skips what has not changed)
	@$(BIN)/shoprec run $(ARGS)

test: $(READY)  ## Run all tests, two files at a time; TESTS=tests/flows runs some
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(TESTS)

screenshots: $(READY)  ## Take the docs' pictures of a review in MLflow; needs Chromium
	$(BIN)/python -m pytest tests/flows/test_review_in_a_browser.py --screenshots docs/images

lint: $(READY)  ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)  ## Mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## Check types
	$(BIN)/basedpyright

contracts: $(READY)  ## Check who imports whom
	$(BIN)/lint-imports

check: test lint types contracts  ## All of test, lint, types and contracts

bench: bench-job bench-gate bench-peers  ## All three of these; the last two take half an hour and two hours

bench-job: $(READY)  ## Time the job from nothing; ARGS='--runs 3 --against HEAD~1' compares with another revision
	$(BIN)/python -m tests.benchmarks.whole_job $(ARGS)

bench-gate: $(READY)  ## Simulate years of gates on the values of the last run; writes docs/promotion.md
	$(BIN)/python -m tests.benchmarks.gate --out docs/promotion.md $(ARGS)

bench-peers: $(READY) $(PEERS_READY)  ## Measure other recommenders on the same weeks; writes docs/benchmarks.md; ARGS='--weeks 1'
	$(BIN)/python -m tests.benchmarks.peers --python $(PEERS_VENV)/bin/python $(ARGS)

bench-cold: $(READY)  ## Measure what newcomers and new items get on the last weeks of the last run; writes docs/cold-start.md
	$(BIN)/python -m tests.benchmarks.cold $(ARGS)

bench-diversity: $(READY)  ## Measure what novelty and variety cost on the test week of the last run; writes docs/diversity.md
	$(BIN)/python -m tests.benchmarks.diversity $(ARGS)

# Without what packages ask for, as the lock has all of it but Torch's libraries for graphics cards: a build of Torch
# that is not for processors alone does not start without them.
$(PEERS_READY): $(PEERS_LOCK) $(READY)
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	$(BIN)/uv pip install --quiet --no-deps $(if $(TORCH),--torch-backend $(TORCH)) --python $(PEERS_VENV)/bin/python --requirements $(PEERS_LOCK)
	$(if $(TORCH),,$(BIN)/uv pip install --quiet --python $(PEERS_VENV)/bin/python --constraints $(PEERS_LOCK) torch)
	@touch $@

bench-publish: $(READY)  ## Time a publication over a made-up state; ARGS='--users 100000 --items 100000'
	$(BIN)/python -m tests.benchmarks.publish $(ARGS)

bench-replay: $(READY)  ## Play a year of weeks under policies of retraining; takes an hour, writes docs/monitoring.md
	$(BIN)/python -m tests.benchmarks.replay $(ARGS)

bench-quick: $(READY)  ## Guard against regressions: minutes, exits 1; ARGS='--against HEAD~1'
	$(BIN)/python -m tests.benchmarks.quick $(ARGS)

bench-week: $(READY)  ## Time a retrain from nothing, and the retrain and refresh of the week after; ARGS=--fresh compares, ARGS='--made-up 5000000' is a larger shop
	$(BIN)/python -m tests.benchmarks.week_later $(ARGS)

bench-growth: $(READY)  ## Measure how each step grows with the shop; hours, writes docs/growth.md; ARGS='--events 1500000 5000000'
	$(BIN)/python -m tests.benchmarks.growth $(ARGS)

doctor: $(READY)  ## Look at all that a run needs, and say what to mend
	@$(BIN)/shoprec doctor $(ARGS)

history: $(READY)  ## Show what is in production since when and why, and every change before
	@$(BIN)/shoprec history $(ARGS)

up: $(READY)  ## Start Prefect, MLflow and a worker in the background, and register the deployments
	@$(BIN)/shoprec up

down: $(READY)  ## End what `make up` started
	@$(BIN)/shoprec down

status: $(READY)  ## Show what runs, what is scheduled next, what ran last and how it ended
	@$(BIN)/shoprec status $(ARGS)

ui: $(READY)  ## Serve MLflow and Prefect on localhost over what was made
	@$(BIN)/shoprec ui

clean:  ## Remove everything that runs made, registry and published lists included; the environment and what git keeps stay
	rm -rf var reports models .dvc/cache .dvc/tmp data/raw data/valid data/quarantine data/features data/candidates data/examples data/boosters published
