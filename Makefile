# make run    the server, on a machine that has Python 3.11 or newer, pip and make
# make test   every check, on the same machine
# make quick  lint, types, layers and unit tests: what is worth waiting for while working
# make tests-cluster   the integration tests on a Redis Cluster of three masters
# make docs   write the generated parts of README.md and .env.example
# make screenshots   the pages as Chromium shows them, into screenshots/
# make lock   resolve the dependencies of pyproject.toml anew

# Debian has a venv module that cannot make an environment: its ensurepip is in a package of its own.
USABLE := -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python $(USABLE) 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# The lock is complete, so nothing is resolved: pip up to 25 wants a hash for what a requirement with extras asks for.
INSTALL_LOCKED := $(PIP) install --no-deps --require-hashes --requirement
# setuptools is among the requirements, so that building the package downloads nothing that is not pinned.
INSTALL_PACKAGE := $(PIP) install --no-deps --no-build-isolation --editable . && $(PIP) check
LOG := $(VENV)/install.log
OR_SAY := || { grep '^ *ERROR' $(LOG) 2>/dev/null | tail -n 1 >&2; \
	echo "The installation failed: is the package index within reach, and this folder writable, with 500 MB free? Repeat the" \
	"same command then. $(LOG) tells more; 'make clean' starts anew." >&2; exit 1; }
# An environment whose making was interrupted, or whose Python is gone, is of no use: it is made again.
HEALED := $(shell test -x $(BIN)/python -a -x $(BIN)/pip || rm -rf $(VENV))
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' pyproject.toml --group build

# Where it is set, as in images of Python, each server that a test starts would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check quick lint types imports unit tests tests-cluster docs screenshots lock clean
.DELETE_ON_ERROR:

run: $(VENV)/installed
	@exec $(BIN)/mcp-for-reddit serve

test: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory check

check: lint types imports tests

quick: lint types imports unit

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

imports: $(VENV)/installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile tests/unit

tests: $(VENV)/installed-dev
	$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --cov --cov-report=term

tests-cluster: $(VENV)/installed-dev
	TEST_REDIS=cluster $(BIN)/python -m pytest --numprocesses=2 --dist=loadfile tests/integration

docs: $(VENV)/installed-dev
	$(BIN)/python scripts/generate_docs.py

screenshots: $(VENV)/installed-dev
	$(BIN)/python -m tests.browser.screenshots

lock: $(VENV)/installed-dev
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --upgrade --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@$(MAKE) --no-print-directory $(VENV)/installed-dev
	$(BIN)/python scripts/check_lock.py

clean:
	rm -rf $(VENV) .cache build dist screenshots src/*.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

$(BIN)/pip:
	@$(or $(PYTHON),false) $(USABLE) 2>/dev/null || { echo "Python 3.11 or newer with its venv module is needed (on Debian and \
		Ubuntu: apt install python3-venv); make PYTHON=... names one that is not on PATH." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) $(OR_SAY)

$(VENV)/installed: requirements.txt pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV), which takes a minute." >&2
	@{ $(INSTALL_LOCKED) requirements.txt && $(INSTALL_PACKAGE); } >$(LOG) 2>&1 $(OR_SAY)
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV), which takes a minute." >&2
	@{ $(INSTALL_LOCKED) requirements-dev.txt && $(INSTALL_PACKAGE); } >$(LOG) 2>&1 $(OR_SAY)
	@touch $@ $(VENV)/installed
