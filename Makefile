# Every target makes .venv by itself, and installs again once pyproject.toml has changed.
VENV ?= .venv
PYTHON ?= python3
PIP_FLAGS ?=
# As many tests at once as there are cores, 3 to 4: most of them wait for processes of their own, also on fewer cores.
AT_ONCE := $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 3 ? 3 : cores > 4 ? 4 : cores)))
PYTEST_FLAGS ?= -n $(AT_ONCE) --dist loadfile
# Of `make chaos`; SEED=N draws the same asks and faults again.
MINUTES ?= 15

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

# An interpreter that the system has replaced under the venv: begin anew.
ifneq ($(wildcard $(VENV)),)
ifneq ($(shell $(BIN)/python -c 'print("ok")' 2>/dev/null),ok)
$(shell rm -f $(INSTALLED) $(INSTALLED_DEV))
endif
endif

.PHONY: demo test test-slow check audit chaos bench pictures figures clean

demo: $(INSTALLED)
	@$(BIN)/aetui demo

test: $(INSTALLED_DEV)
	@$(BIN)/python -m pytest -m "not slow" $(PYTEST_FLAGS)

test-slow: $(INSTALLED_DEV)
	@$(BIN)/python -m pytest -m slow --timeout 1800

check: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# In a venv of its own: what pip-audit needs is to decide about no version of ours. It asks a service on the network.
audit: $(INSTALLED_DEV)
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) 'pip-audit>=2.7,<3'
	@$(VENV)/audit/bin/pip-audit --vulnerability-service osv --skip-editable --progress-spinner off \
		--path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

chaos: $(INSTALLED_DEV)
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: $(INSTALLED_DEV)
	@for script in tests/bench/bench_*.py; do $(BIN)/python "$$script" || exit 1; done

pictures: $(INSTALLED_DEV)
	@$(BIN)/python -m tests.tui.pictures

figures: $(INSTALLED_DEV)
	@$(BIN)/python -m tests.engine.pictures

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(INSTALLED): pyproject.toml
	$(call install,.)

$(INSTALLED_DEV): pyproject.toml
	$(call install,.[dev])
	@touch $(INSTALLED)

# All that pip and venv say goes to stderr: the output of a target is its own.
define install
@{ \
	if ! $(BIN)/python -c '' 2>/dev/null; then \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
			echo "aetui needs Python 3.11 or newer, and '$(PYTHON)' is not: name one, as in 'make PYTHON=python3.12'."; \
			exit 1; \
		}; \
		$(PYTHON) -m venv --clear $(VENV) || exit 1; \
	fi; \
	echo "Installing aetui and what it needs into $(VENV): some minutes the first time (torch is large)."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -e '$(1)' || exit 1; \
} >&2
@touch $@
endef
