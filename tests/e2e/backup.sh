#!/bin/bash
#
# backup.sh: backups and restores by the real program: a mistake taken back, another machine, kills at any moment,
# a running server, object storage.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

kills=${BACKUP_KILLS:-50}

# A tenant "acme" with so many worklogs.
mirror()
{
    start_sandbox --generate "worklogs=$1,issues=40,users=9,seed=3"
    add_tenant acme
    must tenon sync acme
}

newest_file()
{
    tenon backups "${1:-acme}" --json | jq -r '"\(.owner)/\(.file)"' | head -n 1
}

rows_of()
{
    tenon worklogs acme --json | sort
}

# So many worklogs go, by mistake.
lose()
{
    tenant_sql "DELETE FROM worklog WHERE client_worklog_id IN
        (SELECT client_worklog_id FROM worklog ORDER BY client_worklog_id LIMIT $1)"
}

a_mistake_is_taken_back()
{
    mirror 500
    rows_of >before
    must tenon backup acme
    lose 250
    is 'rows after the mistake' 250 "$(mirror_count)"
    refuses 75 acme --replace -- tenon restore acme
    must tenon restore acme --replace
    rows_of >after
    cmp before after || fail 'not every row is as it was'
    must tenon sync acme
    must tenon doctor
}

# A database that does not open any more is what backups are for.
a_damaged_tenant_is_restored()
{
    mirror 300
    rows_of >before
    must tenon backup acme
    dd if=/dev/urandom of="$TENON_DATA/tenants/$(tenant_id)/tenant.db" bs=8192 count=4 conv=notrunc status=none
    run tenon worklogs acme
    [[ $status != 0 ]] || fail 'the test damages the database'
    must tenon restore acme --replace
    rows_of >after
    cmp before after || fail 'not every row is as it was'
}

# The folder that another machine would have: the key and a file.
another_folder_takes_it()
{
    local file

    mirror 300
    rows_of >before
    must tenon backup --all
    file=$TENON_DATA/backups/$(newest_file)
    mkdir -p other/keys
    cp "$TENON_DATA/keys/file.key" other/keys/
    control=$(ls "$TENON_DATA"/backups/control/*.tenon)
    export TENON_DATA=$dir/other
    must tenon restore "$control" --control
    must tenon restore "$file"
    rows_of >after
    cmp before after || fail 'not every row came over'
    must tenon sync acme
    must tenon restore "$file" --replace --as acme-before
    is 'its new name' acme-before "$(tenon tenant list --json | jq -r .name)"
}

# Another provider key opens nothing.
a_foreign_key_is_named()
{
    local file

    mirror 50
    must tenon backup acme
    file=$TENON_DATA/backups/$(newest_file)
    export TENON_DATA=$dir/other
    start_sandbox --generate "worklogs=10,issues=4,users=2,seed=4"
    add_tenant third
    refuses 78 'key provider' "$file" -- tenon restore "$file"
}

a_flipped_byte_is_named()
{
    local file size at

    mirror 200
    must tenon backup acme
    file=$TENON_DATA/backups/$(newest_file)
    size=$(stat -c %s "$file")
    cp "$file" good
    for at in 0 9 13 30 60 200 400 $((size / 2)) $((size - 1)); do
        cp good "$file"
        printf '\xff' | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
        if cmp -s good "$file"; then
            printf '\x00' | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
        fi
        if tenon backup verify "$file" >out 2>err; then
            fail "byte $at was not noticed"
        fi
        grep -q "BAD" out || fail "byte $at: it is not named"
    done
    cp good "$file"
    must tenon backup verify "$file"
}

# Kills a command after a random part of its usual time.
kill_somewhere()
{
    local usual_us=$1 pid

    shift
    "$@" >/dev/null 2>&1 &
    pid=$!
    sleep "$(awk -v us="$usual_us" -v dice="$RANDOM" 'BEGIN { printf "%.6f", us / 1e6 * dice / 32768 * 1.2 }')"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# Microseconds that a command takes here and now.
usual()
{
    local from=${EPOCHREALTIME/./}

    "$@" >/dev/null
    echo $((${EPOCHREALTIME/./} - from))
}

a_backup_killed_anywhere_leaves_whole_files()
{
    local us n

    mirror 2000
    us=$(usual tenon backup acme)
    for ((n = 0; n < kills; n++)); do
        kill_somewhere "$us" "$tenon_exe" backup acme
    done
    must tenon backup verify acme --read-data 100%
    must tenon backup acme
    if compgen -G "$TENON_DATA/backups/*/*.part" >/dev/null; then
        fail 'a part of a file is left over'
    fi
    note "$(ls "$TENON_DATA"/backups/*/*.tenon | wc -l) whole files after $kills kills"
}

a_restore_killed_anywhere_leaves_old_or_new()
{
    local us n count

    mirror 2000
    must tenon backup acme
    us=$(usual tenon restore acme --replace)
    lose 1000
    for ((n = 0; n < kills; n++)); do
        kill_somewhere "$us" "$tenon_exe" restore acme --replace
        count=$(mirror_count)
        [[ $count == 1000 || $count == 2000 ]] || fail 'rows after a kill' '1000 or 2000' "$count"
        if [[ $count == 2000 ]]; then
            lose 1000
        fi
    done
    must tenon restore acme --replace
    is 'rows at the end' 2000 "$(mirror_count)"
    is 'what is left over' '' "$(find "$TENON_DATA/restore" -mindepth 1 -not -name '*.lock')"
}

drills_prove()
{
    mirror 100
    must tenon backup --all
    is 'proof before' unproven "$(tenon backups acme --json | jq -r .proof)"
    must tenon backup drill
    is 'proof after' good "$(tenon backups acme --json | jq -r .proof)"
    printf 'x' | dd of="$TENON_DATA/backups/$(newest_file)" bs=1 seek=300 conv=notrunc status=none
    refuses 74 'restore drill' damaged -- tenon backup drill acme
    is 'proof of a bad one' bad "$(tenon backups acme --json | jq -r .proof)"
}

# ---- object storage ----

start_s3()
{
    local here=$source_root/tests/s3 n

    command -v node >/dev/null && command -v npm >/dev/null ||
        skip 'the tests of object storage need Node and npm'
    (
        exec 9<"$here/package-lock.json"
        flock 9
        cmp -s "$here/package-lock.json" "$here/node_modules/.installed" ||
            (cd "$here" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 &&
                cp package-lock.json node_modules/.installed)
    ) >npm.log 2>&1 9<&- || skip 'npm could not install tests/s3'
    mkdir objects
    : >s3.log
    node "$here/server.mjs" "$dir/objects" >s3.log 2>s3.err &
    started+=($!)
    for ((n = 0; n < 300; n++)); do
        s3=$(sed -n 's/^s3 listening on //p' s3.log)
        [[ -z $s3 ]] || break
        sleep 0.1
    done
    [[ -n $s3 ]] || fail "the object storage did not start: $(cat s3.err)"
    printf 'S3RVER-secret-planted-9qZ' >secret
    chmod 600 secret
    export TENON_BACKUP_S3_ENDPOINT=$s3 TENON_BACKUP_S3_BUCKET=backups TENON_BACKUP_S3_REGION=eu-test-1
    export TENON_BACKUP_S3_KEY_ID=S3RVER TENON_BACKUP_S3_SECRET_FILE=$dir/secret
    export TENON_BACKUP_S3_PREFIX='one folder+ö&~(a)/' TENON_REMOTE_ALLOW_HTTP=yes TENON_REMOTE_ALLOW_PRIVATE=yes
}

storage_is()
{
    local status

    exec 8<>"/dev/tcp/127.0.0.1/${s3##*:}"
    printf 'PUT /-/mode HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' "${#1}" "$1" >&8
    read -r _ status _ <&8
    exec 8<&- 8>&-
    is "the mode $1" 204 "$status"
}

copies_go_to_object_storage_and_back()
{
    mirror "$1"
    start_s3
    rows_of >before
    must tenon backup acme
    must tenon backup copy acme
    is 'what was refused' '' "$(cat s3.err)"
    rm "$TENON_DATA"/backups/*/*.tenon
    must tenon backup fetch acme
    must tenon restore acme --replace
    rows_of >after
    cmp before after || fail 'not every row is as it was'
    if grep -rq 'S3RVER-secret' "$TENON_DATA"; then
        fail 'the secret is in the data folder'
    fi
    # It is found there by its name, and goes with the tenant.
    (($(find objects -name '*.tenon*' | wc -l) > 0)) || fail 'the copies are there' some none
    must tenon tenant erase acme --yes
    is 'copies of an erased tenant' '' "$(find objects -name '*.tenon*')"
    is 'what was refused at last' '' "$(cat s3.err)"
}

# What a storage can do wrong is noticed, and nothing is remembered as copied that is not there.
a_bad_storage_is_noticed()
{
    local mode

    mirror 300
    start_s3
    for mode in slow flaky encrypts; do
        storage_is "$mode"
        must tenon backup acme
        must tenon backup copy acme
    done
    must tenon backup acme
    for mode in full refuse lose cut flip; do
        storage_is "$mode"
        if tenon backup copy acme >out 2>err; then
            fail "a storage that is $mode was believed"
        fi
        is "copied while it is $mode" null "$(tenon backups acme --json | head -n 1 | jq -r .copied)"
    done
    storage_is good
    must tenon backup copy acme
    [[ $(tenon backups acme --json | head -n 1 | jq -r .copied) != null ]] || fail 'it is there now'
    TENON_BACKUP_S3_KEY_ID=WRONG
    if tenon backup fetch acme >out 2>err; then
        fail 'another key was taken'
    fi
}

# ---- the server ----

serve()
{
    local turn

    : >"$dir/bg.out"
    start env TENON_REMOTE_ALLOW_HTTP=yes TENON_REMOTE_ALLOW_PRIVATE=yes "$@" "$tenon_exe" serve --listen 127.0.0.1:0
    for ((turn = 0; turn < 1200; turn++)); do
        if grep -q 'listening on port' "$dir/bg.out"; then
            base=http://127.0.0.1:$(sed -n 's/.*listening on port //p' "$dir/bg.out")
            return
        fi
        kill -0 "$bg_pid" 2>/dev/null || fail 'the server starts' 'its listening line' "$(cat "$dir/bg.err")"
        sleep 0.05
    done
    fail 'the server starts within a minute'
}

# ask METHOD PATH [curl's options…]: the body in $dir/answer
ask()
{
    local method=$1 path=$2

    shift 2
    curl -sSf -m 60 -o "$dir/answer" -X "$method" "$@" "$base$path"
}

sign_in()
{
    local link

    tenon admin >link.txt
    link=$(sed -n 's/.*#link=//p' link.txt)
    ask POST /api/v1/session -c jar -H 'Content-Type: application/json' \
        -d "{\"link\":\"$link\",\"password\":\"a long one for the tests\"}"
    ask GET /api/v1/me -b jar
    page=(-b jar -H "X-Tenon-CSRF: $(jq -r .csrf answer)")
}

the_server_takes_them_and_notices_a_restore()
{
    local turn bearer before count wrong

    command -v curl >/dev/null || skip 'this test needs curl'
    mirror 400
    bearer=$(tenon token add acme --name all --administrator --scopes read,write,admin --json | jq -r .token)
    serve
    sign_in
    if ask GET /api/v1/backups -H "Authorization: Bearer $bearer" 2>/dev/null; then
        fail "a tenant's administrator does not see the server's backups"
    fi
    ask POST /api/v1/backups "${page[@]}" -H 'Content-Type: application/json' -d '{}'
    is 'queued' 2 "$(jq .queued answer)"
    for ((turn = 0; turn < 600; turn++)); do
        ask GET /api/v1/backups "${page[@]}"
        [[ $(jq '.backups | length' answer) != 2 ]] || break
        sleep 0.1
    done
    json_is 'whose they are' '[.backups[] | .name, .proof, .on_disk]' '[null,"unproven",true,"acme","unproven",true]' answer
    ask GET '/api/v1/backups?tenant=acme' "${page[@]}"
    json_is 'of one tenant' '[[.backups[].name], .next]' '[["acme"],null]' answer
    ask GET '/api/v1/backups?tenant=control' "${page[@]}"
    json_is 'of the control data' '[.backups[].owner]' '["control"]' answer
    ask GET '/api/v1/backups?limit=1' "${page[@]}"
    json_is 'a page' '[.backups[].name]' '[null]' answer
    ask GET "/api/v1/backups?limit=1&cursor=$(jq -r .next answer)" "${page[@]}"
    json_is 'the page after it, the last' '[[.backups[].name], .next]' '[["acme"],null]' answer
    for wrong in limit=0 cursor=x tenant=nobody; do
        ! ask GET "/api/v1/backups?$wrong" "${page[@]}" 2>/dev/null || fail "refused: $wrong"
    done
    ask GET '/api/v1/data?tenant=acme' "${page[@]}"
    json_is 'sizes of what is stored' '[.bytes.tenant, .bytes.backups, .bytes.server, .bytes.server_backups, (.records[] | select(.name == "worklog" or .name == "backup_file" or .name == "audit_line") | .bytes)] | map(. > 0)' '[true,true,true,true,true,true,true]' answer
    ask GET /metrics
    grep -q '^tenon_backups 2$' answer || fail 'the metrics count them' 'tenon_backups 2' "$(grep backup answer)"
    grep -q '^tenon_backups_unproven 2$' answer || fail 'the metrics count those unproven'

    # Another process restores: the next request sees it.
    before=$(ask GET '/api/v1/worklogs?account=*&limit=1000' -H "Authorization: Bearer $bearer" && jq '.worklogs | length' answer)
    ((before > 100)) || fail 'the server shows them' 'more than 100' "$before"
    lose 300
    count=$(tenon worklogs acme --json | wc -l)
    is 'rows after the mistake' 100 "$count"
    must tenon restore acme --replace
    ask GET '/api/v1/worklogs?account=*&limit=1000' -H "Authorization: Bearer $bearer"
    is 'rows that the server shows' "$before" "$(jq '.worklogs | length' answer)"
    kill -TERM "$bg_pid"
    collect
    is 'the exit code of the server' 0 "$status"
}

check 'a mistake in one tenant is taken back, row for row' a_mistake_is_taken_back
check 'a tenant whose database is damaged is restored' a_damaged_tenant_is_restored
check 'another folder with the same key takes control data and tenant' another_folder_takes_it
check 'a folder with another key opens nothing and says why' a_foreign_key_is_named
check 'a flipped byte in a backup is named' a_flipped_byte_is_named
check 'a restore drill proves a backup, or says that it is bad' drills_prove
check 'the server takes backups, lists them, and notices a restore' the_server_takes_them_and_notices_a_restore
check_aside 'a backup that is killed anywhere leaves whole files only' a_backup_killed_anywhere_leaves_whole_files
check_aside 'a restore that is killed anywhere leaves the old state or the new' a_restore_killed_anywhere_leaves_old_or_new
check 'a copy goes to object storage and comes back' copies_go_to_object_storage_and_back 400
check 'a large copy goes in parts' copies_go_to_object_storage_and_back 70000
check 'object storage that is slow, full, refuses or lies is noticed' a_bad_storage_is_noticed
finish
