# Sluis. `make help` lists the targets.
#
#   PYTHON=…     the Python to make .venv with (default: the first of 3.11 or newer)
#   ARGS=…       more arguments for `sluis` or pytest
#   APPROVE=auto make demo: a second user approves over the API
#   ENGINES=…    make test: how many engines share the integration tests (default 2, about 2 GB each); 0 with an
#                engine of your own (SLUIS_ENGINE=external)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAGE := tools/stage
ARGS ?=
# Who ran what and how it went, from which the pages on test results are made.
JUNIT = --junitxml=results/junit/$@-$(1)-$(shell date +%Y%m%dT%H%M%S).xml
ENGINES ?= $(if $(filter external,$(SLUIS_ENGINE)),0,2)

# Tests and checks of ours, not of whatever the shell that calls us has set up.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv:
	@tools/venv

.PHONY: setup
setup: venv ## Get all that this machine lacks: .venv, OpenTofu, providers, Camunda, the root of local hosts
	@$(BIN)/python -m workers.setup

.PHONY: demo
demo: venv ## Run VM provisioning once, from the request to a verified machine
	@$(BIN)/sluis demo $(ARGS)

.PHONY: up
up: venv ## Start the engine and the workers; Ctrl-C stops them
	@$(BIN)/sluis up $(ARGS)

.PHONY: clean
clean: ## Stop the engine, remove the machines of the demo, .sluis, .venv and everything generated
	@# Machines first: without .sluis nobody knows of them any more.
	@if [ -d .sluis ]; then tools/venv; $(BIN)/sluis clean $(ARGS); fi
	@rm -rf .sluis .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .ansible
	@rm -rf build dist results site tools/bpmn/node_modules tools/pages/node_modules tools/slides/node_modules
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
	@echo "Clean. Downloads stay in $${SLUIS_CACHE:-$${XDG_CACHE_HOME:-~/.cache}/sluis}."

.PHONY: test
test: ## All checks, unit, property and integration tests, the short end-to-end tests
	@$(STAGE) "Python packages" tools/venv
	@$(STAGE) "engine and tools" $(BIN)/python -m workers.setup
	@$(MAKE) -k check
	@$(STAGE) "unit and property tests" $(BIN)/pytest -q -n auto $(call JUNIT,units) tests/unit tests/property
	@$(STAGE) "integration and end to end" $(BIN)/pytest -v -n $(ENGINES) --dist loadfile --durations=25 -m "not slow" \
		$(call JUNIT,whole) --ignore tests/unit --ignore tests/property $(ARGS)

.PHONY: acceptance
acceptance: setup ## The long end-to-end runs, each process five times; the table goes to results/acceptance.md
	@rm -rf results/acceptance
	@status=0; $(BIN)/pytest -v --durations=15 -m slow $(call JUNIT,slow) --ignore tests/unit --ignore tests/property $(ARGS) || status=$$?; \
		if [ -d results/acceptance ]; then $(BIN)/python tools/results.py || status=1; fi; exit $$status

.PHONY: conformance
conformance: setup ## What every Camunda must do, on the one that SLUIS_TEST_ENGINE or SLUIS_ENGINE names
	@$(BIN)/pytest -v -m conformance tests/integration $(ARGS)

.PHONY: molecule
molecule: setup ## The roles on machines of their own, twice, and verified
	@$(BIN)/pytest -v tests/integration/test_molecule.py $(ARGS)

.PHONY: chaos
chaos: setup ## Break everything on purpose, see what survives
	@$(BIN)/pytest -v $(call JUNIT,faults) tests/chaos $(ARGS)

.PHONY: scenarios
scenarios: setup ## The tests of each scenario of the test plan once, with all faults; `make results` counts them
	@$(BIN)/pytest -v -n $(ENGINES) --dist loadfile --durations=25 $(call JUNIT,plan) $$($(BIN)/python tools/scenarios.py) $(ARGS)

.PHONY: bench
bench: setup ## Measure the speed beside other clients, in one run; the result goes to results/bench and the docs
	@$(BIN)/python -m bench $(ARGS)
	@$(BIN)/python -m bench.report results/bench/bench.json
	@$(BIN)/python tools/figures.py

.PHONY: check
check: venv check-style check-format check-types check-rooms check-docs check-generated check-models check-terraform check-tflint check-checkov check-ansible check-charts check-image check-workflows check-actionlint check-bpmn check-pages ## All checks that need no engine

.PHONY: check-style
check-style: venv
	@$(STAGE) "ruff" $(BIN)/ruff check

.PHONY: check-format
check-format: venv
	@$(STAGE) "ruff format" $(BIN)/ruff format --check

.PHONY: check-types
check-types: venv
	@$(STAGE) "mypy" $(BIN)/mypy

.PHONY: check-rooms
check-rooms: venv
	@$(STAGE) "import-linter" $(BIN)/lint-imports --no-cache

.PHONY: check-docs
check-docs: venv
	@$(STAGE) "generated pages" $(BIN)/python tools/docs.py --check

.PHONY: check-generated
check-generated: venv
	@$(STAGE) "sluis generate" $(BIN)/sluis generate --check

.PHONY: check-models
check-models: venv
	@$(STAGE) "sluis check" $(BIN)/sluis check

.PHONY: check-terraform
check-terraform: venv
	@$(STAGE) "tofu fmt and validate" $(BIN)/python tools/terraform.py

.PHONY: check-tflint
check-tflint: venv
	@cd terraform && ../$(STAGE) "TFLint" ../$(BIN)/python ../tools/gotool.py tflint --recursive --config=$(CURDIR)/tools/tflint/tflint.hcl

.PHONY: check-checkov
check-checkov: venv
	@$(STAGE) "Checkov" $(BIN)/python tools/scan.py

.PHONY: check-ansible
check-ansible: venv
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(STAGE) "ansible-lint" $(BIN)/ansible-lint --offline --profile production ansible

.PHONY: check-charts
check-charts: venv
	@$(STAGE) "Helm chart" $(BIN)/python tools/charts.py

.PHONY: check-image
check-image: venv
	@$(STAGE) "hadolint" $(BIN)/hadolint Dockerfile

.PHONY: check-workflows
check-workflows: venv
	@$(STAGE) "zizmor" $(BIN)/zizmor --offline --quiet .github

.PHONY: check-actionlint
check-actionlint: venv
	@$(STAGE) "actionlint" $(BIN)/python tools/gotool.py actionlint -shellcheck= -pyflakes=

.PHONY: check-secrets
check-secrets: venv ## Look for secrets in the history
	@$(STAGE) "gitleaks" $(BIN)/python tools/gotool.py gitleaks git --no-banner --redact .

.PHONY: audit
audit: setup ## The security audit: all scanners and all trials of rights; the result goes to results/audit.json
	@$(STAGE) "security audit" $(BIN)/python tools/audit.py

.PHONY: check-bpmn
check-bpmn: tools/bpmn/node_modules/.package-lock.json
	@$(STAGE) "bpmnlint" npm --prefix tools/bpmn run --silent lint
	@$(STAGE) "Camunda Modeler's own check" npm --prefix tools/bpmn run --silent modeler
	@$(STAGE) "element templates" npm --prefix tools/bpmn run --silent templates

tools/%/node_modules/.package-lock.json: tools/%/package-lock.json
	@command -v npm > /dev/null || { echo "tools/$* needs Node.js 20 or newer and npm, which are not there." >&2; exit 4; }
	@$(STAGE) "npm packages" npm --prefix tools/$* ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: check-pages
check-pages: venv tools/pages/node_modules/.package-lock.json
	@$(STAGE) "figures in the documents" $(BIN)/python tools/figures.py --check
	@$(STAGE) "spelling" npm --prefix tools/pages run --silent spelling
	@$(STAGE) "diagrams" npm --prefix tools/pages run --silent diagrams -- --check
	@$(STAGE) "site" env NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: docs
docs: diagrams figures check-pages ## Build the documentation into site/; fails on dead links, spelling and figures without a source

.PHONY: diagrams
diagrams: tools/pages/node_modules/.package-lock.json ## Draw the diagrams of docs/diagrams anew
	@npm --prefix tools/pages run --silent diagrams

.PHONY: slides
slides: tools/slides/node_modules/.package-lock.json ## Make build/slides: the slides as PDF and PPTX
	@tools/slides/make

.PHONY: pictures
pictures: setup ## Take the pictures of the documents anew, in Chromium, from the real pages
	@SLUIS_DOC_IMAGES=1 $(BIN)/pytest -v tests/browser/test_run_pages.py tests/browser/test_tasklist.py \
		tests/browser/test_tasklist_forms.py $(ARGS)

.PHONY: video
video: setup ## Film the demo video from the real product: build/video/sluis.mp4 (needs ffmpeg and Chromium)
	@$(BIN)/python tools/video

.PHONY: figures
figures: venv ## Write the figures of result files into the documents
	@$(BIN)/python tools/figures.py

.PHONY: results
results: venv ## Publish what the last runs of tests left in results/, and write it into the documents
	@$(BIN)/python tools/outcomes.py $(ARGS)
	@$(BIN)/python tools/figures.py

.PHONY: lock
lock: venv ## Pin the Python packages again (ARGS=--upgrade for newer ones)
	@$(BIN)/python tools/lock.py $(ARGS)

.PHONY: wheel
wheel: venv ## Build dist/sluis-….whl
	@$(BIN)/python -m build --no-isolation --wheel .
