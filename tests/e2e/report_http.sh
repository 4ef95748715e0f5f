#!/bin/bash
#
# report_http.sh: reports over HTTP say what the source says, of what the one who asks may see, as JSON, CSV
# and XLSX. The real server and the real sandbox, through curl.
#
# Usage: report_http.sh TENON TENON-SANDBOX E2E-SQL
. "$(dirname "$0")/lib.sh"

command -v curl >/dev/null || skip "skipped: this test needs curl"

# A sandbox, its mirror, a server, and two who ask: $admin and $person, as curl's options.
begin_server()
{
    local turn

    start_sandbox --generate worklogs=3000,issues=60,users=8,projects=3,seed=11
    add_tenant
    must tenon sync acme
    http GET /sandbox/worklogs >"$dir/source"
    account=$(jq -rs '[.[] | .account] | group_by(.) | map({a: .[0], n: length}) | sort_by(.n) | .[-2].a' "$dir/source")
    must tenon token add acme --name all --administrator --scopes read,write,admin --json
    admin=(-H "Authorization: Bearer $(json .token)")
    must tenon token add acme --name one --account "$account" --scopes read,write --json
    person=(-H "Authorization: Bearer $(json .token)")
    : >"$dir/bg.out"
    start env TENON_JOBS_POLL_S=3600 "$tenon_exe" serve --listen 127.0.0.1:0
    for ((turn = 0; turn < 1200; turn++)); do
        grep -q 'listening on port' "$dir/bg.out" && break
        kill -0 "$bg_pid" 2>/dev/null || fail "the server starts" "its listening line" "$(cat "$dir/bg.err")"
        sleep 0.05
    done
    base=http://127.0.0.1:$(sed -n 's/.*listening on port //p' "$dir/bg.out")/api/v1
}

end_server()
{
    kill -TERM "$bg_pid"
    collect
    is "the exit code of the server" 0 "$status"
}

# answers CODE METHOD PATH [curl's options…]: the body in $dir/out, the headers in $dir/head
answers()
{
    local wanted=$1 method=$2 path=$3 code

    shift 3
    code=$(curl -s -m 120 -o "$dir/out" -D "$dir/head" -w '%{http_code}' -X "$method" "$@" "$base$path") ||
        fail "the server answers $method $path" "an answer" "curl $?"
    [[ $code == "$wanted" ]] || fail "the status of $method $path" "$wanted" "$code: $(head -c 400 "$dir/out")"
}

json_body=(-H 'Content-Type: application/json')

# source EXPRESSION: over the list of the source's worklogs
source_of()
{
    jq -cs "$1" "$dir/source"
}

totals_are_the_sources()
{
    begin_server
    answers 200 GET '/report?group=account&order=group&limit=50000' "${admin[@]}"
    json_is "totals" '[.seconds, .count]' "$(source_of '[(map(.seconds) | add), length]')"
    json_is "rows" '.rows | map([.account, .seconds, .count])' \
        "$(source_of 'group_by(.account) | map([.[0].account, (map(.seconds) | add), length])')"
    json_is "nothing is hidden, it is whole" '[.hidden.issues, .state.complete, .state.stale_since]' '[0,true,null]'
    has "it is not kept by anybody" "$dir/head" "Cache-Control: no-store"
    # A person with every right sees the same.
    cp "$dir/out" "$dir/all"
    answers 200 GET '/report?group=account&order=group&limit=50000' "${person[@]}"
    is "the person's report" "$(cat "$dir/all")" "$(cat "$dir/out")"
    answers 200 GET '/report?group=issue&order=seconds:desc&top=5' "${person[@]}"
    json_is "the largest first" '.rows | map(.seconds)' \
        "$(source_of 'group_by(.issue) | map(map(.seconds) | add) | sort | reverse | .[:5]')"
    end_server
}

hidden_stays_hidden()
{
    local issue other kind seen

    begin_server
    issue=$(source_of 'group_by(.issue) | max_by(map(.seconds) | add) | .[0].issue' | tr -d '"')
    other=$(source_of "map(.issue | tostring) | map(select(. != \"$issue\")) | .[0]" | tr -d '"')
    http POST /sandbox/issues/conceal "{\"issue\":\"$issue\",\"account\":\"$account\"}" >"$dir/answer"
    seen="map(select((.issue | tostring) != \"$issue\"))"
    answers 200 GET '/report?group=issue&order=seconds:desc&limit=50000' "${person[@]}"
    json_is "totals without it" '[.seconds, .count, .hidden.issues]' "$(source_of "$seen | [(map(.seconds) | add), length, 1]")"
    json_is "no row of it" "[.rows[] | select(.issue == \"$issue\")] | length" 0
    json_is "no place of it in the order" '.rows_all' "$(source_of "$seen | map(.issue) | unique | length")"
    answers 200 GET "/report?issue=$issue" "${person[@]}"
    json_is "not when named" '[.seconds, .count, .hidden.issues]' '[0,0,1]'
    answers 200 GET '/report.csv?group=issue' "${person[@]}"
    has_not "not in CSV" "$dir/out" "$issue,"
    answers 200 GET '/worklogs.csv' "${person[@]}"
    has_not "not in the rows" "$dir/out" ",$issue,"
    answers 200 GET '/worklogs.csv' "${admin[@]}"
    has "the administrator sees it" "$dir/out" ",$issue,"
    answers 200 POST /labels "${person[@]}" "${json_body[@]}" -d "{\"issues\":[\"$issue\",\"$other\"],\"accounts\":[\"$account\",\"nobody\"]}"
    json_is "labels of what may be seen" '[(.issues | keys), (.accounts | keys)]' "[[\"$other\"],[\"$account\"]]"
    answers 200 GET "/report?jql=id%20%3D%20$issue" "${person[@]}"
    json_is "a query for it finds nothing, and does not say that it hides" '[.count, .hidden.issues]' '[0,0]'

    # Jira says nothing: nothing is shown. (Another account: nothing is known of it yet.)
    kind=$(source_of "map(.account) | unique | map(select(. != \"$account\")) | .[0]" | tr -d '"')
    must tenon token add acme --name two --account "$kind" --json
    person=(-H "Authorization: Bearer $(json .token)")
    fault '{"kind":"status","status":500,"path":"permissions/check","times":-1}'
    answers 502 GET '/report?group=issue' "${person[@]}"
    has "the sentence" "$dir/out" "must be asked of Jira"
    has_not "no figures" "$dir/out" '"rows"'
    clear_faults
    answers 200 GET '/report?group=issue' "${person[@]}"
    end_server
}

queries()
{
    local key

    begin_server
    answers 200 GET '/filters' "${person[@]}"
    answers 200 GET '/issues?query=' "${person[@]}"
    json_is "issues to pick" '.issues | length > 0' true
    key=$(json '.issues[0].key')
    answers 200 GET "/issues?query=$key" "${person[@]}"
    json_is "found by its key" '.issues[0].key' "\"$key\""
    answers 200 GET "/report?group=issue&jql=key%20%3D%20$key" "${person[@]}"
    json_is "a query narrows" '.rows | length' 1
    answers 200 GET "/report?group=issue&filter=10000&limit=50000" "${admin[@]}"
    json_is "a filter too" '.count > 0 and .count < 3000' true
    answers 200 POST /jql/check "${person[@]}" "${json_body[@]}" -d '{"jql":"project = nonsense-here"}'
    json_is "what is wrong" '[.ok, (.detail | length > 10)]' '[false,true]'
    answers 200 POST /jql/check "${person[@]}" "${json_body[@]}" -d '{"jql":"assignee is not EMPTY"}'
    json_is "nothing is wrong" '[.ok, .detail]' '[true,null]'
    answers 422 GET '/report?jql=nonsense' "${person[@]}"
    has "the parameter is named" "$dir/out" "jql: Jira refuses"
    answers 200 GET '/people?query=a' "${person[@]}"
    json_is "people" '.people | length > 0' true
    for bad in 'group=nothing' 'from=2026-02-30' 'order=color' 'limit=0' 'limit=50001' 'top=x' 'issue=ABC-1' 'filter=x'; do
        answers 400 GET "/report?$bad" "${person[@]}"
        has "the parameter is named" "$dir/out" "${bad%%=*}:"
    done
    answers 400 GET '/report.csv?time=minutes' "${person[@]}"
    has "what is allowed" "$dir/out" "seconds or hours"
    end_server
}

files()
{
    begin_server
    answers 200 GET '/report.csv?group=account&time=seconds' "${admin[@]}"
    is "sum of the column" "$(source_of 'map(.seconds) | add')" "$(tr -d '\r' <"$dir/out" | awk -F, 'NR > 1 {s += $2} END {printf "%d", s}')"
    has "its name" "$dir/head" 'filename="report-'
    answers 200 GET '/worklogs.csv' "${admin[@]}"
    is "rows" "$(source_of 'length')" "$(grep -cE '^[0-9]+,[0-9]+,[^,]*,[0-9]{4}-' "$dir/out")"
    answers 200 GET '/worklogs.xlsx?time=hours' "${admin[@]}"
    if command -v unzip >/dev/null; then
        unzip -tq "$dir/out" >"$dir/unzip" || fail "the workbook is whole" "no errors" "$(cat "$dir/unzip")"
        is "rows of the workbook" "$(source_of 'length + 1')" "$(unzip -p "$dir/out" xl/worksheets/sheet1.xml | grep -o '<row>' | wc -l)"
        is "formulas" 0 "$(unzip -p "$dir/out" xl/worksheets/sheet1.xml | grep -c '<f>' || true)"
    fi
    end_server
}

saved_reports()
{
    local id

    begin_server
    answers 201 POST /reports "${person[@]}" "${json_body[@]}" -d '{"name":"planted name","query":"group=account&from=2026-01-01","shared":false}'
    id=$(json .id)
    answers 200 GET /reports "${person[@]}"
    json_is "the list" '.reports | map([.name, .query, .shared, .own])' '[["planted name","group=account&from=2026-01-01",false,true]]'
    answers 200 GET /reports "${admin[@]}"
    json_is "nobody else's" '.reports' '[]'
    answers 404 DELETE "/reports/$id" "${admin[@]}"
    answers 200 PUT "/reports/$id" "${person[@]}" "${json_body[@]}" -d '{"name":"planted name","query":"","shared":true}'
    answers 200 GET /reports "${admin[@]}"
    json_is "shared" '.reports | map([.shared, .own])' '[[true,false]]'
    answers 403 DELETE "/reports/$id" "${admin[@]}"
    answers 422 POST /reports "${person[@]}" "${json_body[@]}" -d '{"name":"","query":""}'
    answers 204 DELETE "/reports/$id" "${person[@]}"
    end_server
    ! grep -rqaF "planted name" "$TENON_DATA" || fail "the name is sealed" "nothing" "$(grep -rlaF 'planted name' "$TENON_DATA")"
}

# settings JSON: as the administrator
settings()
{
    answers 200 PUT /settings "${admin[@]}" "${json_body[@]}" -d "$1"
}

# member GROUP true|false: the person, in Jira
member()
{
    steer groups "{\"group\":\"$1\",\"account\":\"$account\",\"member\":$2}"
}

groups_asked()
{
    state '.requests["GET /rest/api/{version}/user/groups"] // 0'
}

rights_by_group()
{
    local group=5a4d0b5e-0000-4000-8000-00000000aaaa

    begin_server
    answers 200 GET '/report?group=account' "${person[@]}"
    is "questions for groups while everybody may" 0 "$(groups_asked)"

    settings "{\"access\":{\"report\":{\"everybody\":false,\"accounts\":[],\"groups\":[\"$group\"]}}}"
    member another-group true
    for path in '/report?group=account' '/report.csv?group=account' '/worklogs.csv' '/worklogs.xlsx'; do
        answers 403 GET "$path" "${person[@]}"
        has "the sentence" "$dir/out" "reports are not open to you"
        has_not "no figures" "$dir/out" '"rows"' "$account"
    done
    is "questions for groups: one a minute" 1 "$(groups_asked)"
    answers 200 GET '/report?group=account' "${admin[@]}"
    answers 200 GET '/worklogs?from=2025-01-01&to=2025-12-31' "${person[@]}" # only reports are barred

    # The settings are stored again, so nothing of what was concluded before is believed.
    member "$group" true
    settings '{}'
    answers 200 GET '/report?group=account' "${person[@]}"
    json_is "the whole report" .count "$(source_of length)"
    is "questions for groups: one more" 2 "$(groups_asked)"

    member "$group" false
    settings '{}'
    answers 403 GET '/report?group=account' "${person[@]}"

    # Jira does not say who is in the group: nobody is let in.
    settings '{}'
    member "$group" true
    fault '{"kind":"status","status":500,"path":"/user/groups","times":-1}'
    answers 502 GET '/report?group=account' "${person[@]}"
    has_not "no figures" "$dir/out" '"rows"'
    clear_faults
    answers 200 GET '/report?group=account' "${person[@]}"
    end_server
}

check "[EV-21] totals over HTTP are those of the source" totals_are_the_sources
check "[EV-28] what Jira hides from a person is in no sum, row, order, file or label" hidden_stays_hidden
check "[EV-21] queries, filters and pickers are asked of Jira, and mistakes are named" queries
check "[EV-24] CSV and XLSX hold all rows and no formula" files
check "who may see reports is a group of Jira's, and nobody else gets one" rights_by_group
check "saved reports are their owner's" saved_reports
finish
