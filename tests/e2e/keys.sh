#!/bin/bash
#
# keys.sh: the keys of a folder: rotation, its interruption, other providers, shares.
#
# A rotation is killed (SIGKILL) 50 times at random points; after each, every comment must be readable, and
# in the end one run completes it. So is the way of all keyrings to another provider. The seed is printed; give
# it back in TENON_TEST_SEED.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

seed=${TENON_TEST_SEED:-$((SRANDOM % 100000))}
rounds=50
RANDOM=$seed
softhsm=/usr/lib/softhsm/libsofthsm2.so

mirrored()
{
    start_sandbox --generate worklogs="$1",users=10,issues=100,seed="$seed"
    add_tenant
    must tenon sync acme
    mirror_rows >before.rows
}

all_readable()
{
    mirror_rows >after.rows
    same_rows "$1" before.rows after.rows
}

rotation_is_invisible()
{
    mirrored 3000
    must tenon keys status acme --json
    json_is "one version" '[.[0].seals, .[0].database, (.[0].versions | length)]' '[1,1,1]'
    must tenon keys rotate acme
    all_readable "after the rotation"
    must tenon keys status acme --json
    json_is "all is in the second version" \
        '[.[0].seals, .[0].database, .[0].rotating, .[0].versions[0].values]' '[2,2,false,0]'
    refuses 75 'version 2' -- tenon keys retire acme 2
    must tenon keys retire acme 1
    all_readable "after the old version is gone"
    must tenon keys rotate --all
    must tenon keys retire control 1
    must tenon doctor --offline --deep
    must tenon sync acme --verify --json
    json_is "the site agrees" .drift 0
}

killed_50_times()
{
    local round landed=0 took began percent=100

    mirrored 20000
    began=$(ms)
    must tenon keys rotate acme
    took=$(($(ms) - began))
    must tenon keys retire acme 1
    for ((round = 1; round <= rounds; round++)); do
        start "$tenon_exe" keys rotate acme
        sleep "$(printf '0.%03d' $((RANDOM % (took < 900 ? took : 900) * percent / 100)))"
        kill -KILL "$bg_pid" 2>/dev/null || true
        collect
        case $status in
        137) landed=$((landed + 1)) percent=$((percent < 100 ? percent + 4 : 100)) ;;
        0) percent=$((percent * 3 / 4)) ;; # it came too late: the next ones come sooner
        *) fail "round $round: a rotation that goes on after a kill" "137 or 0" "$status: $(cat bg.err)" ;;
        esac
        ((round % 5)) || all_readable "after kill $round"
        must tenon doctor --offline
        # What is of no use any more makes room for the next versions.
        tenon keys status acme --json | jq -r '.[0] as $a | .[0].versions[] | select(.values == 0 and
            .version != $a.seals and .version != $a.database and ($a.rotating | not)) | .version' >old
        while read -r version; do must tenon keys retire acme "$version"; done <old
    done
    note "seed $seed: $landed of $rounds kills met the rotation alive; it takes $took ms"
    ((landed >= 20)) || fail "kills that met the rotation alive" "at least 20" "$landed"
    must tenon keys rotate acme
    all_readable "at the end"
    must tenon keys status acme --json
    json_is "nothing is left half" '[.[0].seals == .[0].database, .[0].rotating]' '[true,false]'
    is "files that a kill left behind" '' "$(find data -name '*.new*' -o -name '*-journal' -o -name '*.tmp')"
    must tenon doctor --offline --deep
}

# A program that wraps, and with the file kms.down at home does not.
write_kms()
{
    cat >kms <<'PROGRAM'
#!/bin/bash
[[ ! -e $HOME/kms.down ]] || exit 7
case $1 in
wrap) printf 'for %s:' "$2"; base64 -w 0 | rev ;;
unwrap) IFS= read -r -d : head; [[ $head == "for $2" ]] || exit 9; rev | base64 -d ;;
esac
PROGRAM
    chmod 700 kms
}

a_program_wraps()
{
    write_kms
    mirrored 300
    refuses 78 'keys.command' -- tenon keys rewrap --to command
    # One that wraps, and does not give it back: a key service with half of the rights.
    cat >half <<PROGRAM
#!/bin/bash
[[ \$1 == wrap ]] || exit 8
exec "$dir/kms" "\$@"
PROGRAM
    chmod 700 half
    refuses 78 'exit code 8' 'nothing was changed' -- env TENON_KEYS_COMMAND="$dir/half" "$tenon_exe" keys rewrap --to command
    is "the keys' folder" data/keys/file.key "$(echo data/keys/*)"
    all_readable "as before"
    export TENON_KEYS_COMMAND=$dir/kms
    must tenon keys rewrap --to command
    unset TENON_KEYS_COMMAND
    all_readable "wrapped by a program"
    refuses 75 'already' -- env TENON_KEYS_COMMAND="$dir/kms" "$tenon_exe" keys rewrap --to command
    mv data/keys/file.key aside.key
    all_readable "without the file"
    touch "$HOME/kms.down"
    refuses 78 'exit code 7' -- tenon worklogs acme
    rm "$HOME/kms.down"
    must tenon keys rotate acme
    must tenon keys split acme --shares 3 --threshold 2 --to shares
    mv data/tenants/*/tenant.key gone.key
    must tenon keys recover --share shares/share-3 --share shares/share-1
    all_readable "after its keyring came back from shares"
    must tenon keys rewrap --to file
    all_readable "wrapped by a file again"
}

# Every tenant and the control data, read with whatever provider the folder names.
all_open()
{
    local n

    must tenon tenant list --json
    is "the tenants" 'site1 site2 site3 site4' "$(jq -r .name out | sort | xargs)"
    for ((n = 1; n <= 4; n++)); do
        mirror_rows "site$n" >after.rows
        same_rows "$1, site$n" "before.$n" after.rows
    done
}

# only_by PROVIDER: what the other one needs is out of reach, and everything opens.
only_by()
{
    if [[ $1 == command ]]; then
        mv data/keys/file.key aside.key
        all_open "wrapped by the program alone"
        mv aside.key data/keys/file.key
    else
        touch "$HOME/kms.down"
        all_open "wrapped by the file alone"
        rm "$HOME/kms.down"
    fi
}

rewrap_killed_50_times()
{
    local n round began took landed=0 halves=0 done=0 percent=100 to=command other=file

    write_kms
    for ((n = 1; n <= 4; n++)); do
        start_sandbox --generate worklogs=200,users=5,issues=20,seed="$((seed + n))"
        add_tenant "site$n"
        must tenon sync "site$n"
        mirror_rows "site$n" >"before.$n"
    done
    began=$(ms)
    must env TENON_KEYS_COMMAND="$dir/kms" "$tenon_exe" keys rewrap --to command
    must tenon keys rewrap --to file
    took=$((($(ms) - began) / 2))
    for ((round = 1; round <= rounds; round++)); do
        start env TENON_KEYS_COMMAND="$dir/kms" "$tenon_exe" keys rewrap --to "$to"
        sleep "$(printf '0.%03d' $((RANDOM % (took < 900 ? took : 900) * percent / 100)))"
        kill -KILL "$bg_pid" 2>/dev/null || true
        collect
        # The one before may have been killed after its last step: then there is nothing left to do.
        if [[ $status == 0 ]] || { [[ $status == 75 ]] && grep -q ' already$' bg.err; }; then
            percent=$((percent * 3 / 4)) done=$((done + 1))
            only_by "$to"
            read -r to other <<<"$other $to"
        elif [[ $status == 137 ]]; then
            landed=$((landed + 1)) percent=$((percent < 100 ? percent + 4 : 100))
        else
            fail "round $round: a rewrap that goes on after a kill" "137 or 0" "$status: $(cat bg.err)"
        fi
        [[ ! -e data/keys/provider-next.conf ]] || halves=$((halves + 1))
        must tenon doctor --offline
        ((round % 5)) || all_open "after kill $round"
    done
    note "seed $seed: $landed of $rounds kills met it alive, $halves left it half way, $done ended it; it takes $took ms"
    ((landed >= 20 && halves >= 5)) || fail "kills that met it alive, and half way" "at least 20 and 5" "$landed and $halves"
    run env TENON_KEYS_COMMAND="$dir/kms" "$tenon_exe" keys rewrap --to "$to"
    [[ $status == 0 ]] || grep -q ' already$' err || fail "the last run completes it" 0 "$status: $(cat err)"
    only_by "$to"
    is "what a kill left behind" '' "$(find data -name '*.new*' -o -name '*-journal' -o -name '*.tmp' -o -name 'provider-next*')"
    must tenon doctor --offline --deep
    must tenon audit verify
}

a_token_wraps()
{
    if [[ ! -r $softhsm ]] || ! command -v softhsm2-util >/dev/null; then
        note "softhsm2 is not installed: keys in a PKCS#11 token are not tested"
        return
    fi
    export SOFTHSM2_CONF=$dir/hsm.conf
    mkdir tokens
    echo "directories.tokendir = $dir/tokens" >hsm.conf
    softhsm2-util --init-token --free --label tenon --so-pin 5678 --pin 1234 >/dev/null
    head -c 24 /dev/urandom | base64 -w 0 >aes # softhsm2-util reads a key's file up to its first zero byte
    softhsm2-util --import aes --aes --token tenon --pin 1234 --label root --id 01 >/dev/null
    (umask 077 && printf 1234 >pin)
    mirrored 300
    export TENON_KEYS_PKCS11_MODULE=$softhsm TENON_KEYS_PKCS11_TOKEN=tenon TENON_KEYS_PKCS11_KEY=root \
        TENON_KEYS_PKCS11_PIN_FILE=$dir/pin
    softhsm2-util --import aes --aes --token tenon --pin 1234 --label twice --id 02 >/dev/null
    softhsm2-util --import aes --aes --token tenon --pin 1234 --label twice --id 03 >/dev/null
    (umask 077 && printf 9876 >wrong.pin)
    refuses 78 'refuses the PIN' "$dir/wrong.pin" -- env TENON_KEYS_PKCS11_PIN_FILE="$dir/wrong.pin" "$tenon_exe" keys rewrap --to pkcs11
    has_not "the PIN in the sentence" err 9876
    refuses 78 'no PKCS#11 token "absent"' -- env TENON_KEYS_PKCS11_TOKEN=absent "$tenon_exe" keys rewrap --to pkcs11
    refuses 78 'no AES key labelled "absent"' -- env TENON_KEYS_PKCS11_KEY=absent "$tenon_exe" keys rewrap --to pkcs11
    refuses 78 'more than one AES key labelled "twice"' -- env TENON_KEYS_PKCS11_KEY=twice "$tenon_exe" keys rewrap --to pkcs11
    all_readable "after what was refused"
    must tenon keys rewrap --to pkcs11
    rm data/keys/file.key
    all_readable "wrapped in a token"
    must tenon keys rotate --all
    all_readable "rotated there"
    mv pin pin.gone
    refuses 78 'PIN file' -- tenon worklogs acme
    cp -p wrong.pin pin
    refuses 78 'refuses the PIN' -- tenon keys status acme
    mv pin.gone pin
    all_readable "with its PIN again"
}

shares_bring_the_file_back()
{
    mirrored 300
    must tenon keys split --shares 5 --threshold 3 --to shares
    cp data/keys/file.key right.key
    must tenon keys recover --share shares/share-1 --share shares/share-2 --share shares/share-3
    has "it says that it was there" out 'already'
    rm data/keys/file.key
    refuses 78 'file.key is missing' -- tenon worklogs acme
    refuses 65 'it takes 3' -- tenon keys recover --share shares/share-1 --share shares/share-2
    must tenon keys recover --share shares/share-5 --share shares/share-2 --share shares/share-4
    cmp right.key data/keys/file.key || fail "the key that came back" "the same" "another"
    all_readable "with the key that came back"
    head -c 32 /dev/urandom >data/keys/file.key
    refuses 75 'another key' -- tenon keys recover --share shares/share-1 --share shares/share-2 --share shares/share-3
}

a_server_rotates_what_it_has_open()
{
    local turn

    mirrored 3000
    start "$tenon_exe" serve --listen 127.0.0.1:0
    for ((turn = 0; turn < 600; turn++)); do
        grep -q 'listening on port' bg.out && break
        sleep 0.1
    done
    must tenon keys rotate acme
    for ((turn = 0; turn < 600; turn++)); do
        tenon keys status acme --json >now.json
        [[ $(jq -c '[.[0].database, .[0].rotating, .[0].versions[0].values]' now.json) != '[2,false,0]' ]] || break
        all_readable "while it is rotated"
        sleep 0.1
    done
    is "the database's version" 2 "$(jq '.[0].database' now.json)"
    refuses 75 'server' -- tenon keys rotate control
    kill -TERM "$bg_pid"
    collect
    all_readable "at the end"
}

check "a rotation changes nothing that is read, and its old version can be destroyed" rotation_is_invisible
check "a rotation that is killed 50 times at random points loses nothing" killed_50_times
check "keys wrapped by a program of the operator's, and back" a_program_wraps
check "a rewrap that is killed 50 times at random points loses no key" rewrap_killed_50_times
check "keys wrapped in a PKCS#11 token" a_token_wraps
check "the key file comes back from three of five shares" shares_bring_the_file_back
check "a running server rotates the keys of a tenant that it serves" a_server_rotates_what_it_has_open
finish
