# Every target is a call of tools; `make run` is all that is needed to start.
# The environment's own Python once there is one, so that PYTHON=... needs to be said only once.
PYTHON ?= $(shell test -x .venv/bin/python && echo .venv/bin/python || echo python3)
RUN := .venv/bin/python
DATA := $(abspath $(or $(FEWSHOT_DATA),var))
MODULES := $(wildcard tests/js/*.test.js tests/js/*.test.mjs)
BENCHES := benchmarks.engine benchmarks.agreement benchmarks.overhead benchmarks.context benchmarks.frames benchmarks.lists benchmarks.rooms benchmarks.watchers benchmarks.api

.PHONY: run setup test test-postgresql lint format bench clean
.DEFAULT_GOAL := run

# exec: Ctrl-C and SIGTERM reach the program itself, not a shell before it.
run:
	@$(PYTHON) bin/setup && exec $(RUN) manage.py start

setup:
	@$(PYTHON) bin/setup

# Three calls: what needs no whole instance runs on two processors, whole instances run one at a time,
# and Playwright cannot share one event loop with asyncio tests.
test:
	@$(PYTHON) bin/setup --tests
	@$(MAKE) --no-print-directory lint
	FEWSHOT_MODEL_DIR=$(DATA)/models/smollm2-135m-instruct \
		$(RUN) -m pytest tests --ignore tests/browser --ignore tests/system -n 2 --dist loadfile
	FEWSHOT_TEST_DATABASE=postgresql $(RUN) -m pytest tests/playground tests/test_docker.py -n 2 --dist loadfile
	$(RUN) -m pytest tests/system
	$(RUN) -m pytest tests/browser
	@if ! command -v node >/dev/null; then echo "Node is not installed: the tests in tests/js are left out."; \
	elif [ -n "$(MODULES)" ]; then node --test $(MODULES); fi

# Everything that has a database, on a real PostgreSQL from a wheel.
test-postgresql: export FEWSHOT_TEST_DATABASE = postgresql
test-postgresql:
	@$(PYTHON) bin/setup --tests
	$(RUN) -m pytest tests --ignore tests/browser --ignore tests/system --ignore tests/inference -n 2 --dist loadfile
	$(RUN) -m pytest tests/system
	$(RUN) -m pytest tests/browser

lint:
	$(RUN) -m ruff check . bin/setup
	$(RUN) -m ruff format --check . bin/setup
	$(RUN) -m mypy

format:
	$(RUN) -m ruff check --fix . bin/setup
	$(RUN) -m ruff format . bin/setup

bench:
	@$(PYTHON) bin/setup
	@set -e; for name in $(BENCHES); do echo "$$name"; $(RUN) -m $$name; done

# Keeps the data folder: it holds people's work.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
