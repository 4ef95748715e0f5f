#!/bin/bash
#
# erase.sh: [PL-08] a tenant goes with its keys, data and backups; a receipt remains; nothing comes back.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

mirrored()
{
    start_sandbox --generate worklogs="$1",users=4,seed=31
    add_tenant
    must tenon sync acme
}

nothing_left()
{
    is "folders of tenants" '' "$(ls data/tenants)"
    is "backups of the tenant" '' "$(find data/backups -path "*$1*" -type f 2>/dev/null)"
    refuses 66 acme -- tenon report acme
    must tenon receipt verify "data/receipts/$1.json"
    has "the receipt" out "Whole and unchanged" "$1" "this server's"
}

goes_with_receipt()
{
    local id key

    mirrored 300
    add_tenant other
    must tenon sync other
    id=$(tenant_id acme)
    must tenon backup acme
    refuses 64 acme --yes 'Nothing was done' -- tenon tenant erase acme
    must tenon tenant erase acme --yes --json
    head -n 1 out >statement
    is "what the receipt says" "[\"tenant\",\"$id\",1,1]" \
        "$(jq -c '[.kind, .tenant, .counts.keys, .counts.backups]' statement)"
    must tenon receipt key
    key=$(cat out)
    must tenon receipt verify "data/receipts/$id.json" --key "$key"
    has "the verdict" out "as you said"
    refuses 74 "signed by the key $key" -- tenon receipt verify "data/receipts/$id.json" --key "AAAA${key:4}"
    is "tenants" other "$(tenon tenant list --json | jq -r .name)"
    must tenon report other --json
    json_is "the other one's report" .count 300

    # Somebody without our data can check it too.
    cp "data/receipts/$id.json" receipt.json
    TENON_DATA=$dir/nowhere must tenon receipt verify receipt.json
    has "the verdict" out "Compare it with"
    sed -i 's/"keys":1/"keys":2/' receipt.json
    refuses 74 receipt.json changed -- tenon receipt verify receipt.json
}

# Killed at any moment: nothing of it can be read from then on, and the next run finishes it.
killed()
{
    local i id

    start_sandbox --generate worklogs=40,users=2,seed=32
    for ((i = 0; i < 50; i++)); do
        add_tenant
        must tenon sync acme
        must tenon backup acme
        id=$(tenant_id acme)
        "$tenon_exe" tenant erase acme --yes >killed.out 2>&1 &
        sleep "0.$(printf '%03d' $((RANDOM % 60)))"
        kill -KILL $! 2>/dev/null || true
        wait $! 2>/dev/null || true
        run tenon receipt replay
        is "the exit code of replay" 0 "$status"
        if [[ -e data/tenants/$id ]]; then # it had not begun
            must tenon report acme --json
            must tenon tenant erase acme --yes
        fi
        nothing_left "$id"
        is "receipts that are no receipts" '' "$(find data/receipts -name '*.tmp' -mmin +1)"
    done
}

# A copy of the whole folder, taken before: the receipts that were carried away erase it again.
comes_not_back()
{
    local id

    mirrored 100
    must tenon receipt key
    id=$(tenant_id acme)
    cp -a data older
    must tenon tenant erase acme --yes
    cp -a data/receipts carried
    TENON_DATA=$dir/older must tenon report acme --json
    TENON_DATA=$dir/older must tenon receipt replay "$dir/carried"
    has "what was done" out "erased again 1"
    is "tenants in the older copy" '' "$(ls older/tenants)"
    TENON_DATA=$dir/older refuses 66 acme -- tenon report acme
    echo '{}' >carried/rubbish.json
    TENON_DATA=$dir/older refuses 74 rubbish.json -- tenon receipt replay "$dir/carried"
    [[ -n $id ]]
}

# The same of a person; one who was readmitted stays, also when a backup from before is restored.
persons_come_not_back()
{
    local gone back file

    mirrored 100
    gone=$(tenon worklogs acme --json | jq -r .account | sort -u | sed -n 1p)
    back=$(tenon worklogs acme --json | jq -r .account | sort -u | sed -n 2p)
    must tenon receipt key
    must tenon backup acme
    file=$(find data/backups -path "*$(tenant_id acme)*" -name '*.tenon')
    cp "$file" kept.tenon
    cp -a data older
    must tenon person erase "$gone" --yes
    must tenon person erase "$back" --yes
    must tenon person readmit "$back"
    has "what was signed" <(ls data/receipts) "-readmitted.json"
    must tenon receipt verify "$(find data/receipts -name '*-readmitted.json')"
    has "the receipt" out "Readmitted: a person" "this server's"
    cp -a data/receipts carried
    TENON_DATA=$dir/older must tenon receipt replay "$dir/carried"
    has "what was done" out "erased again 0 tenants and 1 persons"
    is "who is in the older copy" "$back" "$(TENON_DATA=$dir/older tenon worklogs acme --json | jq -r .account | grep -xe "$gone" -e "$back" | sort -u)"
    must tenon restore ./kept.tenon --replace
    is "who is in the restored one" "$back" "$(tenon worklogs acme --json | jq -r .account | grep -xe "$gone" -e "$back" | sort -u)"
    has_not "no receipt names an account" <(cat data/receipts/*) "$gone" "$back"
}

restore_is_refused()
{
    local file

    mirrored 50
    must tenon backup acme
    file=$(find data/backups -path "*$(tenant_id acme)*" -name '*.tenon')
    cp "$file" kept.tenon
    must tenon tenant erase acme --yes
    refuses 77 erased -- tenon restore ./kept.tenon
    is "tenants" '' "$(ls data/tenants)"
}

check "[PL-08] an erased tenant leaves a receipt that anybody can check" goes_with_receipt
check_aside "[PL-08] an erasure that was killed 50 times is finished by the next run" killed
check "[PL-08] a copy of the whole folder taken before is erased again by the receipts" comes_not_back
check "[PL-10] a person who was erased is erased from an older copy, one who was readmitted stays" persons_come_not_back
check "[PL-08] a backup of an erased tenant is not restored" restore_is_refused
finish
