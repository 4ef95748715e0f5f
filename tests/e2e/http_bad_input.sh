#!/bin/bash
#
# http_bad_input.sh: what is wrong in a request ends in a problem document that names the thing, the value or
# its limit, and the remedy; the server lives on, and neither its store nor the site in Jira has changed.
# CSRF is sign_in.sh's, with one case here.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

if ! command -v curl >/dev/null; then
    echo "skipped: these tests need curl; tools/setup test installs it"
    exit 77
fi

# A site, its mirror, the daemon, a token for a person; and what is there before anybody does wrong.
start_all()
{
    local turn

    start_sandbox --generate "worklogs=100,users=5,issues=10,seed=5"
    add_tenant
    me=$(sed -n 's/.*as account \([^ ]*[^ .]\)\.*$/\1/p' "$dir/out")
    must tenon sync acme
    must tenon token add acme --name e2e --account "$me" --scopes read,write --json
    api_token=$(json .token)
    some=$(tenon worklogs acme --json --limit 1 | jq -r .id)
    must tenon tag acme "$some" --add 'to be kept'
    source_rows >"$dir/source.before"
    kept >"$dir/kept.before"
    : >"$dir/serve.out"
    "$tenon_exe" serve --listen 127.0.0.1:0 >"$dir/serve.out" 2>"$dir/serve.err" &
    serve_pid=$!
    started+=("$serve_pid")
    for ((turn = 0; turn < 600; turn++)); do
        api_port=$(sed -n 's/.*listening on .*[^0-9]\([0-9][0-9]*\)$/\1/p' "$dir/serve.out")
        [[ -z $api_port ]] || break
        kill -0 "$serve_pid" 2>/dev/null || fail "the daemon starts" "its listening line" "$(cat "$dir/serve.err")"
        sleep 0.05
    done
    base=http://127.0.0.1:$api_port
    auth=(-H "Authorization: Bearer $api_token")
}

# What must not change: rows with tags, saved reports.
kept()
{
    tenon worklogs acme --json | jq -c '[.id, .seconds, .comment, .tags]'
}

# It lives, and nothing has changed.
unharmed()
{
    local rc=0

    answers 200 GET /healthz
    answers 200 GET /api/v1/reports "${auth[@]}"
    json_is "saved reports" '[.. | .id? // empty] | length' 0
    kill -TERM "$serve_pid"
    wait "$serve_pid" || rc=$?
    is "the daemon's exit code" 0 "$rc"
    kept >"$dir/kept.after"
    same_rows "the store is as it was" "$dir/kept.before" "$dir/kept.after"
    source_rows >"$dir/source.after"
    same_rows "the site is as it was" "$dir/source.before" "$dir/source.after"
}

# ask METHOD PATH [CURL'S OPTION…]: status in $code, head in $dir/head (names in small letters), body in $dir/out
ask()
{
    local method=$1 path=$2

    shift 2
    : >"$dir/head"
    : >"$dir/out"
    code=$(curl -sS --noproxy '*' --path-as-is --max-time 60 -X "$method" -D "$dir/head.raw" -o "$dir/out" -w '%{http_code}' "$@" "$base$path" 2>"$dir/err") || code="curl $?, $code"
    tr -d '\r' <"$dir/head.raw" | awk '{ at = index($0, ":"); print tolower(substr($0, 1, at)) substr($0, at + 1) }' >"$dir/head"
    : >"$dir/err"
}

answers()
{
    local wanted=$1

    shift
    ask "$@"
    [[ $code == "$wanted" ]] || fail "the status of $1 $2" "$wanted" "$code $(head -c 300 "$dir/out")"
}

# refused CODE TEXT METHOD PATH [CURL'S OPTION…]: a problem document whose sentence has the text
refused()
{
    local wanted=$1 text=$2

    shift 2
    answers "$wanted" "$@"
    is_problem "$wanted" "$text"
}

is_problem()
{
    has "the type of a problem, and what keeps a browser from making more of it" "$dir/head" \
        'content-type: application/problem+json' 'x-content-type-options: nosniff' "content-security-policy: default-src 'none'; frame-ancestors 'none'"
    json_is "the problem's status" .status "$1"
    json_is "the problem's title" '.title | length > 3' true
    grep -qF -e "$2" <<<"$(json .detail)" || fail "the sentence" "to find: $2" "$(json .detail)"
    (($(json .detail | wc -c) >= 20)) || fail "a sentence for a person" "20 letters" "$(json .detail)"
}

# raw TEXT: as it is, over a connection of its own; what came is in $dir/out, 10 s at most
raw()
{
    exec {raw_fd}<>"/dev/tcp/127.0.0.1/$api_port"
    (
        trap '' PIPE # the server may have closed already
        printf '%b' "$1" >&"$raw_fd" 2>/dev/null || true
    )
    timeout 10 cat <&"$raw_fd" >"$dir/out" 2>/dev/null || true
    exec {raw_fd}>&-
    : >"$dir/err"
    code=$(head -n 1 "$dir/out" | cut -d ' ' -f 2)
}

json_type=(-H 'Content-Type: application/json')

# ---- bodies ----

bodies()
{
    local path tags
    local -a put

    start_all
    path=/api/v1/worklogs/$some/tags
    put=(PUT "$path" "${auth[@]}" "${json_type[@]}")
    refused 400 'not JSON: ' "${put[@]}" -d '{"tags":["a",]}'
    refused 400 'at byte ' "${put[@]}" -d '{"tags":["a"'
    refused 400 'not JSON' "${put[@]}" -d '{"tags":["a"]} {"tags":["b"]}'
    refused 400 'empty' "${put[@]}" -d ''
    refused 400 'must be a JSON object' "${put[@]}" -d '["a"]'
    refused 400 'must be a JSON object' "${put[@]}" -d 'null'
    printf '{"tags":["\xff\xfe"]}' >not-utf8
    refused 400 'not JSON' "${put[@]}" --data-binary @not-utf8
    printf '{"tags":["\xed\xa0\x80"]}' >surrogate
    refused 400 'not JSON' "${put[@]}" --data-binary @surrogate
    printf '{"tags":["a\0b"]}' >nul
    refused 400 'not JSON' "${put[@]}" --data-binary @nul
    awk 'BEGIN { for (i = 0; i < 5000; i++) printf "{\"a\":["; for (i = 0; i < 5000; i++) printf "]}" }' >deep
    refused 400 'nested deeper than 64 levels' "${put[@]}" --data-binary @deep
    awk 'BEGIN { for (i = 0; i < 30000; i++) printf "[" }' >open
    refused 400 'not JSON' "${put[@]}" --data-binary @open
    refused 400 'stands twice' "${put[@]}" -d '{"tags":["a"],"tags":["b"]}'
    refused 400 'stands twice' "${put[@]}" -d '{"tags":["a"],"\u0074ags":["b"]}'
    refused 400 'stands twice' "${put[@]}" -d '{"more":[{"x":{"y":1,"y":2}}]}'
    awk 'BEGIN { printf "{"; for (i = 0; i < 300; i++) printf "%s\"m%d\":1", i ? "," : "", i; printf "}" }' >wide
    refused 400 'over 256 members' "${put[@]}" --data-binary @wide
    # of the wrong kind
    refused 400 'Content-Type: application/json' PUT "$path" "${auth[@]}" -H 'Content-Type: text/plain' -d '{"tags":[]}'
    refused 400 'Content-Type: application/json' PUT "$path" "${auth[@]}" -d 'tags=a'
    refused 400 'Content-Type: application/json' PUT "$path" "${auth[@]}" -F tags=a
    refused 400 'Content-Type: application/json' PUT "$path" "${auth[@]}" -H 'Content-Type:' -d '{"tags":[]}'
    # too much
    tags=$(awk 'BEGIN { for (i = 0; i < 101; i++) printf "%s\"t%d\"", i ? "," : "", i }')
    ask "${put[@]}" -d "{\"tags\":[$tags]}"
    [[ $code == 4* ]] || fail "101 tags" "4xx" "$code $(cat "$dir/out")"
    is_problem "$code" 100
    awk 'BEGIN { printf "{\"tags\":["; for (i = 0; i < 1000000; i++) printf "%s\"t%d\"", i ? "," : "", i; printf "]}" }' >million
    refused 413 'send at most 65536 bytes' "${put[@]}" --data-binary @million
    refused 413 'send at most 65536 bytes' "${put[@]}" -H 'Transfer-Encoding: chunked' --data-binary @- < <(head -c 100000 million)
    ask "${put[@]}" -d "{\"tags\":[\"$(head -c 300 /dev/zero | tr '\0' x)\"]}"
    [[ $code == 4* ]] || fail "a tag of 300 bytes" "4xx" "$code $(cat "$dir/out")"
    is_problem "$code" 255
    raw "POST /api/v1/worklogs HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer $api_token\r\nContent-Type: application/json\r\nContent-Length: 999999999999999\r\n\r\n"
    is "a body of a petabyte is not waited for" 413 "$code"
    unharmed
}

# ---- paths and queries ----

paths()
{
    local path

    start_all
    for path in /api/v1/../../etc/passwd /api/v1/./me /api/v1/%2e%2e/me /%2E%2e/ '/api/v1/worklogs/%2e%2e%2ftags' '/assets/..%2findex.html' \
        '/assets/..%5cindex.html' '/api/v1/worklogs/a%2fb' '/api/v1/worklogs/%00' '/api/v1/worklogs/1%00' '/api/v1/worklogs/%ff' \
        '/api/v1/worklogs/%c0%ae' '/api/v1/worklogs/%zz' '/api/v1/worklogs/%2' '/..' '/assets/%2e'; do
        ask GET "$path" "${auth[@]}"
        is "the status of $path" 400 "$code"
        is_problem 400 'in the path'
    done
    for path in //api/v1/me /api//v1/me /api/v1/me/ /API/v1/me '/api/v1/me;x=1' /assets/ /assets/none.js '/assets/index.html%20' /.git/config /api/v2/me \
        '/%2561pi/v1/me' '/<script>alert(1)</script>'; do
        ask GET "$path" "${auth[@]}"
        is "the status of $path" 404 "$code"
        is_problem 404 'nothing is served at this path'
        has_not "nothing of the path is said back" "$dir/out" script
    done
    refused 400 'too many segments' GET "/$(head -c 100 /dev/zero | tr '\0' /)"
    refused 400 'in the query is broken' GET '/api/v1/worklogs?tag=%zz' "${auth[@]}"
    refused 400 'in the query is broken' GET '/api/v1/worklogs?tag=%ff' "${auth[@]}"
    refused 400 'in the query is broken' GET '/api/v1/worklogs?tag=a%00b' "${auth[@]}"
    refused 405 'not served with this method' PATCH /api/v1/me "${auth[@]}"
    refused 405 'not served with this method' TRACE /api/v1/me "${auth[@]}" -H 'X-Secret: not to be said back'
    has_not "a TRACE says nothing back" "$dir/out" 'not to be said back'
    ask GET "/api/v1/worklogs?tag=$(head -c 100000 /dev/zero | tr '\0' x)" "${auth[@]}"
    [[ $code == 414 || $code == 431 || $code == 400 ]] || fail "a query of 100 kB" 414 "$code"
    unharmed
}

# ---- values ----

values()
{
    local query

    start_all
    for query in from=1900-01-01\&to=2100-12-31 from=0001-01-01\&to=9999-12-31 from=2026-13-01 from=2026-02-30 from=2026-06-02\&to=2026-06-01 \
        group=nonsense tz=Nowhere/Land 'tz=../../etc/passwd' from=-99999999999999999999 limit=-1; do
        ask GET "/api/v1/report?$query" "${auth[@]}"
        [[ $code == 400 || $code == 422 || $code == 413 ]] || fail "a report with $query" "400, 413 or 422" "$code $(head -c 300 "$dir/out")"
        is_problem "$code" ''
        note "$query: $(json .detail | head -c 100)"
    done
    for query in limit=0 limit=999999999 limit=1e3 limit=-1 'limit=9223372036854775808' cursor=nonsense issue=abc from=yesterday; do
        ask GET "/api/v1/worklogs?$query" "${auth[@]}"
        [[ $code == 400 || $code == 422 ]] || fail "worklogs with $query" "400 or 422" "$code $(head -c 300 "$dir/out")"
        is_problem "$code" "${query%%=*}"
    done
    for query in 0 -1 99999999999999999999 1x 1%20 %E2%82%AC; do
        ask GET "/api/v1/worklogs/$query" "${auth[@]}"
        [[ $code == 4* ]] || fail "worklog $query" "4xx" "$code"
        is_problem "$code" ''
    done
    unharmed
}

# ---- HTTP itself ----

# What the parser refuses is a bare status; none of it reaches a handler.
http_itself()
{
    local text
    local signed_in

    start_all
    signed_in="GET /api/v1/me HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer $api_token\r\n"
    raw "${signed_in}Connection: close\r\n\r\n"
    is "what is right" 200 "$code"
    raw 'POST /api/v1/session HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: t\r\n\r\n'
    is "two lengths" 400 "$code"
    is "the second request of a smuggler is not read" 1 "$(grep -c '^HTTP/1.1' "$dir/out")"
    for text in 'POST /api/v1/session HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\n' \
        'POST /api/v1/session HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 6\r\n\r\nhello!' \
        'POST /api/v1/session HTTP/1.1\r\nHost: t\r\nContent-Length: 0x10\r\n\r\n' \
        'POST /api/v1/session HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999999\r\n\r\n' \
        'POST /api/v1/session HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n' \
        'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n' 'GET /healthz HTTP/9.9\r\nHost: t\r\n\r\n' \
        'GET healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n' '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n' \
        'GARBAGE\r\n\r\n' '\r\n\r\n\r\n\r\n\0\0\0\0\r\n\r\n'; do
        raw "$text"
        [[ -z $code || $code == [45]* ]] || fail "the status of $text" "4xx, or a closed connection" "$(head -c 300 "$dir/out")"
    done
    # Headers past the room that a request has.
    raw "${signed_in}X-Long: $(head -c 70000 /dev/zero | tr '\0' x)\r\nConnection: close\r\n\r\n"
    [[ -z $code || $code == 4* ]] || fail "a header of 70 kB" "4xx" "$code"
    raw "$signed_in$(awk 'BEGIN { for (i = 0; i < 5000; i++) printf "X-%d: 0123456789\\r\\n", i }')Connection: close\r\n\r\n"
    [[ -z $code || $code == 4* ]] || fail "5,000 headers" "4xx" "$code"
    unharmed
}

# ---- slow ones ----

slow()
{
    local -a fds=()
    local fd turn from

    trap '' PIPE # a connection that the server has closed is what this is about
    TENON_SERVER_RECEIVE_S=5 start_all
    for ((turn = 0; turn < 60; turn++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$api_port"
        fds+=("$fd")
    done
    from=$(ms)
    for ((turn = 0; turn < 7; turn++)); do
        for fd in "${fds[@]:0:20}"; do # a head that never ends
            { printf 'GET /healthz HTTP/1.1\r\nX-%d: ' "$turn" >&"$fd"; } 2>/dev/null || true
        done
        for fd in "${fds[@]:20:20}"; do # a body that never ends
            if ((turn == 0)); then
                printf 'PUT /api/v1/settings HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n{' >&"$fd"
            else
                { printf ' ' >&"$fd"; } 2>/dev/null || true
            fi
        done
        answers 200 GET /api/v1/me "${auth[@]}" # meanwhile others are served
        sleep 1
    done
    for fd in "${fds[@]:0:40}"; do
        timeout 20 cat <&"$fd" >/dev/null 2>&1 || [[ $? != 124 ]] || fail "a slow connection is closed" "within 20 s" "it is open"
    done
    at_most "milliseconds until the slow ones are gone" 30000 $(($(ms) - from))
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
    unharmed
}

resident_kib()
{
    awk '/^VmRSS/ { print $2 }' "/proc/$serve_pid/status"
}

# Clients that leave before their answer: what they sent is not kept.
gone()
{
    local before turn

    start_all
    awk 'BEGIN { printf "{\"clientKey\":\""; for (i = 0; i < 60000; i++) printf "x"; printf "\"}" }' >body
    { printf 'POST /connect/installed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' "$(wc -c <body)" && cat body; } >post
    for ((turn = 0; turn < 100; turn++)); do
        cat post >"/dev/tcp/127.0.0.1/$api_port"
    done
    answers 200 GET /healthz
    before=$(resident_kib)
    for ((turn = 0; turn < 600; turn++)); do
        cat post >"/dev/tcp/127.0.0.1/$api_port"
    done
    answers 200 GET /healthz
    note "$(($(resident_kib) - before)) KiB more"
    is_asan || at_most "KiB that 36 MB of bodies leave behind" 8000 $(($(resident_kib) - before))
    unharmed
}

# More connections of one address than its share: told so, and the others go on.
crowd()
{
    local -a fds=()
    local fd turn

    TENON_SERVER_CONNECTIONS_PER_ADDRESS=10 start_all
    for ((turn = 0; turn < 10; turn++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$api_port"
        fds+=("$fd")
        printf 'GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n' >&"$fd"
        IFS= read -r -t 20 line <&"$fd"
        is "the status of connection $turn" 'HTTP/1.1 200 OK' "${line%$'\r'}"
    done
    refused 429 server.connections_per_address GET /healthz
    has "when to come again" "$dir/head" 'retry-after: '
    printf 'GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n' >&"${fds[0]}"
    for ((turn = 0; turn < 20; turn++)); do # the rest of the first answer, and the second
        IFS= read -r -t 20 line <&"${fds[0]}" || break
        [[ $line != HTTP/1.1* ]] || break
    done
    is "the ones that were there first" 'HTTP/1.1 200 OK' "${line%$'\r'}"
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
    for ((turn = 0; turn < 200; turn++)); do
        ask GET /healthz
        [[ $code == 200 ]] && break
        sleep 0.05
    done
    unharmed
}

# ---- browsers ----

browsers()
{
    local path type

    start_all
    # Every page says who may frame it and that its type is what it says.
    for path in / /time /reports /sync /settings /data /setup /sign-in /data-storage /openapi.yaml /healthz /readyz /metrics /api/v1/me /api/v1/worklogs \
        /atlassian-connect.json /nowhere /api/v1/session '/time?xdm_e=https://evil.example&<script>=1'; do
        ask GET "$path" "${auth[@]}" -H 'Accept: text/html'
        has "the headers of $path ($code)" "$dir/head" 'x-content-type-options: nosniff' 'referrer-policy: no-referrer' 'frame-ancestors '
        is "one policy on $path" 1 "$(grep -c '^content-security-policy:' "$dir/head")"
        has_not "no script of elsewhere, none in the page" "$dir/head" "script-src 'unsafe-inline'" "script-src *" 'unsafe-eval'
        has_not "nothing of the request on $path" "$dir/out" evil.example
        type=$(sed -n 's/^content-type: //p' "$dir/head")
        case $path in
        /api/* | /nowhere) [[ $type == application/json || $type == application/problem+json ]] || fail "the type of $path" JSON "$type" ;;
        esac
        if [[ $type == text/html* ]]; then
            has_not "no script stands in a page" "$dir/out" '<script>' 'javascript:' 'onerror='
        fi
    done
    # A text of Jira's that is markup stays a text.
    steer worklogs/create '{"count":1,"comment":"<img src=x onerror=alert(1)><script>alert(2)</script>=cmd()"}'
    pass_time
    must tenon sync acme
    source_rows >"$dir/source.before"
    kept >"$dir/kept.before"
    answers 200 GET /api/v1/worklogs?limit=500 "${auth[@]}" -H 'Accept: text/html'
    has "its type" "$dir/head" 'content-type: application/json' 'x-content-type-options: nosniff'
    answers 200 GET /data-storage -H 'Accept: text/html'
    has_not "the data-storage page has no script" "$dir/out" '<script' 'onerror'
    # Our own pages alone may send forms; a cookie without the page's word is nobody's.
    refused 401 '' POST /api/v1/reports "${json_type[@]}" -H 'Cookie: tenon_session=admin.forged' -d '{}'
    refused 403 '' POST /api/v1/session "${json_type[@]}" -H 'Origin: https://evil.example' -H 'Sec-Fetch-Site: cross-site' -d '{"password":"x"}'
    unharmed
}

# ---- credentials that are none ----

credentials()
{
    local header

    start_all
    for header in 'Authorization: Bearer' 'Authorization: Bearer x' "Authorization: Bearer ${api_token}x" "Authorization: Bearer ${api_token%?}" \
        'Authorization: Basic YTpi' 'Authorization: JWT a.b.c' 'Authorization: JWT eyJhbGciOiJub25lIn0.e30.' 'Authorization: Bearer eyJhbGciOiJub25lIn0.e30.' \
        'Cookie: tenon_session=' 'Cookie: tenon_session=admin.' 'Cookie: tenon_session=../../x.y' \
        "Authorization: Bearer $(head -c 20000 /dev/zero | tr '\0' x)" "Cookie: tenon_session=$(head -c 8000 /dev/zero | tr '\0' x)"; do
        ask GET /api/v1/worklogs -H "$header"
        [[ $code == 401 ]] || fail "the status with ${header:0:60}" 401 "$code $(head -c 300 "$dir/out")"
        is_problem 401 ''
        has "how to come in" "$dir/head" 'www-authenticate: '
    done
    has_not "no credential in the log" <(cat "$TENON_DATA"/logs/*.log) "$api_token" eyJ
    unharmed
}

check_aside "slow requests end, others are served meanwhile" slow
check "bodies that are too large, broken, nested, double or of another type" bodies
check "paths and queries that are more than they look like" paths
check "values out of their range, a report over centuries" values
check "requests that are not HTTP, or are two at once" http_itself
check "clients that are gone before their answer leave nothing behind" gone
check "more connections of one address than its share" crowd
check "pages that cannot be framed, sniffed or scripted" browsers
check "credentials that are none" credentials
finish
