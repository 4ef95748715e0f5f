#!/bin/bash
#
# audit.sh: the audit trail of the real programs: who opened which secret, signed in, administered, exported and
# deleted; that it is whole, and what is told when it is not; whom a leak would touch. PL-11, PL-13, EV-30.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

command -v curl >/dev/null || skip "skipped: this test needs curl"

password='correct horse battery'

serve()
{
    local turn

    : >"$dir/serve.out"
    "$tenon_exe" serve --listen 127.0.0.1:0 >"$dir/serve.out" 2>"$dir/serve.err" &
    serve_pid=$!
    started+=("$serve_pid")
    for ((turn = 0; turn < 1200; turn++)); do
        base=$(sed -n 's/.*listening on .*[^0-9]\([0-9][0-9]*\)$/http:\/\/127.0.0.1:\1/p' "$dir/serve.out")
        [[ -z $base ]] || return 0
        kill -0 "$serve_pid" 2>/dev/null || fail "the server starts" "its listening line" "$(cat "$dir/serve.err")"
        sleep 0.05
    done
    fail "the server starts within a minute" "its listening line" "$(cat "$dir/serve.err")"
}

stop_serving()
{
    local rc=0

    kill -TERM "$serve_pid"
    wait "$serve_pid" || rc=$?
    is "the exit code of the server" 0 "$rc"
}

# answers CODE METHOD PATH [curl's options…]
answers()
{
    local wanted=$1 method=$2 path=$3

    shift 3
    code=$(curl -s -m 60 -o "$dir/out" -w '%{http_code}' -X "$method" "$@" "$base$path") || code="curl $?"
    [[ $code == "$wanted" ]] || fail "the status of $method $path" "$wanted" "$code: $(head -c 300 "$dir/out")"
}

json_body=(-H 'Content-Type: application/json')

# The rows of the trail that pass, as [act, by, who, record, field, why, result] each, without nulls.
acts()
{
    must tenon audit --json "$@"
    jq -c '[.act, .by, .name, .record, .field, .why, .result] | map(select(. != null))' "$dir/out"
}

whole()
{
    must tenon audit verify
}

# ---- what is written ----

each_opening_has_one_line()
{
    start_sandbox --generate worklogs=40,users=3,seed=11
    add_tenant
    must tenon sync acme
    is "who opened what, and why" '["open_secret","operator","credential","login","sync","ok"]
["open_secret","operator","credential","token","sync","ok"]' "$(acts --act open_secret --tenant acme | grep '"sync"')"
    must tenon audit --act open_secret --json
    json_is "whom the machine knows" 'select(.why == "sync" and .field == "token") | [.who, .version, (.key | length)]' "[$(id -u),1,32]"
    is "what was done before" '["tenant_added","operator","ok"]' "$(acts --act tenant_added)"
    has_not "no text is in the trail" "$TENON_DATA/audit/$(date -u +%Y-%m).log" "$email" "$token" "$url" acme
    is "how the files may be read" 600 "$(stat -c %a "$TENON_DATA/audit/$(date -u +%Y-%m).log")"
    whole
}

unwritable_trail_refuses()
{
    local file

    start_sandbox --generate worklogs=40,users=3,seed=12
    add_tenant
    must tenon sync acme
    file=$TENON_DATA/audit/$(date -u +%Y-%m).log
    # A file in place of the folder: whoever may write anywhere could not write there either.
    mv "$TENON_DATA/audit" "$dir/audit.kept"
    : >"$TENON_DATA/audit"
    refuses 74 "$TENON_DATA/audit" -- tenon sync acme
    rm "$TENON_DATA/audit"
    mv "$dir/audit.kept" "$TENON_DATA/audit"
    must tenon sync acme
    [[ -s $file ]] || fail "the trail is back" "$file" ""
    whole
}

people_and_programs()
{
    local link me id api_token person cursor newest

    start_sandbox --generate "worklogs=200,users=5,issues=10,seed=3"
    add_tenant
    me=$(sed -n 's/.*as account \([^ ]*[^ .]\)\.*$/\1/p' "$dir/out")
    must tenon sync acme
    must tenon token add acme --name e2e --account "$me" --scopes read,write --json
    api_token=$(json .token)
    must tenon admin
    link=$(sed -n 's/.*#link=//p' "$dir/out")
    steer issues/create '{"project":"WEB","summary":"a place to write"}'
    serve
    answers 204 POST /api/v1/session -c "$dir/jar" "${json_body[@]}" -d "{\"link\":\"$link\",\"password\":\"$password\"}"
    answers 401 POST /api/v1/session "${json_body[@]}" -d '{"password":"wrong horse battery"}'
    answers 204 POST /api/v1/session -c "$dir/jar" "${json_body[@]}" -d "{\"password\":\"$password\"}"
    is "signing in" '["sign_in","admin","session","ok"]
["sign_in","nobody","administrator","password","denied"]
["sign_in","admin","session","ok"]' "$(acts --act sign_in)"

    # A person writes and deletes, by a token of theirs.
    answers 201 POST /api/v1/worklogs -H "Authorization: Bearer $api_token" "${json_body[@]}" \
        -d "$(jq -cn --arg issue "$(json .key "$dir/steered")" '{issue: $issue, started: "2026-06-10T09:00:00.000+0200", seconds: 3600, comment: "planted comment"}')"
    id=$(json .id)
    answers 204 DELETE "/api/v1/worklogs/$id" -H "Authorization: Bearer $api_token"
    answers 200 GET "/api/v1/worklogs.csv?from=2026-01-01&to=2026-12-31" -H "Authorization: Bearer $api_token"
    must tenon audit --act worklog_removed --json
    person=$(tenant_sql "SELECT id FROM person WHERE account_id = '$me'")
    json_is "who deleted which, and how they came in" '[.by, .name, .who, .record, .row, .result]' \
        "[\"person\",\"token\",$person,\"worklog\",$id,\"ok\"]"
    is "the export" '["exported","person","token","worklog","worklogs.csv","ok"]' "$(acts --act exported)"

    # The administrator reads it, in pages; a person who administers nothing does not.
    answers 200 GET "/api/v1/audit?limit=3" -b "$dir/jar"
    json_is "a page" '[.acts[0].act, (.acts | length), (.next == .acts[2].id)]' '["exported",3,true]'
    cursor=$(json .next) newest=$(json '.acts[0].id')
    answers 200 GET "/api/v1/audit?limit=3&cursor=$cursor" -b "$dir/jar"
    json_is "the page after it" '[.acts[].id | tonumber]' "[$((newest - 3)),$((newest - 4)),$((newest - 5))]"
    answers 200 GET "/api/v1/audit?limit=1&act=worklog_removed" -b "$dir/jar"
    json_is "the deletion" '[.acts[0].who, .acts[0].row, .acts[0].by]' "[\"$person\",\"$id\",\"person\"]"
    answers 200 GET "/api/v1/audit?limit=1000&act=sign_in&act=exported&by=person&by=admin" -b "$dir/jar"
    json_is "several acts, by several kinds of actors" '[.acts[] | .act, .by] | unique' '["admin","exported","person","sign_in"]'
    answers 200 GET "/api/v1/audit?limit=1000&by=person&who=$person" -b "$dir/jar"
    json_is "one person's" '[.acts[] | .by, .who] | unique' "[\"$person\",\"person\"]"
    answers 200 GET "/api/v1/audit?limit=1000" -b "$dir/jar"
    cursor=$(json '[.acts[] | select(.act == "open_secret")] | length') newest=$(json '[.acts[] | select(.act != "open_secret").id] | length')
    json_is "nothing was left out unasked" '.left_out' 0
    answers 200 GET "/api/v1/audit?limit=1000&leave_out=open_secret" -b "$dir/jar"
    json_is "without openings of secrets, and how many those are" \
        "[([.acts[].act] | index(\"open_secret\")), (.acts | length) >= $newest, .left_out >= $cursor, .left_out > 0]" '[null,true,true,true]'
    for cursor in act=nothing leave_out=nothing by=nothing who=x; do
        answers 422 GET "/api/v1/audit?$cursor" -b "$dir/jar"
    done
    answers 403 GET /api/v1/audit -H "Authorization: Bearer $api_token"
    stop_serving
    must tenon audit --act sign_in,exported --by person,admin --json
    json_is "the same by the command" '[inputs, .] | map(.act, .by) | unique' '["admin","exported","person","sign_in"]'
    must tenon audit --without open_secret --by person --who "$person"
    has_not "openings of secrets" "$dir/out" open_secret
    exits 64 tenon audit --without nothing
    exits 64 tenon audit --by nothing

    has_not "no text and no account is in the trail" "$TENON_DATA/audit/$(date -u +%Y-%m).log" \
        "$me" "$password" planted "${link:0:12}" "$api_token" WEB- "wrong horse"
    whole
    has "the server's log has the head" "$TENON_DATA/logs/$(date -u +%Y-%m-%d).log" '"event":"audit_anchor"'
    must tenon audit verify --json
    json_is "the anchors are in the trail" '[.fault_count, .anchors > 0, .anchors == .anchors_found]' '[0,true,true]'
}

# ---- what was done to it ----

# tampered WHAT TEXT: the trail is not whole, and the text says why
tampered()
{
    exits 74 tenon audit verify
    has "$1" "$dir/out" "$2"
    has "the sentence" "$dir/err" "the audit trail is not whole"
    cp "$dir/good.log" "$file"
    whole
}

damage_is_named()
{
    local file name month

    month=$(date -u +%Y-%m)
    start_sandbox --generate worklogs=20,users=3,seed=13
    add_tenant
    must tenon sync acme
    serve # its log gets the anchor
    stop_serving
    file=$TENON_DATA/audit/$month.log name=$month.log
    cp "$file" "$dir/good.log"
    sed -i '3s/"result":"ok"/"result":"no"/' "$file"
    tampered "a changed word" "$name line 3: changed"
    sed -i '3d' "$file"
    tampered "a removed line" "$name line 3: removed"
    sed -i '3{h;d};4{G}' "$file"
    tampered "two lines that changed places" "$name line 4: reordered"
    sed -i '3p' "$file"
    tampered "a line twice" "$name line 4: inserted"
    sed -i '$d' "$file"
    sed -i '$d' "$file"
    tampered "an end that was cut" "truncated: "
    truncate -s -20 "$file"
    tampered "a last line without its end" "unfinished"
    rm "$file"
    tampered "no file at all" "truncated: "

    # After a crash in the middle of a line the next act closes it, and that is no fault.
    truncate -s -20 "$file"
    must tenon sync acme
    run tenon audit verify
    has "the piece is told" "$dir/out" "a crash left, and that were closed: 1"
}

# ---- whom a leak touches ----

leaks()
{
    start_sandbox --generate worklogs=20,users=3,comments=100,seed=14
    add_tenant
    must tenon sync acme
    must tenon incident --from 2026-01-01 --json
    json_is "the tenant, and what was opened" '[.[] | select(.name == "acme") | .classes, ([.touched[] | select(.openings > 0) | .field] | sort)]' '[["SECRET"],["login","token"]]'
    json_is "the notice says what to do" '[.[] | select(.name == "acme").notice | test("Revoke the Jira API token") and test("Subject: Security notice")]' '[true]'
    must tenon incident --from 2020-01-01 --to 2020-02-01
    has "a time in which nothing was done" "$dir/out" "Nothing was touched."
    must tenon incident --key 1 --tenant acme --json
    json_is "a key opens what it sealed, and the database" '.[0] | [.database, (.classes | contains(["CONTENT", "PERSON", "SECRET"]))]' '[true,true]'
    json_is "how many comments" '.[0].touched | map(select(.record == "worklog" and .field == "comment").values > 0)' '[true]'
    must tenon incident --key 7 --tenant acme
    has "a key that nothing is sealed with" "$dir/out" "Nothing was touched."
    refuses 64 '--key' -- tenon incident --key zero
    refuses 64 '--from' -- tenon incident --from yesterday
}

check "each opening of a secret has one line, without a text" each_opening_has_one_line
check "what cannot be written down is not done" unwritable_trail_refuses
check "sign-ins, deletions and exports say who, and people are numbers" people_and_programs
check "each damage to the trail is found and named by file and line" damage_is_named
check "a leak's tenants and classes are listed, and the notice drafted" leaks
finish
