# make run, make test: the only two commands a new user needs. Each does its own set-up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DATA ?= ../shared/data
PORT ?= 8501
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run demo admin test browser-test lint weights evaluate benchmarks screenshots clean

run: .venv/.installed
	@.venv/bin/python -m services.start
	.venv/bin/streamlit run Home.py --server.port $(PORT) $(if $(ADDRESS),--server.address $(ADDRESS))

demo: .venv/.installed
	.venv/bin/python -m services.demo

admin: .venv/.installed
	.venv/bin/python -m services.accounts create-admin

test: .venv-dev/.installed
	.venv-dev/bin/ruff check .
	.venv-dev/bin/python -m pytest --ignore tests/browser --numprocesses auto --maxprocesses 4

browser-test: .venv/.installed .venv-dev/.installed
	@command -v chromium >/dev/null || sh .ci/apt-install chromium
	.venv-dev/bin/python -m pytest tests/browser

# Retrains every network from nothing, hours on two cores; stopped, it goes on where it was. Unfinished runs are in runs/.
# MINUTES=2 PHOTOS=50 gives each network two minutes and measures on 50 photos a source: a try of all steps, for a copy of this folder.
LEFT_OUT = runs/left-out
# Freed memory is kept rather than given back and asked for again at each step: a seventh faster.
KEEP_MEMORY = MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=20000000000 MALLOC_TOP_PAD_=500000000
weights: .venv-dev/.installed
	for recipe in deeplabv3 unet mobilenetv2 resnet18; do \
	    $(KEEP_MEMORY) .venv-dev/bin/python -m training.train $$recipe --data $(DATA) $(MINUTES:%=--time-limit %) && \
	    .venv-dev/bin/python -m training.export $$recipe --left-out --weights $(LEFT_OUT) && \
	    .venv-dev/bin/python -m training.export $$recipe || exit 1; \
	done
	.venv-dev/bin/python -m training.gate --data $(DATA)
	.venv-dev/bin/python -m training.evaluate --data $(DATA) --weights $(LEFT_OUT) --sources ph2 mednode $(PHOTOS:%=--limit %)
	.venv-dev/bin/python -m training.evaluate --all --data $(DATA) --left-out $(LEFT_OUT) --report $(PHOTOS:%=--limit %)
	.venv-dev/bin/python -m benchmarks.repeatability --fit --lesions $(or $(PHOTOS),200) --data $(DATA)

evaluate: .venv-dev/.installed
	.venv-dev/bin/python -m training.evaluate --all --data $(DATA) --report

benchmarks: .venv/.installed .venv-dev/.installed
	.venv-dev/bin/python -m benchmarks.runtime
	.venv-dev/bin/python -m benchmarks.synthetic_dice
	.venv-dev/bin/python -m benchmarks.start_up

screenshots: .venv-dev/.installed
	.venv-dev/bin/python -m tests.browser.screenshots test-results/pages

# Serving needs no torch: its environment stays small and quick to make.
.venv/.installed: requirements-app.txt
	@sh .ci/make-venv .venv "$(PYTHON)" requirements-app.txt

.venv-dev/.installed: requirements.txt requirements-app.txt
	@sh .ci/make-venv .venv-dev "$(PYTHON)" requirements.txt

clean:
	rm -rf .venv .venv-dev .pytest_cache .ruff_cache
