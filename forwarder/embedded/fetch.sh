#!/bin/sh
# Fetches libchdb.so, the ClickHouse engine of the embedded archive, into DIR and checks it.
#
#   fetch.sh DIR
#
# Needs npm and 800 MB of free space while it works (570 MB afterwards); needs no root. The version is pinned here and
# nowhere else: an upgrade changes `version` and the sums together. A library whose sum was checked once is marked by a
# stamp beside it and is not read again, so a second run is instant. DIR changes in one rename, never half-way.
set -eu

version=26.7.3-stable.1

say() { printf 'libchdb: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ $# -eq 1 ] || die "usage: fetch.sh DIR"
dir=$1

[ "$(uname -s)" = Linux ] || die "no verified build for $(uname -s): use a ClickHouse server instead (--archive URL)"
case $(uname -m) in
x86_64)
    package=@chdb/lib-linux-x64-gnu
    archive_sha256=c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad
    library_sha256=36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5
    ;;
*)
    die "no verified build for $(uname -m): use a ClickHouse server instead (--archive URL)"
    ;;
esac

library=$dir/libchdb.so
stamp=$dir/libchdb.stamp

# What a checked library looks like without reading it: its sum, its size and its time of change.
mark() { printf '%s %s\n' "$library_sha256" "$(stat -c '%s %Y' "$1")"; }
sum() { sha256sum "$1" | cut -d' ' -f1; }

if [ -f "$library" ]; then
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(mark "$library")" ]; then
        say "$version is already in $dir"
        exit 0
    fi
    say "checking $library"
    if [ "$(sum "$library")" = "$library_sha256" ]; then
        mark "$library" >"$stamp"
        say "$version is already in $dir"
        exit 0
    fi
    say "$library is not $version and will be replaced"
fi

command -v npm >/dev/null 2>&1 || die "npm is needed to fetch the library (Debian: apt-get install npm)"
mkdir -p "$dir" 2>/dev/null || die "cannot create $dir"
work=$(mktemp -d "$dir/.fetch.XXXXXX") || die "cannot write to $dir"
watcher=
trap 'test -z "$watcher" || kill "$watcher" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 1000000 ] || die "$dir has $((free / 1000)) MB free, 1000 MB are needed"

# npm is silent without a terminal; its cache lives in our directory, so its growth is the progress.
progress() {
    while sleep 5; do
        say "  $(du -sm "$work" 2>/dev/null | cut -f1) MB"
    done
}

say "fetching $package@$version (178 MB)"
progress &
watcher=$!
npm pack "$package@$version" --silent --pack-destination "$work" --cache "$work/cache" >"$work/name" 2>"$work/npm.log" ||
    die "npm could not fetch it: $(tail -n 5 "$work/npm.log")"
kill "$watcher" 2>/dev/null || true
watcher=

archive=$work/$(tail -n 1 "$work/name")
[ -f "$archive" ] || die "npm said it packed $archive, but it is not there"
got=$(sum "$archive")
[ "$got" = "$archive_sha256" ] || die "the package has sha256 $got, expected $archive_sha256: not used"

say "unpacking (566 MB)"
rm -rf "$work/cache"
tar -xzf "$archive" -C "$work" package/libchdb.so || die "the package could not be unpacked"
rm -f "$archive"
got=$(sum "$work/package/libchdb.so")
[ "$got" = "$library_sha256" ] || die "libchdb.so has sha256 $got, expected $library_sha256: not used"

chmod 644 "$work/package/libchdb.so"
rm -f "$stamp"
mv -f "$work/package/libchdb.so" "$library"
mark "$library" >"$stamp"
say "$version is in $dir"
