#!/bin/bash
#
# person.sh: [PL-10] what is held on one person is shown, handed over and erased, and [PL-09] a tenant's
# configuration goes out and in; both killed 50 times on their way. The seed is printed; TENON_TEST_SEED
# repeats it.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

command -v curl >/dev/null || skip "skipped: this test needs curl"

seed=${TENON_TEST_SEED:-$((SRANDOM % 100000))}
RANDOM=$seed
closed=5be24ba3f91c106033269289 # the accounts that Atlassian publishes for tests
active=5be24ad8b1653240376955d2

mirrored()
{
    start_sandbox --generate "worklogs=$1,users=${2:-4},issues=20,seed=44"
    add_tenant
    must tenon sync acme
}

# The person with most worklogs.
somebody()
{
    tenon worklogs acme --json | jq -r .account | LC_ALL=C sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }'
}

# rows_of ACCOUNT: how many rows are held
rows_of()
{
    tenon person show "$1" --tenant acme --json | jq '[.tenants[].records[].count] | add // 0'
}

# serve [NAME=VALUE…]: sets $base.
serve()
{
    local turn

    : >"$dir/bg.out"
    start env TENON_REMOTE_ALLOW_HTTP=yes TENON_REMOTE_ALLOW_PRIVATE=yes "$@" \
        "$tenon_exe" serve --listen "127.0.0.1:${server_port:-0}"
    for ((turn = 0; turn < 1200; turn++)); do
        if grep -q 'listening on port' "$dir/bg.out"; then
            server_port=$(sed -n 's/.*listening on port //p' "$dir/bg.out")
            base=http://127.0.0.1:$server_port
            return
        fi
        kill -0 "$bg_pid" 2>/dev/null || fail "the server starts" "its listening line" "$(cat "$dir/bg.err")"
        sleep 0.05
    done
    fail "the server starts within a minute" "its listening line" "$(cat "$dir/bg.out" "$dir/bg.err")"
}

stop_serving()
{
    kill -TERM "$bg_pid"
    collect
    is "the exit code of the server" 0 "$status"
}

# answers CODE METHOD PATH [curl's options…]: the body in $dir/out
answers()
{
    local wanted=$1 method=$2 path=$3 code

    shift 3
    code=$(curl -s -m 60 -o "$dir/out" -w '%{http_code}' -X "$method" "$@" "$base$path") ||
        fail "the server answers $method $path" "an answer" "curl $?"
    [[ $code == "$wanted" ]] || fail "the status of $method $path" "$wanted" "$code: $(head -c 300 "$dir/out")"
}

shown_and_gone()
{
    local account rows comment

    mirrored 400
    account=$(somebody)
    rows=$(tenon worklogs acme --json | jq -r .account | grep -cx "$account")
    must tenon person show "$account"
    has "the text" out 'acme' 'worklog: ' 'person: 1 row'
    must tenon person show "$account" --json
    json_is "what it is" '[.schema, .account_id, .tenants[0].held]' "[\"tenon.person/1\",\"$account\",true]"
    json_is "its worklogs" '[.tenants[].records[] | select(.record == "worklog") | .count, (.rows | length)]' "[$rows,$rows]"
    comment=$(jq -r '[.tenants[].records[] | select(.record == "worklog").rows[].comment | select(. != null)][0]' out)
    must tenon person export "$account" --to answer.json --json
    is "who can read the answer" 600 "$(stat -c %a answer.json)"
    has "the answer has the texts" answer.json "$(jq -cn --arg c "$comment" '$c')"

    refuses 64 'Nothing was done' -- tenon person erase "$account"
    must tenon person erase "$account" --yes --json
    json_is "what went" '[.tenant, .erased]' '["acme",true]'
    is "rows held" 0 "$(rows_of "$account")"
    is "worklogs of the account" 0 "$(tenon worklogs acme --json | jq -r .account | grep -cx "$account" || true)"
    refuses 66 'nothing is held' -- tenon person erase "$account" --yes

    # Jira still shows the account: nothing brings it back, and the proof finds nothing amiss.
    must tenon sync acme --verify --json
    json_is "the drift" .drift 0
    is "rows held after a verification" 0 "$(rows_of "$account")"
    has_not "no audit line names the account" <(cat data/audit/*) "$account"

    must tenon person readmit "$account" --tenant acme
    must tenon sync acme --verify
    is "worklogs after the person came back" "$rows" "$(tenon worklogs acme --json | jq -r .account | grep -cx "$account")"
    refuses 66 'was not erased' -- tenon person readmit "$account"
    refuses 65 'account id' -- tenon person show "$(printf 'a\nb')"
}

# Everything below the data folder is encrypted; what was erased is also gone from the pages that can be opened.
no_text_is_left()
{
    local account left

    mirrored 400
    account=$(somebody)
    tenant_sql "SELECT hex(comment) FROM worklog WHERE comment IS NOT NULL AND person =
        (SELECT id FROM person WHERE account_id = '$account')" >sealed
    must tenon person erase "$account" --yes
    has_not "the files" <(cat data/tenants/*/* | tr -d '\n') "$account"
    left=$(tenant_sql "SELECT count(*) FROM worklog WHERE hex(comment) IN ('$(head -n 1 sealed)')" | tail -n 1)
    is "sealed values" 0 "$left"
}

killed_while_erasing()
{
    local account round landed=0 begun=0 start_ms began rows

    start_sandbox --generate worklogs=9000,users=60,issues=100,seed="$seed"
    add_tenant
    must tenon sync acme
    must tenon export acme --to config.json
    began=$(ms)
    must tenon person show "$active" --tenant acme
    start_ms=$(($(ms) - began))
    for ((round = 1; round <= 50; round++)); do
        account=$(somebody)
        "$tenon_exe" person erase "$account" --yes >killed.out 2>&1 &
        sleep "0.$(printf '%03d' $((start_ms / 3 + RANDOM % (start_ms + 10))))"
        kill -KILL $! 2>/dev/null && landed=$((landed + 1))
        wait $! 2>/dev/null || true
        rows=$(rows_of "$account")
        if tenon person show "$account" --json | jq -e '.tenants[0] | .held and .erased' >answer; then
            begun=$((begun + 1))
        fi
        if ((rows > 0)); then
            must tenon person erase "$account" --yes
        fi
        is "rows held after round $round" 0 "$(rows_of "$account")"
        is "erasures that are not finished" 0 "$(tenant_sql 'SELECT count(*) FROM erased_person WHERE person IS NOT NULL')"
        is "rows of nobody that is there" 0 \
            "$(tenant_sql 'SELECT count(*) FROM worklog WHERE person NOT IN (SELECT id FROM person)')"
    done
    must tenon doctor
    note "seed $seed: $landed of 50 kills met it alive, $begun between its first step and its last"
}

out_and_in()
{
    mirrored 200
    tenant_sql "INSERT INTO special_day (day, worked) VALUES (20000, 0), (20007, 1)"
    tenant_sql "INSERT INTO access_person (access, person) SELECT 'log', id FROM person"
    must tenon tag acme "$(tenon worklogs acme --json | head -n 1 | jq -r .id)" --add 'billable hours'
    must tenon export acme --to first.json
    is "who can read it" 600 "$(stat -c %a first.json)"
    must tenon export acme
    cmp -s first.json out || fail "the same to a file and to standard output"
    json_is "a tag's name is opened" '[.records.tag[].name]' '["billable hours"]' first.json
    json_is "no worklogs, no tokens" '.records | has("worklog") or has("credential") or has("api_token")' false first.json
    must tenon tenant erase acme --yes
    add_tenant
    must tenon import acme first.json
    must tenon export acme --to second.json
    cmp -s first.json second.json || fail "export, erase, import, export gives the same bytes" "$(cat first.json)" "$(cat second.json)"

    # Written by another hand: laid out otherwise is fine, wrong is named and changes nothing.
    jq . first.json >laid_out.json
    must tenon import acme laid_out.json
    jq '.records.special_day[1].worked = "yes"' first.json >wrong.json
    refuses 65 'records.special_day, row 2' 'worked must be' -- tenon import acme wrong.json
    jq '.records.timesheet_setting[0].zone = "Mars/Olympus"' first.json >wrong.json
    jq -e '.records.timesheet_setting | length == 1' first.json >answer && refuses 65 zone -- tenon import acme wrong.json
    jq '.from = "https://other.example"' first.json >other.json
    refuses 75 '--other-site' -- tenon import acme other.json
    must tenon import acme other.json --other-site
    refuses 66 nowhere.json -- tenon import acme nowhere.json
    must tenon export acme --to second.json
    cmp -s first.json second.json || fail "what was refused changed nothing"
}

killed_while_importing()
{
    local round landed=0 start_ms began digest

    mirrored 100
    tenant_sql "INSERT INTO special_day (day, worked) VALUES (20000, 0)"
    must tenon export acme --to old.json
    jq -c '.records.tag = [range(1; 4001) | {id: ., name: "tag \(.)"}] |
        .records.worklog_tag = [range(1; 20001) | {client_worklog_id: ., tag: (. % 4000 + 1)}]' old.json >big.json
    began=$(ms)
    must tenon import acme big.json
    start_ms=$(($(ms) - began))
    must tenon export acme --to new.json
    must tenon import acme old.json
    for ((round = 1; round <= 50; round++)); do
        "$tenon_exe" import acme big.json >killed.out 2>&1 &
        sleep "0.$(printf '%03d' $((RANDOM % (start_ms + 5) % 1000)))"
        kill -KILL $! 2>/dev/null && landed=$((landed + 1))
        wait $! 2>/dev/null || true
        must tenon export acme --to now.json
        if cmp -s now.json new.json; then
            must tenon import acme old.json
        else
            cmp -s now.json old.json || fail "round $round: a killed import leaves the old or the new, nothing between"
        fi
    done
    must tenon import acme big.json
    must tenon doctor
    note "seed $seed: $landed of 50 kills met it alive"
}

by_http()
{
    local account bearer reader

    mirrored 300
    account=$(somebody)
    bearer=$(tenon token add acme --name all --administrator --scopes read,write,admin --json | jq -r .token)
    reader=$(tenon token add acme --name reader --account "$account" --scopes read --json | jq -r .token)
    server_port=''
    serve
    answers 403 GET "/api/v1/people/$account" -H "Authorization: Bearer $reader"
    answers 200 GET "/api/v1/me" -H "Authorization: Bearer $reader"
    answers 200 GET "/api/v1/people/$account" -H "Authorization: Bearer $bearer"
    json_is "what is held" '[.schema, (.tenants | length), .tenants[0].held]' '["tenon.person/1",1,true]'
    answers 200 GET "/api/v1/people/$account/export" -H "Authorization: Bearer $bearer"
    answers 200 GET "/api/v1/report?group=account" -H "Authorization: Bearer $bearer"
    has "the report has the account" out "$account"
    answers 200 GET /api/v1/configuration -H "Authorization: Bearer $bearer"
    mv out configuration.json
    answers 200 POST /api/v1/configuration -H "Authorization: Bearer $bearer" -H 'Content-Type: application/json' \
        --data-binary @configuration.json
    answers 422 POST /api/v1/configuration -H "Authorization: Bearer $bearer" -H 'Content-Type: application/json' -d '{}' ||
        answers 400 POST /api/v1/configuration -H "Authorization: Bearer $bearer" -H 'Content-Type: application/json' -d '{}'

    answers 200 DELETE "/api/v1/people/$account" -H "Authorization: Bearer $bearer"
    json_is "what went" .erased true
    # At once: the token, and the report's copy in memory.
    answers 401 GET "/api/v1/me" -H "Authorization: Bearer $reader"
    answers 200 GET "/api/v1/report?group=account" -H "Authorization: Bearer $bearer"
    has_not "the report" out "$account"
    answers 404 DELETE "/api/v1/people/$account" -H "Authorization: Bearer $bearer"

    # By another process: the running server follows.
    account=$(somebody)
    answers 200 GET "/api/v1/report?group=account" -H "Authorization: Bearer $bearer"
    has "the report has the other account" out "$account"
    must tenon person erase "$account" --yes
    answers 200 GET "/api/v1/report?group=account" -H "Authorization: Bearer $bearer"
    has_not "the report" out "$account"
    stop_serving
    has_not "no log line names an account" <(cat data/logs/* data/audit/*) "$account"
}

# With Atlassian's hosts in the sandbox.
serve_beside_atlassian()
{
    serve TENON_SERVER_PUBLIC_URL="http://127.0.0.1:${server_port:-1}" TENON_CONNECT_INSTALL_KEYS_URL="$url/install-keys" \
        TENON_OAUTH_API_URL="$url"
}

# Atlassian says which accounts were closed: to an app that is installed in the site.
reported_to_atlassian()
{
    local turn name id

    start_sandbox --generate worklogs=50,users=4,issues=10,seed=81
    server_port=''
    serve_beside_atlassian # finds a free port
    stop_serving
    serve_beside_atlassian
    steer connect/install "{\"app\":\"$base\"}"
    stop_serving
    name=$(tenon tenant list --json | jq -r .name)
    id=$(tenant_id "$name")
    "$sql_exe" "$TENON_DATA" "$id" "INSERT INTO person (id, account_id) VALUES (9001, '$closed'), (9002, '$active')"
    "$sql_exe" "$TENON_DATA" "$id" "INSERT INTO worklog (client_worklog_id, person, client_issue_id, created, updated, started,
        time_spent_seconds) VALUES (900001, 9001, 1, 1, 1, 1, 60), (900002, 9001, 1, 1, 1, 1, 60)"
    is "rows held before" 3 "$(tenon person show "$closed" --json | jq '[.tenants[].records[].count] | add')"
    serve_beside_atlassian # puts what is scheduled for the new tenant into the queue
    stop_serving
    "$sql_exe" "$TENON_DATA" control "UPDATE job SET due = 1 WHERE kind = 'custody.accounts'"
    serve_beside_atlassian
    for ((turn = 0; turn < 600; turn++)); do
        tenon person show "$closed" --json | jq -e '.tenants[0] | .held' >answer || break
        sleep 0.05
    done
    must tenon person show "$closed" --json
    json_is "the closed account" '[.tenants[0].held, .tenants[0].erased]' '[false,true]'
    must tenon person show "$active" --json
    json_is "the active one" '[.tenants[0].held, .tenants[0].erased]' '[true,false]'
    stop_serving
    has "what the sandbox was asked" "$sandbox_log" '/app/report-accounts/'
    is "whether the active one was reported" 0 "$("$sql_exe" "$TENON_DATA" "$id" \
        "SELECT count(*) FROM person WHERE reported IS NULL AND account_id = '$active'")"
    has_not "no log line names an account" <(cat data/logs/* data/audit/*) "$closed" "$active"
}

check_aside "PL-10: a person is shown, handed over, erased, stays away, and can be readmitted" shown_and_gone
check_aside "PL-10: nothing of an erased person is left in the folder" no_text_is_left
check_aside "PL-09: export, erase, import, export is byte-identical; what is wrong changes nothing" out_and_in
check_aside "PL-10, PL-09: the same by the API, and a running server forgets at once" by_http
check_aside "PL-10: accounts are reported to Atlassian, and a closed one is erased" reported_to_atlassian
settle
check "an erasure that is killed 50 times is finished, and nobody else's rows go" killed_while_erasing
check "an import that is killed 50 times leaves all or nothing" killed_while_importing
finish
