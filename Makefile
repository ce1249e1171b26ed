# Every command that a person or CI types. PYTHON is the interpreter of an environment made with `make install`.
PYTHON ?= .venv/bin/python
.PHONY: install fmt check test docs cli-docs integrations trainer build

install:   ; python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/rag-reasoner pull
fmt:       ; $(PYTHON) -m ruff check --fix-only . && $(PYTHON) -m ruff format .
check:     ; $(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy && $(dir $(PYTHON))lint-imports
test:      ; $(PYTHON) -m pytest
docs:      ; $(dir $(PYTHON))zensical build --clean --strict -f mkdocs.yml
cli-docs:  ; $(PYTHON) docs/write_cli.py
integrations: ; integrations/check.sh
trainer:   ; $(PYTHON) -m pip install -q './train[test]' mypy && cd train && \
             $(abspath $(PYTHON)) -m mypy && $(abspath $(dir $(PYTHON)))/lint-imports && $(abspath $(PYTHON)) -m pytest
colpali:   ; tests/colpali.sh
build:     ; $(PYTHON) -m pip wheel -q --no-deps -w dist .
