# Everything from Python (3.11 or newer) and make alone: `make setup`, then `make demo`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(VENV)/.locked
DEV_LOCK := $(VENV)/.locked-dev

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up test check format bench chaos zombies fuzz lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: $(LOCK) ## make .venv with everything that rollcall needs

setup-dev: $(DEV_LOCK)

demo: $(LOCK) ## a running system with sample guests, in a folder of its own
	$(BIN)/rollcall demo

up: $(LOCK) ## a running system on .rollcall, empty at first
	$(BIN)/rollcall up

test: $(DEV_LOCK) ## all tests, on a real broker
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

check: $(DEV_LOCK) ## format, lint, types, import directions, dependencies, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .
	$(BIN)/codespell

format: $(DEV_LOCK) ## put the code in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV_LOCK) ## the reference job against idiomatic Faust, and how long a change takes beside a steady load
	$(BIN)/rollcall bench
	$(BIN)/python -m benchmarks.latency

chaos: $(DEV_LOCK) ## faults by dice on a real system, judged: SEED=1 MINUTES=5 NODES=3 KINDS=worker,broker
	$(BIN)/python -m tests.chaos.run --seed $(or $(SEED),1) --minutes $(or $(MINUTES),5) --nodes $(or $(NODES),3) \
	  --kinds "$(KINDS)" --together $(or $(TOGETHER),1) --out $(or $(OUT),chaos-$(or $(SEED),1).json)

zombies: $(DEV_LOCK) ## 20 times: an owner stopped past its session under load, woken, and all of it read back
	$(BIN)/python -m tests.chaos.zombies 20

fuzz: $(DEV_LOCK) ## bytes for everything that parses them, guided by coverage: SECONDS=120 TARGETS="raw body"
	$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),120) $(TARGETS)

lock: $(DEV_LOCK) ## write the lock files anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --no-emit-index-url \
	  --extra build pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --no-emit-index-url \
	  --extra build --extra dev --constraint requirements.txt pyproject.toml --output-file requirements-dev.txt
	$(BIN)/python -m streams.runtime.jars

clean: ## away with what was made, but not with data
	rm -rf $(VENV) tests/fuzz/.corpus tests/fuzz/.findings build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# without isolation the build takes setuptools from the lock, not the newest there is
define install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
endef

$(LOCK): requirements.txt pyproject.toml | $(BIN)/python
	$(call install,requirements.txt)

$(DEV_LOCK): requirements-dev.txt pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.txt)
	@touch $(LOCK)
