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
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## Install what a build needs, if anything is missing
	@scripts/setup build

.PHONY: run
run: setup ## Build in release mode and start the gateway (ARGS='--listen 127.0.0.1:9000')
	@cargo build --locked --release
	@exec $(TARGET)/release/obs-gateway serve $(ARGS)

.PHONY: test
test: fmt lint unit doc sdk ## Check everything: format, lints, tests, documentation, SDK suites

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

.PHONY: bench
bench: setup ## Measure the gateway beside bare hyper and RocksDB, on a quiet machine (BENCH_ARGS='-- --check')
	cargo bench --locked --bench gateway $(BENCH_ARGS)
