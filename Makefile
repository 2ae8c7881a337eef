# Two commands do everything on a fresh machine:
#   make run [PHOTOS=~/Pictures]   set up, then open the window (or tag on a headless machine)
#   make test                      set up, then lint, type-check, check layering, run the tests
# Where requirements/ has a lock file for this Python and system, exactly its packages are installed;
# make lock writes it anew, with the newest releases that pyproject.toml allows.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready-$(shell cat pyproject.toml requirements/* .ci/system-libraries | cksum | cut -d' ' -f1)
LOCKED := requirements/linux-x86_64-python3.11.txt
LOCK = $(shell $(PYTHON) .ci/lock_file.py)
PHOTOS ?=
# Most window tests wait for other processes, so more workers than cores are faster.
PYTEST_WORKERS ?= 3
# Threads for every core in each of them would wait for each other.  What is compiled is kept, and
# compiled at first, as the tests start thousands of processes.
PYTEST_ENVIRONMENT := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
  QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen}
# On a busy machine a window may answer too late, and once a thread changed a dictionary that pytest
# was reading between two tests.  Such a test, and one that hung, has a second chance, and the
# summary names it.
RERUNS := --reruns 1 --only-rerun TimeoutError --only-rerun "changed size during iteration" -rR
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test setup lint types types-windows layers pytest test-lowest test-newest translations \
  benchmarks benchmarks-compare lock package release clean

setup: $(STAMP)

$(STAMP):
	@bash .ci/system-libraries
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 5 GB the first time, two to five minutes"
	$(if $(LOCK),$(BIN)/python -m pip install --quiet --require-hashes --requirement $(LOCK))
	$(BIN)/python -m pip install --quiet $(if $(LOCK),--no-build-isolation) --editable '.[samples,dev]'
	@rm -f $(VENV)/.ready-*
	@touch $@

run: setup
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	  exec $(BIN)/lmpt-desktop $(if $(PHOTOS),"$(PHOTOS)"); \
	else \
	  echo "There is no display here, so this runs 'lmpt-desktop tag' on $(if $(PHOTOS),$(PHOTOS),the sample photos) instead of the window." >&2; \
	  exec $(BIN)/lmpt-desktop tag $(if $(PHOTOS),"$(PHOTOS)",--samples); \
	fi

# Of the checks of the code two at a time: each uses one core.
test: setup
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types layers
	$(MAKE) --no-print-directory pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/vulture

types: setup
	$(BIN)/pyright --pythonpath $(BIN)/python

# What Windows' Python lacks must stand behind a branch that the checker follows.
types-windows: setup
	$(BIN)/pyright --pythonpath $(BIN)/python --pythonplatform Windows lmpt_desktop trainer

layers: setup
	$(BIN)/lint-imports

pytest: setup
	$(BIN)/python -m compileall -q -j 2 lmpt_desktop trainer tests/support
	$(PYTEST_ENVIRONMENT) $(BIN)/python .ci/watched_tests.py \
	  $(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(RERUNS) --durations=20

# A part of the tests with the lowest, and the newest, releases of what pyproject.toml names, each in
# an environment of its own (6 GB, in build/).  PYTHON names the Python, ELSEWHERE_TESTS other tests.
ELSEWHERE_TESTS ?= tests/unit/engine tests/unit/interchange tests/unit/trainer
ELSEWHERE_TOOLS := pytest pytest-qt pytest-timeout pytest-xdist pytest-rerunfailures hypothesis packaging
RESOLUTION_lowest := lowest-direct
RESOLUTION_newest := highest

test-lowest test-newest: test-%: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) build/$*
	$(BIN)/uv pip install --quiet --python build/$* --resolution $(RESOLUTION_$*) --editable .
	$(BIN)/uv pip install --quiet --python build/$* $(ELSEWHERE_TOOLS)
	$(BIN)/uv pip list --python build/$*
	$(PYTEST_ENVIRONMENT) build/$*/bin/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(RERUNS) $(ELSEWHERE_TESTS)

translations: setup
	$(BIN)/python .ci/translations.py --missing

benchmarks: setup
	@for script in tests/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# This tree against another revision, in turns: ratios, and an error if processor time is worse.
REV ?= HEAD
benchmarks-compare: setup
	$(BIN)/python tests/benchmarks/compare.py $(REV) $(COMPARE_OPTIONS)

# The constraints are those of this machine's pip, if it has any.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	constraints=$$($(BIN)/python -m pip config list | sed -n "s/^global.constraint='\(.*\)'$$/\1/p"); \
	$(BIN)/uv pip compile pyproject.toml --extra samples --extra dev --upgrade --generate-hashes --quiet \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_34 --no-annotate \
	  --custom-compile-command "make lock" $${constraints:+--constraint $$constraints} --output-file $(LOCKED)

# Installers of this system in dist/ (docs/packaging.md); needs no setup, as torch is another one.
TORCH_INDEX ?=
package:
	$(PYTHON) resources/packaging/build_packages.py $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX)) $(PACKAGE_OPTIONS)

# What keeps this version from being released, if anything; with the licences of what is bundled.
release: setup package
	$(BIN)/python resources/packaging/release.py check

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist
