# Short names for the commands a person types; everything real is in scripts/ and recipes/.
.PHONY: install test lint format quickstart

install:
	bash scripts/install.sh

test:
	bash scripts/test.sh

lint:
	.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/basedpyright

format:
	.venv/bin/ruff check --fix && .venv/bin/ruff format

quickstart:
	bash recipes/quickstart.sh
