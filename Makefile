PYTHON ?= python3
PY := .venv/bin/python
PORT ?= 8000

.PHONY: setup run test check bench generated clean

setup: .venv/.ready

.venv/.ready: pyproject.toml sdk/pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -e ./sdk -e '.[dev]'
	touch $@

# A county on this machine: tables, 海原县 with synthetic people, a server that says how to talk to it.
run: setup
	@echo "建表并装入海原县的虚构数据（首次约十秒）……"
	@$(PY) server.py migrate > /dev/null
	@TONGBAN_PROFILE=dev $(PY) server.py demo --division 640522 --if-empty > /dev/null
	@$(PY) server.py serve --profile dev --port $(PORT)

test: setup
	$(PY) -m pytest --numprocesses auto --dist loadfile

# Everything that is true without running: format, lint, types, floors, manifests, generated files.
check: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pyright
	.venv/bin/lint-imports --no-logo
	$(PY) server.py check
	$(PY) server.py sdl | diff graphql/schema.graphql -

bench: setup
	$(PY) -m tests.bench $(BENCH)

# Files made from others; committed, and compared by tests.
generated: setup
	$(PY) server.py sdl > graphql/schema.graphql
	$(PY) -m core.manifest.entity_schema
	$(PY) -m core.manifest.reference

clean:
	rm -rf .venv var
