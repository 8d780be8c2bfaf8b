PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: setup run test check bench sdl clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml sdk/pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -e ./sdk -e '.[dev]'
	touch $@
