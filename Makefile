# `make run` and `make test` are enough to begin with; `make help` lists the rest.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: run test check unit integration e2e client app pictures pages pages-if-possible faults attack fuzz model unused-dependencies deny bench bench-quick demo simulate simulate-tables fmt help \
  test-with-servers unit-with-servers integration-with-servers e2e-with-servers model-with-servers faults-on-postgres attack-on-postgres bench-on-postgres \
  deploy-test deploy-test-with-tools traces-test traces-test-with-servers upgrade-test upgrade-test-with-servers need-cargo need-node

# Every integration test but those that load the machine and run by themselves.
TEST_FILES := $(wildcard crates/*/tests/*.rs crates/*/tests/*/main.rs tests/tests/*.rs tests/tests/*/main.rs)
INTEGRATION_TESTS := $(filter-out faults attack,$(sort $(basename $(notdir $(patsubst %/main.rs,%.rs,$(TEST_FILES))))))
E2E := tests/e2e
# What the fuzzer finds is kept here, beside the corpus that is checked in.
FUZZ_FOUND := tests/fuzz/target/corpus
WITH_SERVERS := tests/with-postgres.sh tests/with-redis.sh
E2E_PACKAGES := $(E2E)/node_modules/.package-lock.json
CLIENT := crates/web/client
CLIENT_PACKAGES := $(CLIENT)/node_modules/.package-lock.json
CLIENT_BUILD := $(CLIENT)/dist/index.js
DOCS := crates/web/docs
DOCS_PACKAGES := $(DOCS)/node_modules/.package-lock.json
DOCUMENTS := target/documents/openapi.json target/documents/asyncapi.json
PAGES := crates/web/pages/docs/index.html
MANUAL := crates/web/pages/manual/index.html
MANUAL_SOURCES := $(wildcard *.md docs/*.md docs/decisions/*.md crates/web/client/README.md)
APP := crates/web/app
APP_PACKAGES := $(APP)/node_modules/.package-lock.json
APP_PAGES := crates/web/pages/app/index.html
PEER := tests/bench/node-peer
PEER_PACKAGES := $(PEER)/node_modules/.package-lock.json

run: need-cargo pages-if-possible ## Build and start the service on an embedded database
	@cargo run --package allynet-server

test: need-cargo need-node ## Every test: unit, integration, e2e, faults, attack
	@$(WITH_SERVERS) $(MAKE) --no-print-directory test-with-servers

check: need-cargo ## Formatting, lints and documentation
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@cargo clippy --workspace --features allynet-server/otel -- -D warnings
	@cargo clippy --workspace --test faults --test attack -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

unit: need-cargo ## Only the unit and documentation tests of the crates
	@$(WITH_SERVERS) $(MAKE) --no-print-directory unit-with-servers

integration: need-cargo ## Only the integration tests: both databases, Redis, REST, transport, architecture
	@$(WITH_SERVERS) $(MAKE) --no-print-directory integration-with-servers

e2e: need-cargo need-node ## Only the end-to-end tests, with the official JavaScript client, a native one and browsers
	@$(WITH_SERVERS) $(MAKE) --no-print-directory e2e-with-servers

upgrade-test: need-cargo need-node ## A node of the version before beside one of this version: builds it from the history of Git
	@$(WITH_SERVERS) $(MAKE) --no-print-directory upgrade-test-with-servers

traces-test: need-cargo need-node ## A build with the feature `otel`, and its traces of two nodes
	@$(WITH_SERVERS) $(MAKE) --no-print-directory traces-test-with-servers

deploy-test: need-cargo need-node ## Only the files of docs/deploy: systemd, proxies, image, Helm chart, packages
	@$(WITH_SERVERS) tests/with-deploy-tools.sh $(MAKE) --no-print-directory deploy-test-with-tools

client: need-node $(CLIENT_BUILD) ## Build the npm package and run its unit tests
	@npm --prefix $(CLIENT) --silent test

app: need-node $(APP_PAGES) ## Build the web app, which the next build of the service embeds, and run its unit tests
	@npm --prefix $(APP) --silent run check
	@npm --prefix $(APP) --silent test

pages: need-cargo need-node $(PAGES) $(MANUAL) $(APP_PAGES) ## Build the web app and render the pages of /docs and /api/docs, which the next build of the service embeds

faults: need-cargo ## Only fault injection; FAULTS=long runs the long form
	@tests/with-postgres.sh $(MAKE) --no-print-directory faults-on-postgres

attack: need-cargo ## Only hostile callers; ATTACK=long runs the long form
	@tests/with-postgres.sh $(MAKE) --no-print-directory attack-on-postgres

fuzz: need-cargo ## Fuzz what bytes of strangers reach, FUZZ_SECONDS=60 each (needs cargo-fuzz)
	@cp Cargo.lock tests/fuzz/Cargo.lock # The versions of the service.
	@for target in $$(cargo fuzz list --fuzz-dir tests/fuzz); do \
	  mkdir -p $(FUZZ_FOUND)/$$target; \
	  cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target $(FUZZ_FOUND)/$$target tests/fuzz/corpus/$$target -- \
	    -max_total_time=$(or $(FUZZ_SECONDS),60) || exit 1; \
	done

model: need-cargo need-node ## Random steps of many users against a model of who may know what; MODEL_STEPS=600 MODEL_SEED=7
	@$(WITH_SERVERS) $(MAKE) --no-print-directory model-with-servers

unused-dependencies: need-cargo ## Dependencies that no source file uses (needs cargo-machete)
	@cargo machete

deny: need-cargo ## Bans, licenses and sources of dependencies, by deny.toml (needs cargo-deny)
	@cargo deny check bans licenses sources

pictures: need-cargo need-node $(APP_PAGES) $(E2E_PACKAGES) ## Take the pictures of the app that the README shows
	@cargo build --workspace --bin allynet
	@tests/with-chromium.sh node $(E2E)/app-pictures.mjs docs/pictures

demo: need-cargo need-node pages-if-possible $(E2E_PACKAGES) ## Simulate a town of helpers, to watch in the app; DEMO_SECONDS=60 DEMO_HELPERS=200
	@cargo build --workspace --bin allynet
	@node $(E2E)/demo.mjs

bench: need-cargo need-node ## Compare with a Node service of the same kind; BENCH="fan-out create" picks scenarios
	@tests/with-postgres.sh $(MAKE) --no-print-directory bench-on-postgres

bench-quick: need-cargo need-node ## The same with less load, once
	@tests/with-postgres.sh $(MAKE) --no-print-directory bench-on-postgres FORM=--quick

simulate: need-cargo ## Compare dispatch policies on simulated incidents: target/simulation.json; FORM=long for more of them
	@cargo run --quiet --release --bin allynet-simulation -- run $(if $(filter long,$(FORM)),--long) target/simulation.json

simulate-tables: need-cargo target/simulation.json ## Write the tables of docs/dispatch.md from target/simulation.json
	@cargo run --quiet --release --bin allynet-simulation -- tables target/simulation.json docs/dispatch.md

target/simulation.json:
	@$(MAKE) --no-print-directory simulate

fmt: need-cargo ## Format the code
	@cargo fmt --all

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The targets below expect TEST_DATABASE_URL, TEST_REDIS_URL and TEST_REDIS_SERVER to be set.

# The pages come first, so that the service is built once.
test-with-servers: $(PAGES) $(MANUAL) $(APP_PAGES)
	@$(MAKE) --no-print-directory unit-with-servers
	@$(MAKE) --no-print-directory integration-with-servers
	@$(MAKE) --no-print-directory e2e-with-servers
	@$(MAKE) --no-print-directory faults-on-postgres
	@$(MAKE) --no-print-directory attack-on-postgres

unit-with-servers:
	@cargo test --workspace --lib --bins -- --quiet
	@cargo test --workspace --doc -- --quiet

integration-with-servers:
	@cargo build --workspace --bin allynet
	@cargo test --workspace $(addprefix --test ,$(INTEGRATION_TESTS)) -- --quiet

e2e-with-servers: $(PAGES) $(MANUAL) $(APP_PAGES) $(E2E_PACKAGES) $(CLIENT_BUILD)
	@npm --prefix $(CLIENT) --silent test
	@npm --prefix $(APP) --silent run check
	@npm --prefix $(APP) --silent test
	@cargo build --workspace --bin allynet --bin fake-services
	@tests/with-python.sh tests/with-firefox.sh tests/with-chromium.sh npm --prefix $(E2E) --silent test

# The commit whose nodes may still run when those of this version start.
BEFORE := 9afbd6c
upgrade-test-with-servers: $(E2E_PACKAGES)
	@cargo build --workspace --bin allynet
	@tests/upgrade/build-before.sh $(BEFORE) target/before
	@ALLYNET_BEFORE=$(CURDIR)/target/before/debug/allynet node --test --test-force-exit tests/upgrade/rolling.test.mjs

OTEL := --features allynet-server/otel
traces-test-with-servers: $(E2E_PACKAGES)
	@cargo test --workspace $(OTEL) --lib -- --quiet telemetry::
	@cargo build --workspace --bin allynet $(OTEL)
	@install -D target/debug/allynet target/otel/allynet
	@ALLYNET_BIN=$(CURDIR)/target/otel/allynet node --test --test-timeout=300000 --test-force-exit tests/traces/traces.test.mjs

deploy-test-with-tools: $(E2E_PACKAGES)
	@cargo build --workspace --bin allynet
	@node --test --test-reporter=spec --test-concurrency=2 --test-timeout=300000 --test-force-exit tests/deploy/*.test.mjs

model-with-servers: $(E2E_PACKAGES)
	@cargo build --workspace --bin allynet
	@MODEL_STEPS=$(or $(MODEL_STEPS),600) MODEL_SEED=$(or $(MODEL_SEED),$$(date +%s)) node --test $(E2E)/entitlement.test.mjs

# Thousands of sockets need as many file descriptors, here and in the nodes. The long form uses the release build.
faults-on-postgres: PROFILE = $(if $(filter long,$(FAULTS)),--release)
faults-on-postgres:
	@cargo build $(PROFILE) --workspace --bin allynet
	@ulimit -n $$(ulimit -Hn) && \
	  cargo test $(PROFILE) --workspace --test faults -- --nocapture --test-threads=1

# Cases that load the machine wait for the others; the long form runs one at a time.
attack-on-postgres: PROFILE = $(if $(filter long,$(ATTACK)),--release)
attack-on-postgres:
	@cargo build $(PROFILE) --workspace --bin allynet
	@ulimit -n $$(ulimit -Hn) && \
	  cargo test $(PROFILE) --workspace --test attack -- --nocapture --test-threads=2

# Ten thousand sockets need as many file descriptors, in the servers and in the load generator.
bench-on-postgres: $(PEER_PACKAGES)
	@cargo build --release --workspace --bin allynet --bin allynet-bench --bin allynet-bench-floor
	@ulimit -n $$(ulimit -Hn) && target/release/allynet-bench $(FORM) $(BENCH)

$(E2E_PACKAGES): $(E2E)/package.json $(E2E)/package-lock.json
	@npm --prefix $(E2E) --silent ci
	@touch $@

$(CLIENT_PACKAGES): $(CLIENT)/package.json $(CLIENT)/package-lock.json
	@npm --prefix $(CLIENT) --silent ci
	@touch $@

$(CLIENT_BUILD): $(CLIENT_PACKAGES) $(CLIENT)/tsconfig.json $(wildcard $(CLIENT)/src/*.ts)
	@npm --prefix $(CLIENT) --silent run build
	@touch $@

$(DOCS_PACKAGES): $(DOCS)/package.json $(DOCS)/package-lock.json
	@npm --prefix $(DOCS) --silent ci
	@touch $@

# The documents are made from the types of the wire. Those that stay the same keep their time of modification.
target/documents/made: docs/errors.md $(shell find crates/wire crates/domain -name '*.rs')
	@cargo run --quiet --bin allynet-documents -- $(@D)
	@touch $@

$(DOCUMENTS): target/documents/made ;

$(PAGES): $(DOCUMENTS) $(DOCS_PACKAGES) $(wildcard $(DOCS)/*.mjs $(DOCS)/*.js $(DOCS)/*.css)
	@node $(DOCS)/render.mjs target/documents crates/web/pages

$(MANUAL): $(MANUAL_SOURCES) $(DOCS_PACKAGES) $(DOCS)/manual.mjs $(DOCS)/manual.css $(DOCS)/pages.mjs
	@node $(DOCS)/manual.mjs . crates/web/pages

$(APP_PACKAGES): $(APP)/package.json $(APP)/package-lock.json
	@npm --prefix $(APP) --silent ci
	@touch $@

$(APP_PAGES): $(APP_PACKAGES) $(CLIENT_BUILD) $(shell find $(APP)/src $(APP)/public $(APP)/scripts -type f) $(APP)/index.html
	@node $(APP)/scripts/build.mjs

# The service works without the pages: they need Node.js, and npm needs a registry at first.
pages-if-possible:
	@$(MAKE) --no-print-directory need-node 2>/dev/null && $(MAKE) --no-print-directory --silent $(PAGES) $(MANUAL) $(APP_PAGES) \
	  || echo "Building without the app and the pages of /docs and /api/docs: see 'make pages'" >&2

$(PEER_PACKAGES): $(PEER)/package.json $(PEER)/package-lock.json
	@npm --prefix $(PEER) --silent ci
	@touch $@

need-cargo:
	@command -v cargo >/dev/null || { echo "Rust is missing: see https://rustup.rs" >&2; exit 1; }

need-node:
	@command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(Number(a * 100 + +b < 2019))' \
	  || { echo "Node.js 20.19 or later, with npm, is missing: see https://nodejs.org" >&2; exit 1; }
