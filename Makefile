# testio-sync: `make help` lists what there is.

VENV := .venv
BIN := $(VENV)/bin
# A lock is complete, so nothing beside it is looked for: what the index gets later changes nothing.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
# Nor does a package that forbids the Pythons after its own time: with which it works, tests say.
LOCKED := $(INSTALL) --require-hashes --ignore-requires-python
COMPLETE := $(BIN)/pip --disable-pip-version-check check
PACKAGES := actors cli config control rules service simulator storage testio
# The first Python of at least 3.11; set PYTHON to choose another.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Those that `make test-all` looks for.
PYTHONS := 3.11 3.12 3.13 3.14 3.15

# Python compiles each file once, and not anew in each of the hundreds of processes of the tests.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install install-extras demo run test test-all lint audit sbom check format bench bench-report profile faults soak diagnosis mutants mutation model simulation coverage pages man lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make .venv/bin/testio-sync from the hash-locked dependencies

install-extras: requirements-extras.lock $(VENV)/.installed ## add what browse and Parquet exports need
	$(LOCKED) -r requirements-extras.lock
	@$(COMPLETE)

demo: install ## see it work against the bundled simulator, in half a minute
	@$(BIN)/testio-sync demo

run: install ## run the daemon in the foreground (settings from the environment and .env)
	@$(BIN)/testio-sync run

test: $(VENV)/.dev ## run the default test suite
	$(BIN)/pytest

test-all: ## run it on each Python from 3.11 on that this machine has, in .venv-3.11, .venv-3.12, …
	@for version in $(PYTHONS); do \
		for python in python$$version /usr/bin/python$$version ~/.pyenv/versions/$$version.*/bin/python none; do \
			$$python -c 'import ensurepip, venv' 2>/dev/null && break; \
		done; \
		if [ $$python = none ]; then missing="$$missing $$version"; continue; fi; \
		echo "Python $$version: $$python"; \
		if $(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON=$$python; \
			then passed="$$passed $$version"; else failed="$$failed $$version"; fi; \
	done; \
	echo "passed:$${passed:- none}; failed:$${failed:- none}; not on this machine:$${missing:- none}"; \
	test -n "$$passed" -a -z "$$failed"

lint: $(VENV)/.dev ## check the format, ruff, mypy --strict, the import contracts and bandit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(PACKAGES)

audit: $(VENV)/.audit ## ask for known vulnerabilities of what users install (AUDIT="-s osv" asks OSV)
	$(BIN)/python -m tests.supply.audit $(AUDIT)

sbom: $(VENV)/.audit ## write sbom.cdx.json anew, after make lock (a test compares)
	$(BIN)/python -m tests.supply.sbom

check: format lint test ## format, then lint and test

format: $(VENV)/.dev
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure beside floors and peers, about half an hour (BENCH="--only NAME --quick --pairs N")
	$(BIN)/python -m tests.benchmarks $(BENCH)

bench-report: $(VENV)/.bench ## put what was measured into docs/performance.md, with the plot
	$(BIN)/python -m tests.benchmarks.report

profile: $(VENV)/.bench ## where a full sync spends its time: a table and .bench/profile.svg
	$(BIN)/python -m tests.benchmarks.profile

faults: $(VENV)/.dev ## the fault programme at length, into docs/reliability.md (ONLY=08 for one fault)
	@rm -f .faults.jsonl
	FAULTS=long FAULT_RESULTS=$(CURDIR)/.faults.jsonl $(BIN)/pytest tests/faults $(if $(ONLY),-k "$(ONLY)"); \
		status=$$?; $(BIN)/python -m tests.faults.report .faults.jsonl; exit $$status

soak: $(VENV)/.dev ## an hour of five-second cycles with random faults, into docs/reliability.md (SOAK_SECONDS=3600)
	@rm -f .faults.jsonl
	FAULTS=long SOAK_SECONDS=$(SOAK_SECONDS) FAULT_RESULTS=$(CURDIR)/.faults.jsonl $(BIN)/pytest tests/faults -n0 -k "27-"; \
		status=$$?; $(BIN)/python -m tests.faults.report .faults.jsonl; exit $$status
SOAK_SECONDS := 3600

mutants: $(VENV)/.dev ## break each rule on purpose and see its test fail (.ci/run tries one)
	MUTANTS=all $(BIN)/pytest tests/mutants --timeout=600

diagnosis: $(VENV)/.dev ## bring about what can be found wrong, do as the finding says, see it gone (the suite tries some)
	DIAGNOSIS=all $(BIN)/pytest tests/diagnosis --timeout=120

mutation: $(VENV)/.mutation ## mutmut on rules/, half an hour: docs/mutation.md (MUTATION="listing holes" for some)
	$(BIN)/python -m tests.mutation $(MUTATION)

model: $(VENV)/.dev ## many random lives of a mirror (the suite tries a few)
	SYNC_EXAMPLES=400 $(BIN)/pytest tests/model -n0 --timeout=7200

simulation: $(VENV)/.dev ## thousands of new lives of the actor system (SIMULATION_SEEDS=n of them, or SIMULATION_SEED=n again)
	SIMULATION_SEEDS=$${SIMULATION_SEEDS:-5000} SIMULATION_FROM=$${SIMULATION_FROM:-$$(date +%s)} \
		$(BIN)/pytest tests/simulation --timeout=600

coverage: $(VENV)/.dev ## branch coverage of rules, storage, actors and testio; fails under 95 % of any
	$(BIN)/pytest $(ONE_PROCESS) --timeout=200 --cov --cov-report=json:.coverage.json --cov-report=
	@$(BIN)/python -m tests.coverage .coverage.json
# Tests that run the code in their own process; the others start the command line.
ONE_PROCESS := $(addprefix tests/,unit contract integration)

pages: $(VENV)/.dev ## make docs/findings.md and other pages again, from the code (a test compares)
	$(BIN)/python -m tests.pages

man: $(VENV)/.dev ## make the manual page again, from the parsers (a test compares)
	$(BIN)/testio-sync man > man/testio-sync.1

lock: ## pin the dependencies again (needs uv)
	uv pip compile $(LOCK) --extra build -o requirements.lock
	uv pip compile $(LOCK) --extra build --extra browse --extra parquet -o requirements-extras.lock
	uv pip compile $(LOCK) --extra build --extra bench -o requirements-bench.lock
	uv pip compile $(LOCK) --extra build --extra audit -o requirements-audit.lock
	uv pip compile $(LOCK) --extra build --extra mutation -o requirements-mutation.lock
	uv pip compile $(LOCK) --extra build --extra dev --extra browse --extra parquet -o requirements-dev.lock
LOCK := -q --upgrade --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock' pyproject.toml

clean: ## remove everything that make and the tests have made
	rm -rf $(VENV) .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutation dist demo-data
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python of at least 3.11 was found. Install one, or name it: make PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml $(VENV)/bin/python
	$(LOCKED) -r requirements.lock
	$(INSTALL) --no-build-isolation -e .
	@$(COMPLETE)
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.installed
	$(LOCKED) -r requirements-dev.lock
	@$(COMPLETE)
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	$(LOCKED) -r requirements-bench.lock
	@$(COMPLETE)
	@touch $@

$(VENV)/.audit: requirements-audit.lock $(VENV)/.installed
	$(LOCKED) -r requirements-audit.lock
	@$(COMPLETE)
	@touch $@

$(VENV)/.mutation: requirements-mutation.lock $(VENV)/.dev
	$(LOCKED) -r requirements-mutation.lock
	@$(COMPLETE)
	@touch $@
