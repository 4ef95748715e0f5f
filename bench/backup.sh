# backup.sh: backup and restore of one tenant, beside the tools that somebody would put together. Sourced by run.
# shellcheck shell=bash
#
# The peer works on a plain copy of the same database (its tools read no SQLCipher, so it decrypts nothing):
#   backup   sqlite3 .backup, zstd -3, age (or openssl enc -aes-256-ctr where age is not installed), sync
#   restore  the same back, sqlite3 .restore, sync
# Ours reads and writes the encrypted database, keeps a manifest, and holds each table against it.

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

# seconds COMMAND…
seconds()
{
    local from=$EPOCHREALTIME

    "$@" > /dev/null
    awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }'
}

bench_backup()
{
    local id round sealer=openssl

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
    rm -f "$dir"/backup.*
    for round in $(seq "$rounds"); do
        seconds "$bin/tenon" backup acme >> "$dir/backup.ours"
        seconds peer_backup >> "$dir/backup.peer"
        seconds "$bin/tenon" restore acme --replace >> "$dir/backup.back"
        seconds peer_restore >> "$dir/backup.peerback"
    done
    row "backup of $worklogs worklogs: seconds" "$(median < "$dir/backup.ours")"
    row "  against sqlite3 .backup, zstd -3, $sealer" \
        "$(paste "$dir/backup.peer" "$dir/backup.ours" | awk '{ print $1 / $2 }' | median | xargs printf '%.2f')" '>= 1'
    row '  its size, MB (theirs)' "$(stat -c %s "$TENON_DATA"/backups/"$id"/*.tenon | tail -n 1 | awk '{ printf "%.0f", $1 / 1e6 }') ($(stat -c %s "$dir/peer.sealed" | awk '{ printf "%.0f", $1 / 1e6 }'))"
    measure "$dir/backup.memory" "$bin/tenon" backup acme
    row '  peak memory, MB' "$(jq -r '.peak_mb | round' "$dir/backup.memory.cost")" '<= 150'
    row 'restore: seconds' "$(median < "$dir/backup.back")"
    row '  against the same back' \
        "$(paste "$dir/backup.peerback" "$dir/backup.back" | awk '{ print $1 / $2 }' | median | xargs printf '%.2f')" '>= 1'
}
