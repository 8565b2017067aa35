# Each target is a few lines that call the real tool.

PREFIX ?= /usr
CARGO ?= cargo
TARGET_DIR ?= $(or $(CARGO_TARGET_DIR),target)
PROGRAMS = $(filter-out servicedir,$(basename $(notdir $(wildcard src/bin/*.rs))))
# The heavier programs, each a crate of the same name.
CRATES = $(patsubst crates/%/src/main.rs,%,$(wildcard crates/*/src/main.rs))
VERSION = $(shell sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q;}' Cargo.toml)
# Where zsh looks for completions, below PREFIX/share. Debian has a place of its own for those of packages.
ZSH ?= zsh/site-functions
SOURCES = $(shell find . \( -name target -o -name .git \) -prune -o -type f -name '*.rs' -print)
SCRIPTS = $(shell find . \( -name target -o -name .git \) -prune -o -type f -perm -u+x \
	-exec awk 'FNR == 1 { if (/^\#!.*sh$$/) print FILENAME; nextfile }' {} +)

.PHONY: all demo demo-skynet check requirements lint test hammer differential fuzz soak chaos throughput bench install deb rpm \
	packaging-check clean

# How long the slow proofs take: make fuzz SECONDS=60
SECONDS ?= 60

# Two programs are files of their own, all others are one file with many names. scripts/link.sh says why, and how each is
# linked.
DYNAMIC = envuidgid setuidgid
TOGETHER = $(filter-out $(DYNAMIC),$(PROGRAMS))
DYNAMIC_FLAGS = $(shell CC='$(CC)' scripts/link.sh dynamic)
STATIC_FLAGS = $(shell CC='$(CC)' scripts/link.sh static)
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

# Says what a first build needs, where the messages of make would not.
define toolchain
@command -v $(firstword $(CARGO)) >/dev/null || { echo 'make: there is no $(CARGO): install Rust 1.85 or newer (https://rustup.rs)' >&2; exit 1; }
@command -v cc >/dev/null || { echo 'make: there is no cc, which links: apt-get install gcc, or dnf install gcc' >&2; exit 1; }
endef

all:
	$(toolchain)
	for program in $(DYNAMIC); do \
		$(CARGO) rustc --release --locked --bin $$program -- $(DYNAMIC_FLAGS) || exit 1; \
	done
	RUSTFLAGS='$(RUSTFLAGS) $(STATIC_FLAGS)' $(CARGO) build --release --locked --target $(HOST) --bin servicedir
	install -m 755 $(TARGET_DIR)/$(HOST)/release/servicedir $(TARGET_DIR)/release
	for program in $(TOGETHER); do \
		ln -f $(TARGET_DIR)/release/servicedir $(TARGET_DIR)/release/$$program || exit 1; \
	done
ifneq ($(CRATES),)
	$(CARGO) build --release --locked $(addprefix --package ,$(CRATES))
endif

demo:
	$(toolchain)
	@demo/demo.sh
	$(CARGO) build --locked
	@demo/demo.sh $(TARGET_DIR)/debug

# A process through two participants of SkyNET; needs an installed RabbitMQ, and jq.
demo-skynet:
	$(toolchain)
	@crates/skynet/demo/skynet.sh
	$(CARGO) build --locked --workspace
	@crates/skynet/demo/skynet.sh $(TARGET_DIR)/debug

# Everything that must hold. The last lines are the test runner's own.
check: requirements
	$(MAKE) --no-print-directory lint test

# The only target that installs anything: as root on Debian, what `make check` needs, or with FOR=bench what `make bench`
# needs. Otherwise it says what is missing, and fails.
FOR ?= check
requirements:
	@tests/requirements.sh $(FOR)

# Of what needs a newer Rust than Cargo.toml promises, clippy sees all but let chains, which rustfmt refuses in an
# older edition.
lint:
	$(CARGO) fmt --all --check
	@rustfmt --edition 2021 --style-edition 2024 --check $(SOURCES)
	$(CARGO) clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	CARGO_TARGET_DIR=$(TARGET_DIR)/fuzz $(CARGO) check --quiet --locked --manifest-path fuzz/Cargo.toml
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --locked --workspace --no-deps --document-private-items
	mandoc -Tlint -W warning,stop man/*.[78] crates/*/man/*.[78]
	shellcheck --external-sources $(SCRIPTS) demo/stage.sh packaging/servicedir.openrc
	shellcheck --shell=sh tests/conformance/prelude.sh

# Most of the integration tests wait, so more of them than there are processors can run at a time.
test:
	$(CARGO) test --quiet --locked --lib
	$(CARGO) test --quiet --locked --package skynet-core --package skynet --package exo --lib --bins
	$(CARGO) build --quiet --locked --workspace
	RUST_TEST_THREADS=8 $(CARGO) test --quiet --locked --package skynet --package exo --test integration
	PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --quiet --start-directory crates/exo/python/tests
	RUST_TEST_THREADS=8 $(CARGO) test --locked --test integration

# All integration suites, again and again on a busy machine, and a table of what failed how often. A new test alone:
# make hammer RUNS=50 PINNED=10 SUITES=root ONLY=module::name
hammer:
	@RUNS=$(RUNS) LOAD=$(LOAD) PINNED=$(PINNED) JOBS=$(JOBS) SUITES='$(SUITES)' ONLY='$(ONLY)' CARGO='$(CARGO)' tests/hammer.py

# Random cases with our programs and the original's, for so many seconds.
differential:
	SVTOOLS_SECONDS=$(SECONDS) $(CARGO) test --locked --test integration generated:: -- --nocapture --test-threads=8

# Each target of fuzz/ for so many seconds.
fuzz:
	fuzz/run.sh $(SECONDS)

# What takes minutes: memory after 10,000 restarts and 10 GB of log, an idle tree for a minute.
soak:
	$(CARGO) test --locked --test integration soak:: -- --ignored --nocapture --test-threads=1

# 10,000 items while exo, logic and broker are killed at random, twice, in about 15 minutes: make chaos SEED=7
chaos:
	$(CARGO) build --quiet --locked --workspace
	SEED=$(SEED) $(CARGO) test --locked --package exo --test integration chaos:: -- --ignored --nocapture --test-threads=1

# Items a second beside python3-pika (in PIKA_PATH, if it is not installed), and the memory of exo.
throughput:
	$(CARGO) build --quiet --locked --profile bench --workspace --bins
	$(CARGO) test --locked --profile bench --package exo --test integration throughput:: -- --ignored --nocapture --test-threads=1

# Ours and those of daemontools, runit and s6, side by side, in about 20 minutes; writes BENCHMARKS.md and
# benches/chart.svg. For less: make bench ARGS=--quick, or ARGS='--only logging'.
bench:
	@$(MAKE) --no-print-directory requirements FOR=bench
	$(MAKE) --no-print-directory install DESTDIR= PREFIX=$(abspath $(TARGET_DIR))/bench/programs
	CARGO_TARGET_DIR=$(TARGET_DIR)/bench $(CARGO) bench --quiet --locked --bench bench -- $(ARGS)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/servicedir
	install -m 755 $(DYNAMIC:%=$(TARGET_DIR)/release/%) $(CRATES:%=$(TARGET_DIR)/release/%) scripts/svscanboot \
		$(DESTDIR)$(PREFIX)/bin
	install -m 755 $(TARGET_DIR)/release/servicedir $(DESTDIR)$(PREFIX)/bin/svscan
	cd $(DESTDIR)$(PREFIX)/bin && for program in $(filter-out svscan,$(TOGETHER)); do \
		ln -f svscan $$program || cp svscan $$program || exit 1; \
	done
	for page in man/*.[1-8] $(wildcard crates/*/man/*.[1-8]); do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; \
	done
	cp -r skeletons crates/skynet/packaging/participant-template $(DESTDIR)$(PREFIX)/share/servicedir
	cp -r crates/skynet/skeletons $(DESTDIR)$(PREFIX)/share/servicedir
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/servicedir/python/SkyNET crates/exo/python/SkyNET/*.py
	chmod -R u=rwX,go=rX $(DESTDIR)$(PREFIX)/share/servicedir
ifneq ($(filter skynet,$(CRATES)),)
	$(call completions,bash,bash-completion/completions/skynet)
	$(call completions,zsh,$(ZSH)/_skynet)
	$(call completions,fish,fish/vendor_completions.d/skynet.fish)
endif

define completions
install -d $(dir $(DESTDIR)$(PREFIX)/share/$2)
$(TARGET_DIR)/release/skynet completions $1 >$(DESTDIR)$(PREFIX)/share/$2
endef

# Packages for Debian (needs debhelper, lintian) and for the kin of Fedora (needs rpmbuild, rpmlint).
deb: all
	rm -rf $(TARGET_DIR)/deb
	install -d $(TARGET_DIR)/deb/servicedir
	cp -r packaging/deb $(TARGET_DIR)/deb/servicedir/debian
	sed -i "s/VERSION/$(VERSION)/; s/DATE/$$(date -R -r CHANGELOG.md)/" $(TARGET_DIR)/deb/servicedir/debian/changelog
	cd $(TARGET_DIR)/deb/servicedir && SOURCE=$(CURDIR) dpkg-buildpackage --build=binary --no-sign
	lintian --fail-on error,warning --info --tag-display-limit 0 $(TARGET_DIR)/deb/*.changes

rpm: all
	rm -rf $(TARGET_DIR)/rpm
	rpmbuild -bb --define '_topdir $(abspath $(TARGET_DIR))/rpm' --define 'version $(VERSION)' \
		--define 'source $(CURDIR)' packaging/rpm/servicedir.spec
	rpmlint --config packaging/rpm/rpmlint.toml $(TARGET_DIR)/rpm/RPMS/*/*.rpm

# The packages as an administrator tries them, in a view of this Debian: root, network, three minutes.
packaging-check: deb rpm
	packaging/check.sh deb $(TARGET_DIR)/deb
	packaging/check.sh rpm $(TARGET_DIR)/rpm

clean:
	$(CARGO) clean
