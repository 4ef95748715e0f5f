#!/bin/bash
#
# secrets.sh: nothing of a tenant can be read from the disk without its key.
#
# Unique texts are planted wherever people's words and secrets come in: comments, tag names, the token, the
# e-mail address, the tenant's name and address, account ids. Then the raw bytes of the whole data folder
# (databases, logs, shared memory, temporary files) are searched for them: at rest, while a sync runs, and
# after a kill. That the search would find them is tested first.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

comment='Plantedcomment xyzzyq quartz über'
later='Laterplanted comment vexillum'
tag='plantedtag ornithopter'
name=plantedname-basilisk

# seek FOLDER…: prints each planted text that is in a file or a file's name there, by bytes.
seek()
{
    local text account

    account=$(http GET '/sandbox/worklogs' | head -n 1 | jq -r .account)
    for text in "$comment" xyzzyq "$later" vexillum "$tag" ornithopter "$token" "$basic" "$email" "${email%@*}" \
        "$name" "127.0.0.1:$port" "$account" 'CREATE TABLE' 'SQLite format 3' client_worklog_id; do
        if LC_ALL=C grep -rqaF -e "$text" "$@" || find "$@" | grep -qF -e "$text"; then
            printf '%s\n' "$text"
        fi
        # The same in UTF-16, as a database could keep it.
        if LC_ALL=C grep -rqaP -e "$(printf %s "$text" | LC_ALL=C sed 's/./\\Q&\\E\\x00/g')" "$@"; then
            printf '%s in UTF-16\n' "$text"
        fi
    done
}

plant()
{
    mkdir -p temporary
    export TMPDIR=$dir/temporary SQLITE_TMPDIR=$dir/temporary
    start_sandbox --generate worklogs="$1",users=5,issues=20,comments=100,seed=61
    steer worklogs/edit "{\"id\":\"random\",\"count\":$(($1 / 5)),\"comment\":\"$comment\"}"
    pass_time
    must tenon tenant add "$url" --name "$name" --email "$email" --token-file token --allow-http --allow-private
}

nothing_planted_in()
{
    local what=$1

    shift
    is "$what" '' "$(seek "$@")"
}

# The search finds what is there: in the program's own output, and in a plain database.
search_finds()
{
    plant 300
    must tenon sync "$name"
    mkdir plain
    tenon worklogs "$name" --json >plain/rows
    has "comments are shown to who may see them" plain/rows "$comment"
    printf '%s %s %s' "$token" "$basic" "$email" >plain/credential
    printf 'xyzzyq' | sed 's/./&\x00/g' >plain/wide
    is "planted texts found where they are in the clear" "$(printf '%s\n' "$comment" xyzzyq 'xyzzyq in UTF-16' "$token" "$basic" "$email" "${email%@*}" | sort)" \
        "$(seek plain | grep -v '^[0-9a-f:-]*$' | sort)"
    [[ -n $(seek plain | grep '^[0-9a-f:-]*$') ]] || fail "the account id is found in the clear" "an account id" none
}

at_rest()
{
    local id

    plant 2500
    must tenon sync "$name"
    id=$(tenon worklogs "$name" --json --limit 1 | jq -r .id)
    must tenon tag "$name" "$id" --add "$tag"
    must tenon report "$name" --group tag
    has "tag names are shown in reports" out "$tag"
    must tenon worklogs "$name" --json --id "$id"
    json_is "and on their worklog" .tags "[\"$tag\"]"
    nothing_planted_in "planted texts at rest" data temporary
    steer worklogs/edit "{\"id\":\"$id\",\"comment\":\"$later\"}"
    pass_time
    must tenon sync "$name"
    must tenon sync "$name" --verify
    must tenon worklogs "$name" --id "$id"
    has "the new comment is shown" out "$later"
    nothing_planted_in "planted texts after an edit and a verification" data temporary
    must tenon tag "$name" "$id" --remove "$tag"
    steer worklogs/delete "{\"id\":\"$id\"}"
    pass_time
    must tenon sync "$name"
    must tenon report "$name" --csv
    nothing_planted_in "planted texts after removals" data temporary
    ! sqlite3 "data/tenants/$(tenant_id "$name")/tenant.db" .tables >plain 2>&1 || fail "plain SQLite cannot open the database" "an error" "$(cat plain)"
}

while_running()
{
    local turn copies=0

    plant 9000
    steer options '{"latency_ms":150}'
    start "$tenon_exe" sync "$name" --log
    for ((turn = 0; turn < 12; turn++)); do
        sleep 0.08
        kill -0 "$bg_pid" 2>/dev/null || break
        mkdir "copy.$turn"
        cp -r data temporary "copy.$turn/" 2>/dev/null || true # a file may go while it is copied
        copies=$((copies + 1))
        if ((turn == 3)); then
            is "the size that a core file may have" 0 "$(awk '/^Max core file size/ { print $5 }' "/proc/$bg_pid/limits")"
        fi
    done
    ((copies >= 5)) || fail "copies made while the sync ran" "at least 5" "$copies"
    [[ -n $(find copy.* -name '*-wal' -size +0) ]] || fail "some copy holds a log of the database that is not empty" "a -wal file" none
    nothing_planted_in "planted texts in $copies copies of a folder at work" copy.*
    steer options '{"latency_ms":0}'
    collect
    is "the exit code of the sync" 0 "$status"
    has_not "the output shows no comment" bg.out "$comment" "$email"
    has_not "the log shows no comment" bg.err "$comment" "$email"
    note "$copies copies, $(du -sm copy.* | awk '{ n += $1 } END { print n }') MB"
}

after_kill()
{
    local turn

    plant 6000
    steer options '{"latency_ms":90}'
    for turn in 1 2 3; do
        start "$tenon_exe" sync "$name"
        sleep "0.$((turn * 13 + 10))"
        kill -KILL "$bg_pid"
        collect
        nothing_planted_in "planted texts after kill $turn" data temporary
    done
    [[ -n $(find data -name '*-wal' -size +0) ]] || fail "a kill leaves a log of the database" "a -wal file" none
    start "$tenon_exe" sync "$name" --verify
    sleep 0.4
    kill -KILL "$bg_pid"
    collect
    nothing_planted_in "planted texts after the kill of a verification" data temporary
}

modes()
{
    start_sandbox --generate worklogs=50,users=3,seed=62
    umask "$1"
    add_tenant
    must tenon sync acme
    is "folders that others may enter" '' "$(find data -type d ! -perm 700)"
    is "keys that are not 0600" '' "$(find data -name '*.key' ! -perm 600)"
    is "files that are not 0600" '' "$(find data -type f ! -perm 600)"
    is "keys" 3 "$(find data -name '*.key' | wc -l)"
    is "temporary files" '' "$(find data -name '*.tmp')"
}

removed()
{
    local id

    plant 600
    add_tenant other
    must tenon sync "$name"
    must tenon sync other
    id=$(tenant_id "$name")
    must tenon tenant erase "$name" --yes
    [[ ! -e data/tenants/$id ]] || fail "the folder of a removed tenant" "gone" "$(ls "data/tenants/$id")"
    nothing_planted_in "planted texts after the erasure" data temporary
    is "tenants" other "$(tenon tenant list --json | jq -r .name)"
    same_as_source true other
}

policy_is_proved()
{
    plant 60
    must tenon policy verify
    has "what was looked at" out "2 databases held against the catalogue" "files" "bytes" "Nothing was found"
    must tenon policy verify --json
    json_is "what arrived" '[.arrived == .declared, .wrong, (.declared > 5)]' '[true,[],true]'
    is "what the run leaves" '' "$(ls -d "${TMPDIR:-/tmp}"/tenon-verify.* 2>/dev/null)"
    # A file and a table that nothing declares are named.
    : >data/notes.txt
    refuses 78 "see above" -- tenon policy verify
    has "the finding" out "notes.txt"
    rm data/notes.txt
}

# Neither errors nor the log show what people wrote.
outputs()
{
    plant 300
    exits 0 tenon sync "$name" --log --json
    grep -q '^{' err || fail "the log is JSON on standard error" "{…}" "$(head -c 200 err)"
    is "lines of the log that are not JSON" '' "$(jq -R 'try (fromjson | empty) catch .' err)"
    has_not "the log shows no comment, address or person" err "$comment" "$email" "$(http GET /sandbox/worklogs | head -n 1 | jq -r .account)"
    fault '{"kind":"html","path":"/worklog/list","times":-1}'
    run tenon sync "$name" --full --log
    has_not "an error shows nothing of the answer" err 'Something is not right' 'Log in'
    clear_faults
    fault "{\"kind\":\"redirect\",\"value\":\"https://login.example/?os_authType=$token\",\"path\":\"/worklog/updated\"}"
    run tenon sync "$name" --log
    has "a redirect is told by its host" err login.example
    has_not "and without its query" err os_authType
}

check "the search finds planted texts where they are in the clear" search_finds
check "at rest no comment, tag, token, address, person or schema is readable in the data folder" at_rest
check "while a sync runs nothing planted is readable in the folder, its logs and temporary files" while_running
check "after kills nothing planted is readable in what they left behind" after_kill
check "folders are 0700, keys and databases 0600" modes 022
check "they are, whatever the umask" modes 000
check "[PL-05] \`tenon policy verify\` finds nothing where the page does not allow it" policy_is_proved
check "a removed tenant leaves no file, and the others are untouched" removed
check "logs and errors show nothing that people wrote" outputs
finish
