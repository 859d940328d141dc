# Indoors from a fresh clone: Python 3.11 or newer, a C++ compiler and make are enough.
# `make help` lists the targets. Nothing is written outside .venv and the user's own cache.

PYTHON ?= python3
ENGINE ?=
MODEL ?= qwen2.5-coder-0.5b-instruct
ARGS ?=

PY := .venv/bin/python
INDOORS := $(PY) -I -m indoors_server
LOCKS := requirements.lock requirements-build.lock pyproject.toml .ci/bootstrap.py
ROWS ?= benchmarks/data/hmfim_py100.jsonl.gz

.DEFAULT_GOAL := help
.PHONY: help demo setup engine model test test-quick test-editors soak check format bench replay \
	locks wheel vsix clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  ENGINE=--cpu|--cuda|--vulkan|--metal chooses the engine; ARGS=… goes to pytest or the benchmark"

demo: engine model ## complete real places in these sources, with the real model
	@$(INDOORS) demo

setup: .venv/.run ## find the card, install the engine, pull the model that fits, try it
	@$(INDOORS) setup

test: .venv/.dev .venv/.peer engine model ## every test but the long ones (half an hour on two cores)
	@$(PY) -m pytest -m "not soak" $(ARGS)

test-quick: .venv/.dev ## the tests that need neither engine nor model
	@$(PY) -m pytest -q -m "not soak and not model and not editor" $(ARGS)

test-editors: .venv/.code-server vsix engine model ## the tests in real editors: Neovim, VS Code in Chromium
	@$(PY) -m pytest tests/editors $(ARGS)

soak: .venv/.dev .venv/.peer engine model ## storms, fuzzing and kill loops at full length
	@$(PY) -m pytest -m soak $(ARGS)

check: .venv/.dev ## format, lint, types, layers
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports
	@if command -v luacheck >/dev/null; then luacheck -q --no-color --config editors/neovim/.luacheckrc editors/neovim; \
	  else echo "  Lua is not checked: apt install lua-check"; fi

format: .venv/.dev ## put the sources into the one format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: .venv/.run engine model ## exact match on fill-in-the-middle rows, beside a plain script
	@$(PY) benchmarks/infill.py --rows $(ROWS) --baseline --json $(ARGS)

replay: .venv/.run engine model ## typing, key by key, beside llama-server and llama-cpp-python
	@$(PY) benchmarks/build_peer.py
	@$(PY) benchmarks/typing_replay.py $(ARGS)

locks: ## pin all requirements again, with hashes (needs uv)
	@.ci/locks

wheel: .venv/.run ## build the wheel into dist/
	@$(PY) -m hatchling build -t wheel

vsix: .venv/.editors ## build the VS Code extension into dist/indoors.vsix
	@$(PY) .ci/editors.py vsix

clean: ## remove .venv and what tools left here (`indoors purge` removes engine and models)
	rm -rf .venv dist build editors/vscode/dist editors/vscode/node_modules editors/vscode/LICENSE .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Both look first and are done in a fraction of a second when there is nothing to do.
engine: .venv/.run
	@$(INDOORS) engine install $(ENGINE)

model: .venv/.run
	@$(INDOORS) models pull $(MODEL)

# .dev holds all that .run does, so making either is enough for what needs .run; they are made one
# after the other even under `make -j`.
.venv/.run: $(LOCKS)
	@$(PYTHON) .ci/bootstrap.py run
	@touch $@

.venv/.peer: .venv/.run requirements-peer.lock
	@$(PYTHON) .ci/bootstrap.py peer
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	@$(PYTHON) .ci/bootstrap.py dev
	@touch $@

.venv/.editors: .venv/.dev requirements-editors.lock
	@$(PYTHON) .ci/bootstrap.py editors
	@touch $@

.venv/.code-server: .venv/.editors tests/editors/code-server/package-lock.json
	@$(PY) .ci/editors.py code-server
	@touch $@
