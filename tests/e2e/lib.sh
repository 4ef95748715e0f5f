# lib.sh: what the end-to-end tests share. Sourced by each of them with Meson's arguments:
#
#   . lib.sh TENON TENON-SANDBOX E2E-SQL
#
# The model: a test is a sentence and a function. `check` runs the function in a shell of its own with an
# empty folder ($dir), its own data folder (TENON_DATA) and, when it starts one, its own sandbox, which ends
# with it. `check_aside` does the same in the background, for those that mostly wait; `settle` collects
# them. Each prints "ok - sentence" or "not ok - sentence" with what was expected and what came. The first
# wrong thing ends a test, not the file. `finish` at the end says how many failed.
#
# Whatever `run` and its kin run is looked through for the credential: no output may show it.
#
# Bash, jq, awk and sqlite3 only; HTTP goes by bash's own /dev/tcp.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C.UTF-8

tenon_exe=$(realpath "$1") sandbox_exe=$(realpath "$2") sql_exe=$(realpath "$3")
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

for tool in jq awk sqlite3 timeout; do
    if ! command -v "$tool" >/dev/null; then
        echo "skipped: the end-to-end tests need $tool; tools/setup test installs it"
        exit 77
    fi
done

# Nothing of the caller's may reach the program.
unset TENON_DATA http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY

email='ada.planted@example.com'
token='ATATTplanted3xFfGF0T0ken9qZ'
basic=$(printf '%s:%s' "$email" "$token" | base64 -w 0)
patience_s=150 # of one command; a slow build needs a few seconds at most

work=$(mktemp -d "${TMPDIR:-/tmp}/tenon-e2e.XXXXXX")
export HOME=$work # the default data folder would be below it
checks=0 failures=0
declare -a aside_pids=() aside_numbers=()
declare -A sentences=()

# ---- running tests ----

# Ends what this shell has started and what still runs, by its pid, and takes its mounts away.
stop_started()
{
    local pid folder running

    running=" $(jobs -pr | tr '\n' ' ')"
    for pid in "${started[@]}"; do
        if [[ $running == *" $pid "* ]]; then
            kill -TERM "$pid" 2>/dev/null || true
            wait "$pid" 2>/dev/null || true
        fi
    done
    started=()
    for folder in "${mounted[@]}"; do
        umount -l "$folder" 2>/dev/null || true
    done
    mounted=()
}

end_of_file()
{
    local status=$? pid

    trap - EXIT
    for pid in "${aside_pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
    exit "$status"
}
trap end_of_file EXIT

# In the shell of one test.
begin()
{
    started=() mounted=() sandbox_pids=() sandboxes=0
    trap stop_started EXIT
    dir=$work/$1
    mkdir -p "$dir"
    cd "$dir"
    export TENON_DATA=$dir/data
    printf '%s' "$token" >token
    aside_pids=()
}

# At the end of a test that went well: its sandboxes must end well too, which under a sanitizer says that
# they did nothing wrong.
end_sandboxes()
{
    local pid rc

    for pid in "${sandbox_pids[@]}"; do
        rc=0
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" || rc=$?
        if ((rc != 0)); then
            cat "$dir"/sandbox.*.err
            fail "the exit code of a sandbox" 0 "$rc"
        fi
    done
}

report_check()
{
    local number=$1 rc=$2 log=$work/$1.log

    case $rc in
    0)
        printf 'ok - %s\n' "${sentences[$number]}"
        grep '^# ' "$log" || true
        ;;
    77) printf 'ok - %s # skipped: %s\n' "${sentences[$number]}" "$(tail -n 1 "$log")" ;;
    *)
        printf 'not ok - %s\n' "${sentences[$number]}"
        sed 's/^/    /' "$log"
        failures=$((failures + 1))
        ;;
    esac
    rm -rf "${work:?}/$number" || true
}

# check SENTENCE FUNCTION [ARGUMENT…]
check()
{
    local number=$((++checks)) rc

    sentences[$number]=$1
    shift
    set +e
    (
        set -e
        begin "$number"
        "$@"
        end_sandboxes
    ) >"$work/$number.log" 2>&1
    rc=$?
    set -e
    report_check "$number" "$rc"
}

# The same, beside what follows.
check_aside()
{
    local number=$((++checks))

    sentences[$number]=$1
    shift
    (
        set -e
        begin "$number"
        "$@"
        end_sandboxes
    ) >"$work/$number.log" 2>&1 &
    aside_pids+=($!) aside_numbers+=("$number")
}

# Waits for all that run beside.
settle()
{
    local i rc

    for i in "${!aside_pids[@]}"; do
        rc=0
        wait "${aside_pids[i]}" || rc=$?
        report_check "${aside_numbers[i]}" "$rc"
    done
    aside_pids=() aside_numbers=()
}

finish()
{
    settle
    printf '%d tests, %d failed\n' "$checks" "$failures"
    exit $((failures > 0))
}

skip()
{
    printf '%s\n' "$*"
    exit 77
}

# A line that stays in the output of a test that passes.
note()
{
    printf '# %s\n' "$*"
}

# ---- asserting ----

# fail WHAT [EXPECTED ACTUAL]
fail()
{
    printf '%s\n' "$1"
    if (($# > 1)); then
        printf '  expected: %s\n  actual:   %s\n' "$2" "$3"
    fi

    local file depth
    for ((depth = 1; depth < ${#BASH_SOURCE[@]} - 1; depth++)); do
        [[ ${BASH_SOURCE[depth]} == */lib.sh ]] || break
    done
    printf '  at line %s of %s\n' "${BASH_LINENO[depth - 1]}" "$(basename "${BASH_SOURCE[depth]}")"
    for file in out err; do
        [[ -s $dir/$file ]] && head -c 1500 "$dir/$file" | sed "s/^/  std$file: /"
    done
    exit 1
}

# is WHAT EXPECTED ACTUAL
is()
{
    [[ $2 == "$3" ]] || fail "$1" "$2" "$3"
}

# at_most WHAT LIMIT ACTUAL, numbers with or without decimals
at_most()
{
    awk -v limit="$2" -v actual="$3" 'BEGIN { exit !(actual + 0 <= limit + 0) }' || fail "$1" "at most $2" "$3"
}

# has WHAT FILE TEXT…: each of the texts stands in the file
has()
{
    local what=$1 file=$2 text

    shift 2
    for text in "$@"; do
        grep -qF -e "$text" "$file" || fail "$what" "to find: $text" "$(head -c 600 "$file")"
    done
}

has_not()
{
    local what=$1 file=$2 text

    shift 2
    for text in "$@"; do
        ! grep -qF -e "$text" "$file" || fail "$what" "not to find: $text" "$(grep -F -m 3 -e "$text" "$file" | head -c 600)"
    done
}

# json_is WHAT EXPRESSION EXPECTED [FILE]: of the last output, or of a file
json_is()
{
    local actual

    actual=$(jq -c "$2" "${4:-$dir/out}" 2>&1) || fail "$1: not JSON, or not of that shape" "$3" "$actual"
    [[ $actual == "$3" ]] || fail "$1 ($2)" "$3" "$actual"
}

# The value of an expression over the last output, without quotes.
json()
{
    jq -r "$1" "${2:-$dir/out}"
}

no_secrets()
{
    has_not "no output may show the credential" "$dir/out" "$token" "$basic"
    has_not "no output may show the credential" "$dir/err" "$token" "$basic"
}

tenon()
{
    timeout --foreground -k 5 "$patience_s" "$tenon_exe" "$@"
}

# Runs a command: its exit code in $status, what it wrote in $dir/out and $dir/err.
run()
{
    status=0
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
    no_secrets
}

# exits CODE COMMAND…
exits()
{
    local code=$1

    shift
    run "$@"
    [[ $status == "$code" ]] || fail "the exit code of: ${*/#$tenon_exe/tenon}" "$code" "$status"
}

must()
{
    exits 0 "$@"
}

# refuses CODE TEXT… -- COMMAND…: fails with that code and one sentence on standard error, which has all
# of the texts (the thing, the value, the remedy).
refuses()
{
    local code=$1
    local -a texts=()

    shift
    while [[ $1 != -- ]]; do
        texts+=("$1")
        shift
    done
    shift
    exits "$code" "$@"
    is "lines on standard error" 1 "$(wc -l <"$dir/err")"
    grep -qE '^tenon( [a-z]+){0,2}: .{20,}' "$dir/err" || fail "the sentence begins with the command" "tenon COMMAND: …" "$(cat "$dir/err")"
    has "the sentence names the thing, the value and the remedy" "$dir/err" "${texts[@]}"
}

# start COMMAND…: in the background; what it writes goes to $dir/bg.out and $dir/bg.err, its process is
# $bg_pid. One at a time.
start()
{
    "$@" >"$dir/bg.out" 2>"$dir/bg.err" </dev/null &
    bg_pid=$!
    started+=("$bg_pid")
}

# Waits for it: its exit code in $status.
collect()
{
    status=0
    wait "$bg_pid" 2>/dev/null || status=$?
    has_not "no output may show the credential" "$dir/bg.out" "$token" "$basic"
    has_not "no output may show the credential" "$dir/bg.err" "$token" "$basic"
}

ms()
{
    date +%s%3N
}

# ---- the sandbox ----

# start_sandbox [OPTION…]: sets $sandbox_pid, $port, $url, $sandbox_log.
start_sandbox()
{
    local out turn

    out=$dir/sandbox.$((++sandboxes))
    sandbox_log=$out.log
    : >"$out"
    "$sandbox_exe" --email "$email" --token "$token" --pat "$token" --log "$sandbox_log" "$@" >"$out" 2>"$out.err" &
    sandbox_pid=$!
    sandbox_pids+=("$sandbox_pid")
    started+=("$sandbox_pid")
    for ((turn = 0; turn < 1200; turn++)); do
        if grep -q '^tenon-sandbox listening on' "$out"; then
            url=$(sed -n 's/^tenon-sandbox listening on //p' "$out")
            port=${url##*:}
            return
        fi
        kill -0 "$sandbox_pid" 2>/dev/null || fail "the sandbox starts" "its listening line" "$(cat "$out.err")"
        sleep 0.05
    done
    fail "the sandbox starts within a minute" "its listening line" "$(cat "$out" "$out.err")"
}

# http METHOD PATH [BODY]: prints the answer's body; anything but 200 fails.
http()
{
    local method=$1 path=$2 body=${3-} line='' code

    exec {http_fd}<>"/dev/tcp/127.0.0.1/$port" || fail "the sandbox is there" "port $port" "$(cat "$dir"/sandbox.*.err)"
    (
        LC_ALL=C
        printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
            "$method" "$path" "${#body}" "$body" >&"$http_fd"
    )
    IFS= read -r line <&"$http_fd"
    code=$(cut -d ' ' -f 2 <<<"$line")
    while IFS= read -r line <&"$http_fd" && [[ $line != $'\r' ]]; do :; done
    if [[ $code != 200 ]]; then
        printf '%s %s answers %s: %s\n' "$method" "$path" "$code" "$(head -c 400 <&"$http_fd")" >&2
        exec {http_fd}>&-
        return 1
    fi
    cat <&"$http_fd"
    exec {http_fd}>&-
}

# steer PATH BODY: the control path. What it answers to changes of worklogs and issues stays in $dir/steered
# until the next of them.
steer()
{
    http POST "/sandbox/$1" "${2-}" >"$dir/answer" || fail "the sandbox obeys POST /sandbox/$1" 200 "$(head -c 300 "$dir/answer")"
    if [[ $1 == worklogs/* || $1 == issues/* ]]; then
        mv "$dir/answer" "$dir/steered"
    fi
}

# The ids that the last steering touched, one a line, each once.
steered_ids()
{
    jq -r '.ids | unique[]' "$dir/steered"
}

# Past the minute that the feeds withhold.
pass_time()
{
    steer clock "{\"advance_ms\":${1:-180000}}"
}

# fault JSON: a rule of the sandbox; times -1 is for ever
fault()
{
    steer faults "$1"
}

clear_faults()
{
    http DELETE /sandbox/faults >"$dir/answer"
}

state()
{
    http GET /sandbox/state | jq -r "$1"
}

# ---- tenants and comparing ----

add_tenant()
{
    must tenon tenant add "$url" --name "${1:-acme}" --email "$email" --token-file "$dir/token" --allow-http --allow-private
}

row_shape='[.id, .issue, .account, .started, .created, .updated, .seconds, .comment]'

# What the site has; a jq condition picks.
source_rows()
{
    http GET /sandbox/worklogs | jq -c "select(${1:-true}) | $row_shape" | LC_ALL=C sort
}

mirror_rows()
{
    tenon worklogs "${1:-acme}" --json | jq -c "$row_shape" | LC_ALL=C sort
}

same_rows()
{
    local what=$1 expected=$2 actual=$3

    cmp -s "$expected" "$actual" && return
    : >"$dir/out"
    : >"$dir/err"
    fail "$what: $(wc -l <"$expected") rows expected, $(wc -l <"$actual") there" \
        "$(LC_ALL=C comm -23 "$expected" "$actual" | head -n 5)" "$(LC_ALL=C comm -13 "$expected" "$actual" | head -n 5)"
}

# same_as_source [CONDITION [TENANT]]: the mirror holds the site's worklogs (that meet the condition), each
# once, with all their fields.
same_as_source()
{
    source_rows "${1:-true}" >"$dir/source.rows"
    mirror_rows "${2:-acme}" >"$dir/mirror.rows"
    same_rows "the mirror equals its source" "$dir/source.rows" "$dir/mirror.rows"
}

# What one count of the mirror says: rows by `tenon worklogs`.
mirror_count()
{
    tenon worklogs "${1:-acme}" --json | wc -l
}

tenant_id()
{
    tenon tenant list --json | jq -r --arg name "${1:-acme}" 'select(.name == $name).id'
}

# tenant_sql SQL: into the tenant's own database, behind the program's back
tenant_sql()
{
    "$sql_exe" "$TENON_DATA" "$(tenant_id)" "$1"
}

is_asan()
{
    grep -q __asan_init "$tenon_exe"
}
