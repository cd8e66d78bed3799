# Everything needs only Python 3.10 or later with pip; `make` lists the commands.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test page test-page docs dist test-dist lint format clean

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# torch comes first and pinned: the version that the tests ran with, from wherever pip is set up to find it. The default
# build for Linux brings gigabytes of GPU libraries; TORCH_ARGS='--index-url ...' chooses another.
TORCH_ARGS ?=

$(BIN)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or later is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing torch and transformers, which may take minutes"
	$(PIP) $(TORCH_ARGS) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(BIN)/.installed ## Show what the model that comes with the project knows.
	$(BIN)/python examples/demo.py

test: $(BIN)/.installed-dev ## Run all tests.
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# The page needs node 20 with npm, too.
PAGE_FILES := $(shell find demo -path demo/node_modules -prune -o -type f -print)

$(BIN)/.installed-page: $(BIN)/.installed
	$(PIP) --constraint constraints.txt --editable '.[page]'
	@touch $@

demo/node_modules/.installed: demo/package-lock.json
	cd demo && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

build/page/service-worker.js: $(BIN)/.installed-page demo/node_modules/.installed $(PAGE_FILES) $(wildcard modeling_elmo/onnx/*.py)
	$(BIN)/python demo/build.py build/page

page: build/page/service-worker.js ## Build the page in build/page, and serve it on this machine.
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory build/page

test-page: build/page/service-worker.js $(BIN)/.installed-dev ## Test the page in Chromium, which must be installed.
	ELMO_PAGE=build/page $(BIN)/python -m pytest tests/page

$(BIN)/.installed-docs: $(BIN)/.installed
	$(PIP) --constraint constraints.txt --editable '.[docs]'
	@touch $@

docs: $(BIN)/.installed-docs ## Build the documentation's site in build/docs.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

dist: $(BIN)/.installed-dev ## Build the wheel and the sdist in dist.
	rm -rf dist build/lib build/bdist.*
	$(BIN)/python -m build --no-isolation --outdir dist .

# A clean environment, so that a dependency that is not declared is noticed.
test-dist: dist ## Test the wheel, installed in an environment of its own, and the sdist.
	$(PYTHON) -m venv --clear build/installed
	build/installed/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH_ARGS) "$$(grep '^torch==' constraints.txt)"
	build/installed/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl
	ELMO_DIST=dist ELMO_INSTALLED=build/installed $(BIN)/python -m pytest tests/test_distribution.py

lint: $(BIN)/.installed-dev ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(BIN)/.installed-dev ## Put the code into the project's style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what the other commands made.
	rm -rf $(VENV) build demo/node_modules dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
