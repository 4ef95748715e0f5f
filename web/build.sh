#!/bin/bash
#
# build.sh: from the sources of the pages to the C source that the server embeds. Meson calls it:
#
#   build.sh OUT.c OUT.d
#
# The model: packages are in web/node_modules, the built pages in web/dist, both shared by every build folder
# and made again only when what they are made from has changed (a hash says so); OUT.c is written only when it
# would differ. So a second build folder costs a moment, and a build without network works once the first was
# done. OUT.d tells ninja what to watch. Needs Node 18 or newer and npm.
set -euo pipefail

out=$1 depfile=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
patience_s=300 # of npm

fail()
{
    printf 'web/build.sh: %s\n' "$*" >&2
    exit 1
}

inputs()
{
    printf '%s\n' package.json package-lock.json .npmrc tsconfig.json vite.config.ts index.html
    find src -type f ! -name '*.test.ts' | LC_ALL=C sort
}

version=$(node --version 2>/dev/null) || fail "the pages need Node 18 or newer; tools/setup build installs it, -Dpages=disabled builds without pages"
major=${version#v}
((${major%%.*} >= 18)) || fail "the pages need Node 18 or newer, and this is $version; or build without pages: meson configure -Dpages=disabled"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

install_packages()
{
    ! cmp -s package-lock.json node_modules/.installed || return 0
    timeout "$patience_s" npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=2 \
        --fetch-retry-mintimeout=1000 --fetch-timeout=30000 >"$log" 2>&1 9<&- || {
        tail -n 5 "$log" >&2
        fail "npm could not install the packages of the pages (npm ci in web/). With a network, or a cache that has them, build again; without: meson configure -Dpages=disabled"
    }
    cp package-lock.json node_modules/.installed
}

build_pages()
{
    local hash

    hash=$(inputs | xargs -d '\n' sha256sum | sha256sum)
    [[ ! -r dist/.inputs || $(<dist/.inputs) != "$hash" ]] || return 0
    node node_modules/typescript/bin/tsc --noEmit >"$log" 2>&1 9<&- || {
        cat "$log" >&2
        fail "the types of the pages do not fit (npm run check in web/)"
    }
    node node_modules/vite/bin/vite.js build --logLevel warn >"$log" 2>&1 9<&- || {
        cat "$log" >&2
        fail "the pages could not be built (npm run build in web/)"
    }
    printf '%s' "$hash" >dist/.inputs
}

out=$(realpath -m "$out") depfile=$(realpath -m "$depfile")
cd "$here"
exec 9<package-lock.json # one at a time, whatever the build folder
flock 9
install_packages
build_pages
node embed.mjs dist openapi.yaml "$out.new"
exec 9<&-
if cmp -s "$out.new" "$out"; then rm "$out.new"; else mv "$out.new" "$out"; fi

{
    printf '%s:' "$out"
    {
        inputs
        find src -type d
        printf '%s\n' openapi.yaml embed.mjs build.sh
    } | while IFS= read -r file; do printf ' \\\n  %s/%s' "$here" "${file// /\\ }"; done
    echo
} >"$depfile"
