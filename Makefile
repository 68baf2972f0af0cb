# Two commands do everything: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Where rustup puts cargo, for machines whose login shell does not know it yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## Install what a build needs, if anything is missing
	@scripts/setup build

.PHONY: run
run: setup ## Build in release mode and start the gateway (ARGS='--listen 127.0.0.1:9000')
	@cargo build --locked --release
	@exec $(TARGET)/release/obs-gateway serve $(ARGS)

.PHONY: test
test: fmt lint unit doc sdk quota-selfcheck quota-conformance s3-tests-fast ## Check everything: format, lints, tests, documentation, suites
test: QUOTA_ARGS := --quick

.PHONY: test-tools
test-tools:
	@scripts/setup test

.PHONY: fmt
fmt: test-tools ## Check the formatting
	cargo fmt --all --check

.PHONY: lint
lint: test-tools ## Run clippy; every warning is an error
	cargo clippy --locked --all-targets -- -D warnings

.PHONY: unit
unit: test-tools ## Run the unit, API and process tests
	cargo test --locked

.PHONY: doc
doc: test-tools ## Build the documentation; every warning is an error
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

.PHONY: sdk
sdk: test-tools ## Run the SDK suites against the built gateway (SUITES='python')
	cargo build --locked
	OBS_GATEWAY_REQUIRE_SDKS=$(OBS_GATEWAY_REQUIRE_SDKS) OBS_GATEWAY_BIN=$(TARGET)/debug/obs-gateway \
	  tests/sdk/run $(SUITES)

.PHONY: clients
clients: test-tools ## Run every client of S3 there is a suite for against the built gateway
	cargo build --locked
	OBS_GATEWAY_REQUIRE_SDKS=$(OBS_GATEWAY_REQUIRE_SDKS) OBS_GATEWAY_BIN=$(TARGET)/debug/obs-gateway \
	  tests/sdk/run --clients

# $(call quota,ARGUMENTS): python3 with these, or a loud line where there is none.
define quota
@if python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then \
	  PYTHONDONTWRITEBYTECODE=1 python3 $(1); \
	else \
	  echo 'quota conformance: ******** SKIPPED: there is no python3 of 3.9 or later ********'; \
	  [[ "$(OBS_GATEWAY_REQUIRE_SDKS)" != 1 ]]; \
	fi
endef

.PHONY: quota-selfcheck
quota-selfcheck: ## Check that the quota suite notices what it should
	$(call quota,tests/quota_conformance/selfcheck.py)

.PHONY: quota-conformance
quota-conformance: test-tools ## Run the quota suite against the built gateway (QUOTA_ARGS='--rule R03')
	cargo build --locked
	$(call quota,tests/quota_conformance --adapter obs_gateway --binary $(TARGET)/debug/obs-gateway $(QUOTA_ARGS))

# $(call s3tests,ARGUMENTS): ceph/s3-tests against the built gateway.
define s3tests
cargo build --locked
OBS_GATEWAY_REQUIRE_SDKS=$(OBS_GATEWAY_REQUIRE_SDKS) OBS_GATEWAY_BIN=$(TARGET)/debug/obs-gateway \
	  tests/s3_tests/run $(1)
endef

.PHONY: s3-tests
s3-tests: test-tools ## Run ceph/s3-tests, all that counts, against the built gateway (S3_ARGS='-k REGEX')
	$(call s3tests,$(S3_ARGS))

.PHONY: s3-tests-fast
s3-tests-fast: test-tools ## Run the quick ones of ceph/s3-tests that pass
	$(call s3tests,--fast)

.PHONY: bench
bench: setup ## Measure the gateway beside bare hyper and RocksDB, on a quiet machine (BENCH_ARGS='-- --check')
	cargo bench --locked --bench gateway $(BENCH_ARGS)
