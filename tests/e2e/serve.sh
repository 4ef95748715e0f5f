#!/bin/bash
#
# serve.sh: the daemon as a service: its start and its end, signals, TLS, proxies, /healthz, /readyz, /metrics,
# the settings and their documentation.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

for tool in curl openssl; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: these tests need $tool; tools/setup test installs it"
        exit 77
    fi
done

# serve_as [OPTION…]: starts it; $serve_pid, $api_port, $base.
serve_as()
{
    local turn

    : >"$dir/serve.out"
    "$tenon_exe" serve --listen 127.0.0.1:0 "$@" >"$dir/serve.out" 2>"$dir/serve.err" &
    serve_pid=$!
    started+=("$serve_pid")
    for ((turn = 0; turn < 600; turn++)); do
        api_port=$(sed -n 's/.*listening on .*[^0-9]\([0-9][0-9]*\)$/\1/p' "$dir/serve.out")
        base=http://127.0.0.1:$api_port
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

# ask URL [CURL'S OPTION…]: status in $code, head in $dir/head, body in $dir/out
ask()
{
    local url=$1

    shift
    code=$(curl -sS --noproxy '*' --max-time 30 -D "$dir/head" -o "$dir/out" -w '%{http_code}' "$@" "$url" 2>"$dir/err") || code="curl $?"
    tr -d '\r' <"$dir/head" >"$dir/head.plain" && mv "$dir/head.plain" "$dir/head"
}

# answers CODE URL [CURL'S OPTION…]
answers()
{
    local wanted=$1

    shift
    ask "$@"
    is "the status of $1" "$wanted" "$code"
}

# Lines of the daemon's log of that event.
logged()
{
    cat "$TENON_DATA"/logs/*.log | jq -c --arg event "$1" 'select(.event == $event)'
}

# Waits until such lines are there: await_log EVENT COUNT
await_log()
{
    local turn

    for ((turn = 0; turn < 200; turn++)); do
        (($(logged "$1" | wc -l) >= $2)) && return 0
        sleep 0.05
    done
    fail "the log tells of $1" "$2 lines" "$(cat "$TENON_DATA"/logs/*.log)"
}

# ---- health and metrics ----

health()
{
    serve_as
    answers 200 "$base/healthz"
    is "what it says" ok "$(cat "$dir/out")"
    answers 200 "$base/readyz"
    is "what it says" ready "$(cat "$dir/out")"
    answers 405 "$base/healthz" -X POST
    has "what is allowed there" "$dir/head" 'Allow: GET, HEAD'
    stop_serving
}

# Each family has HELP and TYPE once, before its samples; every line is one of the three.
metrics()
{
    serve_as
    ask "$base/nowhere/<script>"
    ask "$base/api/v1/worklogs/12345?secret=1"
    answers 200 "$base/metrics"
    has "the type" "$dir/head" 'Content-Type: text/plain; version=0.0.4; charset=utf-8'
    # shellcheck disable=SC2016 # awk's dollars
    awk '
        /^# HELP [a-z_]+ ./ { if (help[$3]++) bad = bad "\n" $0; family = $3; next }
        /^# TYPE [a-z_]+ (counter|gauge|histogram)$/ { if (type[$3]++ || $3 != family) bad = bad "\n" $0; next }
        /^[a-z_]+({[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*})? [0-9.]+$/ { if (index($1, family) != 1) bad = bad "\n" $0; n++; next }
        { bad = bad "\n" $0 }
        END { if (bad || n < 10) { print "not Prometheus text (" n " samples):" bad; exit 1 } }' "$dir/out" >"$dir/why" || fail "$(cat "$dir/why")"
    has "a route is a pattern" "$dir/out" 'route="/api/v1/worklogs/{id}",status="4xx"' 'route="none",status="4xx"'
    has_not "nothing of a request is a label" "$dir/out" script 12345 secret
    stop_serving
}

metrics_access()
{
    serve_as
    answers 403 "$base/metrics" -H 'X-Forwarded-For: 127.0.0.1'
    has "the remedy" "$dir/out" server.metrics_from server.trusted_proxies
    has_not "what is counted" "$dir/out" tenon_http_requests_total
    stop_serving
    TENON_SERVER_METRICS_FROM=192.0.2.0/24 serve_as
    answers 403 "$base/metrics"
    stop_serving
    TENON_SERVER_METRICS_FROM=192.0.2.0/24 TENON_SERVER_TRUSTED_PROXIES=127.0.0.1 serve_as
    answers 200 "$base/metrics" -H 'X-Forwarded-For: 203.0.113.1, 192.0.2.7'
    answers 403 "$base/metrics" -H 'X-Forwarded-For: 192.0.2.7, 203.0.113.1'
    answers 403 "$base/metrics" -H 'X-Forwarded-For: 192.0.2.7' -H 'X-Forwarded-For: 203.0.113.1'
    stop_serving
}

# ---- signals ----

drains()
{
    local rc=0

    serve_as
    answers 200 "$base/healthz"
    # A request that is half there when the signal comes does not hold it up for long.
    exec {half}<>"/dev/tcp/127.0.0.1/$api_port"
    printf 'GET /healthz HTTP/1.1\r\n' >&"$half"
    local from
    from=$(ms)
    kill -TERM "$serve_pid"
    wait "$serve_pid" || rc=$?
    exec {half}>&-
    is "the exit code" 0 "$rc"
    at_most "milliseconds to the end" 12000 $(($(ms) - from))
    is "the last line of the log" daemon_stopped "$(cat "$TENON_DATA"/logs/*.log | tail -n 1 | jq -r .event)"
    if curl -sS --noproxy '*' --max-time 5 "$base/healthz" >"$dir/out" 2>"$dir/err"; then
        fail "nobody listens any more"
    fi
}

reloads()
{
    mkdir -p "$TENON_DATA"
    printf '[jobs]\npoll_s = 300\n[log]\nlevel = info\n' >"$TENON_DATA/tenon.conf"
    serve_as
    printf '[server]\nworkers = 8\n[jobs]\npoll_s = 60\n[log]\nlevel = debug\ndays = 7\n' >"$TENON_DATA/tenon.conf"
    kill -HUP "$serve_pid"
    await_log reloaded 1
    is "what was taken" 'jobs.poll_s log.level log.days' "$(logged setting_taken | jq -r .key | xargs)"
    is "what needs a restart" server.workers "$(logged setting_needs_restart | jq -r .key | xargs)"
    printf '[jobs]\npoll_s = 5\n' >"$TENON_DATA/tenon.conf"
    kill -HUP "$serve_pid"
    await_log reloaded 2
    is "the result of a reload that is no good" '"input"' "$(logged reloaded | tail -n 1 | jq -c .result)"
    has "why" "$dir/serve.err" 'tenon.conf line 2: jobs.poll_s wants a whole number from 10' 'what was in use stays'
    answers 200 "$base/readyz"
    stop_serving
}

# What systemd is told, by the socket that it names.
tells_systemd()
{
    command -v python3 >/dev/null || skip "a datagram socket needs python3"
    python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(60)
while True:
    line = s.recv(1000).decode()
    print(line.replace("\n", " "), flush=True)
    if "STOPPING" in line:
        break' "$dir/notify" >"$dir/told" &
    started+=($!)
    local listener=$! turn
    for ((turn = 0; turn < 200; turn++)); do
        [[ -S $dir/notify ]] && break
        sleep 0.05
    done
    NOTIFY_SOCKET=$dir/notify serve_as
    kill -HUP "$serve_pid"
    await_log reloaded 1
    stop_serving
    wait "$listener"
    is "what systemd was told" 'READY=1 RELOADING=1 READY=1 STOPPING=1' "$(sed 's/ MONOTONIC_USEC=[0-9]*$//' "$dir/told" | xargs)"
}

# ---- TLS ----

make_certificate()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/chain.pem" 2>"$dir/openssl.err" ||
        fail "openssl makes a certificate" "" "$(cat "$dir/openssl.err")"
}

tls()
{
    make_certificate
    cp "$dir/chain.pem" "$dir/first.pem"
    TENON_SERVER_TLS_CERTIFICATE=$dir/chain.pem TENON_SERVER_TLS_KEY=$dir/key.pem serve_as
    base=https://127.0.0.1:$api_port
    answers 200 "$base/healthz" --cacert "$dir/first.pem"
    has "browsers are told to stay with https" "$dir/head" 'Strict-Transport-Security: max-age=31536000'
    answers "curl 60" "$base/healthz" # nobody else trusts it
    answers 200 "$base/healthz" --cacert "$dir/first.pem" --tls-max 1.2
    ask "$base/healthz" --cacert "$dir/first.pem" --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0
    [[ $code == curl* ]] || fail "TLS 1.1 is refused" "curl's error" "$code"
    ask "http://127.0.0.1:$api_port/healthz"
    [[ $code == curl* || $code == 000 ]] || fail "plain HTTP is refused" "no answer" "$code"
    make_certificate
    kill -HUP "$serve_pid"
    await_log reloaded 1
    answers 200 "$base/healthz" --cacert "$dir/chain.pem"
    answers "curl 60" "$base/healthz" --cacert "$dir/first.pem"
    echo broken >"$dir/chain.pem"
    kill -HUP "$serve_pid"
    await_log reloaded 2
    has "why" "$dir/serve.err" 'chain.pem holds no certificate' 'what was in use stays'
    has_not "nothing of a key is shown" "$dir/serve.err" 'PRIVATE KEY'
    answers "curl 77" "$base/healthz" --cacert "$dir/chain.pem"
    answers "curl 60" "$base/healthz"
    stop_serving
}

behind_a_proxy()
{
    serve_as
    answers 200 "$base/healthz" -H 'X-Forwarded-Proto: https'
    has_not "nobody is believed" "$dir/head" Strict-Transport-Security
    stop_serving
    TENON_SERVER_TRUSTED_PROXIES=127.0.0.0/8 serve_as
    answers 200 "$base/healthz" -H 'X-Forwarded-Proto: https'
    has "a trusted proxy is" "$dir/head" Strict-Transport-Security
    answers 200 "$base/healthz"
    has_not "plain HTTP" "$dir/head" Strict-Transport-Security
    stop_serving
}

# ---- starting wrongly ----

does_not_start()
{
    serve_as
    refuses 75 "port $api_port" 'choose another port' -- tenon serve --listen "127.0.0.1:$api_port" --data "$dir/other"
    stop_serving
    refuses 65 '"example.com"' 127.0.0.1 -- tenon serve --listen example.com:80
    refuses 65 'server.tls_certificate' 'give both' -- env TENON_SERVER_TLS_KEY=key.pem "$tenon_exe" serve
    refuses 66 no-such.pem -- env TENON_SERVER_TLS_CERTIFICATE=no-such.pem TENON_SERVER_TLS_KEY=k.pem "$tenon_exe" serve --listen 127.0.0.1:0
    refuses 65 server.trusted_proxies '"lb.internal"' 'write it like' -- env TENON_SERVER_TRUSTED_PROXIES=lb.internal "$tenon_exe" serve --listen 127.0.0.1:0
}

# ---- the settings ----

# Each key of the program stands in docs/settings.md with its default, and the other way round.
documented()
{
    local program=$dir/program page=$dir/page

    must tenon settings
    awk '/^\[/ { section = substr($0, 2, length($0) - 2) }
        /^[a-z0-9_]+ =/ { value = $0; sub(/^[a-z0-9_]+ = ?/, "", value); print section "." $1 " = " value }' "$dir/out" | sort >"$program"
    # shellcheck disable=SC2016 # awk's dollars, Markdown's backticks
    awk -F'|' '/^\| `[a-z_]+\.[a-z_0-9]+` \|/ {
        gsub(/^ `|` $/, "", $2); gsub(/^ | $/, "", $3); gsub(/`/, "", $3); print $2 " = " $3 }' "$source_root/docs/settings.md" | sort >"$page"
    cmp -s "$program" "$page" || fail "docs/settings.md lists each key and its default" "$(comm -23 "$program" "$page")" "$(comm -13 "$program" "$page")"
    mkdir -p "$TENON_DATA"
    cp "$dir/out" "$TENON_DATA/tenon.conf"
    serve_as # the file that it prints is one that it takes
    stop_serving
}

check "the settings and their page say the same" documented
check "it says that it lives and that it is ready" health
check "metrics are Prometheus text with labels of our own tables" metrics
check "metrics are for those who operate the server" metrics_access
check "SIGTERM ends it in good order" drains
check "SIGHUP takes what it can, and tells what it cannot" reloads
check "systemd hears of start, reload and end" tells_systemd
check "TLS with a certificate that is renewed while it runs" tls
check "a proxy is believed when it is named" behind_a_proxy
check "what it cannot start with is named, with a remedy" does_not_start
finish
