# Commands for developers; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help run build fmt lint test bench lab clean fuzz soak release deb systemd audit
CARGO ?= cargo
CONFIG ?= config/lanpulse.yaml

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## run the daemon with config/lanpulse.yaml (CONFIG=... for another file); ICMP needs root or CAP_NET_RAW
	$(CARGO) run -- --config.file $(CONFIG)

build: ## build target/release/lanpulse
	$(CARGO) build --release --locked

fmt: ## format the code
	$(CARGO) fmt

lint: ## check the format and run clippy; warnings are errors
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

test: ## run all tests and install the tools that they need (as root; without root those tests are skipped)
	tests/tools/install.sh
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  echo '$(CARGO) nextest run --locked' && $(CARGO) nextest run --locked; \
	else \
	  echo '$(CARGO) test --locked --lib --bins --tests' && $(CARGO) test --locked --lib --bins --tests; \
	fi
	$(CARGO) test --locked --doc

bench: ## run the benchmarks of docs/performance.md and their peers (as root); BAR=3 or BAR=1,2 for some of them
	@[ "$$(id -u)" = 0 ] || { echo 'make bench needs root: it measures in its own network namespaces' >&2; exit 1; }
	tests/tools/install.sh
	@[ -n "$(BAR)" ] || rm -rf "$${CARGO_TARGET_DIR:-target}/bench"
	$(CARGO) bench --locked --no-fail-fast --bench '*' -- $(BAR); \
	  end=$$?; echo; cat "$${CARGO_TARGET_DIR:-target}/bench/table.md"; exit $$end

lab: ## open a shell in a private LAN of 131,000 hosts, to try things (as root)
	tests/tools/install.sh
	tests/lab/lan.sh

fuzz: ## feed random input to all parsers, five minutes each (FUZZ_SECONDS=... for more)
	FUZZ_SECONDS=$${FUZZ_SECONDS:-300} $(CARGO) test --locked --test fuzz -- --nocapture --test-threads 2

soak: ## run half an hour on 10,000 targets with scans, walks, reloads and bad clients; nothing may grow (as root; MINUTES=...)
	$(CARGO) build --release --locked
	tests/soak.sh $${MINUTES:-30} $${CARGO_TARGET_DIR:-target}/release/lanpulse

audit: ## check licences, advisories and duplicates of the dependencies (needs cargo-deny)
	$(CARGO) deny --locked --config .config/deny.toml check

release: ## build binary, manual page, completions, SBOM and archive in target/dist
	packaging/release.sh

deb: release ## build the Debian package from the output of `make release` (needs cargo-deb)
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(CARGO) deb --profile dist --no-build --no-strip

systemd: ## test the Debian package on a booted Debian: unit, user, sandbox, restarts (as root; needs debootstrap)
	tests/systemd.sh target/debian/lanpulse_*.deb

clean: ## remove everything that was built or fetched
	$(CARGO) clean
	rm -rf .lab
