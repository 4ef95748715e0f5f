#!/bin/bash
#
# left_out.sh: what a server without pages embeds in their place. Meson calls it: left_out.sh OUT.c
#
# Why: pages need Node and npm at build time, and a server built without these is still whole for Jira, for
# programs and for metrics. A person who comes by browser is told so (left_out.html) instead of "not found", and
# the API's description is served all the same. The table is the one that embed.mjs writes, its bytes as they are.
set -euo pipefail

out=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pages=(/ /data /reports /settings /setup /sign-in /sync /time)

# bytes NAME FILE: a C array of the file's bytes.
bytes()
{
    printf '\nstatic const unsigned char %s[] = {\n' "$1"
    od -An -v -tu1 "$2" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
    printf '};\n'
}

# row PATH TYPE ARRAY FILE
row()
{
    local sum size

    sum=$(sha256sum "$4")
    size=$(wc -c <"$4")
    printf '    {"%s", "%s; charset=utf-8", "\\"%s\\"", false, false, %s, sizeof(%s), %d},\n' \
        "$1" "$2" "${sum:0:22}" "$3" "$3" "$size"
}

{
    printf '/* Written by web/left_out.sh; not to be edited. */\n#include "daemon/assets.h"\n'
    bytes page "$here/left_out.html"
    bytes openapi "$here/openapi.yaml"
    printf '\nconst struct asset assets_all[] = {\n'
    for path in "${pages[@]}"; do
        [[ $path != /reports ]] || row /openapi.yaml application/yaml openapi "$here/openapi.yaml"
        row "$path" text/html page "$here/left_out.html"
    done
    printf '};\nconst size_t assets_count = sizeof(assets_all) / sizeof(assets_all[0]);\n'
} >"$out"
