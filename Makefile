# Spotdesk: `make demo` shows the whole loop, `make test` proves it, `make dev` opens the lineage graph.
# Every target makes the virtual environment itself when it is missing or out of date.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && { echo $$p; break; }; done)

SEVEN_DAYS_AGO = $(shell date -u -d '7 days ago' +%Y-%m-%dT%H:%M:%SZ)
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help setup demo dev docs test lint test-slow test-browser coverage lock ages licences sbom clean validate validate-data \
	validate-model image image-test image-twice image-push image-scan deploy watch-deployed check-sign-offs roll-back deploy-test \
	pipeline-test hosts-test aws

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(INSTALLED) ## Make .venv with everything pinned in requirements.lock and the spotdesk command

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Spotdesk needs Python 3.11 or 3.12 on the PATH (or: make setup PYTHON=/path/to/python)"; exit 2; }
	@echo "Installing into $(VENV) with $(PYTHON): about 3 GB, two to five minutes the first time"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## The main job: ingest, train, trade on paper, notice drift, retrain, promote, report
	@$(BIN)/spotdesk demo

dev: setup ## Open the Dagster UI and its daemon on http://127.0.0.1:3000
	@$(BIN)/spotdesk dev

lint: setup ## Style, types, architecture and licences
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m supply.licences

test: lint ## Style, types, architecture and all tests but the slow ones and the browser's: below ten minutes
	@$(BIN)/pytest -n 2 --dist loadfile -m "not browser and not slow" $(ARGS)

test-slow: setup ## The long proofs: whole desks over weeks, killed processes, the demo without a network
	@$(BIN)/pytest -n 2 --dist loadfile -m slow $(ARGS)

test-browser: setup ## The tests that drive a real browser (needs Chromium)
	@$(BIN)/pytest -m browser $(ARGS)

coverage: setup ## Share of the lines of spot/ that its own tests run; fails below 90 %
	@$(BIN)/pytest -q -n 2 --dist loadfile tests/spot --cov=spot --cov-report=term:skip-covered --cov-fail-under=90 $(ARGS)

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --exclude-newer "$(SEVEN_DAYS_AGO)" --generate-hashes --no-emit-index-url --no-annotate --no-header --no-strip-extras \
	--no-emit-package kaleido --no-emit-package xgboost

lock: setup ## Resolve both locks anew, nothing younger than seven days: for development, and for the image (needs uv)
	@$(COMPILE) --extra dev --extra docs --extra hosts --extra notebooks pyproject.toml -o requirements.lock
	@$(COMPILE) --constraint requirements.lock pyproject.toml -o requirements.runtime.lock

validate: setup ## This code beside AGAINST, a commit (default main), on 90 days of a recorded desk: page in dist/
	@$(BIN)/spotdesk validate --against "$(or $(AGAINST),main)" --report dist/validate.html $(ARGS)

validate-data: setup ## Load a simulated market, judge every table, compare every file with its checksum
	@rm -rf dist/desk && $(BIN)/spotdesk init dist/desk --zone DE_LU --source simulated
	@$(BIN)/spotdesk --home dist/desk run --source simulated --zone DE_LU --from 2024-03-01 --to 2024-03-03
	@$(BIN)/spotdesk --home dist/desk status --verify

validate-model: setup ## No look-ahead, honest scores, and the gates before a version serves
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow" tests/spot/features tests/spot/scores tests/spot/lifecycle

image: ## Build the image of this commit (podman or docker); BASE names another base image
	@deploy/image/build.sh

image-test: ## Run tests of the parts that the image carries, in a layer on the image
	@deploy/image/test.sh $(ARGS)

image-twice: ## Build the image of this commit twice and fail unless all layers are the same (ONLY=source: quick)
	@deploy/image/twice.sh $(ONLY)

image-push: ## Build the image, push it to REGISTRY, and note its digest in dist/image.env
	@deploy/image/push.sh

image-scan: ## What must not be in the image; known holes where trivy or grype is installed
	@deploy/image/scan.sh

deploy: ## Let this host run IMAGE, a digest, and wait for runs before (docs/operations/deploy.md)
	@deploy/compose/upgrade.sh "$(IMAGE)"

watch-deployed: ## Watch the desk of this host for WATCH_MINUTES; fail if it does not stay well
	@deploy/compose/watch.sh

check-sign-offs: ## Fail unless two people have signed IMAGE
	@deploy/pipeline/sign_offs.sh check "$(IMAGE)"

roll-back: ## Let the image before the last upgrade serve again
	@deploy/compose/roll_back.sh

deploy-test: ## From commit to roll-back on this machine: registry, compose, upgrade under a run (root, Debian)
	@deploy/test/run.sh

hosts-test: setup ## A desk on three network namespaces as hosts, two of which are lost (root, Debian)
	@deploy/test/hosts.sh

aws: setup ## The CloudFormation template of a desk on AWS, in dist/aws, checked offline (needs Node)
	@deploy/aws/synth.sh dist/aws

pipeline-test: ## Validate the pipeline and run it offline, without doing what its jobs do (needs npm, rsync)
	@deploy/pipeline/check.sh

ages: setup ## Fail where a pin of the lock is younger than seven days (needs uv and an index)
	@uv pip compile --quiet --no-deps --universal --python-version 3.11 --no-header --no-annotate --exclude-newer "$(SEVEN_DAYS_AGO)" \
		requirements.lock -o /dev/null && echo "no pin is younger than seven days"

licences: setup ## Fail where a package of the lock has no accepted licence
	@$(BIN)/python -m supply.licences

sbom: setup ## The bill of materials of this version, CycloneDX, in dist/
	@mkdir -p dist && $(BIN)/python -m supply.sbom dist/spotdesk-$(VERSION).cdx.json

docs: setup ## Build the docs site, strict, with its reference made from code, in dist/site
	@$(BIN)/python -m supply.site

clean: ## Remove the state of this checkout (.spotdesk); the environment stays
	rm -rf .spotdesk
