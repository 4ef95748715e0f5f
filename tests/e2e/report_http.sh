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
    for bad in 'group=nothing' 'from=2026-02-30' 'order=color' 'limit=0' 'limit=50001' 'top=x' 'issue=ABC-1' 'filter=x' \
        'billable=yes' 'remaining=1' 'remaining=true&group=account'; do
        answers 400 GET "/report?$bad" "${person[@]}"
        has "the parameter is named" "$dir/out" "${bad%%=*}:"
    done
    answers 422 GET '/report?tz=Moon/Base' "${person[@]}"
    has "the parameter is named" "$dir/out" 'tz:'
    has_not "nobody else is blamed" "$dir/out" Jira
    for bad in 'report.csv?time=minutes' 'report.csv?columns=key' 'report.csv?columns=author&group=issue' 'worklogs.csv?columns=key,nothing' \
        'worklogs.csv?columns=key,key' 'worklogs.csv?columns=key,'; do
        answers 400 GET "/$bad" "${person[@]}"
        has "the parameter is named" "$dir/out" "$(sed 's/.*?\([a-z]*\)=.*/\1:/' <<<"$bad")"
    done
    answers 400 GET '/worklogs.csv?columns=nothing' "${person[@]}"
    has "what there is" "$dir/out" 'id, issue, account' 'fix_versions' 'issue_expected'
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

# rest ISSUE-OR-PATH: what Jira's own API says, as the one whose token the tenant has
rest()
{
    curl -sSf -m 20 -u "$email:$(cat "$dir/token")" "$url/rest/api/3/$1"
}

# Every issue of the source, as Jira tells it: {"10001": {…fields…}}
know_issues()
{
    local ids

    ids=$(jq -cs '[.[] | .issue | tostring] | unique' "$dir/source")
    curl -sSf -m 20 -u "$email:$(cat "$dir/token")" -H 'Content-Type: application/json' \
        -d "{\"issueIdsOrKeys\":$ids,\"fields\":[\"*all\"]}" "$url/rest/api/3/issue/bulkfetch" |
        jq -c '[.issues[] | {key: .id, value: (.fields + {key: .key})}] | from_entries' >"$dir/issues"
}

# The file as JSON: an object a line, its members named by the heading. For values without commas and quotes.
csv_rows()
{
    tr -d '\r' <"$dir/out" | jq -Rcn '[inputs / ","] | .[0] as $names | .[1:] | map([$names, .] | transpose | map({key: .[0], value: .[1]}) | from_entries)'
}

live_columns()
{
    local all issue

    begin_server
    know_issues
    answers 200 GET '/worklogs.csv?columns=all' "${person[@]}"
    all=$(head -1 "$dir/out" | tr -d '\r')
    is "columns that can be chosen are 25 or more" true "$([[ $(tr ',' '\n' <<<"$all" | sort -u | wc -l) -ge 25 ]] && echo true)"
    # Each alone, and each says in the file what Jira says now.
    answers 200 GET '/worklogs.csv?columns=id,issue,key,summary,project,type,status,priority,assignee,reporter,issue_created,remaining,issue_spent,issue_expected' "${person[@]}"
    csv_rows >"$dir/rows"
    is "rows" "$(source_of length)" "$(jq length "$dir/rows")"
    is "rows that say what Jira says" "$(source_of length)" "$(jq --slurpfile jira "$dir/issues" '[.[] | $jira[0][.issue] as $i | select(
        .key == $i.key and .summary == $i.summary and .project == $i.project.key and .type == $i.issuetype.name
        and .status == $i.status.name and .priority == $i.priority.name and .assignee == ($i.assignee.displayName // "")
        and .reporter == $i.reporter.displayName and (.issue_created | .[:19]) == ($i.created | .[:19])
        and .remaining == ($i.timetracking.remainingEstimateSeconds // "" | tostring)
        and .issue_spent == ($i.timetracking.timeSpentSeconds // "" | tostring)
        and .issue_expected == (($i.timetracking.timeSpentSeconds // 0) + ($i.timetracking.remainingEstimateSeconds // 0) | tostring))] | length' "$dir/rows")"
    for issue in ${all//,/ }; do
        [[ $issue == seconds ]] && issue=time
        answers 200 GET "/worklogs.csv?columns=$issue&time=human" "${person[@]}"
        is "the heading of a column by itself" "$issue" "$(head -1 "$dir/out" | tr -d '\r')"
    done
    answers 200 GET '/worklogs.xlsx?columns=summary,author,time&time=human' "${person[@]}"
    if command -v unzip >/dev/null; then
        unzip -p "$dir/out" xl/worksheets/sheet1.xml >"$dir/sheet"
        is "cells of the workbook" "$(source_of '(length + 1) * 3')" "$(grep -o '<c ' "$dir/sheet" | wc -l)"
        has "time as people write it" "$dir/sheet" '0h 30m'
    fi
    # Names and fields beside a report's groups.
    answers 200 GET '/report.csv?group=issue&columns=key,status' "${person[@]}"
    csv_rows >"$dir/rows"
    is "labels of a report's rows" "$(jq length "$dir/issues")" "$(jq --slurpfile jira "$dir/issues" \
        '[.[] | $jira[0][.issue] as $i | select(.key == $i.key and .status == $i.status.name)] | length' "$dir/rows")"
    answers 200 GET "/report.csv?group=account&columns=author&account=$account" "${person[@]}"
    is "the person's name" "$(rest "user?accountId=$account" | jq -r .displayName)" "$(csv_rows | jq -r '.[0].author')"
    end_server
    issue=$(jq -r '.[].summary' "$dir/issues" | head -1)
    ! grep -rqaF "$issue" "$TENON_DATA" || fail "summaries are not kept" "nothing" "$(grep -rlaF "$issue" "$TENON_DATA")"
}

projects_and_remaining()
{
    local joined

    begin_server
    know_issues
    joined="jq -cs --slurpfile jira $dir/issues 'map(. + {project: \$jira[0][.issue | tostring].project.key})'"
    eval "$joined" "$dir/source" >"$dir/joined"
    answers 200 GET '/report?group=project&order=group' "${person[@]}"
    json_is "sums by project" '.rows | map([.project, .seconds, .count])' \
        "$(jq -c 'group_by(.project) | map([.[0].project, (map(.seconds) | add), length])' "$dir/joined")"
    json_is "their names" '.projects' "$(jq -c '[.[].project | {key: .key, value: .name}] | unique_by(.key) | from_entries' "$dir/issues")"
    answers 200 GET '/report?group=project,account&order=group&limit=50000' "${admin[@]}"
    json_is "and by person" '.rows | map([.project, .account, .seconds])' \
        "$(jq -c 'group_by([.project, .account]) | map([.[0].project, .[0].account, (map(.seconds) | add)])' "$dir/joined")"

    answers 200 GET '/report?group=issue&remaining=true&order=group&limit=50000' "${person[@]}"
    cp "$dir/out" "$dir/report"
    is "what remains is Jira's, expected is the sum" "$(jq '.rows | length' "$dir/report")" "$(jq --slurpfile jira "$dir/issues" \
        '[.rows[] | $jira[0][.issue].timetracking.remainingEstimateSeconds as $left | select(.remaining == $left
            and .expected == (if $left == null then null else .seconds + $left end))] | length' "$dir/report")"
    json_is "in all" '[.remaining, .expected - .seconds]' "$(jq -c '[.[].timetracking.remainingEstimateSeconds // 0] | add | [., .]' "$dir/issues")"
    answers 200 GET '/report?group=project&remaining=true&order=group' "${person[@]}"
    json_is "by project" '.rows | map([.project, .remaining])' "$(jq -c '[.[] | {p: .project.key, r: (.timetracking.remainingEstimateSeconds // 0)}]
        | group_by(.p) | map([.[0].p, (map(.r) | add)])' "$dir/issues")"
    answers 200 GET '/report.csv?group=issue&remaining=true&time=hours' "${person[@]}"
    is "in a file too" "issue,hours,count,remaining,expected" "$(head -1 "$dir/out" | tr -d '\r')"
    end_server
}

billing()
{
    local project id

    begin_server
    know_issues
    project=$(jq -r '[.[].project.key] | unique | .[0]' "$dir/issues")
    jq -cs --slurpfile jira "$dir/issues" 'map(. + {project: $jira[0][.issue | tostring].project.key})' "$dir/source" >"$dir/joined"
    answers 200 GET '/report?group=account&billable=true' "${person[@]}"
    json_is "everything is billed unless said" '[.billable, .non_billable]' "$(source_of '[(map(.seconds) | add), 0]')"
    settings "{\"billing\":{\"by_default\":true,\"tags\":[\"internal\"],\"projects\":[\"$project\"]}}"
    id=$(jq -r --arg p "$project" --arg a "$account" '[.[] | select(.project != $p and .account == $a)][0].id' "$dir/joined")
    must tenon tag acme "$id" --add internal
    answers 200 GET '/report?group=account&billable=true&order=group' "${person[@]}"
    json_is "billed and not billed make the whole, in each row" '[.rows[] | .billable + .non_billable == .seconds] | all' true
    json_is "what is not billed" '.non_billable' \
        "$(jq --arg p "$project" --arg id "$id" '[.[] | select(.project == $p or (.id | tostring) == $id) | .seconds] | add' "$dir/joined")"
    answers 200 GET '/report.csv?group=account&billable=true' "${person[@]}"
    csv_rows >"$dir/rows"
    is "in a file too" true "$(jq '[.[] | (.billable | tonumber) + (.non_billable | tonumber) == (.seconds | tonumber)] | all' "$dir/rows")"
    answers 200 GET '/worklogs.csv?columns=id,project,billable' "${person[@]}"
    csv_rows >"$dir/rows"
    is "each worklog" true "$(jq --arg p "$project" --arg id "$id" '[.[] | (.billable == "no") == (.project == $p or .id == $id)] | all' "$dir/rows")"
    settings '{"billing":{"by_default":false}}'
    answers 200 GET '/report?billable=true' "${admin[@]}"
    json_is "the other way round" '.billable' \
        "$(jq --arg p "$project" --arg id "$id" '[.[] | select(.project == $p or (.id | tostring) == $id) | .seconds] | add' "$dir/joined")"
    end_server
}

hidden_projects()
{
    local project issue

    begin_server
    know_issues
    issue=$(jq -r 'keys[0]' "$dir/issues")
    project=$(jq -r '.[keys[0]].project.key' "$dir/issues")
    steer issues/conceal "{\"issue\":\"$issue\",\"account\":\"$account\"}"
    answers 200 GET '/report?group=account' "${person[@]}"
    json_is "not named unless an administrator wants it" '.hidden' '{"issues":1}'
    settings '{"name_hidden_projects":true}'
    answers 200 GET '/report?group=account' "${person[@]}"
    json_is "named" '.hidden' "{\"issues\":1,\"projects\":[\"$project\"]}"
    answers 200 GET '/report?group=account' "${admin[@]}"
    json_is "nothing is hidden from the administrator" '.hidden' '{"issues":0}'
    answers 200 GET "/report?jql=id%20%3D%20$issue" "${person[@]}"
    json_is "a query for it tells nothing" '.hidden' '{"issues":0}'
    answers 200 GET '/report?group=project&remaining=true' "${person[@]}"
    is "its time is in no project" "$(jq -s --arg i "$issue" '[.[] | select((.issue | tostring) != $i) | .seconds] | add' "$dir/source")" \
        "$(json '[.rows[].seconds] | add')"
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
check "[EV-22] columns are chosen, fields of issues come from Jira, and each is in the file as Jira says it" live_columns
check "[EV-21] [EV-23] sums by project, and what is expected is what was logged and what remains" projects_and_remaining
check "[EV-26] what is billed and what is not make the whole" billing
check "[EV-28] hidden projects are named when an administrator allows it, and only then" hidden_projects
check "who may see reports is a group of Jira's, and nobody else gets one" rights_by_group
check "saved reports are their owner's" saved_reports
finish
