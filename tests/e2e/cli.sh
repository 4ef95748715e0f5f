#!/bin/bash
#
# cli.sh: the command line: help, JSON for programs, tables and bars for people, exit codes, tenants, reports
# by page and as CSV, doctor, and the data-storage page.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

# "tenant add", "sync", …, as the help lists them
commands()
{
    tenon --help | sed -n '/^Commands:/,/^$/p' | sed -n 's/^  \(.\{14\}\) .*/\1/p' | sed 's/ *$//'
}

# ---- help, exit codes ----

help_of_each()
{
    local command words

    is "the commands" "admin,audit,audit verify,backup,backup copy,backup drill,backup fetch,backup verify,backups,doctor,export,forge manifest,import,incident,keys recover,keys retire,keys rewrap,keys rotate,keys split,keys status,person erase,person export,person readmit,person show,policy,policy diff,policy verify,receipt key,receipt replay,receipt verify,report,restore,serve,settings,sync,tag,tenant add,tenant attach,tenant erase,tenant keep,tenant list,tenant token,tenant webhook,token add,token list,token remove,worklogs" \
        "$(commands | sort | paste -sd,)"
    while read -r command; do
        read -ra words <<<"$command"
        must tenon "${words[@]}" --help
        is "what the help of $command writes to standard error" '' "$(cat err)"
        has "the help of $command" out "tenon $command" Options: --data --json --help
        grep -qE "^  tenon $command( |\$)" out || fail "the help of $command has an example" "  tenon $command …" "$(cat out)"
        is "lines of the help of $command over 100 characters" '' "$(awk 'length > 100' out)"
    done < <(commands)
    must tenon help
    has "\`tenon help\` is the same" out Commands:
    must tenon --version
    grep -qE '^tenon [0-9]+\.[0-9]+\.[0-9]+$' out || fail "the version" "tenon 0.1.0" "$(cat out)"
    is "the version has a program's own" "$("$sandbox_exe" --help >/dev/null && echo 0)" 0
    [[ ! -e data ]] || fail "help makes no folder" "no data folder" "$(ls data)"
}

# Each code of --help stands in the documentation, and the other way round.
documented_codes()
{
    must tenon --help
    sed -n '/^Exit codes:/,$p' out | awk '$1 ~ /^[0-9]+$/ { print $1, $2 }' | sort -u >help.codes
    [[ -r $source_root/docs/exit-codes.md ]] || fail "docs/exit-codes.md is there"
    awk -F'|' '$2 ~ /^ *[0-9]+ *$/ { n = split($3, words, /[ ,]+/); for (i = 1; i <= n; i++) if (words[i] != "") print $2 + 0, words[i] }' \
        "$source_root/docs/exit-codes.md" | sort -u >doc.codes
    is "exit codes in help and documentation" "$(cat help.codes)" "$(cat doc.codes)"
}

# ---- JSON ----

json_of_each()
{
    local id

    start_sandbox --generate worklogs=60,users=3,seed=81
    must tenon tenant add "$url" --name acme --email "$email" --token-file token --allow-http --allow-private --json
    json_is "tenant add" '[keys_unsorted, .name, .url, .kind]' "[[\"id\",\"name\",\"url\",\"kind\",\"account\"],\"acme\",\"$url\",\"cloud\"]"
    id=$(json .id)
    must tenon tenant list --json
    json_is "tenant list" '[keys_unsorted, .id]' "[[\"id\",\"name\",\"url\",\"kind\",\"created\"],\"$id\"]"
    must tenon tenant token acme --email "$email" --token-file token --json
    json_is "tenant token" .account '"712020:5a4d0b5e-0000-4000-a000-000000000001"'
    must tenon sync acme --json
    json_is "sync" keys_unsorted '["mode","stored","deleted","requests","points","seconds","warnings","drift"]'
    must tenon sync acme --verify --json
    json_is "sync --verify" '[.mode, .drift, .missing, .stale, .extra]' '["verify",0,0,0,0]'
    must tenon report acme --group account,month --json
    json_is "report" '[keys_unsorted, (.rows[0] | keys_unsorted), (.proof | keys_unsorted)]' \
        '[["rows","seconds","count","proof"],["account","month","seconds","count"],["at","drift"]]'
    is "lines of the report's JSON" 1 "$(wc -l <out)"
    must tenon worklogs acme --json --limit 1
    json_is "worklogs" keys_unsorted '["id","issue","account","started","created","updated","seconds","comment","tags"]'
    json_is "the types of a worklog" '[.[] | type]' '["string","string","string","string","string","string","number","string","array"]'
    json_is "the times of a worklog" '[.started, .created, .updated] | all(test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]{3})?Z$"))' true
    is "lines of \`worklogs --json\`" 60 "$(tenon worklogs acme --json | wc -l)"
    id=$(json .id)
    must tenon tag acme "$id" --add x --json
    json_is "tag" '[.id, .tags]' "[\"$id\",[\"x\"]]"
    must tenon policy --live --tenant acme --json
    json_is "what there is now" '[(.records[] | select(.name == "worklog") | .rows > 0, .bytes > 0, .estimated), (.bytes | keys)]' '[true,true,true,["backups","server","server_backups","tenant"]]'
    must tenon policy --json
    json_is "policy" '[(.records | length > 0), (.classes | length > 0)]' '[true,true]'
    run tenon doctor --json
    json_is "doctor" 'map(keys_unsorted) | unique' '[["result","subject","check","text"]]'
    must tenon tenant erase acme --yes --json
    jq -e . out >answer || fail "tenant erase --json is JSON" "{…}" "$(cat out)"
    must tenon tenant list --json
    is "the list without tenants" '' "$(cat out)"
}

# ---- terminals and pipes ----

no_bar_in_a_pipe()
{
    start_sandbox --generate worklogs=3000,users=3,seed=82
    add_tenant
    must tenon sync acme
    is "what a sync writes to standard error that is no terminal" '' "$(cat err)"
    must tenon sync acme --verify
    is "the same of a verification" '' "$(cat err)"
}

# on_terminal COMMAND…: with a terminal on all three streams; what it shows goes to $dir/shown
on_terminal()
{
    status=0
    script -qec "$(printf '%q ' "$@")" shown >/dev/null </dev/null || status=$?
}

bar_on_a_terminal()
{
    command -v script >/dev/null || skip "script (bsdutils) is not here to make a terminal"
    start_sandbox --generate worklogs=5000,users=3,seed=83 --latency 30
    add_tenant
    on_terminal "$tenon_exe" sync acme
    is "the exit code" 0 "$status"
    grep -qE '\[[#.]+\] +[0-9]+%' shown || fail "a bar with a share" "[####....] 40%" "$(head -c 800 shown | cat -v)"
    grep -qE 'reading +.*[0-9],[0-9]{3} worklogs' shown || fail "what is done, and how many" "reading … 1,000 worklogs" "$(head -c 800 shown | cat -v)"
    grep -q ' left' shown || fail "the time that is left" "… left" "$(head -c 800 shown | cat -v)"
    grep -q 'full sync completed' shown || fail "the result" "full sync completed" "$(tail -c 300 shown | cat -v)"
    # The last bar is wiped before the result.
    is "what stands before the result on its line" 0 "$(grep -a 'full sync completed' shown | sed 's/.*\x1b\[K//' | grep -c '[#%]')"
    on_terminal "$tenon_exe" sync acme --verify
    grep -qE 'comparing|checking' shown || fail "a bar while it verifies" comparing "$(head -c 800 shown | cat -v)"
}

closed_output()
{
    start_sandbox --generate worklogs=6000,users=3,comments=100,seed=84
    add_tenant
    must tenon sync acme
    if [[ -w /dev/full ]]; then
        local command
        for command in "worklogs acme --json" "report acme" "report acme --csv" "policy" "tenant list" "doctor"; do
            status=0
            # shellcheck disable=SC2086
            tenon $command >/dev/full 2>err || status=$?
            is "the exit code of \`tenon $command\` on a full disk" 74 "$status"
            has "its sentence" err 'standard output' 'No space left'
        done
    fi
    status=0
    tenon worklogs acme >&- 2>err || status=$?
    is "the exit code with standard output closed" 74 "$status"
    has "its sentence" err 'standard output'
    # A reader that has had enough is no failure worth a word.
    set +o pipefail
    is "what \`head\` gets" 1 "$(tenon worklogs acme --json 2>err | head -n 1 | wc -l)"
    set -o pipefail
    is "what is said when the reader goes" '' "$(cat err)"
}

# What people wrote must not steer a terminal.
control_characters()
{
    local id

    start_sandbox --generate worklogs=20,users=3,seed=85
    add_tenant
    steer worklogs/edit '{"id":"random","comment":"before \u001b]0;title\u0007\u001b[31mred\u001b[0m \u009b31m\u202eafter\nsecond\tline"}'
    id=$(steered_ids)
    pass_time
    must tenon sync acme
    must tenon worklogs acme --id "$id"
    is "lines of a worklog with line breaks" 2 "$(wc -l <out)"
    is "control characters on the terminal" '' "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <out | od -An -c)"
    is "C1 controls on the terminal" '' "$(LC_ALL=C grep -c $'\xc2\x9b' out | grep -v '^0$' || true)"
    must tenon worklogs acme --id "$id" --json
    json_is "programs get the text as it is" '.comment | test("\u001b\\[31m") and test("\n")' true
}

# ---- tenants ----

tenants()
{
    local id

    start_sandbox --generate worklogs=60,users=3,seed=86
    must tenon tenant add "$url" --email "$email" --token-file token --allow-http --allow-private
    has "the name that is taken from the address" out 'Added 127-0-0-1 ('
    add_tenant acme
    id=$(tenant_id acme)
    must tenon sync "$id"
    must tenon sync acme
    must tenon report "$id" --json
    json_is "worklogs, by the tenant's id" .count 60
    must tenon report acme --json
    json_is "worklogs, by its name" .count 60
    must tenon tenant list
    has "the list" out NAME ADDRESS acme "$id" cloud "$url" 127-0-0-1
    refuses 66 acme "${id%?}" -- tenon sync "${id%?}"

    refuses 64 acme --yes 'Nothing was done' -- tenon tenant erase acme
    must tenon report acme
    must tenon tenant erase acme --yes
    has "the text" out "Erased acme ($id)" "receipts/$id.json"
    must tenon receipt verify "data/receipts/$id.json"
    has "the receipt" out "Whole and unchanged" "$id" "this server's"
    [[ ! -e data/tenants/$id ]] || fail "its folder" gone "$(ls "data/tenants/$id")"
    refuses 66 acme 127-0-0-1 -- tenon sync acme
    add_tenant acme # the name is free again
    [[ $(tenant_id acme) != "$id" ]] || fail "a new tenant has an id of its own"
    # One whose key is gone already can be erased too.
    rm "data/tenants/$(tenant_id acme)/tenant.key"
    must tenon tenant erase acme --yes
    must tenon tenant erase 127-0-0-1 --yes
    must tenon tenant list
    has "the empty list" out 'no tenant yet' 'tenon tenant add'
}

new_token()
{
    start_sandbox --generate worklogs=60,users=3,seed=87
    add_tenant
    must tenon tenant token acme --email "$email" --token-file token
    has "the text" out acme "$url" 'as account 712020:5a4d0b5e'
    must tenon sync acme
    printf 'n0t-the-token' >other
    refuses 77 401 -- tenon tenant token acme --email "$email" --token-file other
    must tenon sync acme
    refuses 65 --pat-file 'Jira Cloud' -- tenon tenant token acme --pat-file token
    must tenon tenant token acme --email "$email" --token-file token --token-expires 2031-12-31
    must tenon doctor --json
    json_is "doctor knows the end" '[.[] | select(.check == "credential").text | test("ends in [0-9]+ days")]' '[true]'
    must tenon audit --act open_secret --json
    is "each opening of a secret is in the audit trail" "login token" "$(jq -r 'select(.why == "sync").field' out | tail -n 2 | paste -sd' ')"
}

token_from_stdin()
{
    start_sandbox --generate worklogs=10,users=3,seed=88
    status=0
    tenon tenant add "$url" --name acme --email "$email" --token-file - --allow-http --allow-private <token >out 2>err || status=$?
    is "the exit code with the token on standard input" 0 "$status"
    must tenon sync acme
}

data_folder()
{
    start_sandbox --generate worklogs=30,users=3,seed=89
    add_tenant
    must tenon sync acme --data data
    must tenon sync --data=data acme
    must tenon sync --data data -- acme
    TENON_DATA=$dir/nowhere must tenon report acme --data "$dir/data"
    unset TENON_DATA
    HOME=$dir/home
    mkdir home
    refuses 66 "$dir/home/.local/share/tenon" -- tenon tenant list
    add_tenant acme
    [[ -e home/.local/share/tenon/control.db ]] || fail "the default folder" "home/.local/share/tenon" "$(find home)"
    is "modes of the folders made on the way" '' "$(find home/.local -type d ! -perm 700)"
    must tenon tenant erase acme --yes
    unset HOME
    refuses 64 --data TENON_DATA -- tenon tenant list
}

# ---- reports ----

# The sums that jq makes of `tenon worklogs`, with GNU date for the days of a time zone.
summed()
{
    local zone=$1 format=$2

    tenon worklogs acme --json >all.rows
    paste <(jq -r .started all.rows | TZ=$zone date -f - "+$format") <(jq -r '[.account, .seconds] | @tsv' all.rows) |
        awk -F'\t' '{ seconds[$2 "\t" $1] += $3; count[$2 "\t" $1]++ }
            END { for (key in seconds) print key "\t" seconds[key] "\t" count[key] }' | sort
}

groups_and_zones()
{
    local zone period format

    start_sandbox --generate worklogs=5000,users=7,issues=60,seed=90
    add_tenant
    must tenon sync acme
    while read -r zone period format; do
        [[ $zone == UTC || -e /usr/share/zoneinfo/$zone ]] || continue
        must tenon report acme --group "account,$period" --tz "$zone" --json
        json ".rows[] | [.account, .$period, .seconds, .count] | @tsv" | sort >report.rows
        summed "$zone" "$format" >date.rows
        same_rows "the report by account and $period in $zone" date.rows report.rows
    done <<'ZONES'
UTC day %Y-%m-%d
Europe/Berlin day %Y-%m-%d
Europe/Berlin week %G-W%V
America/New_York month %Y-%m
Australia/Lord_Howe day %Y-%m-%d
Asia/Kolkata quarter %Y-Q%q
Pacific/Apia year %Y
ZONES
    must tenon report acme --group '' --json
    json_is "a report without groups is its totals" .count 5000
}

filters()
{
    local account issue

    start_sandbox --generate worklogs=3000,users=7,issues=60,seed=91
    add_tenant
    must tenon sync acme
    tenon worklogs acme --json >all.rows
    account=$(jq -r .account all.rows | sort | uniq -c | sort -rn | awk 'NR == 2 { print $2 }')
    issue=$(jq -r .issue all.rows | sort | uniq -c | sort -rn | awk 'NR == 3 { print $2 }')
    must tenon report acme --group issue --account "$account" --json
    json_is "worklogs of one account" .count "$(jq -s --arg a "$account" 'map(select(.account == $a)) | length' all.rows)"
    must tenon report acme --group account --issue "$issue" --account "$account" --json
    json_is "seconds of one account on one issue" .seconds \
        "$(jq -s --arg a "$account" --arg i "$issue" 'map(select(.account == $a and .issue == $i).seconds) | add' all.rows)"
    must tenon report acme --from 2025-03-01 --to 2025-05-31 --json
    json_is "worklogs of three months" .count "$(jq -s 'map(select(.started >= "2025-03-01" and .started < "2025-06-01")) | length' all.rows)"
    is "the same by the list" "$(json .count)" "$(tenon worklogs acme --from 2025-03-01 --to 2025-05-31 --json | wc -l)"
    is "the list of one account" "$(jq -s --arg a "$account" 'map(select(.account == $a)) | length' all.rows)" "$(tenon worklogs acme --account "$account" --json | wc -l)"
    is "the list of one issue" "$(jq -s --arg i "$issue" 'map(select(.issue == $i)) | length' all.rows)" "$(tenon worklogs acme --issue "$issue" --json | wc -l)"
    must tenon report acme --account nobody-of-that-id --json
    json_is "an account without worklogs is an empty report" '[.count, .rows]' '[0,[]]'
    has "and a word" err 'no worklog'
    # Pages of the list.
    : >pages.rows
    local after=1
    while true; do
        must tenon worklogs acme --json --limit 700 --after "$after"
        [[ -s out ]] || break
        cat out >>pages.rows
        after=$(tail -n 1 out | jq -r .id)
    done
    same_rows "the list by pages" all.rows pages.rows
}

report_pages()
{
    local offset rows

    start_sandbox --generate worklogs=3000,users=9,issues=300,seed=92
    add_tenant
    must tenon sync acme
    must tenon report acme --group account,issue --json
    json '.rows[] | tojson' >all.rows
    rows=$(wc -l <all.rows)
    : >pages.rows
    for ((offset = 0; offset < rows; offset += 250)); do
        must tenon report acme --group account,issue --limit 250 --offset "$offset" --json
        json '.rows[] | tojson' >>pages.rows
        json_is "the totals do not depend on the page" .count 3000
    done
    same_rows "the pages one after the other" all.rows pages.rows
    must tenon report acme --group issue --order seconds:desc --json
    json_is "in order of seconds" '[.rows[].seconds] | . == (sort | reverse)' true
    json '.rows[:5][] | tojson' >five.rows
    must tenon report acme --group issue --order seconds --top 5 --json
    same_rows "the top five" five.rows <(json '.rows[] | tojson')
    must tenon report acme --group issue --order count:asc --json
    json_is "in order of counts" '[.rows[].count] | . == sort' true
    must tenon report acme --group issue --limit 10
    has "the table says what it leaves out" out '10 of ' 'rows shown'
    must tenon report acme --group issue --offset 100000 --json
    json_is "a page past the end" .rows '[]'
}

csv()
{
    local id

    start_sandbox --generate worklogs=40,users=3,seed=93
    add_tenant
    must tenon sync acme
    id=$(tenon worklogs acme --json --limit 1 | jq -r .id)
    must tenon tag acme "$id" --add '=HYPERLINK("http://x","y")' --add '+1' --add '-1' --add '@SUM(A1)' --add 'a,b' --add 'he said "no"'
    must tenon report acme --group tag,account --csv
    has "how true it is, where no program reads it as a row" err 'Not yet proved equal to Jira'
    is "the header" $'tag,account,seconds,count\r' "$(head -n 1 out)"
    is "lines that do not end as RFC 4180 wants" 0 "$(grep -vc $'\r$' out || true)"
    sqlite3 csv.db ".import --csv '$dir/out' report" # reads RFC 4180
    is "tags, as a CSV reader sees them" "$(printf '%s\n' "" "'+1" "'-1" "'=HYPERLINK(\"http://x\",\"y\")" "'@SUM(A1)" 'a,b' 'he said "no"' | LC_ALL=C sort)" \
        "$(sqlite3 csv.db 'SELECT DISTINCT tag FROM report' | LC_ALL=C sort)"
    is "worklogs in it" 40 "$(sqlite3 csv.db "SELECT sum(count) FROM report WHERE tag IN ('', 'a,b')")"
    must tenon sync acme --verify
    must tenon report acme --csv
    has "the last proof" err 'Equal to Jira at 20' 'Z.'
    is "and nothing of it in the rows" 0 "$(grep -c Jira out || true)"
    must tenon report acme --group tag --json
    json_is "programs get the names as they are" '[.rows[].tag | select(. != null)] | sort' '["+1","-1","=HYPERLINK(\"http://x\",\"y\")","@SUM(A1)","a,b","he said \"no\""]'
}

tables()
{
    start_sandbox --generate worklogs=400,users=3,seed=94
    add_tenant
    must tenon report acme
    has "a report before the first sync says so" err 'not complete' 'tenon sync acme'
    must tenon sync acme
    must tenon report acme --group account,month
    is "what a good report writes to standard error" '' "$(cat err)"
    is "its columns" "account month time worklogs" "$(head -n 1 out | xargs)"
    has "its total and its proof" out total 'Not yet proved'
    grep -qE '^total +[0-9]+h [0-9]{2}m +400$' out || fail "the total" "total …h ..m 400" "$(grep total out)"
    must tenon worklogs acme --limit 3
    is "lines of the list" 4 "$(wc -l <out)"
    has "its head" out WORKLOG ISSUE STARTED TIME
}

# ---- doctor ----

# verdict RESULT SUBJECT CHECK [TEXT…]: of the last `doctor --json`
verdict()
{
    local result=$1 subject=$2 name=$3 text

    shift 3
    is "doctor's result for $subject, $name" "$result" \
        "$(jq -r --arg s "$subject" --arg c "$name" '[.[] | select(.subject == $s and .check == $c).result] | join(" ")' out)"
    jq -r --arg s "$subject" --arg c "$name" '.[] | select(.subject == $s and .check == $c).text' out >text
    for text in "$@"; do
        has "doctor's text for $subject, $name" text "$text"
    done
}

doctor_fine()
{
    start_sandbox --generate worklogs=100,users=3,seed=95
    run tenon doctor --json
    is "the exit code without data" 66 "$status"
    verdict fail folder key 'tenon tenant add'
    add_tenant
    must tenon tenant erase acme --yes
    must tenon doctor --json
    verdict warn tenants count 'tenon tenant add'
    add_tenant
    must tenon doctor --json
    verdict ok folder key
    verdict ok queue jobs
    verdict ok acme key
    verdict ok acme credential
    verdict ok acme reachable "$url"
    verdict ok acme clock
    verdict ok acme sign-in
    verdict warn acme mirror 'not complete' 'tenon sync acme'
    must tenon sync acme
    must tenon doctor --json
    verdict ok acme mirror '100 worklogs'
    verdict warn acme proof 'tenon sync acme --verify'
    must tenon sync acme --verify
    must tenon doctor --json --deep
    verdict ok acme proof 'drift 0'
    verdict ok acme integrity
    verdict ok folder integrity
    mkdir shares
    must tenon keys split --shares 3 --threshold 2 --to shares
    must tenon doctor
    is "lines of a doctor without complaint that do not begin with ok" '' "$(grep -v '^ok ' out)"
    http DELETE /sandbox/state >answer
    must tenon doctor --offline
    is "calls of doctor --offline" 0 "$(state .total)"
}

doctor_warns()
{
    start_sandbox --generate worklogs=100,users=3,seed=96
    must tenon tenant add "$url" --name acme --email "$email" --token-file token --allow-http --allow-private \
        --token-expires "$(date -u -d '+10 days' +%F)"
    must tenon sync acme
    must tenon doctor --json
    verdict warn acme credential 'ends in' days 'tenon tenant token acme'
    steer clock '{"advance_ms":7200000}'
    must tenon doctor --json
    verdict warn acme clock 'behind' NTP
    steer clock '{"advance_ms":-14400000}'
    must tenon doctor --json
    verdict warn acme clock 'ahead of' NTP
    steer token '{"expired":true}'
    run tenon sync acme
    steer token '{"expired":false}'
    must tenon doctor --json
    verdict warn queue jobs parked 'tenon sync'
    must tenon sync acme
    must tenon doctor --json
    verdict ok queue jobs
}

doctor_fails()
{
    start_sandbox --generate worklogs=100,users=3,seed=97
    add_tenant
    add_tenant second
    must tenon sync acme
    must tenon tenant token acme --email "$email" --token-file token --token-expires 2026-01-01
    run tenon doctor --json
    is "the exit code with an ended token" 77 "$status"
    verdict fail acme credential ended 'tenon tenant token acme'
    verdict ok second credential
    must tenon tenant token acme --email "$email" --token-file token

    steer token '{"expired":true}'
    run tenon doctor --json
    is "the exit code with a revoked token" 77 "$status"
    verdict fail acme sign-in 401
    verdict ok acme key
    is "lines on standard error" 1 "$(wc -l <err)"
    has "the last word" err 'of the checks failed'
    steer token '{"expired":false}'

    mv "data/tenants/$(tenant_id acme)/tenant.key" saved
    run tenon doctor --json --offline
    is "the exit code without a tenant's key" 78 "$status"
    verdict fail acme key missing
    verdict ok second key
    run tenon doctor --offline
    grep -qE '^FAIL +acme +key ' out || fail "the table" "FAIL acme key" "$(cat out)"
    mv saved "data/tenants/$(tenant_id acme)/tenant.key"

    chmod 644 data/keys/file.key
    run tenon doctor --json --offline
    is "the exit code with a readable key" 78 "$status"
    verdict fail folder key 'chmod 600'
    chmod 600 data/keys/file.key

    tenant_sql "CREATE TABLE remarks (x TEXT)"
    run tenon doctor --json --offline
    is "the exit code with a table too many" 78 "$status"
    verdict fail acme key remarks
    tenant_sql "DROP TABLE remarks"

    fault '{"kind":"html","path":"/serverInfo","times":-1}'
    run tenon doctor --json
    is "the exit code with a site that answers HTML" 76 "$status"
    verdict fail acme reachable HTML
    verdict ok acme mirror
    clear_faults
    must tenon doctor
}

doctor_dead_site()
{
    start_sandbox --generate worklogs=100,users=3,seed=99
    add_tenant
    must tenon sync acme
    end_sandboxes
    sandbox_pids=()
    run tenon doctor --json
    is "the exit code when the site is down" 69 "$status"
    verdict fail acme reachable 127.0.0.1 "$port" 'check the URL'
    verdict ok acme key
    verdict ok acme mirror '100 worklogs'
}

# ---- the data-storage page ----

policy()
{
    local record field

    must tenon policy
    cp out page.txt
    must tenon policy --html
    cp out page.html
    must tenon policy --json
    cp out page.json
    [[ ! -e data ]] || fail "the page needs no data" "no data folder" "$(ls data)"
    is "records in the text" "$(jq -r '.records[].name' page.json)" "$(sed -n 's/^\([a-z_]*\)  (.*/\1/p' page.txt)"
    is "records in the HTML" "$(jq -r '.records[].name' page.json)" "$(grep -o '<section id="[a-z_]*"' page.html | cut -d '"' -f 2 | grep -vxF "$(jq -r '.statements | keys[]' page.json)")"
    is "statements in the HTML" "$(jq -r '.statements | keys_unsorted[]' page.json)" "$(grep -o '<section id="[a-z_]*"' page.html | cut -d '"' -f 2 | grep -xF "$(jq -r '.statements | keys[]' page.json)")"
    is "fields in the text" "$(jq -r '.records[].fields[] | .name + " " + .class' page.json)" \
        "$(awk '/^    [a-z]/ { print $1, $2 }' page.txt)"
    is "fields in the HTML" "$(jq -r '.records[].fields[] | .name + " " + .class' page.json)" \
        "$(grep -o '<code>[a-z_]*</code></th><td>[^<]*</td><td>[A-Z]*</td>' page.html | sed 's/<code>\([a-z_]*\)<.*<td>\([A-Z]*\)<.*/\1 \2/')"
    is "retentions in the text" "$(jq -r '.records[].kept' page.json)" "$(sed -n 's/^  Kept:  //p' page.txt)"
    json_is "what a worklog is" '[.records[] | select(.name == "worklog").fields[].name] | sort' \
        '["client_issue_id","client_worklog_id","comment","created","person","started","time_spent_seconds","updated"]' page.json
    json_is "content and secrets are sealed, and nothing else is" \
        '[.records[] | select(.scope != "file").fields[] | select(.sealed != ((.class == "CONTENT" or .class == "SECRET") and .digest_of == null)) | .name]' '[]' page.json
    json_is "what lies in files says how it is protected" '[.records[] | select(.scope == "file" and .protection == null) | .name]' '[]' page.json
    json_is "sealed fields" '[.records[] | .name as $r | .fields[] | select(.sealed) | $r + "." + .name] | sort' \
        '["administrator.password","api_token.name","connect_install.previous_secret","connect_install.shared_secret","credential.login","credential.token","forge_install.system_token","oauth_grant.refresh_token","receipt_key.seed","saved_report.name","tag.name","webhook.secret","worklog.comment"]' page.json
    is "tags of the HTML that are not closed" 0 "$(($(grep -o '<table>' page.html | wc -l) - $(grep -o '</table>' page.html | wc -l)))"
    has_not "the HTML asks for nothing from elsewhere" page.html '<script' 'http://' 'https://' 'src='
}

# The page cannot be untrue: tables and columns of the databases are those of the page.
policy_is_the_schema()
{
    local scope

    start_sandbox --generate worklogs=10,users=3,seed=98
    add_tenant
    must tenon sync acme
    must tenon policy --json
    for scope in control tenant; do
        jq -r --arg s $scope '.records[] | select(.scope == $s) | .name as $r | .fields[] | $r + "." + .name' out | sort >page.columns
        "$sql_exe" data "$([[ $scope == control ]] && echo control || tenant_id)" \
            "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~'" |
            sort >schema.columns
        [[ -s schema.columns ]] || fail "columns of the $scope database" "some" none
        same_rows "columns of the $scope database" page.columns schema.columns
    done
}

check_aside "doctor tells that a site is down, and what is well nevertheless" doctor_dead_site
check "every command has a help with an example" help_of_each
check "the exit codes of the help are those of the documentation" documented_codes
check "every command answers in JSON with its documented keys" json_of_each
check "no bar is shown in a pipe" no_bar_in_a_pipe
check "a bar with share, count and time left is shown on a terminal, and wiped" bar_on_a_terminal
check "a full or closed output is told, and a reader that goes is not" closed_output
check "what people wrote cannot steer a terminal" control_characters
check "a tenant is named by its id or its name, listed, and removed only with --yes" tenants
check "a new token is tried before it replaces the old one" new_token
check "a token may come from standard input" token_from_stdin
check "the data folder is named by --data, TENON_DATA, or is the default one" data_folder
check "reports by account and period equal what jq and date make of the rows, in many time zones" groups_and_zones
check "filters of reports and lists pick what jq picks, and pages of the list add up" filters
check "pages, orders and tops of a report add up" report_pages
check "CSV is RFC 4180, and what looks like a formula is neutralized" csv
check "tables for people have heads, totals and the proof" tables
check "doctor passes what is well, and warns of what is not yet done" doctor_fine
check "doctor warns of a token near its end, a wrong clock and parked jobs" doctor_warns
check "doctor fails each broken thing by its name and goes on with the others" doctor_fails
check "the data-storage page says the same as text, JSON and HTML" policy
check "the data-storage page is the schema of the databases" policy_is_the_schema
finish
