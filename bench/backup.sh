# backup.sh: backup and restore of one tenant, beside the tools that somebody would put together. Sourced by run.
# shellcheck shell=bash
#
# The peer works on a plain copy of the same database (its tools read no SQLCipher, so it decrypts nothing):
#   backup   sqlite3 .backup, zstd -3, age (or openssl enc -aes-256-ctr where age is not installed), sync
#   restore  the same back, sqlite3 .restore, sync
# Ours reads and writes the encrypted database, keeps a manifest, and holds each table against it. The second peer, the
# sqlcipher tool, begins and ends in an encrypted database too (one of the same settings; skipped where it is not installed):
#   backup   sqlcipher_export to a plain file, zstd -3, age, sync
#   restore  the same back, sqlcipher_export into an encrypted database, sync

peer_seal()
{
    if [[ $sealer == age ]]; then
        age -r "$(cat "$dir/age.public")"
    else
        openssl enc -aes-256-ctr -pbkdf2 -pass "file:$dir/peer.key"
    fi
}

peer_unseal()
{
    if [[ $sealer == age ]]; then
        age -d -i "$dir/age.key" "$1"
    else
        openssl enc -d -aes-256-ctr -pbkdf2 -pass "file:$dir/peer.key" -in "$1"
    fi
}

peer_backup()
{
    sqlite3 "$dir/plain.db" ".backup $dir/peer.copy"
    zstd -q -3 -c "$dir/peer.copy" | peer_seal > "$dir/peer.sealed"
    sync "$dir/peer.sealed"
    rm "$dir/peer.copy"
}

peer_restore()
{
    peer_unseal "$dir/peer.sealed" | zstd -q -d -c > "$dir/peer.copy"
    rm -f "$dir/peer.back"
    sqlite3 "$dir/peer.back" ".restore $dir/peer.copy"
    sync "$dir/peer.back"
    rm "$dir/peer.copy"
}

# cipher_export FROM FROM_KEY TO TO_KEY: a key is "x'…'", or nothing for a plain file
cipher_export()
{
    local settings='cipher_page_size = 8192; PRAGMA %scipher_hmac_algorithm = HMAC_SHA256;'
    local from='' to=''

    # shellcheck disable=SC2059 # the format is ours
    [[ -z $2 ]] || from="PRAGMA key = \"$2\"; PRAGMA $(printf "$settings" '')"
    # shellcheck disable=SC2059
    [[ -z $4 ]] || to="PRAGMA made.$(printf "$settings" 'made.')"
    rm -f "$3"
    sqlcipher -batch "$1" "$from ATTACH '$3' AS made KEY \"$4\"; $to
        PRAGMA made.journal_mode = OFF; PRAGMA made.synchronous = OFF; SELECT sqlcipher_export('made');"
}

cipher_backup()
{
    cipher_export "$dir/cipher.db" "$cipher_key" "$dir/cipher.plain" ''
    zstd -q -3 -c "$dir/cipher.plain" | peer_seal > "$dir/cipher.sealed"
    sync "$dir/cipher.sealed"
    rm "$dir/cipher.plain"
}

cipher_restore()
{
    peer_unseal "$dir/cipher.sealed" | zstd -q -d -c > "$dir/cipher.plain"
    cipher_export "$dir/cipher.plain" '' "$dir/cipher.back" "$cipher_key"
    sync "$dir/cipher.back"
    rm "$dir/cipher.plain"
}

# quotient THEIRS OURS: the median of the quotients, line by line
quotient()
{
    paste "$1" "$2" | awk '{ print $1 / $2 }' | median | xargs printf '%.2f'
}

# sums ONE OTHER
sums()
{
    paste "$1" "$2" | awk '{ print $1 + $2 }'
}

# seconds COMMAND…
seconds()
{
    local from=$EPOCHREALTIME

    "$@" > /dev/null
    awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }'
}

bench_backup()
{
    local id round sealer=openssl cipher_key=

    if [[ $mirrored != "$worklogs" ]]; then
        start_sandbox "$worklogs" 50000
        new_mirror
        "$bin/tenon" sync acme > /dev/null
        mirrored=$worklogs
    fi
    ninja -C "$bin" bench/bench-plain > /dev/null
    id=$("$bin/tenon" tenant list --json | jq -r .id)
    "$bin/bench/bench-plain" "$TENON_DATA" "$id" "$dir/plain.db"
    head -c 32 /dev/urandom | base64 -w 0 > "$dir/peer.key"
    if command -v age > /dev/null; then
        sealer=age
        rm -f "$dir/age.key"
        age-keygen -o "$dir/age.key" 2> /dev/null
        age-keygen -y "$dir/age.key" > "$dir/age.public"
    fi
    if command -v sqlcipher > /dev/null; then
        cipher_key="x'$(head -c 32 /dev/urandom | od -A n -t x1 | tr -d ' \n')'"
        cipher_export "$dir/plain.db" '' "$dir/cipher.db" "$cipher_key" > /dev/null
    fi
    rm -f "$dir"/backup.*
    for round in $(seq "$rounds"); do
        seconds "$bin/tenon" backup acme >> "$dir/backup.ours"
        seconds peer_backup >> "$dir/backup.peer"
        [[ -z $cipher_key ]] || seconds cipher_backup >> "$dir/backup.cipher"
        seconds "$bin/tenon" restore acme --replace >> "$dir/backup.back"
        seconds peer_restore >> "$dir/backup.peerback"
        [[ -z $cipher_key ]] || seconds cipher_restore >> "$dir/backup.cipherback"
    done
    sums "$dir/backup.ours" "$dir/backup.back" > "$dir/backup.round"
    sums "$dir/backup.peer" "$dir/backup.peerback" > "$dir/backup.peerround"
    row "backup of $worklogs worklogs: seconds" "$(median < "$dir/backup.ours")"
    row "  against sqlite3 .backup, zstd -3, $sealer" "$(quotient "$dir/backup.peer" "$dir/backup.ours")" '>= 1'
    row '  its size, MB (theirs)' "$(stat -c %s "$TENON_DATA"/backups/"$id"/*.tenon | tail -n 1 | awk '{ printf "%.0f", $1 / 1e6 }') ($(stat -c %s "$dir/peer.sealed" | awk '{ printf "%.0f", $1 / 1e6 }'))"
    measure "$dir/backup.memory" "$bin/tenon" backup acme
    row '  peak memory, MB' "$(jq -r '.peak_mb | round' "$dir/backup.memory.cost")" '<= 150'
    row 'restore: seconds' "$(median < "$dir/backup.back")"
    row '  against the same back' "$(quotient "$dir/backup.peerback" "$dir/backup.back")" '>= 1'
    measure "$dir/backup.memory" "$bin/tenon" restore acme --replace
    row '  peak memory, MB' "$(jq -r '.peak_mb | round' "$dir/backup.memory.cost")" '<= 150'
    row 'backup and restore: seconds' "$(median < "$dir/backup.round")"
    row '  against the same two' "$(quotient "$dir/backup.peerround" "$dir/backup.round")" '>= 1'
    if [[ -z $cipher_key ]]; then
        row "  against sqlcipher_export, zstd -3, $sealer" 'skipped' 'sqlcipher is not installed'
        return
    fi
    sums "$dir/backup.cipher" "$dir/backup.cipherback" > "$dir/backup.cipherround"
    row "backup against sqlcipher_export, zstd -3, $sealer" "$(quotient "$dir/backup.cipher" "$dir/backup.ours")" '>= 1'
    row '  restore' "$(quotient "$dir/backup.cipherback" "$dir/backup.back")" '>= 1'
    row '  both' "$(quotient "$dir/backup.cipherround" "$dir/backup.round")" '>= 1'
}
