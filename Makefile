# The only entry point: people and CI call these targets and nothing beneath them. `make` alone lists them.
#
# Each target does the set-up it needs: the packages of the dashboard, the library of the embedded archive and, as far
# as the machine lets it, Debian packages. The library, and the kernel of the virtual machine, land in $(CACHE); set
# REBUFFER_CACHE to share them between trees.
# Two calls at once wait for each other.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

CACHE := $(abspath $(or $(REBUFFER_CACHE),.cache))
export REBUFFER_CACHE := $(CACHE)
# rustup's folder, for shells that did not read its profile.
export PATH := $(PATH):$(HOME)/.cargo/bin
ARGS ?=
# How long each parser is fuzzed.
FUZZ_SECONDS ?= 10

# In CI the lock file is law, and what cannot be set up is a failure instead of a skipped test.
LOCKED := $(if $(CI),--locked)

# ---------------------------------------------------------------------------------------------------------------------

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: toolchain dashboard try-archive ## Build and start the rig with its demo stream; ARGS="..." adds flags of `rebuffer up`
	@echo "Building the rig; the first time takes a few minutes."
	@exec cargo run $(LOCKED) --release -p rebuffer -- up --demo $(ARGS)

.PHONY: test
test: setup ## Run every test: dashboard, documentation examples, Rust, end to end, kernel, packagings
	cd dashboard && npm run test
	cargo build $(LOCKED) --workspace --bins
	cargo test $(LOCKED) --workspace --doc
	.ci/test $(LOCKED) --workspace
	$(MAKE) kernel
	$(MAKE) streams

.PHONY: check
check: toolchain dashboard ## Check format, lints, the rules of the house, licences and generated files
	cargo fmt --check
	.ci/test $(LOCKED) -p rebuffer-tidy
	$(MAKE) lint
	$(MAKE) current

.PHONY: e2e
e2e: setup ## Run the end-to-end tests alone
	cargo build $(LOCKED) --workspace --bins
	.ci/test $(LOCKED) -p rebuffer-e2e

# Timing is real here, so it stands beside the tests and not among them.
PLAYERS := tests/players/node_modules/.package-lock.json
# Servers and players of the matrix, beside those of the tests. Plugins are known by a file.
MATRIX := nginx:nginx-light vlc:vlc-bin gst-launch-1.0:gstreamer1.0-tools \
	'/usr/lib/*/vlc/plugins/demux/libadaptive_plugin.so:vlc-plugin-base' \
	'/usr/lib/*/gstreamer-1.0/libgstplayback.so:gstreamer1.0-plugins-base' \
	'/usr/lib/*/gstreamer-1.0/libgstsoup.so:gstreamer1.0-plugins-good' \
	'/usr/lib/*/gstreamer-1.0/libgsthls.so:gstreamer1.0-plugins-bad' \
	'/usr/lib/*/gstreamer-1.0/libgstlibav.so:gstreamer1.0-libav'

.PHONY: players
players: setup $(PLAYERS) ## Play with real players: the demo, each fault, a matrix of packagings; ARGS="--parts matrix --players vlc" picks
	@.ci/need "pairs that need it fail" $(MATRIX)
	cargo build $(LOCKED) -p rebuffer
	node tests/players/run.mjs $(ARGS)

.PHONY: streams
streams: setup $(PLAYERS) ## Play each packaging once with ffmpeg and once in Chromium, past the rig and through it
	@.ci/need "packagings are not played" nginx:nginx-light
	cargo build $(LOCKED) -p rebuffer
	@PATH=$$PATH:/usr/sbin; if command -v nginx >/dev/null && command -v chromium >/dev/null && command -v ffmpeg >/dev/null; \
		then node tests/players/run.mjs --parts matrix-short $(ARGS); else echo "skipped: packagings need nginx, chromium and ffmpeg"; fi

$(PLAYERS): tests/players/package.json tests/players/package-lock.json
	@echo "Fetching the players"
	cd tests/players && npm ci --no-audit --no-fund --no-update-notifier
	@touch $@

# Each of these also runs among the others on the machine's own kernel, as far as that goes.
KERNEL_TESTS := -p rebuffer-shaper --test kernel --test netem

.PHONY: kernel
kernel: toolchain ## Run the kernel tests in a virtual machine whose kernel lacks nothing; ARGS="..." picks tests
	@binaries=$$(cargo test $(LOCKED) $(KERNEL_TESTS) --no-run --message-format=json-render-diagnostics | \
		sed -nE 's/.*"kind":\["test"\].*"executable":"([^"]+)".*/\1/p'); \
	tests/kernel/run $$binaries -- --show-output $(ARGS)

.PHONY: bench
bench: toolchain dashboard ## Measure the rig against nginx, and links against what was asked, on this machine; AGAINST=<binary> measures an earlier rig in turns
	@.ci/need "nothing is measured" nginx:nginx-light wrk:wrk tcpdump:tcpdump
	cargo build $(LOCKED) --release -p rebuffer -p rebuffer-bench
	$${CARGO_TARGET_DIR:-target}/release/rebuffer-bench $(if $(AGAINST),--against "$(AGAINST)")
	$(if $(AGAINST),@:,cargo bench $(LOCKED) -p rebuffer-shaper --bench links | tee tests/bench/LINKS.md)

.PHONY: soak
soak: toolchain dashboard ## Count through half a minute of storm, watch memory for ten minutes; ARGS="storm" or "memory" does one
	cargo build $(LOCKED) --release -p rebuffer -p rebuffer-bench
	$${CARGO_TARGET_DIR:-target}/release/rebuffer-soak $(ARGS)

.PHONY: fuzz
fuzz: toolchain ## Fuzz each parser for FUZZ_SECONDS (10); ARGS="mpd cmcd" fuzzes these alone
	@.ci/need "nothing is fuzzed" c++:g++
	tests/fuzz/run $(FUZZ_SECONDS) $(ARGS)

.PHONY: fmt
fmt: toolchain npm ## Format everything
	cargo fmt
	cd dashboard && npm run format

.PHONY: lint
lint: toolchain dashboard ## Lint everything, warnings are errors
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings
	cd dashboard && npm run lint && npm run typecheck

# One line per generator, a document before what is made from it.
.PHONY: gen
gen: toolchain npm ## Write every generated file anew
	cargo build $(LOCKED) -q -p rebuffer
	@mkdir -p "$(CACHE)" schema/api/openapi
	target=$${CARGO_TARGET_DIR:-target}; for half in proxy archive; do \
		$$target/debug/rebuffer openapi $$half > "$(CACHE)/$$half.json"; \
		cmp -s "$(CACHE)/$$half.json" schema/api/openapi/$$half.json || cp "$(CACHE)/$$half.json" schema/api/openapi/; \
	done
	cargo run $(LOCKED) -q -p rebuffer-tables --example schema > "$(CACHE)/schema.sql"
	@cmp -s "$(CACHE)/schema.sql" schema/tables/schema.sql || cp "$(CACHE)/schema.sql" schema/tables/schema.sql
	cd dashboard && npm run gen

.PHONY: setup
setup: toolchain dashboard try-archive ## Install what the tests need, as far as this machine allows
	@.ci/need "tests that need it are skipped" chromium:chromium ffmpeg:ffmpeg curl:curl jq:jq openssl:openssl ip:iproute2

.PHONY: archive
archive: ## Fetch the library of the embedded archive (180 MB)
	@mkdir -p "$(CACHE)"
	@flock -o "$(CACHE)" forwarder/embedded/fetch.sh "$(CACHE)/chdb"

# ---------------------------------------------------------------------------------------------------------------------
# Steps of the targets above.

.PHONY: toolchain
toolchain:
	@for tool in cargo:rustup node:nodejs npm:npm cc:gcc; do \
		command -v "$${tool%:*}" >/dev/null || { echo "$${tool%:*} is missing: install $${tool#*:} first" >&2; exit 1; }; \
	done

# A machine without the library still plays, shapes and breaks; the rig says itself that nothing is kept.
.PHONY: try-archive
try-archive:
	@$(MAKE) archive || { test -z "$(CI)" && echo "Going on without the embedded archive." >&2; }

# The sums before and after, not `git diff`: what is current but not committed yet passes, as it should.
FINGERPRINT := find . \( -path './.*' -o -path ./target -o -name node_modules \) -prune -o -type f \
	\( -name '*.gen.ts' -o -path '*/openapi/*.json' -o -name schema.sql \) -exec sha256sum {} + | sort -k 2

.PHONY: current
current:
	@before=$$($(FINGERPRINT)); $(MAKE) gen; after=$$($(FINGERPRINT)); \
	diff <(echo "$$before") <(echo "$$after") || { echo "Generated files were not current: commit what make gen wrote." >&2; exit 1; }

.PHONY: npm dashboard
npm dashboard: %: toolchain
	@flock -o dashboard $(MAKE) -s $(if $(filter npm,$@),$(PACKAGES),$(PAGE))

# npm writes the first file last, and vite the second, so each stands for all that came with it.
PACKAGES := dashboard/node_modules/.package-lock.json
PAGE := dashboard/dist/index.html

$(PACKAGES): dashboard/package.json dashboard/package-lock.json
	@echo "Fetching the dashboard's packages"
	cd dashboard && npm ci --no-audit --no-fund --no-update-notifier
	@touch $@

# Folders are among the sources, so a deleted file counts as a change.
$(PAGE): $(PACKAGES) $(shell find dashboard -mindepth 1 \( -name node_modules -o -name dist \) -prune -o -print 2>/dev/null)
	@echo "Building the dashboard"
	cd dashboard && npm run build
	@touch $@
