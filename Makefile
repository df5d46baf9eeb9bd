PYTHON ?= python3
BIN := .venv/bin
PROTO = $(BIN)/python -m grpc_tools.protoc -I protos --python_out=$(1) --pyi_out=$(1) --grpc_python_out=$(1) protos/searchrank/v1/*.proto

.PHONY: demo test check bench soak protos install

demo: .venv/demo
	$(BIN)/searchrank demo

test: .venv/dev
	$(BIN)/pytest -n 2 --dist loadgroup -q

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	sh protos/check.sh $(BIN)/python
	$(BIN)/python -m docs.generate --check
	$(BIN)/pytest -q tests/contract/test_operators.py -k bytes_change

bench: .venv/dev
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/forest.py
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/head_cache.py
	$(BIN)/python benchmarks/observe.py
	$(BIN)/python benchmarks/signals.py
	$(BIN)/python benchmarks/assign.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/replay.py
	$(BIN)/python benchmarks/lexical.py
	$(BIN)/python benchmarks/ann.py --small
	$(BIN)/python benchmarks/branches.py
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/behaviour.py
	$(BIN)/python benchmarks/owners.py
	$(BIN)/python benchmarks/geo.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/gate.py

soak: .venv/dev
	$(BIN)/python benchmarks/deadline.py
	$(BIN)/python benchmarks/swaps.py
	$(BIN)/python benchmarks/drift.py
	$(BIN)/python benchmarks/loop.py
	$(BIN)/python benchmarks/chaos.py
	$(BIN)/python benchmarks/deadline.py

protos: .venv/dev
	$(call PROTO,.)

install: .venv/dev

.venv/demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[train]'
	$(BIN)/python -c 'from searchrank.native import ensure_built; ensure_built(print)'
	touch $@

.venv/dev: .venv/demo
	$(BIN)/pip install -q -c constraints.txt -e '.[train,bench,dev]'
	touch $@
