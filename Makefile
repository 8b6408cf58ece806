# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: run test check e2e faults bench bench-quick demo fmt help tests-with-servers e2e-with-servers faults-on-postgres \
  bench-on-postgres need-cargo need-node

E2E := tests/e2e
WITH_SERVERS := tests/with-postgres.sh tests/with-redis.sh
E2E_PACKAGES := $(E2E)/node_modules/.package-lock.json
PEER := tests/bench/node-peer
PEER_PACKAGES := $(PEER)/node_modules/.package-lock.json

run: need-cargo ## Build and start the service on an embedded database
	@cargo run --bin allynet

test: need-cargo need-node ## Everything a change has to pass: formatting, lints, tests, fault injection in short
	@$(WITH_SERVERS) $(MAKE) --no-print-directory tests-with-servers

check: need-cargo ## Formatting and lints
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings

e2e: need-cargo need-node ## Only the end-to-end tests, with the official JavaScript client
	@$(WITH_SERVERS) $(MAKE) --no-print-directory e2e-with-servers

faults: need-cargo ## Only fault injection; FAULTS=long for the long form
	@tests/with-postgres.sh $(MAKE) --no-print-directory faults-on-postgres

demo: need-cargo need-node $(E2E_PACKAGES) ## A town of simulated helpers, to be watched; DEMO_SECONDS=60 DEMO_HELPERS=200
	@cargo build --workspace --bin allynet
	@node $(E2E)/demo.mjs

bench: need-cargo need-node ## Side by side with what else could be run; BENCH="fan-out create" picks scenarios
	@tests/with-postgres.sh $(MAKE) --no-print-directory bench-on-postgres

bench-quick: need-cargo need-node ## The same, smaller and once
	@tests/with-postgres.sh $(MAKE) --no-print-directory bench-on-postgres FORM=--quick

fmt: need-cargo ## Format the code
	@cargo fmt --all

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The rest expects TEST_DATABASE_URL, TEST_REDIS_URL and TEST_REDIS_SERVER.

tests-with-servers: check
	@cargo build --workspace --bin allynet
	@cargo test --workspace -- --quiet
	@$(MAKE) --no-print-directory e2e-with-servers
	@$(MAKE) --no-print-directory faults-on-postgres

e2e-with-servers: $(E2E_PACKAGES)
	@cargo build --workspace --bin allynet
	@npm --prefix $(E2E) --silent test

# Thousands of sockets need as many descriptors, here and in the nodes; and the long form measures what is shipped.
faults-on-postgres: PROFILE = $(if $(filter long,$(FAULTS)),--release)
faults-on-postgres:
	@cargo build $(PROFILE) --workspace --bin allynet
	@ulimit -n $$(ulimit -Hn) && \
	  cargo test $(PROFILE) --workspace --test faults -- --nocapture --test-threads=1

# Ten thousand sockets need as many descriptors, in the servers and in what loads them.
bench-on-postgres: $(PEER_PACKAGES)
	@cargo build --release --workspace --bin allynet --bin allynet-bench --bin allynet-bench-floor
	@ulimit -n $$(ulimit -Hn) && target/release/allynet-bench $(FORM) $(BENCH)

$(E2E_PACKAGES): $(E2E)/package.json $(E2E)/package-lock.json
	@npm --prefix $(E2E) --silent ci
	@touch $@

$(PEER_PACKAGES): $(PEER)/package.json $(PEER)/package-lock.json
	@npm --prefix $(PEER) --silent ci
	@touch $@

need-cargo:
	@command -v cargo >/dev/null || { echo "Rust is missing: see https://rustup.rs" >&2; exit 1; }

need-node:
	@command -v npm >/dev/null && node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' \
	  || { echo "Node.js 20 or later, with npm, is missing: see https://nodejs.org" >&2; exit 1; }
