# The two commands that matter: `make up` runs a four-node cluster with sample data, `make test` checks everything.

PYTHON ?=
NODES ?= 4
DIR ?= .tally
BASE_PORT ?=
MINUTES ?= 10
SEED ?= 0
BENCH_NAME ?= $(shell date -u +%Y-%m-%dT%H%M)
RECORDS := tests/simulation/records
VENV := .venv
BIN := $(VENV)/bin
PORT_OPTION := $(if $(BASE_PORT),--base-port $(BASE_PORT))

# Nodes, commands and tests are hundreds of processes: compiling the same modules in each would be most of their work.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up down status clean venv dev check docs test campaign mutants bench profile fuzz audit-mutations

help:
	@echo "make up       set up, start $(NODES) nodes, load the sample stories, print the addresses"
	@echo "make status   show the nodes"
	@echo "make down     stop the nodes; the ledger stays"
	@echo "make clean    stop the nodes and throw the ledger away"
	@echo "make test     formatting, types, import rules and all tests"
	@echo "make docs     build the documentation site in .site, strictly"
	@echo "make mutants  plant bugs and let the simulator find them (minutes)"
	@echo "make campaign simulate networks under faults and lies for MINUTES=10, and record what was run"
	@echo "make fuzz     compare random contracts on every Python found, for MINUTES=10 from SEED=0"
	@echo "make audit-mutations  alter an export in 10,000 ways; the audit has to name each at its height (minutes)"
	@echo "make bench    search for the capacity of four nodes on this machine, with latency and costs (half an hour)"
	@echo "make profile  show where the processor time of a transaction goes, by process, stage and function"
	@echo "options: NODES=4 DIR=.tally BASE_PORT=7700 PYTHON=python3.12"

up: venv
	@$(BIN)/tally cluster up --nodes $(NODES) --dir $(DIR) $(PORT_OPTION)
	@$(BIN)/tally story run --dir $(DIR)

down:
	@if [ -x $(BIN)/tally ] && [ -e $(DIR)/cluster.json ]; then $(BIN)/tally cluster down --dir $(DIR); \
	else echo "There is no cluster in $(DIR)."; fi

status: venv
	@$(BIN)/tally cluster status --dir $(DIR)

clean: down
	@if [ -e $(DIR)/cluster.json ]; then rm -r -- $(DIR) && echo "The ledger in $(DIR) is gone."; fi

venv: $(VENV)/.installed

dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt scripts/make_venv.sh
	@sh scripts/make_venv.sh "$(PYTHON)" $(VENV) .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt scripts/make_venv.sh
	@sh scripts/make_venv.sh "$(PYTHON)" $(VENV) '.[dev]'
	@touch $(VENV)/.installed $@

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# Tests with real node processes come last, two clusters at a time: they wait as well as compute.
test:
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check docs
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m 'not cluster'
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder tests/cluster

# Goes on behind the recorded seeds; the page of the simulator shows the sums.
campaign: dev
	nice $(BIN)/tally simulate --campaign $$((60 * $(MINUTES))) --workers 2 --seed 100000 --resume --record $(RECORDS)/campaigns.jsonl
	$(BIN)/python tests/simulation/figures.py --write

mutants: dev
	$(BIN)/python tests/simulation/mutants.py

bench: dev
	$(BIN)/tally bench --json benchmarks/results/$(BENCH_NAME).json --chart benchmarks/results/$(BENCH_NAME).svg

profile: dev
	$(BIN)/python -m benchmarks.profile

fuzz: dev
	nice $(BIN)/python tests/adversarial/campaign.py --minutes $(MINUTES) --seed $(SEED)

audit-mutations: dev
	nice $(BIN)/python tests/adversarial/export_mutations.py --mutations 10000 --seed $(SEED)
