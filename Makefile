# `make demo` and `make test` are all there is to know; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SOAK ?=
SEED := $(or $(SEED),$(shell $(PYTHON) -c 'import random; print(random.randrange(10**9))'))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint conformance prove real-pds docs screenshots bench lock clean

demo: $(VENV)/.runtime  ## Publish a clip to simulated accounts. ARGS='--once --port 8123' hands flags on.
	@$(BIN)/clipcast demo $(ARGS)

test: lint  ## Everything that CI runs. ARGS='-k tiktok' hands flags on to pytest.
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

conformance: $(VENV)/.dev  ## The one suite for every platform, with a table of what it ran.
	$(BIN)/pytest tests/conformance tests/crash/test_matrix.py --table $(ARGS)

prove: $(VENV)/.dev  ## The crash matrix and random schedules. SEED=1234 repeats them, SOAK=1 goes on for hours.
	@echo "Seed $(SEED)"
	PROVE_EXAMPLES=$(if $(SOAK),20000,100) $(BIN)/pytest tests/crash tests/publishing/test_queue.py \
		tests/publishing/test_recovery.py --table --hypothesis-seed=$(SEED) $(if $(SOAK),--timeout 0) $(ARGS)

real-pds:  ## Install a real Bluesky server, against which `make test` then runs as well.
	tests/real_pds/install.sh

docs: $(VENV)/.runtime  ## Write docs/platforms.md from the rules in the code.
	$(BIN)/python docs/platforms_table.py

screenshots: $(VENV)/.dev  ## Take the pictures in docs/images from a running demo (needs Chromium).
	$(BIN)/python docs/screenshots.py

bench: $(VENV)/.dev  ## Measure speed and memory, each figure beside its comparison.
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.dev  ## Write the lock files anew from pyproject.toml.
	$(BIN)/python -m pip --quiet install uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --extra build --extra dev -c requirements.lock pyproject.toml \
		-o requirements-dev.lock

clean:
	rm -rf $(VENV)

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Clipcast needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml frontend/package-lock.json frontend/build.py
	@echo "Installing Clipcast into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing the tools for tests into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(BIN)/python frontend/build.py --dev
	@touch $@
