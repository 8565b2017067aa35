#!/bin/sh
# link.sh dynamic|static: prints the flags with which rustc links a program. `make all` calls it. skynet and exo need none:
# they look up accounts and hosts, so they use the shared C library, which is the default.
set -eu

# Prints the path of a library that comes with the C compiler, or nothing if there is none.
library() {
    path=$(${CC:-cc} -print-file-name="$1" 2>/dev/null) || return 0
    # Without the library, the compiler prints the name that it was given.
    [ ! -e "$path" ] || printf '%s\n' "$path"
}

case ${1-} in
dynamic)
    # setuidgid and envuidgid look up accounts through the name service of the C library, which loads its modules at run
    # time. So these two use the shared C library. By default they would also load GCC's unwinder; if the compiler has a
    # static copy of it, they contain that instead.
    unwinder=$(library libgcc_eh.a)
    [ -z "$unwinder" ] || printf '%s\n' "-L native=${unwinder%/*}/ -l static=gcc_eh"
    ;;
static)
    # All other programs are one file with many names, so that they share one copy in memory (docs/decisions.md 10). There
    # is one supervise for each service and one for each logger, so its memory and its start count. With these flags it
    # starts faster, and each idle supervise has 40 KB less memory of its own:
    #
    # crt-static                   The file contains the parts of the C library that it uses, and needs no dynamic loader.
    # relocation-model=static      The file is loaded at a fixed address.
    # separate-loadable-segments   The data begins at the start of a page, and takes as few pages as possible.
    #
    # `make all` passes them to cargo in RUSTFLAGS, together with --target: without --target, cargo would use them for build
    # scripts, too. If there is no static C library, the file is linked with the defaults of cargo.
    libc=$(library libc.a)
    [ -z "$libc" ] || printf '%s\n' \
        '-C target-feature=+crt-static -C relocation-model=static -C link-arg=-Wl,-z,separate-loadable-segments'
    ;;
*)
    echo 'usage: link.sh dynamic|static' >&2
    exit 100
    ;;
esac
