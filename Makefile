# The commands of this repository; `.ci/run` calls the same ones.
#
#   make run            a demo: origin, proxy, some uploads, and what became of each
#   make test           the tests that prove the behaviour: 5 minutes on two cores
#
# Needs Python 3.11 or newer with venv, and make; in Debian python3-venv and make. More
# targets need more, see CONTRIBUTING.md. Everything else comes from the lock files in
# requirements/, with hashes, into $(VENV).

PYTHON ?= python3
VENV ?= .venv
# Without a value: fixed ports, stays up. ONCE=1: free ports, ends with the verdict.
ONCE ?=
# Which benchmarks: make bench BENCH=hashing ARGS=--quick
BENCH ?= hashing matching proxy hostile recall
# How long damaged files are decoded, in CPU seconds of each core: make fuzz FUZZ_S=14400
FUZZ_S ?= 120
# Where the tests are that start nothing installed.
HERE := --ignore=tests/e2e --ignore=tests/sites
# More options for what is run: make test ARGS="-k proxy"
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV := $(BIN)/uv
# Install a lock file into an environment: $(call install,ENVIRONMENT,FILE). uv takes a fifth
# of pip's time; where it fails, as with a mirror that only pip's own files name, pip tries.
install = UV_DEFAULT_INDEX="$${PIP_INDEX_URL-}" $(UV) pip install --quiet --native-tls \
        --require-hashes --python $(1)/bin/python --requirement $(2) || \
    $(1)/bin/python -m pip --disable-pip-version-check --quiet install \
        --require-hashes --requirement $(2)
OFFLINE := { echo "make: packages could not be installed (see above): the first run" \
                  "needs the network, or a mirror in PIP_INDEX_URL" >&2; exit 1; }
# The e2e tests run the program that users get: the wheel, in an environment of its own.
E2E_VENV := build/e2e-venv
# The same with PyAV on top, and everything else from $(E2E_VENV).
VIDEO_VENV := build/video-venv
DEB := build/deb
# Of the Debian package: a large one is built in a moment, a small one in minutes.
COMPRESSION ?= none
# Pictures whose signals others published, out of the packages that hold them.
VECTORS := build/vectors
# Where a stamp is newer than its lock file, that lock file is installed.
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
BENCH_STAMP := $(VENV)/.installed-bench
E2E_STAMP := $(E2E_VENV)/.installed-run
VIDEO_STAMP := $(VIDEO_VENV)/.installed-video
# Sites of others, and their clients: what they need must not meet what we need.
SITES_VENV := build/sites-venv
SITES_STAMP := $(SITES_VENV)/.installed-sites
# Parsers of forms and clients for Node.
SITES_NODE := build/sites-node
SITES_NODE_STAMP := $(SITES_NODE)/.installed-sites
# What makes the documents a site.
SITE_VENV := build/site-venv
SITE_STAMP := $(SITE_VENV)/.installed-site

# What describes a release: only its words count, so it is kept apart, too.
SBOM_VENV := build/sbom-venv
SBOM_STAMP := $(SBOM_VENV)/.installed-sbom
# With BUILT=1 tests take the packages that `make ready` has built, as they are.
BUILT ?=
# Of a release: make release VERSION=1.2.3; with REHEARSE=1 nothing is committed.
VERSION ?=
REHEARSE ?=

# Tests start thousands of processes: each would compile half a second of modules, and
# each worker would prepare every file of tests anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run environment test test-slow lint format format-check types floors check installed e2e deploy-test sites \
        fuzz properties bench docs settings schemas drawings site check-docs wheel \
        static ready deb release lock clean

help:  ## List the targets.
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# --- Environments ------------------------------------------------------------------

$(BIN)/python:
	@command -v $(firstword $(PYTHON)) >/dev/null || { \
	    echo "make: there is no $(PYTHON) on this machine;" \
	         "in Debian: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: Python 3.11 or newer is needed, but $(PYTHON) is older;" \
	         "name another one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	    echo "make: $(PYTHON) cannot make an environment, for it has no ensurepip;" \
	         "in Debian: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(UV): requirements/uv.txt | $(BIN)/python
	@$(PIP) install --require-hashes --requirement requirements/uv.txt || $(OFFLINE)
	@touch $@

# The program itself is linked, not copied, so that a change needs no installation.
$(RUN_STAMP): requirements/run.txt requirements/build.txt pyproject.toml | $(UV)
	@echo "installing requirements/run.txt into $(VENV)"
	@$(call install,$(VENV),requirements/build.txt) || $(OFFLINE)
	@$(call install,$(VENV),requirements/run.txt) || $(OFFLINE)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	@echo "installing requirements/dev.txt into $(VENV)"
	@$(call install,$(VENV),requirements/dev.txt) || $(OFFLINE)
	@touch $@

$(BENCH_STAMP): requirements/bench.txt $(DEV_STAMP)
	@echo "installing requirements/bench.txt into $(VENV)"
	@$(call install,$(VENV),requirements/bench.txt) || $(OFFLINE)
	@touch $@

$(E2E_STAMP): requirements/run.txt $(DEV_STAMP)
	@echo "installing requirements/run.txt into $(E2E_VENV)"
	@$(BIN)/python -m venv $(E2E_VENV)
	@$(call install,$(E2E_VENV),requirements/run.txt)
	@touch $@

$(VIDEO_STAMP): requirements/video.txt $(E2E_STAMP)
	@echo "installing requirements/video.txt into $(VIDEO_VENV)"
	@$(BIN)/python -m venv $(VIDEO_VENV)
	@folder='import sysconfig; print(sysconfig.get_path("purelib"))' && \
	    $(E2E_VENV)/bin/python -c "$$folder" \
	        >"$$($(VIDEO_VENV)/bin/python -c "$$folder")/e2e.pth"
	@$(call install,$(VIDEO_VENV),requirements/video.txt)
	@touch $@

$(SITES_STAMP): requirements/sites.txt $(DEV_STAMP)
	@echo "installing requirements/sites.txt into $(SITES_VENV)"
	@$(BIN)/python -m venv $(SITES_VENV)
	@$(call install,$(SITES_VENV),requirements/sites.txt)
	@touch $@

$(SITES_NODE_STAMP): tests/sites/forms/package.json tests/sites/forms/package-lock.json
	@echo "installing tests/sites/forms/package-lock.json into $(SITES_NODE)"
	@mkdir -p $(SITES_NODE) && cp $^ $(SITES_NODE)
	@npm ci --prefix $(SITES_NODE) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(SITE_STAMP): requirements/site.txt | $(UV)
	@echo "installing requirements/site.txt into $(SITE_VENV)"
	@$(BIN)/python -m venv $(SITE_VENV)
	@$(call install,$(SITE_VENV),requirements/site.txt) || $(OFFLINE)
	@touch $@

$(SBOM_STAMP): requirements/sbom.txt $(DEV_STAMP)
	@echo "installing requirements/sbom.txt into $(SBOM_VENV)"
	@$(BIN)/python -m venv $(SBOM_VENV)
	@$(call install,$(SBOM_VENV),requirements/sbom.txt)
	@touch $@

$(VECTORS): requirements/vectors.txt $(DEV_STAMP)
	@echo "unpacking requirements/vectors.txt into $(VECTORS)"
	@rm -rf $(VECTORS) && mkdir -p $(VECTORS)/packages
	@$(PIP) download --no-deps --no-binary imagehash \
	    --require-hashes --requirement requirements/vectors.txt --dest $(VECTORS)/packages
	@for package in $(VECTORS)/packages/*.tar.gz; do \
	    tar -xzf "$$package" -C $(VECTORS) --strip-components=3 --wildcards \
	        '*/tests/data/imagehash.png' || exit; done
	@touch $@

# --- What people run ---------------------------------------------------------------

run: $(RUN_STAMP)  ## Show the filter at work; ONCE=1 checks every outcome and ends.
	@$(BIN)/python -m deploy.demo.demo $(if $(ONCE),--once)

environment: $(DEV_STAMP) $(VECTORS)

# One character for each test and the percentage at the end of each line; then the time.
TESTS = UPLOADFILTER_VECTOR_PICTURES="$(CURDIR)/$(VECTORS)" \
    $(BIN)/python -m pytest -n auto --dist worksteal $(HERE)

test: environment  ## Prove the behaviour: 5 minutes on two cores, Python packages only.
	@$(TESTS) -m "not e2e and not slow" --hypothesis-profile quick $(ARGS)

test-slow: environment  ## The exhaustive forms, and properties with more examples: 5 minutes.
	@$(TESTS) -m "(slow or growing) and not (e2e or nightly)" $(ARGS)

format: $(DEV_STAMP)  ## Format the code.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --select I --fix .

format-check: $(DEV_STAMP)
	@$(BIN)/ruff format --check .

lint: $(DEV_STAMP)  ## Lint the code.
	@$(BIN)/ruff check .

floors: $(DEV_STAMP)  ## Check which module may import which.
	@$(BIN)/lint-imports

types: $(DEV_STAMP)  ## Check the types.
	@$(BIN)/mypy

static: format-check lint floors types  ## The checks that run no code.

check: static test  ## All of the above: before each commit.

ready: deb $(VIDEO_STAMP) $(SITES_STAMP) $(SBOM_STAMP)  ## What the next three need; with -j2 sooner.

# Once for all of them, so that two may run beside each other.
installed: $(if $(BUILT),,wheel) $(E2E_STAMP)
	@$(UV) pip install --quiet --offline --no-deps --reinstall --python $(E2E_VENV)/bin/python \
	    dist/uploadfilter-*.whl

e2e: installed $(VIDEO_STAMP)  ## Test the built wheel from outside; needs curl and chromium.
	@$(VIDEO_VENV)/bin/python -m pip --disable-pip-version-check --quiet \
	    install --no-deps --ignore-installed dist/uploadfilter-*.whl
	@UPLOADFILTER_PROGRAM="$(CURDIR)/$(E2E_VENV)/bin/uploadfilter" \
	    UPLOADFILTER_VIDEO_PROGRAM="$(CURDIR)/$(VIDEO_VENV)/bin/uploadfilter" \
	    $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder \
	        -m "e2e and not nightly" tests/e2e $(ARGS)

deploy-test: $(if $(BUILT),,deb) installed $(SBOM_STAMP)  ## Start what is in deploy/ for real; needs root and Debian.
	@UPLOADFILTER_PROGRAM="$(CURDIR)/$(E2E_VENV)/bin/uploadfilter" \
	    UPLOADFILTER_DEB="$$(ls $(CURDIR)/$(DEB)/uploadfilter_*.deb)" \
	    UPLOADFILTER_SBOM="$(CURDIR)/$(SBOM_VENV)/bin/cyclonedx-py" \
	    $(BIN)/python -m pytest -n 2 --dist loadfile -m e2e tests/deploy $(ARGS)

sites: installed $(SITES_STAMP) $(SITES_NODE_STAMP)  ## Use WordPress, S3 and other sites through it.
	@UPLOADFILTER_PROGRAM="$(CURDIR)/$(E2E_VENV)/bin/uploadfilter" \
	    UPLOADFILTER_SITES_VENV="$(CURDIR)/$(SITES_VENV)" \
	    $(BIN)/python -m pytest -n 2 --dist loadfile -m e2e tests/sites $(ARGS)

fuzz: $(DEV_STAMP)  ## Decode damaged files for FUZZ_S CPU seconds: 120 for CI, 14400 for a night.
	@FUZZ_S=$(FUZZ_S) $(BIN)/python -m pytest -n auto -p no:cacheprovider \
	    tests/fuzz/test_frames.py::test_mutated_file_is_a_value \
	    tests/fuzz/test_films.py::test_mutated_film_is_a_value $(ARGS)

properties: $(DEV_STAMP)  ## Run the property tests for longer, with new random examples.
	@$(BIN)/python -m pytest -n auto $(HERE) -m "hypothesis and not e2e" --hypothesis-profile fuzz $(ARGS)

bench: $(BENCH_STAMP)  ## Run the benchmarks, or one: BENCH=hashing; needs g++.
	@for name in $(BENCH); do \
	    $(BIN)/python -m benchmarks $$name $(ARGS) || exit; done

docs: $(DEV_STAMP)  ## Test that the documents agree with the code.
	@$(BIN)/python -m pytest tests/test_docs.py tests/test_house.py $(ARGS)

check-docs: docs site  ## Both: the documents agree with the code, and make a whole site.

settings: $(DEV_STAMP)  ## Write docs/operating/keys.md, each setting, from the code.
	@$(BIN)/python -m deploy.documents.keys

schemas: $(DEV_STAMP)  ## Write docs/json, what each command prints with --json, from the code.
	@$(BIN)/python -m deploy.documents.schemas

drawings: $(DEV_STAMP)  ## Draw docs/drawings/states.svg, the states of an upload, from the code.
	@$(BIN)/python -m deploy.documents.states

site: $(SITE_STAMP)  ## Make the documents a site in build/site/; a broken link is an error.
	@rm -rf build/site
	@$(SITE_VENV)/bin/python -m sphinx -W --keep-going --quiet --jobs auto \
	    -b html -c deploy/documents -d build/site-cache . build/site
	@cp build/site/README.html build/site/index.html
	@echo "build/site/index.html"

wheel: $(DEV_STAMP)  ## Build the wheel into dist/, the same bytes for the same commit.
	@rm -rf dist/uploadfilter-*.whl build/share
	@$(BIN)/python -m deploy.wheel.shared build/share \
	    "$$(TZ=UTC git log -1 --format=%cd --date=format-local:%F)"
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
	    $(BIN)/python -m hatchling build --target wheel

deb: wheel  ## Build a Debian package into build/deb/; COMPRESSION=xz for a release.
	@rm -rf $(DEB) && mkdir -p $(DEB)
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) COMPRESSION=$(COMPRESSION) \
	    PIP="$(BIN)/python -m pip" deploy/debian/build.sh dist/uploadfilter-*.whl $(DEB)

# --- What maintainers run ----------------------------------------------------------

release: $(DEV_STAMP) $(SBOM_STAMP)  ## Pack, check, commit and tag: VERSION=1.2.3 [REHEARSE=1].
	@$(BIN)/python -m deploy.release.release $(VERSION) $(if $(REHEARSE),--rehearse) \
	    --sbom "$(CURDIR)/$(SBOM_VENV)/bin/cyclonedx-py"

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 \
          --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

lock: $(UV)  ## Make the lock files anew (add UPGRADE=1 for newer versions).
	@echo uv | $(COMPILE) $(if $(UPGRADE),--upgrade) - -o requirements/uv.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements/run.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -c requirements/run.txt \
	    --group dev --group origins --group browser --group deploy \
	    -o requirements/dev.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -c requirements/dev.txt \
	    --group dev --group origins --group browser --group deploy \
	    --group bench -o requirements/bench.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group sites -o requirements/sites.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group site -o requirements/site.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group sbom -o requirements/sbom.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -c requirements/dev.txt \
	    --extra pkcs11 -o requirements/pkcs11.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -c requirements/dev.txt \
	    --extra report -o requirements/report.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -c requirements/dev.txt \
	    --extra video -o requirements/video.txt
	@echo hatchling | $(COMPILE) - -c requirements/dev.txt -o requirements/build.txt

clean:  ## Remove what was built, the demo and the environment.
	rm -rf build dist .demo $(VENV) .pytest_cache .mypy_cache .ruff_cache \
	    .import_linter_cache .hypothesis htmlcov .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
