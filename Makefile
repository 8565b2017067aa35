# Each target is a few lines that call the real tool.

PREFIX ?= /usr
CARGO ?= cargo
TARGET_DIR ?= $(or $(CARGO_TARGET_DIR),target)
PROGRAMS = $(basename $(notdir $(wildcard src/bin/*.rs)))
SCRIPTS = $(shell find . \( -name target -o -name .git \) -prune -o -type f -perm -u+x \
	-exec awk 'FNR == 1 { if (/^\#!.*sh$$/) print FILENAME; nextfile }' {} +)

.PHONY: all demo check lint test differential fuzz soak bench install clean

# How long the slow proofs take: make fuzz SECONDS=60
SECONDS ?= 60

# What looks up accounts needs the C library's name service, which is loaded at run time. Everything else is linked
# statically, at a fixed address: it starts faster, and each idle supervise has 40 KB less memory of its own. Where
# there is no static C library, it is linked like the rest.
DYNAMIC = envuidgid setuidgid
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
ifneq ($(wildcard $(shell $(CC) -print-file-name=libc.a)),)
STATIC = $(filter-out $(DYNAMIC),$(PROGRAMS))
STATIC_FLAGS = -C target-feature=+crt-static -C relocation-model=static
endif

all:
	$(CARGO) build --release --locked $(addprefix --bin ,$(filter-out $(STATIC),$(PROGRAMS)))
ifdef STATIC
	RUSTFLAGS='$(RUSTFLAGS) $(STATIC_FLAGS)' \
		$(CARGO) build --release --locked --target $(HOST) $(addprefix --bin ,$(STATIC))
	install -m 755 $(STATIC:%=$(TARGET_DIR)/$(HOST)/release/%) $(TARGET_DIR)/release
endif

demo:
	$(CARGO) build --quiet --locked
	@demo/demo.sh $(TARGET_DIR)/debug

# Everything that must hold. The last lines are the test runner's own.
check:
	@tests/requirements.sh
	$(MAKE) --no-print-directory lint test

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --locked --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	CARGO_TARGET_DIR=$(TARGET_DIR)/fuzz $(CARGO) check --quiet --locked --manifest-path fuzz/Cargo.toml
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --locked --no-deps --document-private-items
	mandoc -Tlint -W warning,stop man/*.[78]
	shellcheck $(SCRIPTS) packaging/servicedir.openrc
	shellcheck --shell=sh tests/conformance/prelude.sh

test:
	$(CARGO) test --quiet --locked --lib
	# Most of these tests wait, so more of them than there are processors can run at a time.
	RUST_TEST_THREADS=8 $(CARGO) test --locked --test integration

# Random cases with our programs and the original's, for so many seconds.
differential:
	SVTOOLS_SECONDS=$(SECONDS) $(CARGO) test --locked --test integration generated:: -- --nocapture --test-threads=8

# Each target of fuzz/ for so many seconds.
fuzz:
	fuzz/run.sh $(SECONDS)

# What takes minutes: memory after 10,000 restarts and 10 GB of log, an idle tree for a minute.
soak:
	$(CARGO) test --locked --test integration soak:: -- --ignored --nocapture --test-threads=1

# Ours and those of daemontools, runit and s6, side by side, in about 20 minutes; writes BENCHMARKS.md and
# benches/chart.svg. For less: make bench ARGS=--quick, or ARGS='--only logging'.
bench:
	@tests/requirements.sh bench
	$(MAKE) --no-print-directory install DESTDIR= PREFIX=$(abspath $(TARGET_DIR))/bench/programs
	CARGO_TARGET_DIR=$(TARGET_DIR)/bench $(CARGO) bench --quiet --locked --bench bench -- $(ARGS)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/servicedir
	install -m 755 $(PROGRAMS:%=$(TARGET_DIR)/release/%) scripts/svscanboot \
		$(DESTDIR)$(PREFIX)/bin
	for page in man/*.[1-8]; do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; \
	done
	cp -r skeletons $(DESTDIR)$(PREFIX)/share/servicedir
	chmod -R u=rwX,go=rX $(DESTDIR)$(PREFIX)/share/servicedir

clean:
	$(CARGO) clean
