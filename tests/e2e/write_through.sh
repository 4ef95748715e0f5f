#!/bin/bash
#
# write_through.sh: people write: through the daemon into Jira first, then into the mirror; and what happens in
# Jira arrives by webhook. EV-03, EV-04, EV-11, EV-12, EV-17, EV-19, EV-30.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

# ---- the daemon, and calls of its API as the person whose credential the tenant has ----

serve()
{
    local turn

    : >"$dir/serve.out"
    "$tenon_exe" serve --listen 127.0.0.1:0 --log >"$dir/serve.out" 2>"$dir/serve.err" &
    serve_pid=$!
    started+=("$serve_pid")
    for ((turn = 0; turn < 600; turn++)); do
        api_port=$(sed -n 's/.*listening on .*[^0-9]\([0-9][0-9]*\)$/\1/p' "$dir/serve.out")
        [[ -z $api_port ]] || return 0
        kill -0 "$serve_pid" 2>/dev/null || fail "the daemon starts" "its listening line" "$(cat "$dir/serve.err")"
        sleep 0.05
    done
    fail "the daemon starts within half a minute" "its listening line" "$(cat "$dir/serve.err")"
}

stop_serving()
{
    local rc=0

    kill -TERM "$serve_pid"
    wait "$serve_pid" || rc=$?
    is "the daemon's exit code" 0 "$rc"
}

# call METHOD PATH [BODY]: the answer's status in $code, its head in $dir/head, its body in $dir/out.
# $key, when set, is sent as Idempotency-Key.
call()
{
    local method=$1 path=$2 body=${3-} line='' fd

    exec {fd}<>"/dev/tcp/127.0.0.1/$api_port" || fail "the daemon is there" "port $api_port" "$(tail -n 5 "$dir/serve.err")"
    (
        LC_ALL=C
        printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n' "$method" "$path" "$api_token"
        [[ -z ${key-} ]] || printf 'Idempotency-Key: %s\r\n' "$key"
        printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body"
    ) >&"$fd"
    : >"$dir/head"
    while IFS= read -r line <&"$fd" && [[ $line != $'\r' ]]; do
        printf '%s\n' "${line%$'\r'}" >>"$dir/head"
    done
    cat <&"$fd" >"$dir/out"
    exec {fd}>&-
    code=$(head -n 1 "$dir/head" | cut -d ' ' -f 2)
    : >"$dir/err"
    has_not "no answer may show the credential" "$dir/out" "$token" "$basic"
}

# answers CODE METHOD PATH [BODY]
answers()
{
    local wanted=$1

    shift
    call "$@"
    [[ $code == "$wanted" ]] || fail "the status of $1 $2 ${3-}" "$wanted" "$code $(cat "$dir/out")"
}

# refused CODE TEXT METHOD PATH [BODY]: a problem document whose sentence has the text
refused()
{
    local wanted=$1 text=$2

    shift 2
    answers "$wanted" "$@"
    json_is "the problem's status" .status "$wanted"
    grep -qF -e "$text" <<<"$(json .detail)" || fail "the sentence" "to find: $text" "$(json .detail)"
}

# The command, which gives way while the server is at it.
sync_beside_the_server()
{
    for _ in $(seq 200); do
        run tenon sync acme
        [[ $status == 75 ]] || break
        sleep 0.1
    done
    is "the exit code of tenon sync" 0 "$status"
}

# A site, a tenant, its first copy, the daemon, and a token for the person: $me, $issue (a key), $issue_id.
start_all()
{
    start_sandbox --generate "worklogs=200,users=5,issues=10,seed=3"
    add_tenant
    me=$(sed -n 's/.*as account \([^ ]*[^ .]\)\.*$/\1/p' "$dir/out")
    must tenon sync acme
    must tenon token add acme --name e2e --account "$me" --scopes read,write --json
    api_token=$(json .token)
    steer issues/create '{"project":"WEB","summary":"a place to write"}'
    issue=$(json .key "$dir/steered")
    issue_id=$(json .issue "$dir/steered")
    serve
}

# worklog SECONDS COMMENT [MORE]: a body for POST
worklog()
{
    jq -cn --arg issue "$issue" --argjson seconds "$1" --arg comment "$2" --argjson more "${3:-"{}"}" \
        '{issue: $issue, started: "2026-06-10T09:00:00.000+0200", seconds: $seconds, comment: $comment} + $more'
}

in_jira()
{
    http GET /sandbox/worklogs | jq -c "select(.issue == \"$issue_id\")"
}

remaining()
{
    steer issues/estimate "{\"issue\":\"$issue\"}"
    json .seconds "$dir/steered"
}

# ---- one worklog ----

one_worklog()
{
    local id

    start_all
    answers 201 POST /api/v1/worklogs "$(worklog 3600 $'one\n\nthree')"
    json_is "the start, in UTC" .started '"2026-06-10T07:00:00.000Z"'
    json_is "the comment" .comment '"one\n\nthree"'
    json_is "whose it is" .account "\"$me\""
    id=$(json .id)
    is "in Jira" '"one\n\nthree" 3600' "$(in_jira | jq -r '"\(.comment | @json) \(.seconds)"')"
    same_as_source
    answers 200 PUT "/api/v1/worklogs/$id" '{"seconds":7200,"tags":["b","a"]}'
    json_is "the duration" .seconds 7200
    json_is "the tags" '.tags | sort' '["a","b"]'
    same_as_source
    answers 200 GET "/api/v1/worklogs?from=2026-06-10&to=2026-06-10&tz=Europe/Berlin&tag=a"
    json_is "the list" '[.worklogs[].id]' "[\"$id\"]"
    answers 200 GET "/api/v1/worklogs?from=2026-06-11&to=2026-06-12&tz=Europe/Berlin"
    json_is "the list of the days after" '.worklogs' '[]'
    answers 200 GET /api/v1/tags
    json_is "the tags there are" '.tags | sort' '[{"name":"a","count":1},{"name":"b","count":1}]'
    answers 204 DELETE "/api/v1/worklogs/$id"
    is "in Jira" "" "$(in_jira)"
    same_as_source
    must tenon audit --tenant acme --act worklog_removed --json
    json_is "who deleted which" '[.by, .who, .row]' "[\"person\",$(tenant_sql "SELECT id FROM person WHERE account_id = '$me'"),$id]"
    has_not "the log has no comment" "$dir/serve.err" three
    stop_serving
}

# ---- refusals ----

refusals()
{
    local id before

    start_all
    answers 201 POST /api/v1/worklogs "$(worklog 3600 first)"
    id=$(json .id)
    mirror_rows >"$dir/before.rows"
    refused 404 "ABC-999" POST /api/v1/worklogs '{"issue":"ABC-999","started":"2026-06-10T09:00:00.000Z","seconds":60}'
    refused 422 "one minute" POST /api/v1/worklogs "$(worklog 59 x)"
    refused 422 '`second` is not known' POST /api/v1/worklogs "$(worklog 60 x '{"second":1}')"
    refused 422 '2h 30m' POST /api/v1/worklogs "$(worklog 60 x '{"estimate":{"mode":"new","to":"soon"}}')"
    for before in true false; do # with and without English words to go by
        steer rules "{\"english\":$before,\"work_on_issues\":false,\"edit_worklogs\":false,\"delete_worklogs\":false}"
        refused 403 'Work on issues' POST /api/v1/worklogs "$(worklog 60 x)"
        refused 403 'Edit own' PUT "/api/v1/worklogs/$id" '{"seconds":60}'
        refused 403 'Delete own' DELETE "/api/v1/worklogs/$id"
        steer rules '{"work_on_issues":true,"edit_worklogs":true,"delete_worklogs":true,"time_tracking":false}'
        refused 409 'time tracking is off' POST /api/v1/worklogs "$(worklog 60 x)"
        refused 409 'time tracking is off' DELETE "/api/v1/worklogs/$id"
        steer rules '{"time_tracking":true}'
    done
    steer rules '{"english":true,"editable":false}'
    refused 409 'workflow state' POST /api/v1/worklogs "$(worklog 60 x)"
    steer rules '{"editable":true,"worklogs_max":1}'
    refused 413 'as many worklogs' POST /api/v1/worklogs "$(worklog 60 x)"
    steer rules '{"worklogs_max":0}'
    mirror_rows >"$dir/after.rows"
    same_rows "nothing changed here" "$dir/before.rows" "$dir/after.rows"
    same_as_source
    stop_serving
}

# ---- the remaining estimate ----

# estimate_is SECONDS
estimate_is()
{
    is "what remains on the issue" "$1" "$(remaining)"
}

estimates()
{
    local id

    start_all
    steer issues/estimate "{\"issue\":\"$issue\",\"seconds\":36000}"
    answers 201 POST /api/v1/worklogs "$(worklog 3600 x)"
    estimate_is 32400
    answers 204 DELETE "/api/v1/worklogs/$(json .id)"
    estimate_is 36000
    answers 201 POST /api/v1/worklogs "$(worklog 3600 x '{"estimate":{"mode":"leave"}}')"
    estimate_is 36000
    answers 201 POST /api/v1/worklogs "$(worklog 3600 x '{"estimate":{"mode":"manual","by":"2h"}}')"
    estimate_is 28800
    id=$(json .id)
    answers 200 PUT "/api/v1/worklogs/$id" '{"seconds":7200}'
    estimate_is 25200
    refused 422 'no amount for the remaining estimate' PUT "/api/v1/worklogs/$id" '{"seconds":60,"estimate":{"mode":"manual","by":"1h"}}'
    answers 204 DELETE "/api/v1/worklogs/$id?estimate=manual&by=1h%2030m"
    estimate_is 30600
    answers 201 POST /api/v1/worklogs "$(worklog 3600 x '{"estimate":{"mode":"new","to":"1h"}}')"
    estimate_is 3600
    stop_serving
}

# ---- never twice ----

lost_answer()
{
    start_all
    steer issues/estimate "{\"issue\":\"$issue\",\"seconds\":36000}"
    key=once
    fault '{"kind":"cut_off","method":"POST","path":"/worklog","times":1}'
    call POST /api/v1/worklogs "$(worklog 3600 x)"
    [[ $code == 502 ]] || fail "the status of a lost answer" 502 "$code $(cat "$dir/out")"
    has "the sentence says that it is not known" "$dir/out" 'not known'
    refused 503 'repeat it in' POST /api/v1/worklogs "$(worklog 3600 x)"
    sleep 31
    answers 201 POST /api/v1/worklogs "$(worklog 3600 x)"
    answers 201 POST /api/v1/worklogs "$(worklog 3600 x)"
    refused 409 'Idempotency-Key' POST /api/v1/worklogs "$(worklog 60 other)"
    is "booked in Jira" 1 "$(in_jira | wc -l)"
    estimate_is 32400
    same_as_source
    # One that nobody repeats: the job finds it.
    key=
    fault '{"kind":"cut_off","method":"POST","path":"/worklog","times":1}'
    call POST /api/v1/worklogs "$(worklog 60 y)"
    is "in the mirror, right after" 1 "$(mirror_rows | grep -c "\"$issue_id\"")"
    sleep 33
    is "in the mirror, when the job has looked" 2 "$(mirror_rows | grep -c "\"$issue_id\"")"
    same_as_source
    stop_serving
}

# ---- many ----

actions()
{
    local first second

    start_all
    answers 201 POST /api/v1/worklogs "$(worklog 3600 morning)"
    first=$(json .id)
    answers 201 POST /api/v1/worklogs "$(worklog 1800 noon)"
    second=$(json .id)
    answers 200 POST /api/v1/worklogs/actions '{"action":"move","day":"2026-06-10","date":"2026-01-12","tz":"Europe/Berlin"}'
    json_is "what was moved" '[.done[].to.started]' '["2026-01-12T08:00:00.000Z","2026-01-12T08:00:00.000Z"]'
    answers 200 POST /api/v1/worklogs/actions "{\"action\":\"copy\",\"ids\":[\"$first\",\"999999\"],\"date\":\"2026-06-10\",\"tz\":\"Europe/Berlin\"}"
    json_is "what was copied" '[.done[] | .to.started, .to.comment]' '["2026-06-10T07:00:00.000Z","morning"]'
    json_is "what was not" '[.failed[] | .id, .status]' '["999999",404]'
    steer rules '{"delete_worklogs":false}'
    answers 200 POST /api/v1/worklogs/actions "{\"action\":\"delete\",\"ids\":[\"$first\",\"$second\"]}"
    json_is "what was deleted" .done '[]'
    json_is "what was not" '[.failed[].status]' '[403,403]'
    same_as_source
    steer rules '{"delete_worklogs":true}'
    answers 200 POST /api/v1/worklogs/actions "{\"action\":\"delete\",\"ids\":[\"$first\",\"$second\"]}"
    json_is "what was deleted" '[.done[].to]' '[null,null]'
    is "in Jira" 1 "$(in_jira | wc -l)"
    same_as_source
    stop_serving
}

# not_told ID: a worklog that the person may not see is to every write as one that is not there.
not_told()
{
    local id=$1 kind date text="no worklog $1 that you may see"

    refused 404 "$text" PUT "/api/v1/worklogs/$id" '{"seconds":60}'
    sed "s/$id/999999/g" "$dir/out" >"$dir/not.seen"
    answers 404 PUT /api/v1/worklogs/999999 '{"seconds":60}'
    is "a change of one that is not there" "$(cat "$dir/not.seen")" "$(cat "$dir/out")"
    refused 404 "$text" DELETE "/api/v1/worklogs/$id"
    sed "s/$id/999999/g" "$dir/out" >"$dir/not.seen"
    answers 404 DELETE /api/v1/worklogs/999999
    is "a deletion of one that is not there" "$(cat "$dir/not.seen")" "$(cat "$dir/out")"
    key="write-$id" refused 404 "$text" DELETE "/api/v1/worklogs/$id"
    refused 422 'one minute' PUT "/api/v1/worklogs/$id" '{"seconds":1}'
    refused 422 'one minute' PUT /api/v1/worklogs/999999 '{"seconds":1}'
    refused 404 "$text" PUT "/api/v1/worklogs/$id/tags" '{"tags":["x"]}'
    for kind in copy move delete; do
        date=',"date":"2026-06-10"'
        [[ $kind != delete ]] || date=''
        answers 200 POST /api/v1/worklogs/actions "{\"action\":\"$kind\",\"ids\":[\"$id\"]$date}"
        json_is "what $kind did" .done '[]'
        json_is "why it did not $kind" ".failed[0] | [.status, (.detail | contains(\"$text\"))]" '[404,true]'
        json .failed | sed "s/$id/999999/g" >"$dir/not.seen"
        answers 200 POST /api/v1/worklogs/actions "{\"action\":\"$kind\",\"ids\":[\"999999\"]$date}"
        is "$kind of one that is not there" "$(cat "$dir/not.seen")" "$(json .failed)"
    done
}

# Who may not see other people's time does not get at it by changing or copying it, whatever Jira allows.
others()
{
    local mine theirs person_token admin_token

    start_all
    person_token=$api_token
    must tenon token add acme --name all --administrator --scopes read,write,admin --json
    admin_token=$(json .token)
    answers 201 POST /api/v1/worklogs "$(worklog 3600 mine)"
    mine=$(json .id)
    theirs=$(http GET /sandbox/worklogs | jq -rs --arg me "$me" 'map(select(.account != $me and .account != null))[0].id')
    api_token=$admin_token
    answers 200 GET /api/v1/settings
    answers 200 PUT /api/v1/settings "$(jq -c '.access.others = {everybody: false, accounts: ["nobody"], groups: []}' "$dir/out")"
    api_token=$person_token
    source_rows >"$dir/source.before"
    refused 403 "other people's time" GET "/api/v1/worklogs?account=*"
    refused 404 "no worklog $theirs that you may see" GET "/api/v1/worklogs/$theirs"
    sed "s/$theirs/999999/g" "$dir/out" >"$dir/not.seen"
    answers 404 GET /api/v1/worklogs/999999
    is "what is said of one that is not there" "$(cat "$dir/not.seen")" "$(cat "$dir/out")"
    not_told "$theirs"
    source_rows >"$dir/source.after"
    same_rows "nothing has changed in Jira" "$dir/source.before" "$dir/source.after"
    answers 200 PUT "/api/v1/worklogs/$mine" '{"seconds":1800}'
    answers 200 POST /api/v1/worklogs/actions "{\"action\":\"copy\",\"ids\":[\"$mine\",\"999999\"],\"date\":\"2026-06-11\"}"
    json_is "own ones are copied, and what is not there is told" '[(.done | length), .failed[0].status]' '[1,404]'
    api_token=$admin_token
    answers 200 PUT "/api/v1/worklogs/$theirs" '{"seconds":1860}'
    stop_serving
}

# Neither does a worklog whose issue Jira hides. One that is seen and may not be changed is refused by Jira.
hidden()
{
    local theirs on

    start_all
    theirs=$(http GET /sandbox/worklogs | jq -rs --arg me "$me" 'map(select(.account != $me and .account != null))[0].id')
    on=$(http GET /sandbox/worklogs | jq -r "select(.id == ($theirs) or .id == \"$theirs\").issue")
    steer rules '{"edit_worklogs":false,"delete_worklogs":false}'
    refused 403 'Edit' PUT "/api/v1/worklogs/$theirs" '{"seconds":60}'
    refused 403 'Delete' DELETE "/api/v1/worklogs/$theirs"
    steer rules '{"edit_worklogs":true,"delete_worklogs":true}'
    steer issues/conceal "{\"issue\":\"$on\",\"account\":\"$me\"}"
    source_rows >"$dir/source.before"
    not_told "$theirs"
    source_rows >"$dir/source.after"
    same_rows "nothing has changed in Jira" "$dir/source.before" "$dir/source.after"
    stop_serving
}

# A list in pages, with worklogs in it that Jira hides: each page leads on, and says nothing of them.
pages()
{
    local account hidden next='' turn

    start_all
    account=$(http GET /sandbox/worklogs | jq -rs --arg me "$me" 'map(select(.account != $me and .account != null))[0].account')
    hidden=$(http GET /sandbox/worklogs | jq -rs --arg a "$account" 'map(select(.account == $a)) | group_by(.issue) | max_by(length)[0].issue')
    http POST /sandbox/issues/conceal "{\"issue\":\"$hidden\",\"account\":\"$me\"}" >"$dir/answer"
    http GET /sandbox/worklogs | jq -r --arg a "$account" --arg i "$hidden" 'select(.account == $a and (.issue | tostring) != $i).id' | sort >"$dir/wanted"
    http GET /sandbox/worklogs | jq -r --arg a "$account" --arg i "$hidden" 'select(.account == $a and (.issue | tostring) == $i).id' >"$dir/unwanted"
    for ((turn = 0; turn < 100; turn++)); do
        answers 200 GET "/api/v1/worklogs?account=$account&limit=1${next:+&cursor=$next}"
        json '.worklogs[].id' >>"$dir/seen"
        next=$(json '.next // ""')
        [[ -n $next ]] || break
        ! grep -qF -f "$dir/unwanted" <<<"$next" || fail "a cursor names no hidden worklog" "nothing readable" "$next"
    done
    sort "$dir/seen" >"$dir/seen.sorted"
    same_rows "all that may be seen, each once" "$dir/wanted" "$dir/seen.sorted"
    is "there was something to hide" true "$([[ -s $dir/unwanted ]] && echo true)"
    for next in 1788425520000.100395 "${next:-AAAA}" x; do
        refused 422 cursor GET "/api/v1/worklogs?cursor=$next"
    done
    stop_serving
}

# lists WHAT JQ-OVER-THE-SOURCE QUERY: the list has what the source has, in the order of its starts
lists()
{
    http GET /sandbox/worklogs | jq -cs "map(. + {id: (.id | tostring), issue: (.issue | tostring)}) | map(select($2)) | sort_by(.started, (.id | tonumber)) | map(.id)" >"$dir/wanted"
    answers 200 GET "/api/v1/worklogs?limit=1000&$3"
    json_is "$1" '[.worklogs[].id]' "$(cat "$dir/wanted")"
    is "$1: there are some" true "$([[ $(cat "$dir/wanted") != '[]' ]] && echo true)"
}

# The list of worklogs takes what a report takes, and its pages are as long as the settings say.
questions()
{
    local person_token bad first next others=()

    start_all
    person_token=$api_token
    mapfile -t others < <(http GET /sandbox/worklogs | jq -rs --arg me "$me" 'map(select(.account != $me and .account != null).account) | unique[]')
    answers 201 POST /api/v1/worklogs "$(worklog 3600 tagged '{"tags":["a"]}')"
    answers 201 POST /api/v1/worklogs "$(worklog 3600 tagged '{"tags":["b"]}')"
    lists "one's own" ".account == \"$me\"" ""
    lists "everybody's" true 'account=*'
    lists "two people's" ".account == \"${others[0]}\" or .account == \"${others[1]}\"" "account=${others[0]}&account=${others[1]}"
    lists "of one of two tags" ".issue == \"$issue_id\"" 'account=*&tag=a&tag=b'
    first=$(http GET /sandbox/worklogs | jq -rs '.[0].issue')
    lists "on two issues" ".issue == \"$issue_id\" or .issue == \"$first\"" "account=*&issue=$issue_id&issue=$first"
    lists "what a query finds" ".issue == \"$first\"" "account=*&jql=id%20%3D%20$first"
    answers 200 GET '/api/v1/worklogs?account=*&jql=project%20%3D%20WEB&filter=10000'
    json_is "what a query and a filter find" '[.worklogs | type, length <= 50]' '["array",true]'
    for bad in limit=1001 cursor=x 'account=*&account=x' 'account=x&account=*' jql=nonsense; do
        refused 422 "${bad%%=*}" GET "/api/v1/worklogs?$bad"
    done
    for bad in from=2026-02-30 to=x issue=ABC-1 filter=x "tag=$(printf 'x%.0s' {1..300})" account=; do
        refused 400 "${bad%%=*}" GET "/api/v1/worklogs?$bad"
    done
    refused 422 tz GET '/api/v1/worklogs?tz=Moon/Base'

    # EV-25: the setting is the page; what stays comes once, whatever goes and comes between two pages.
    must tenon token add acme --name all --administrator --scopes read,write,admin --json
    api_token=$(json .token)
    answers 200 GET /api/v1/settings
    answers 200 PUT /api/v1/settings "$(jq -c '.page_size = 10' "$dir/out")"
    api_token=$person_token
    answers 200 GET '/api/v1/worklogs?account=*&limit=1000'
    json '.worklogs[].id' | tr -d '"' >"$dir/all"
    answers 200 GET '/api/v1/worklogs?account=*'
    json_is "the worklogs of a page" '.worklogs | length' 10
    next=$(json .next)
    first=$(json .worklogs[0].id)
    steer worklogs/delete "{\"id\":\"$first\"}"
    answers 201 POST /api/v1/worklogs "$(worklog 3600 early | jq -c '.started = "2001-01-01T09:00:00.000Z"')"
    pass_time
    sync_beside_the_server
    answers 200 GET "/api/v1/worklogs?account=*&limit=1000&cursor=$next"
    json '.worklogs[].id' | tr -d '"' >"$dir/rest"
    tail -n +11 "$dir/all" >"$dir/rest.wanted"
    same_rows "the rest of the list" "$dir/rest.wanted" "$dir/rest"
    json_is "nothing comes after it" .next null

    # More text than a page may have: it is shorter, and leads on.
    steer worklogs/create "{\"count\":300,\"comment\":\"$(head -c 30000 /dev/zero | tr '\0' x)\"}"
    pass_time
    sync_beside_the_server
    answers 200 GET '/api/v1/worklogs?account=*&limit=1000'
    json '.worklogs[].id' >"$dir/seen"
    next=$(json '.next // ""')
    is "the page ends early" true "$([[ -n $next ]] && echo true)"
    answers 200 GET "/api/v1/worklogs?account=*&limit=1000&cursor=$next"
    json_is "the next is the last" .next null
    json '.worklogs[].id' >>"$dir/seen"
    http GET /sandbox/worklogs | jq -r .id | sort >"$dir/wanted"
    sort "$dir/seen" >"$dir/seen.sorted"
    same_rows "all of them, each once" "$dir/wanted" "$dir/seen.sorted"
    stop_serving
}

# ---- the other way ----

# Until the mirror equals the site; how long that took.
follows()
{
    local from turn

    from=$(ms)
    source_rows >"$dir/source.rows"
    for ((turn = 0; turn < 100; turn++)); do
        mirror_rows >"$dir/mirror.rows"
        if cmp -s "$dir/source.rows" "$dir/mirror.rows"; then
            note "$1: in the mirror after $(($(ms) - from)) ms"
            return 0
        fi
        sleep 0.02
    done
    same_rows "$1" "$dir/source.rows" "$dir/mirror.rows"
}

webhooks()
{
    local secret hook

    start_all
    must tenon tenant webhook acme --public-url http://127.0.0.1 --json
    secret=$(json .secret)
    hook="http://127.0.0.1:$api_port/webhooks/jira/$(tenant_id)"
    kill -TERM "$sandbox_pid"
    wait "$sandbox_pid" || true
    sandbox_pids=()
    start_sandbox --port "$port" --generate "worklogs=200,users=5,issues=10,seed=3" --webhook "$hook" --webhook-secret "$secret"
    sync_beside_the_server
    steer worklogs/create '{"count":3,"comment":"from Jira"}'
    follows "a new worklog"
    steer worklogs/edit '{"count":2,"comment":"changed in Jira"}'
    follows "a changed worklog"
    steer worklogs/delete '{"count":2}'
    follows "a deleted worklog"
    stop_serving
}

# EV-17: leave is booked too, on issues that are told by their keys.
no_real_work()
{
    local own

    start_all
    own=$api_token
    answers 201 POST /api/v1/worklogs "$(worklog 3600 work)"
    steer issues/create '{"project":"WEB","summary":"leave"}'
    issue=$(json .key "$dir/steered")
    answers 201 POST /api/v1/worklogs "$(worklog 7200 leave)"
    must tenon token add acme --name admin --administrator --scopes read,write,admin --json
    api_token=$(json .token)
    answers 200 GET /api/v1/settings
    answers 200 PUT /api/v1/settings "$(jq -c --arg key "${issue,,}" '.non_working_patterns = ["NONE-*", $key]' "$dir/out")"
    refused 422 "entry 2" PUT /api/v1/settings '{"non_working_patterns":["A-*","A-["]}'
    api_token=$own
    answers 200 GET "/api/v1/day-totals?from=2026-06-10&to=2026-06-10&tz=Europe/Berlin"
    json_is "a named key, in small letters" '[.logged, .logged - .real]' '[10800,7200]'
    stop_serving
}

check_aside "EV-17: time on issues whose keys match a pattern is logged and is no real work" no_real_work
check_aside "EV-04: a lost answer books nothing twice, and is found" lost_answer
check "EV-04, EV-30: a worklog is made, changed, tagged, deleted: in Jira, in the mirror, and in the log" one_worklog
check "EV-04: what Jira refuses changes nothing, and the sentence says why" refusals
check "EV-12: the remaining estimate follows each option" estimates
check "EV-11: moving, copying and deleting several; what fails is told" actions
check "EV-19: who may not see other people's time does not change or copy it either" others
check "EV-19: a worklog whose issue Jira hides is to every write as one that is not there" hidden
check "EV-21, EV-25: a list takes what a report takes, and its pages stay right whatever changes" questions
check "EV-28: the pages of a list say nothing of worklogs that Jira hides" pages
check "EV-03: what happens in Jira is in the mirror within two seconds" webhooks
finish
