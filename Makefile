# `make demo` and `make test` are the main commands. Each installs what it needs into $(VENV).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SOAK ?=
ENGINE ?=
DEMO_ARGS ?=
# The conformance suite, which every platform passes.
SUITE := src/clipcast/testing/suite
SEED := $(or $(SEED),$(shell $(PYTHON) -c 'import random; print(random.randrange(10**9))'))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Ends a recipe whose pip step failed. pip has printed the reason.
failed = echo "pip could not install the packages of $(1). The lines above state the reason. Check that this machine \
reaches the Python package index (behind a proxy or a mirror: PIP_INDEX_URL, HTTPS_PROXY) and has 1 GB free. Then run \
make again."; exit 1

.PHONY: install demo demo-once test smoke smoke-short lint conformance conform programs prove real-pds api-tools styles docs screenshots bench lock clean

install: styles  ## Install Clipcast into .venv.

# The Temporal server of `--engine temporal` is one of the test tools.
demo: styles $(if $(findstring temporal,$(ARGS)),$(VENV)/.dev)  ## Publish a clip to simulated accounts. ARGS='--once --port 8123' passes flags to `clipcast demo`.
	@$(BIN)/clipcast demo $(ARGS)

test: lint  ## Run all checks and tests of CI. ARGS='-k tiktok' passes flags to pytest.
	$(BIN)/pytest $(ARGS)

# The parts that depend on Python's version. For another version: make smoke PYTHON=python3.12 VENV=.venv-3.12
# The demo publishes to all platforms, and converts its clip for most: what is encoded, and how, is FFmpeg's. The suite
# runs for two that differ most: one receives pieces, one whole files. Its odd files are conversions, too. Its lost
# responses are many, and whether one was lost depends on no version: killed workers meet each request here, too.
smoke: demo-once  ## Run the demo and the media, API and conformance tests.
	$(BIN)/pytest tests/clips tests/server tests/api $(addprefix tests/rendering/test_,channel.py children.py probe.py) \
		$(SUITE) --ignore=$(SUITE)/test_media.py --conformance bluesky --conformance tiktok \
		--deselect $(SUITE)/test_crashes.py::test_lost_response_leaves_one_video $(ARGS)

# For a version between two that are tested more: it starts, serves, converts and publishes.
smoke-short: demo-once  ## Run the demo, and the tests of processes and the server.
	$(BIN)/pytest tests/server $(addprefix tests/rendering/test_,channel.py children.py) $(ARGS)

demo-once: $(VENV)/.dev styles
	$(BIN)/clipcast demo --once $(DEMO_ARGS)

lint: $(VENV)/.dev styles
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

conformance: $(VENV)/.dev  ## Run the suite that is the same for every platform, also of the example package, with a table.
	CONFORMANCE=whole $(BIN)/pytest $(SUITE) tests/examples/test_plugin_package.py --table $(ARGS)

conform: $(VENV)/.dev  ## Publish the whole corpus of video files to all simulated platforms, with a table. `make test` uses some.
	CORPUS=whole $(BIN)/pytest -v --color=yes tests/rendering/test_corpus.py tests/rendering/test_convert.py tests/sandbox/media/test_corpus.py \
		tests/rendering/test_conform.py $(ARGS)

programs: $(VENV)/.dev  ## Record the platforms' programs whose version has no recording.
	$(BIN)/pytest $(SUITE)/test_programs.py -k recorded_one --record-programs $(ARGS)

prove: $(VENV)/.dev  ## Run the crash matrix and random schedules. SEED=1234 repeats a run, SOAK=1 runs for hours, ENGINE=temporal uses a server.
	@echo "Seed $(SEED)"
	PROVE_EXAMPLES=$(if $(SOAK),20000,100) $(BIN)/pytest $(SUITE)/test_crashes.py $(SUITE)/test_programs.py tests/crash \
		tests/jobs/test_queue.py tests/jobs/test_claim_properties.py tests/jobs/test_api_beside_workers.py tests/publishing/test_recovery.py tests/database/test_upgrade_in_mid_publication.py --table --hypothesis-seed=$(SEED) $(if $(SOAK),--timeout 0) $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

real-pds:  ## Install a real Bluesky server, which `make test` then also uses.
	tests/real_pds/install.sh

api-tools: $(VENV)/.runtime  ## Install OpenAPI linters, generators of API clients and n8n's linters, which `make test` then also uses.
	$(BIN)/python tests/generated_clients/install.py

styles: $(VENV)/.runtime  ## Compile the pages' styles, if a template or a style has changed.
	@$(BIN)/python frontend/build.py --styles

docs: $(VENV)/.dev  ## Write the generated pages of docs/ from the code.
	$(BIN)/python docs/generate

screenshots: $(VENV)/.dev styles  ## Take the pictures in docs/images from a running demo (needs Chromium).
	$(BIN)/python docs/screenshots.py

bench: $(VENV)/.dev  ## Measure speed and memory, and print each figure beside its comparison.
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.dev  ## Write new lock files from pyproject.toml.
	$(BIN)/python -m pip --quiet install uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --extra build --extra temporal --extra dev -c requirements.lock pyproject.toml \
		-o requirements-dev.lock
	echo temporalio | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-annotate -c requirements-dev.lock - -o requirements-temporal.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links tests/generated_clients/requirements.in -o tests/generated_clients/requirements.lock

clean:
	rm -rf $(VENV)

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Clipcast needs Python 3.11 or newer, but $(PYTHON) is older. Choose another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); \
		echo "$(PYTHON) cannot create a virtual environment. On Debian and Ubuntu, run: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml frontend/package-lock.json frontend/build.py
	@echo "Installing Clipcast into $(VENV) (Python packages, then front-end packages) ..."
	@$(PIP) install --require-hashes -r requirements.lock || { $(call failed,requirements.lock); }
	@$(BIN)/python frontend/build.py
	@$(PIP) install --no-deps --no-build-isolation -e . || { $(call failed,pyproject.toml); }
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing the test tools into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock || { $(call failed,requirements-dev.lock); }
	@$(BIN)/python frontend/build.py --dev
	@touch $@
