#!/bin/bash
#
# datacenter.sh: the main path against Jira Data Center: REST v2, Bearer with a personal access token, user
# keys instead of account ids, comments as text.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

add_datacenter()
{
    must tenon tenant add "$url" --name acme --pat-file token --allow-http --allow-private "$@"
}

adding()
{
    start_sandbox --datacenter --generate worklogs=20,users=3,seed=71
    refuses 65 "$url" 'Data Center' --pat-file -- tenon tenant add "$url" --name acme --email "$email" --token-file token --allow-http --allow-private
    [[ ! -e data ]] || fail "nothing is stored of a tenant with the wrong kind of credential" "no data folder" "$(ls data)"
    printf 'wr0ng' >wrong
    refuses 77 127.0.0.1 401 -- tenon tenant add "$url" --name acme --pat-file wrong --allow-http --allow-private
    add_datacenter --json
    json_is "what was added" '[.kind, .name, .account]' '["datacenter","acme","JIRAUSER10000"]'
    must tenon tenant list --json
    json_is "the list" .kind '"datacenter"'
    has_not "no call went to the Cloud's API" "$sandbox_log" /rest/api/3/
    start_sandbox --generate worklogs=20,users=3,seed=71
    refuses 65 "$url" 'Jira Cloud' --token-file -- tenon tenant add "$url" --name other --pat-file token --allow-http --allow-private
}

main_path()
{
    local live

    start_sandbox --datacenter --generate worklogs=12000,users=20,issues=200,deleted=100,seed=72
    add_datacenter
    http DELETE /sandbox/state >answer
    must tenon sync acme --json
    live=$(state .worklogs.live)
    json_is "the first sync" '[.mode, .stored, .deleted, .warnings]' "[\"full\",$live,0,[]]"
    at_most "calls for 1,000 worklogs" 2.2 "$(json ".requests * 1000 / $live")"
    same_as_source
    is "accounts that are not user keys" 0 "$(tenon worklogs acme --json | jq -r .account | grep -vc '^JIRAUSER[0-9]*$' || true)"
    has_not "no call went to the Cloud's API" "$sandbox_log" /rest/api/3/

    must tenon tag acme "$(jq -r '.[0]' mirror.rows | head -n 1)" --add kept
    steer worklogs/delete '{"id":"random","count":12}'
    steer worklogs/edit '{"id":"random","count":30,"comment":"h2. wiki *text*\r\nwith {code}two{code} lines"}'
    steer worklogs/create '{"count":9}'
    pass_time
    must tenon sync acme --json
    json_is "the next sync" '[.mode, .deleted, .warnings]' '["incremental",12,[]]'
    same_as_source
    must tenon sync acme --json
    at_most "calls with nothing new" 3 "$(json .requests)"
}

reports()
{
    start_sandbox --datacenter --generate worklogs=2000,users=5,seed=73
    add_datacenter
    must tenon sync acme
    must tenon report acme --group account --json
    json '.rows[] | [.account, .seconds, .count] | @tsv' | sort >report.rows
    http GET /sandbox/worklogs | jq -rs 'group_by(.account)[] | [.[0].account, (map(.seconds) | add), length] | @tsv' | sort >source.rows
    same_rows "the sums by user key" source.rows report.rows
    must tenon report acme --account JIRAUSER10001 --json
    json_is "worklogs of one user" .count "$(http GET /sandbox/worklogs | jq -s 'map(select(.account == "JIRAUSER10001")) | length')"
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

serve()
{
    local turn

    : >"$dir/bg.out"
    start env TENON_JOBS_POLL_S=3600 "$tenon_exe" serve --listen 127.0.0.1:0
    for ((turn = 0; turn < 1200; turn++)); do
        grep -q 'listening on port' "$dir/bg.out" && break
        kill -0 "$bg_pid" 2>/dev/null || fail "the server starts" "its listening line" "$(cat "$dir/bg.err")"
        sleep 0.05
    done
    base=http://127.0.0.1:$(sed -n 's/.*listening on port //p' "$dir/bg.out")/api/v1
}

# may_report NAME…: these groups alone. What was concluded before is not believed after it.
may_report()
{
    local names

    names=$(printf '"%s",' "$@")
    answers 200 PUT /settings "${admin[@]}" -H 'Content-Type: application/json' \
        -d "{\"access\":{\"report\":{\"everybody\":false,\"accounts\":[],\"groups\":[${names%,}]}}}"
}

groups_asked()
{
    state '.requests["GET /rest/api/{version}/user"] // 0'
}

# Groups have names there, and stand in the user (expand=groups). A token of ours is not the person before
# Jira, who then sees what is their own.
reports_over_http()
{
    local who own before

    command -v curl >/dev/null || skip "skipped: this needs curl"
    start_sandbox --datacenter --generate worklogs=2000,users=5,seed=76
    add_datacenter
    must tenon sync acme
    must tenon token add acme --name all --administrator --scopes read,write,admin --json
    admin=(-H "Authorization: Bearer $(json .token)")
    who=$(http GET /sandbox/worklogs | jq -rs '[.[].account | select(. != null)] | group_by(.) | map({who: .[0], n: length}) | sort_by(.n) | .[-2].who')
    must tenon token add acme --name one --account "$who" --scopes read --json
    person=(-H "Authorization: Bearer $(json .token)")
    own=$(http GET /sandbox/worklogs | jq -cs --arg who "$who" 'map(select(.account == $who)) | [(map(.seconds) | add), length]')
    serve

    answers 200 GET '/report?group=account&limit=50000' "${admin[@]}"
    json_is "the administrator's report" '[.seconds, .count]' "$(http GET /sandbox/worklogs | jq -cs '[(map(.seconds) | add), length]')"
    answers 200 GET '/report?group=account' "${person[@]}"
    json_is "the person's report" '[.seconds, .count]' "$own"
    json_is "nobody else is in it" '.rows | map(.account)' "[\"$who\"]"

    before=$(groups_asked)
    steer groups "{\"group\":\"Everybody Else\",\"account\":\"$who\",\"member\":true}"
    may_report 'Time Keepers'
    answers 403 GET '/report?group=account' "${person[@]}"
    has "the sentence" "$dir/out" "reports are not open to you"
    (($(groups_asked) > before)) || fail "the user was asked for with the groups" "more than $before" "$(groups_asked)"
    has_not "no call went to the Cloud's API" "$sandbox_log" /rest/api/3/ /user/groups

    steer groups "{\"group\":\"Time Keepers\",\"account\":\"$who\",\"member\":true}"
    may_report 'Time Keepers' 'Nobody At All'
    answers 200 GET '/report?group=account' "${person[@]}"
    json_is "the report of a member" '[.seconds, .count]' "$own"

    steer groups "{\"group\":\"Time Keepers\",\"account\":\"$who\",\"member\":false}"
    may_report 'Time Keepers'
    answers 403 GET '/report?group=account' "${person[@]}"
    kill -TERM "$bg_pid"
    collect
    is "the exit code of the server" 0 "$status"
}

verification()
{
    start_sandbox --datacenter --generate worklogs=2500,users=5,seed=74
    add_datacenter
    must tenon sync acme
    steer worklogs/silent_delete '{"id":"random","count":4}'
    steer worklogs/move '{"id":"random","count":3}'
    pass_time
    must tenon sync acme --verify --json
    json_is "what was extra and deleted" '[.extra, .deleted]' '[4,4]'
    same_as_source
    must tenon sync acme --verify --json
    json_is "the drift after it" .drift 0
}

token_goes()
{
    start_sandbox --datacenter --generate worklogs=300,users=5,seed=75
    add_datacenter
    must tenon sync acme
    steer token '{"expired":true}'
    refuses 77 127.0.0.1 401 'tenon tenant token' -- tenon sync acme
    steer token '{"expired":false}'
    must tenon tenant token acme --pat-file token
    steer worklogs/create '{"count":2}'
    pass_time
    must tenon sync acme
    same_as_source
    run tenon doctor
    is "the exit code of doctor" 0 "$status"
}

check "a Data Center is known as one, and takes a personal access token only" adding
check "its worklogs are mirrored by user key, at first and afterwards" main_path
check "reports sum up by user key" reports
check "reports over HTTP go by the groups of the user, and show a person their own" reports_over_http
check "a verification repairs its mirror" verification
check "an ended token is told, and replaced" token_goes
finish
