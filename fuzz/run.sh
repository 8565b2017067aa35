#!/bin/sh
# Runs every fuzz target (or those named) for so many seconds each: fuzz/run.sh SECONDS [TARGET...]
set -eu
cd "$(dirname "$0")"

seconds=$1
shift
host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-target}

# Coverage for libFuzzer from the stable compiler, for our code and not for build scripts.
RUSTFLAGS='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1' \
    cargo build --quiet --release --locked --target "$host" --target-dir "$target_dir"

# shellcheck disable=SC2046 # a list of names
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | grep -v servicedir)
for name; do
    mkdir -p "corpus/$name"
    # A run that takes over 2 s, or memory that grows beyond 512 MB, is a failure like a crash.
    log=$("$target_dir/$host/release/$name" -max_total_time="$seconds" -timeout=2 -rss_limit_mb=512 \
        -max_len=8192 -print_final_stats=1 "corpus/$name" 2>&1) || {
        printf '%s\n' "$log" >&2
        echo "fuzz: $name failed" >&2
        exit 1
    }
    printf '%s\n' "$log" | awk -v name="$name" '
        /number_of_executed_units/ { runs = $2 }
        /peak_rss_mb/ { memory = $2 }
        END { printf "fuzz: %-12s %12d runs, %d MB, no crash, no hang\n", name, runs, memory }'
done
