# make help lists what there is. PROFILE names a folder of params/ (demo, thesis, your own); GPU_RUNS says how many
# networks train at once where there is a GPU (default: 1). What is about committed results takes thesis where no
# PROFILE is named: the demo has none.
COMMITTED := $(or $(PROFILE),thesis)
PROFILE ?= demo
# egemaps adds openSMILE, whose licence allows research and private use only; leave it out with EXTRAS=test
EXTRAS ?= test,egemaps
# What .venv is made of; modules are compiled when they are first imported, not all of them now: a minute more.
WANTED := --constraint requirements.lock -e '.[$(EXTRAS)]'
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
# Images for containers often forbid it, and every notebook would then compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# An active environment (conda or venv) in which EmoLabs is installed is used as it is; otherwise .venv is made.
ACTIVE := $(or $(VIRTUAL_ENV),$(CONDA_PREFIX))
SUITABLE := $(if $(ACTIVE),$(shell cd / && "$(ACTIVE)/bin/python" -c "import emolabs.paths as p, papermill, snakemake, torch; print(p.ROOT)" 2>/dev/null))
ifeq ($(SUITABLE),$(CURDIR))
BIN := $(ACTIVE)/bin
READY :=
else
BIN := $(CURDIR)/.venv/bin
READY := .venv/.ready
endif
# One run at a time by a lock that a killed run cannot leave behind, as Snakemake's own does.
LOCK := .snakemake/one.lock
# Kernels of the notebooks are forks of one process (emolabs/kernels.py): each would load libraries for ten seconds.
KERNELS := $(BIN)/python -m emolabs.kernels
SNAKEMAKE := flock --nonblock --conflict-exit-code 75 $(LOCK) $(KERNELS) $(BIN)/snakemake --nolock --config profile=$(PROFILE) $(if $(GPU_RUNS),--resources gpu=$(GPU_RUNS))
BUSY := { [ $$? -ne 75 ] || echo "another run is at work in $(CURDIR): wait for it, or stop it" >&2; exit 1; }

.PHONY: help environment corpora weights reproduce evaluation retrain site thesis-figures verify test lab cards bench contracts style

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

environment: $(READY)  ## the Python environment, where no suitable one is active

.venv/.ready: pyproject.toml requirements.lock
	@for python in python3.11 python3.12 python3 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then break; fi; python=; done; \
	if [ -z "$$python" ]; then echo "EmoLabs needs Python 3.11 or 3.12, and neither is on the PATH: install one, or use conda with environment.yml" >&2; exit 1; fi; \
	echo "making .venv with $$($$python --version); this takes a few minutes"; \
	$$python -m venv .venv
	@# uv takes less than a minute, pip four; where uv gets nothing (mirrors that only pip's settings name), pip does it
	@.venv/bin/pip install --quiet --no-compile --constraint requirements.lock uv && .venv/bin/uv pip install --python .venv/bin/python $(WANTED) || \
	{ echo "uv could not install the packages (above): pip tries it now"; \
	  .venv/bin/pip install --no-compile --progress-bar off $(WANTED) | grep --line-buffered -E '^(Collecting|Installing|Successfully)'; }
	@# Compiled here, side by side, what takes long when first imported; librosa by one process: several that do it at
	@# once can tear numba's cache (numba issue 10128).
	@.venv/bin/python -c "import librosa.display, librosa.effects, librosa.feature.spectral" & \
	.venv/bin/python -W ignore -c "import captum.attr, papermill, seaborn, snakemake.cli, torchaudio, transformers.models.whisper.modeling_whisper" && \
	wait $$!
	@touch $@

corpora: $(READY)  ## what there is of each corpus, and how to get the rest
	@$(BIN)/python -m emolabs.corpora.obtain

weights: $(READY)  ## the pretrained encoders, from the Hugging Face hub where they are not here yet
	@$(BIN)/python -m emolabs.extraction.obtain

reproduce: $(READY)  ## every figure and table of PROFILE (default: demo)
	@mkdir -p $(dir $(LOCK)); $(SNAKEMAKE) || $(BUSY)
	@echo "figures and tables: figures/$(PROFILE)/"

evaluation: $(READY)  ## tables and figures from the committed results of PROFILE alone, without audio
	@mkdir -p runs/$(PROFILE)/notebooks
	@$(BIN)/python -m emolabs.execute notebooks/40_evaluation.ipynb runs/$(PROFILE)/notebooks/40_evaluation.ipynb -f params/$(PROFILE)/40_evaluation.yaml

retrain: $(READY)  ## train again what is marked stale in PROFILE's tables, and what cannot be read
	@stale="$$($(BIN)/python -m emolabs.experiments.retraining $(PROFILE))" || exit 1; \
	if [ -z "$$stale" ]; then echo "nothing in $(PROFILE) is stale or torn"; else mkdir -p $(dir $(LOCK)); $(SNAKEMAKE) --forcerun $$stale || $(BUSY); fi

thesis-figures: $(READY)  ## copy figures and tables of PROFILE (default: thesis) to DEST, with an index for LaTeX
	@test -n "$(DEST)" || { echo "say where to: make thesis-figures DEST=~/thesis/emolabs" >&2; exit 1; }
	@$(BIN)/python -m emolabs.reporting.export $(COMMITTED) "$(DEST)"

site: $(READY)  ## the notebooks of PROFILE and the gallery as pages to read without a kernel, in site/PROFILE/
	@$(BIN)/python -m emolabs.site $(PROFILE)

verify: $(READY)  ## compare the results of PROFILE (default: thesis) here with the committed ones, number by number
	@$(BIN)/python -m emolabs.experiments.verification $(COMMITTED)

test: $(READY)  ## unit and contract tests, then the notebooks under nbval
	@$(MAKE) --no-print-directory reproduce PROFILE=demo
	@# one process a core, each with one thread: twice as soon over as one process with all cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
	OMP_NUM_THREADS=1 $(KERNELS) $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --nbval-lax --nbval-kernel-name emolabs --nbval-kernel-startup-timeout 600 -p no:cacheprovider notebooks

lab: $(READY)  ## JupyterLab
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks

cards: $(READY)  ## model cards of the profile thesis from its results, data cards from its index, the gallery, the README's numbers
	@$(BIN)/python -m emolabs.experiments.model_cards
	@$(BIN)/python -m emolabs.corpora.cards
	@$(BIN)/python -m emolabs.reporting.showcase thesis
	@$(BIN)/python -m emolabs.experiments.readme

bench: $(READY)  ## benchmarks: ratios within one run
	$(BIN)/python -m tests.benchmarks --out runs/benchmarks

contracts: $(READY)  ## run every notebook as it is and keep the output of its contract cells only
	cd notebooks && $(BIN)/jupyter nbconvert --to notebook --execute --inplace *.ipynb
	$(BIN)/nbstripout --keep-count notebooks/*.ipynb

style: $(READY)  ## ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
