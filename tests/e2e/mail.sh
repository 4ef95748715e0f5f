#!/bin/bash
#
# mail.sh: the daily mail about open issues with logged work and no remaining estimate. EV-18.
#
# The fixture is a generated site; who must get what is computed here, of what the stand-in Jira shows of
# every issue, without the query that the daemon uses.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

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

# exchange PORT AUTHORIZATION METHOD PATH [BODY]: the answer's status in $code, its body in $dir/out
exchange()
{
    local authorization=$2 method=$3 path=$4 body=${5-} line='' fd

    exec {fd}<>"/dev/tcp/127.0.0.1/$1" || fail "somebody is there" "port $1" "nobody"
    (
        LC_ALL=C
        printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\nContent-Type: application/json\r\n' "$method" "$path" "$authorization"
        printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body"
    ) >&"$fd"
    IFS= read -r line <&"$fd"
    code=$(cut -d ' ' -f 2 <<<"$line")
    while IFS= read -r line <&"$fd" && [[ $line != $'\r' ]]; do :; done
    cat <&"$fd" >"$dir/out"
    exec {fd}>&-
    : >"$dir/err"
}

# answers CODE METHOD PATH [BODY]: of the daemon
answers()
{
    local wanted=$1

    shift
    exchange "$api_port" "Bearer $api_token" "$@"
    [[ $code == "$wanted" ]] || fail "the status of $1 $2 ${3-}" "$wanted" "$code $(cat "$dir/out")"
}

# start_site [OPTION…]: a site that takes mail, a tenant, its first copy, and a token; no daemon yet. $smtp is
# the mail's port.
start_site()
{
    start_sandbox --smtp 0 "$@" --generate "worklogs=300,users=6,issues=60,seed=11"
    smtp=$(sed -n 's/^tenon-sandbox takes mail on .*:\([0-9]*\)$/\1/p' "$dir/sandbox.$sandboxes")
    add_tenant
    me=$(sed -n 's/.*as account \([^ ]*[^ .]\)\.*$/\1/p' "$dir/out")
    must tenon sync acme
    must tenon token add acme --name e2e --account "$me" --scopes read,write,admin --json
    api_token=$(json .token)
    export TENON_MAIL_HOST=127.0.0.1 TENON_MAIL_PORT=$smtp TENON_MAIL_FROM=tenon@example.com TENON_MAIL_TLS=none
}

# estimate KEY SECONDS
estimate()
{
    steer issues/estimate "{\"issue\":\"$1\",\"seconds\":$2}"
}

# Every issue as Jira shows it, one a line.
issues()
{
    exchange "$port" "Basic $basic" POST /rest/api/3/search/jql \
        '{"jql":"created > 0","maxResults":1000,"fields":["status","timetracking","reporter","summary","project"]}'
    is "the search in Jira" 200 "$code"
    jq -c '.issues[]' "$dir/out"
}

# Those that are open, have work, and no time left.
lacking()
{
    issues | jq -c 'select(.fields.status.statusCategory.key != "done"
        and (.fields.timetracking.timeSpentSeconds // 0) > 0
        and (.fields.timetracking.remainingEstimateSeconds // 0) == 0)'
}

# "user3@example.com WEB-1", one a line, sorted; of the letters there are
mailed()
{
    http GET /sandbox/mail | jq -r '.[] | .to as $to | .data | gsub("=\r\n"; "")
        | [scan("/browse/([A-Za-z0-9]+-[0-9]+)")[]][] | "\($to) \(.)"' | LC_ALL=C sort
}

letters()
{
    http GET /sandbox/mail | jq length
}

# logged COUNT EVENT: so many lines of that event are in the log; the last one is in $dir/last.log.
logged()
{
    local turn

    for ((turn = 0; turn < 600; turn++)); do
        cat "$TENON_DATA"/logs/* 2>/dev/null | grep -F "\"$2\"" >"$dir/mail.log" || true
        if (($(wc -l <"$dir/mail.log") >= $1)); then
            tail -n 1 "$dir/mail.log" >"$dir/last.log"
            return
        fi
        sleep 0.05
    done
    fail "the log says $2 within half a minute" "$1 lines" "$(tail -n 3 "$dir/serve.err")"
}

# The day's mail has been tried so many times.
mail_is_done()
{
    logged "$1" estimates_mailed
}

# want SEND [PROJECTS]: the setting, with a time of day that has come
want()
{
    answers 200 PUT /api/v1/settings "{\"estimate_mail\":{\"send\":\"$1\",\"projects\":${2:-[]},\"time\":\"00:00\"}}"
}

# The address of an account, as Jira tells it; empty when it does not, or the account is closed.
address_of()
{
    exchange "$port" "Basic $basic" GET "/rest/api/3/user?accountId=$1"
    json 'if .active then .emailAddress // "" else "" end'
}

# What the letters must say: of $dir/lacking, who reported it, or leads its project ($1), and has an address.
# Who has none is in $dir/no_address.
expected()
{
    local key account address

    : >"$dir/no_address"
    while read -r key account; do
        address=$(address_of "$account")
        if [[ -n $address ]]; then
            printf '%s %s\n' "$address" "$key"
        else
            printf '%s\n' "$account" >>"$dir/no_address"
        fi
    done < <(jq -r --arg lead "$1" '"\(.key) \(.fields.reporter.accountId // $lead)"' "$dir/lacking") | LC_ALL=C sort
    sort -u -o "$dir/no_address" "$dir/no_address"
}

the_list_equals_the_fixture()
{
    local first hidden lead orphan

    start_site
    lacking >"$dir/lacking"
    (($(wc -l <"$dir/lacking") > 10)) || fail "the fixture has something to mail" "more than 10" "$(wc -l <"$dir/lacking")"
    # One gets an estimate; one reporter keeps the address; one issue has no reporter; one hides from its own.
    first=$(jq -r .key "$dir/lacking" | head -n 1)
    estimate "$first" 3600
    hidden=$(jq -r 'select(.fields.reporter.active) | .fields.reporter.accountId' "$dir/lacking" | head -n 1)
    steer people "{\"account\":\"$hidden\",\"mail\":\"\"}"
    steer issues/create '{"project":"WEB","summary":"nobody\u0027s\r\nBcc: thief@example.com\r\n\r\nWörk","reporter":""}'
    orphan=$(json .key "$dir/steered")
    steer worklogs/create "{\"issue\":\"$orphan\",\"seconds\":600}"
    pass_time
    must tenon sync acme
    exchange "$port" "Basic $basic" GET /rest/api/3/project/WEB
    lead=$(json .lead.accountId)
    lacking >"$dir/lacking"
    has "the new issue is among them" "$dir/lacking" "$orphan"
    has_not "the estimated one is not" "$dir/lacking" "\"$first\""

    serve
    want all
    mail_is_done 1
    expected "$lead" >"$dir/expected"
    mailed >"$dir/mailed"
    same_rows "the letters" "$dir/expected" "$dir/mailed"
    has "who has no address" "$dir/no_address" "$hidden"
    json_is "people without an address" .no_address "$(wc -l <"$dir/no_address")" "$dir/last.log"
    json_is "what the log says of the issues" .issues "$(wc -l <"$dir/lacking")" "$dir/last.log"
    cat "$TENON_DATA"/logs/* "$dir/serve.err" >"$dir/said"
    has_not "an address in a log" "$dir/said" "@example.com>" "user1@" "user2@" "user3@" "user4@" "user5@" "user6@"

    # No text from outside ends a line of the head.
    http GET /sandbox/mail | jq -r '.[].data | split("\r\n\r\n")[0]' >"$dir/heads"
    has_not "a header of a thief" "$dir/heads" thief
    http GET /sandbox/mail | jq -r '.[].data' | tr -d '\r' >"$dir/letters"
    is "lines of a thief" 0 "$(grep -ci '^bcc' "$dir/letters")"
    has "UTF-8, encoded" "$dir/letters" "charset=utf-8" "quoted-printable" "W=C3=B6rk" "Auto-Submitted: auto-generated"
    stop_serving
}

once_a_day()
{
    start_site
    export TENON_LOG_LEVEL=debug
    serve
    want all
    mail_is_done 1
    (($(letters) > 1)) || fail "letters came" "some" "$(letters)"
    http DELETE /sandbox/mail >/dev/null
    want all
    logged 1 estimates_not_due
    stop_serving
    serve
    want all
    logged 2 estimates_not_due
    stop_serving
    is "letters of the same day" 0 "$(letters)"
}

selected_or_none()
{
    local project

    start_site
    lacking >"$dir/lacking"
    project=$(jq -r .fields.project.key "$dir/lacking" | head -n 1)
    serve
    want none
    answers 422 PUT /api/v1/settings '{"estimate_mail":{"send":"selected","projects":[]}}'
    answers 422 PUT /api/v1/settings '{"estimate_mail":{"time":"24:00"}}'
    want selected "[\"$project\"]"
    mail_is_done 1
    jq -c "select(.fields.project.key == \"$project\")" "$dir/lacking" >"$dir/chosen"
    (($(wc -l <"$dir/chosen") < $(wc -l <"$dir/lacking"))) || fail "there are others" "more" "$project only"
    mv "$dir/chosen" "$dir/lacking"
    expected nobody >"$dir/expected"
    mailed >"$dir/mailed"
    same_rows "the letters of one project" "$dir/expected" "$dir/mailed"
    stop_serving
}

# The sink offers no STARTTLS, and the default wants it.
no_tls_no_mail()
{
    start_site
    unset TENON_MAIL_TLS
    serve
    want all
    mail_is_done 1
    json_is "how it ended" .result '"remote"' "$dir/last.log"
    is "letters" 0 "$(letters)"
    stop_serving
}

# by_tls KIND: letters go only to a server that proves its name, and signed in there.
by_tls()
{
    local login

    start_site --smtp-tls "$1" --smtp-cert "$dir/mail.pem"
    login=$(printf '\0%s\0%s' "$email" "$token" | base64 -w 0)
    cp token password
    chmod 600 password
    export TENON_MAIL_TLS=$1 TENON_MAIL_USER=$email TENON_MAIL_PASSWORD_FILE=$dir/password
    serve
    want all
    mail_is_done 1
    json_is "a certificate that nobody vouches for" .result '"remote"' "$dir/last.log"
    is "letters to a stranger" 0 "$(letters)"
    stop_serving

    SSL_CERT_FILE=$dir/mail.pem serve
    want all
    mail_is_done 2
    json_is "one that is trusted" .result '"ok"' "$dir/last.log"
    (($(letters) > 1)) || fail "letters came" "more than one" "$(letters)"
    is "letters" "$(json .letters "$dir/last.log")" "$(letters)"
    http GET /sandbox/mail >mail.json
    json_is "all by TLS, signed in" "all(.tls and .user == \"$email\")" true mail.json
    stop_serving
    cat "$TENON_DATA"/logs/* "$dir/serve.err" >"$dir/said"
    has_not "the password in a log" "$dir/said" "$token" "$login"

    TENON_MAIL_TLS=none refuses 65 mail.user "in the clear" -- tenon serve --listen 127.0.0.1:0
}

without_a_mail_server()
{
    start_site
    unset TENON_MAIL_HOST
    serve
    answers 422 PUT /api/v1/settings '{"estimate_mail":{"send":"all"}}'
    has "the sentence" "$dir/out" "[mail] host"
    answers 200 GET /api/v1/settings
    json_is "the setting" .estimate_mail.send '"none"'
    stop_serving
}

check_aside "EV-18: the mail's list equals the fixture, by reporter or lead, and no text breaks out of it" the_list_equals_the_fixture
check_aside "EV-18: a day is mailed once, whatever is asked and restarted" once_a_day
settle
check_aside "EV-18: of selected projects only, or of none" selected_or_none
check_aside "EV-18: nothing goes out without TLS unless the operator says so" no_tls_no_mail
check_aside "EV-18: by STARTTLS only to a server that proves its name, and signed in there" by_tls starttls
check_aside "EV-18: and by TLS from the first byte" by_tls implicit
check_aside "EV-18: a server without a mail server says so" without_a_mail_server
finish
