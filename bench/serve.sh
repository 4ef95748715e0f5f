# serve.sh: the rows about `tenon serve`; a part of bench/run, which reads it.
# shellcheck shell=bash disable=SC2154 # the names that run sets
#
# The stand-in Jira installs our Connect app as Atlassian would, and signs the tokens that the clients carry;
# so the peer and Tenon are asked the same with the same kind of token. All is started and ended here.

client_key=5a4d0b5e-0000-3000-8000-00000000b001
peer_key=5a4d0b5e-0000-3000-8000-00000000b002
clients=64
viewers=16
server=
peer=

kill_server()
{
    [[ -z $server ]] || { kill -9 "$server" && wait "$server"; } 2> /dev/null || true
    server=
}

stop_peer()
{
    [[ -z $peer ]] || { kill "$peer" && wait "$peer"; } 2> /dev/null || true
    peer=
}

free_port()
{
    port=$((20000 + RANDOM % 10000))
    while (: <> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
        port=$((20000 + RANDOM % 10000))
    done
}

# wait_for LOG WHAT PID
wait_for()
{
    for _ in $(seq 600); do
        grep -q 'listening on port' "$1" && return
        kill -0 "$3" 2> /dev/null || break
        sleep 0.05
    done
    echo "bench: $2 did not start: $(head -c 500 "$1")" >&2
    exit 1
}

start_server()
{
    : > "$dir/server.log"
    "$bin/tenon" serve > "$dir/server.log" 2>&1 &
    server=$!
    wait_for "$dir/server.log" 'tenon serve' "$server"
}

# start_peer SCRIPT ARGUMENT…: below bench/peer, on a port of its own
start_peer()
{
    local script=$1
    shift
    free_port
    peer_port=$port
    : > "$dir/peer.log"
    node "bench/peer/$script" "$peer_port" "$@" > "$dir/peer.log" 2>&1 &
    peer=$!
    wait_for "$dir/peer.log" "bench/peer/$script" "$peer"
}

# Where the server is, for it and for all who make a URL of it.
settle_server()
{
    free_port
    server_port=$port
    export TENON_SERVER_LISTEN=127.0.0.1:$server_port TENON_SERVER_PUBLIC_URL=http://127.0.0.1:$server_port \
        TENON_CONNECT_INSTALL_KEYS_URL=$url/install-keys \
        TENON_CONNECT_IMPERSONATION_URL=$url/oauth2/token TENON_REMOTE_ALLOW_HTTP=yes TENON_REMOTE_ALLOW_PRIVATE=yes
}

# install URL KEY
install()
{
    control connect/install "{\"app\":\"$1\",\"clientKey\":\"$2\"}"
}

rss_mb()
{
    awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"
}

# user and system time of all its threads
cpu_ms()
{
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / tick) }' "/proc/$1/stat"
}

# mint KEY FILE: for each line "ACCOUNT PATH" of FILE a line "PATH TOKEN", good for 180 s
mint()
{
    jq -R -r -n --arg url "$url/sandbox/connect/token" --arg key "$1" '
        [inputs | split(" ") | {method: "GET", path: .[1], account: .[0], clientKey: $key} | tojson
            | "url = \($url | tojson)\nheader = \"Content-Type: application/json\"\ndata = \(tojson)"]
        | join("\nnext\n")' "$2" > "$dir/mint"
    curl -sSf -K "$dir/mint" | jq -r .token | paste -d' ' <(cut -d' ' -f2 "$2") -
}

# people N: account ids of the stand-in Jira
people()
{
    curl -sSf -u demo@example.com:sandbox-token "$url/rest/api/3/users/search?maxResults=$1" | jq -r '.[].accountId'
}

load()
{
    "$bin/bench/bench-load" "$@"
}

# What was refused or broken is no figure.
no_failures()
{
    jq -s -r 'if map(.failed + .broken) | add == 0 then ""
        else "; \(map(.failed) | add) failed (\(map(.first_failure // empty) | first // "-")), \(map(.broken) | add) broken" end' "$@"
}

# middle KEY FILE…
middle()
{
    local key=$1
    shift
    jq -s -r --arg key "$key" 'map(.[$key]) | sort | .[length / 2 | floor]' "$@"
}

# ratio NAME OTHER: of per_s, the middle of the rounds
ratio()
{
    for round in $(seq "$rounds"); do
        jq -n --slurpfile a "$dir/$1$round.load" --slurpfile b "$dir/$2$round.load" '$a[0].per_s / $b[0].per_s'
    done | median
}

npm_is_ready()
{
    command -v npm > /dev/null || return
    [[ -d bench/peer/node_modules/better-sqlite3/build && -d bench/peer/node_modules/sqlite3/build ]] ||
        (cd bench/peer && npm ci --no-audit --no-fund) > "$dir/npm.log" 2>&1
}

# One route behind Connect's JWT and query string hash: GET /api/v1/me.
bench_requests()
{
    start_sandbox 5000 500
    settle_server
    new_mirror
    "$bin/tenon" tenant attach acme --client-key "$client_key" > /dev/null
    "$bin/tenon" sync acme > /dev/null
    start_server
    install "http://127.0.0.1:$server_port" "$client_key"
    people 40 > "$dir/people"
    awk '{ who[NR] = $1 } END { for (i = 0; i < 2000; i++)
        print who[i % NR + 1] " /api/v1/me?xdm_e=https%3A%2F%2Fjira.example.com&xdm_c=channel-tenon__my-time-" i "&cp=&lic=none&cv=1001.0.0&page=" i
        }' "$dir/people" > "$dir/asked"
    if npm_is_ready; then
        start_peer connect.mjs sqlite
        install "http://127.0.0.1:$peer_port" "$peer_key"
    fi
    for round in $(seq "$rounds"); do
        mint "$client_key" "$dir/asked" > "$dir/gets"
        load "$server_port" "$clients" 1 get "$dir/gets" > /dev/null # what each person may do is asked of Jira once
        load "$server_port" "$clients" "$load_seconds" get "$dir/gets" > "$dir/me$round.load"
        [[ -n $peer ]] || continue
        mint "$peer_key" "$dir/asked" > "$dir/gets"
        load "$peer_port" "$clients" 1 get "$dir/gets" > /dev/null # it is compiled now
        load "$peer_port" "$clients" "$load_seconds" get "$dir/gets" > "$dir/peer_me$round.load"
    done
    row 'authenticated request (Connect), requests/s' "$(middle per_s "$dir"/me?.load)$(no_failures "$dir"/me?.load)"
    row '  p50, p99, ms' "$(middle p50_ms "$dir"/me?.load), $(middle p99_ms "$dir"/me?.load)"
    row '  memory, MB' "$(rss_mb "$server")"
    kill_server
    if [[ -z $peer ]]; then
        row '  peer (Node)' 'skipped' 'npm is not there, or npm ci failed'
        return
    fi
    row '  atlassian-connect-express, requests/s' "$(middle per_s "$dir"/peer_me?.load)$(no_failures "$dir"/peer_me?.load)"
    row '    p50, p99, ms' "$(middle p50_ms "$dir"/peer_me?.load), $(middle p99_ms "$dir"/peer_me?.load)"
    row '    memory, MB' "$(rss_mb "$peer")"
    row '  against it' "$(ratio me peer_me | xargs printf '%.1fx')" '>= 30x'
    stop_peer
    start_peer connect.mjs map
    install "http://127.0.0.1:$peer_port" "$peer_key"
    mint "$peer_key" "$dir/asked" > "$dir/gets"
    load "$peer_port" "$clients" 1 get "$dir/gets" > /dev/null
    load "$peer_port" "$clients" "$load_seconds" get "$dir/gets" > "$dir/map1.load"
    row '  the same with its store in a Map, requests/s' "$(middle per_s "$dir/map1.load")"
    stop_peer
}

# A new tenant whose jobs wait: its Jira takes a minute for every answer.
new_queue()
{
    control options '{"latency_ms":0}'
    new_mirror
    "$bin/tenon" sync acme > /dev/null
    hook=$("$bin/tenon" tenant webhook acme --json)
    hook_path=$(jq -r '.url | sub("^http://[^/]*"; "")' <<< "$hook")
    hook_secret=$(jq -r .secret <<< "$hook")
    control options '{"latency_ms":60000}'
}

# until the server of that PID is quiet
wait_quiet()
{
    local before=-100 now
    now=$(cpu_ms "$1")
    while ((now - before > 20)); do
        before=$now
        sleep 0.5
        now=$(cpu_ms "$1")
    done
}

# measure_hooks NAME ORDER ROUND: of a new queue
measure_hooks()
{
    local before
    new_queue
    start_server
    before=$(cpu_ms "$server")
    load "$server_port" "$clients" "$load_seconds" "$2" "$hook_path" "$hook_secret" 1000000 95000 > "$dir/$1$3.load"
    cpu_each "$dir/$1$3" $(($(cpu_ms "$server") - before)) > "$dir/$1$3.cpu"
    wait_quiet "$server" # each gets its place in the queue
    cpu_each "$dir/$1$3" $(($(cpu_ms "$server") - before)) > "$dir/$1$3.all_cpu"
    kill_server # its workers wait for Jira
}

# cpu_each FILE MS: of the answers of FILE.load, us
cpu_each()
{
    jq --argjson ms "$2" '$ms * 1000 / .good | round' "$1.load"
}

# Webhooks, each another worklog's, on the disk before the answer.
bench_hooks()
{
    start_sandbox 1000 100
    settle_server
    for round in $(seq "$rounds"); do
        measure_hooks hook rising "$round"
        measure_hooks mixed shuffled "$round"
        npm_is_ready || continue
        rm -f "$dir"/hooks.db*
        start_peer hooks.mjs "$hook_secret" "$dir/hooks.db"
        load "$peer_port" "$clients" 1 rising "$hook_path" "$hook_secret" 1 95000 > /dev/null # it is compiled now
        peer_cpu=$(cpu_ms "$peer")
        load "$peer_port" "$clients" "$load_seconds" rising "$hook_path" "$hook_secret" 1000000 95000 > "$dir/peer_hook$round.load"
        cpu_each "$dir/peer_hook$round" $(($(cpu_ms "$peer") - peer_cpu)) > "$dir/peer_hook$round.cpu"
        stop_peer
    done
    row 'webhook accepted durably, each second' "$(middle per_s "$dir"/hook?.load)$(no_failures "$dir"/hook?.load)"
    row "  p50, p99, ms, at $clients connections" "$(middle p50_ms "$dir"/hook?.load), $(middle p99_ms "$dir"/hook?.load)" '<= 20'
    row '  CPU each, us, then; with its place in the queue' "$(median < <(cat "$dir"/hook?.cpu)); $(median < <(cat "$dir"/hook?.all_cpu))"
    row '  ids in no order, nothing done of them, each second' \
        "$(middle per_s "$dir"/mixed?.load)$(no_failures "$dir"/mixed?.load)"
    row '    p50, p99, ms' "$(middle p50_ms "$dir"/mixed?.load), $(middle p99_ms "$dir"/mixed?.load)" '<= 20'
    row '    CPU each, us, then; with its place in the queue' "$(median < <(cat "$dir"/mixed?.cpu)); $(median < <(cat "$dir"/mixed?.all_cpu))"
    if npm_is_ready; then
        row '  Node with better-sqlite3, FULL, each second' "$(middle per_s "$dir"/peer_hook?.load)$(no_failures "$dir"/peer_hook?.load)"
        row '    p50, p99, ms' "$(middle p50_ms "$dir"/peer_hook?.load), $(middle p99_ms "$dir"/peer_hook?.load)"
        row '    CPU each, us' "$(median < <(cat "$dir"/peer_hook?.cpu))"
        row '  against it' "$(ratio hook peer_hook | xargs printf '%.1fx')" '>= 15x'
    else
        row '  peer (Node)' 'skipped' 'npm is not there, or npm ci failed'
    fi
}

# Twenty times a server is killed in the middle of it.
bench_kills()
{
    start_sandbox 1000 100
    settle_server
    new_queue
    rm -f "$dir/accepted" "$dir"/kill*.load
    for round in $(seq 20); do
        start_server
        load "$server_port" "$clients" 10 rising "$hook_path" "$hook_secret" $((round * 10000)) 4900 \
            "$dir/accepted" "$server" $((RANDOM % 4000 + 1)) > "$dir/kill$round.load"
        kill_server # it is dead; its end is waited for
    done 2> >(grep -v ' Killed ' >&2) # which the shell has to tell
    "$bin/bench/bench-lost" "$TENON_DATA" acme "$dir/accepted" > "$dir/lost.out" || true
    row '20 kill -9: accepted, of them lost' "$(jq -r '"\(.accepted), \(.lost)"' "$dir/lost.out")" '0'
    row '  kills that met open requests' "$(jq -s 'map(select(.broken > 0)) | length' "$dir"/kill*.load)"
}

# viewer_file PATH: each of the viewers asks for the same, as themself
viewer_file()
{
    awk -v path="$1" '{ print $1 " " path }' "$dir/people" > "$dir/asked"
    mint "$client_key" "$dir/asked" > "$dir/gets"
}

# varied_file PATH: the same, of a period that nobody else has asked for lately: nothing is remembered
varied_file()
{
    awk -v path="$1" -v viewers="$viewers" '{ who[NR] = $1 } END { for (i = 0; i < viewers * 40; i++)
        print who[i % NR + 1] " " path "&from=" strftime("%Y-%m-%d", 1577836800 - i * 86400, 1)
        }' "$dir/people" > "$dir/asked"
    mint "$client_key" "$dir/asked" > "$dir/gets"
}

# bench_view FILE NAME PATH: FILE is viewer or varied
bench_view()
{
    "$1_file" "$3"
    shift
    local before after
    load "$server_port" "$viewers" 2 get "$dir/gets" > "$dir/warm.load"
    before=$(cpu_ms "$server")
    load "$server_port" "$viewers" "$load_seconds" get "$dir/gets" > "$dir/view.load"
    after=$(cpu_ms "$server")
    row "report over HTTP, $viewers viewers, $1: p50, p99, ms" \
        "$(jq -r '"\(.p50_ms), \(.p99_ms)"' "$dir/view.load")$(no_failures "$dir/view.load")" '<= 50'
    row '  reports/s; worst while warming up, ms' "$(jq -r .per_s "$dir/view.load"); $(jq -r .worst_ms "$dir/warm.load")"
    row '  CPU of the server a report, ms' "$(jq -r --argjson ms $((after - before)) '$ms / .good * 1000 | round / 1000' "$dir/view.load")"
}

# On the mirror that the full sync left, if there is one.
bench_viewers()
{
    [[ -n $sandbox && -d $dir/data && $mirrored == "$worklogs" ]] || {
        start_sandbox "$worklogs" 50000
        new_mirror
        "$bin/tenon" sync acme > /dev/null
    }
    settle_server
    control clock "{\"now\":\"$(date -u +%FT%TZ)\"}" # which other rows move; tokens are signed by it
    "$bin/tenon" tenant attach acme --client-key "$client_key" > /dev/null
    local hook issue worklog
    hook=$("$bin/tenon" tenant webhook acme --json)
    control webhook "$(jq -c '{url, secret}' <<< "$hook")"
    start_server
    sleep 2
    row 'memory of the server, idle, MB' "$(rss_mb "$server")" '<= 25'
    install "http://127.0.0.1:$server_port" "$client_key"
    people "$viewers" > "$dir/people"
    bench_view viewer 'account x month' '/api/v1/report?group=account,month&tz=UTC'
    bench_view viewer 'issue top 50' '/api/v1/report?group=issue&top=50&tz=UTC'
    bench_view varied 'account x month, each another' '/api/v1/report?group=account,month&tz=UTC'
    bench_view varied 'issue top 50, each another' '/api/v1/report?group=issue&top=50&tz=UTC'
    row "memory with $worklogs worklogs loaded, MB" "$(rss_mb "$server")" '<= 120'

    issue=$(curl -sSf -X POST -H 'Content-Type: application/json' -d '{"issue":"random"}' "$url/sandbox/issues/touch" | jq -r .issue)
    worklog=$(curl -sSf -X POST -H 'Content-Type: application/json' -d "{\"issue\":\"$issue\",\"seconds\":60}" \
        "$url/sandbox/worklogs/create" | jq -r '.ids[0]')
    sleep 2
    viewer_file "/api/v1/report?group=account&issue=$issue&tz=UTC"
    # shellcheck disable=SC2046 # the line is two words
    "$bin/bench/bench-seen" "$url" "$server_port" 20 "$worklog" $(head -1 "$dir/gets") > "$dir/seen.out"
    row 'change in Jira seen in the report, 20 times: median, ms' "$(jq -r .median_ms "$dir/seen.out")"
    row '  worst, ms' "$(jq -r .worst_ms "$dir/seen.out")" '<= 1000'
    row '  memory then, MB' "$(rss_mb "$server")" '<= 120'
    kill_server
}
