#!/bin/bash
#
# recorded.sh: the rows of a real site, end to end. The recorded API objects are loaded into the sandbox and
# mirrored; what `tenon report` and `tenon worklogs` say must equal what sqlite3 computes from the CSV alone,
# with its own reading of JSON, of times and of time zones.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

recorded=$source_root/../shared/data/jira/devlake
csv=$recorded/raw_tables___raw_jira_api_worklogs.csv
if [[ ! -r $csv ]]; then
    echo "skipped: the recorded rows are not here (../shared/data/jira/devlake beside the source folder)"
    exit 77
fi

# Jira writes +0800; SQLite reads +08:00.
views="
CREATE VIEW worklog AS SELECT
    json_extract(data, '\$.id') AS id,
    json_extract(data, '\$.issueId') AS issue,
    json_extract(data, '\$.author.accountId') AS account,
    json_extract(data, '\$.timeSpentSeconds') AS seconds,
    rtrim(coalesce(json_extract(data, '\$.comment'), ''), char(10)) AS comment,
    json_extract(data, '\$.started') AS started_raw,
    json_extract(data, '\$.created') AS created_raw,
    json_extract(data, '\$.updated') AS updated_raw
FROM recorded;
CREATE VIEW timed AS SELECT *,
    substr(started_raw, 1, 26) || ':' || substr(started_raw, 27) AS started,
    substr(created_raw, 1, 26) || ':' || substr(created_raw, 27) AS created,
    substr(updated_raw, 1, 26) || ':' || substr(updated_raw, 27) AS updated
FROM worklog;"

# ask SQL [ZONE]: over the recorded rows alone
ask()
{
    TZ=${2:-UTC} sqlite3 recorded.db "$1"
}

load()
{
    sqlite3 recorded.db ".import --csv '$csv' recorded" "$views"
    is "each id is recorded once" "$(ask 'SELECT count(*) FROM worklog')" "$(ask 'SELECT count(DISTINCT id) FROM worklog')"
    start_sandbox --load "$recorded" "$@"
}

mirror()
{
    load
    add_tenant
    must tenon sync acme --json
    json_is "what was stored" .stored "$(ask 'SELECT count(*) FROM worklog')"
    json_is "the warnings" .warnings '[]'
}

# sums ZONE FORMAT GROUPS KEYS: the report by account and period equals SQLite's.
same_sums()
{
    local zone=$1 period=$2 format=$3

    must tenon report acme --group "account,$period" --json --tz "$zone"
    json ".rows[] | [.account, .$period, .seconds, .count] | @tsv" >report.rows
    ask "SELECT account, strftime('$format', started, 'localtime') AS period, sum(seconds), count(*)
         FROM timed GROUP BY 1, 2 ORDER BY 1, 2" "$zone" | tr '|' '\t' >sql.rows
    same_rows "the report by account and $period in $zone" <(sort sql.rows) <(sort report.rows)
    json_is "all seconds" .seconds "$(ask 'SELECT sum(seconds) FROM worklog')"
    json_is "all worklogs" .count "$(ask 'SELECT count(*) FROM worklog')"
}

sums()
{
    local zone

    mirror
    for zone in UTC Asia/Shanghai America/Los_Angeles Europe/Berlin Asia/Kathmandu; do
        [[ $zone == UTC || -e /usr/share/zoneinfo/$zone ]] || continue
        same_sums "$zone" month %Y-%m
        same_sums "$zone" day %Y-%m-%d
        same_sums "$zone" year %Y
    done
    note "$(ask "SELECT count(*) || ' worklogs, ' || sum(seconds) || ' s, ' || count(DISTINCT account) || ' accounts, from ' || min(started) FROM timed")"
    is "days are not the same in UTC and in Los Angeles, so the comparison has something to tell" yes \
        "$([[ $(ask "SELECT group_concat(strftime('%Y-%m-%d', started)) FROM timed") != $(ask "SELECT group_concat(strftime('%Y-%m-%d', started, 'localtime')) FROM timed" America/Los_Angeles) ]] && echo yes || echo no)"
}

by_issue()
{
    mirror
    must tenon report acme --group issue --json
    json '.rows[] | [.issue, .seconds, .count] | @tsv' | sort >report.rows
    ask 'SELECT issue, sum(seconds), count(*) FROM worklog GROUP BY 1' | tr '|' '\t' | sort >sql.rows
    same_rows "the report by issue" sql.rows report.rows
    must tenon report acme --group issue --order seconds --top 3 --json
    is "the three issues with most time" "$(ask 'SELECT sum(seconds) FROM worklog GROUP BY issue ORDER BY 1 DESC LIMIT 3' | paste -sd' ')" \
        "$(json '.rows[].seconds' | paste -sd' ')"
}

period()
{
    local zone=Asia/Shanghai

    mirror
    must tenon report acme --group account --from 2020-07-01 --to 2021-01-31 --tz UTC --json
    is "seconds from July to January, in UTC" "$(ask "SELECT sum(seconds) FROM timed WHERE date(started) BETWEEN '2020-07-01' AND '2021-01-31'")" "$(json .seconds)"
    [[ -e /usr/share/zoneinfo/$zone ]] || return 0
    must tenon report acme --group account --from 2020-06-06 --to 2020-06-06 --tz $zone --json
    is "worklogs of one day in $zone" "$(ask "SELECT count(*) FROM timed WHERE date(started, 'localtime') = '2020-06-06'" $zone)" "$(json .count)"
    is "the same by the list of worklogs" "$(json .count)" "$(tenon worklogs acme --from 2020-06-06 --to 2020-06-06 --tz $zone --json | wc -l)"
    [[ $(json .count) != 0 ]] || fail "that day has worklogs" "> 0" 0
}

fields()
{
    mirror
    ask "SELECT json_array(id, issue, account, strftime('%Y-%m-%dT%H:%M:%fZ', started), strftime('%Y-%m-%dT%H:%M:%fZ', created),
         strftime('%Y-%m-%dT%H:%M:%fZ', updated), seconds, comment) FROM timed" | jq -c . | LC_ALL=C sort >sql.rows
    mirror_rows >mirror.rows
    same_rows "each field of each worklog" sql.rows mirror.rows
    same_as_source
}

on_data_center()
{
    load --datacenter
    must tenon tenant add "$url" --name acme --pat-file token --allow-http --allow-private
    must tenon sync acme --json
    json_is "what was stored" .stored "$(ask 'SELECT count(*) FROM worklog')"
    ask "SELECT json_array(id, issue, strftime('%Y-%m-%dT%H:%M:%fZ', started), seconds, comment) FROM timed" |
        jq -c . | LC_ALL=C sort >sql.rows
    tenon worklogs acme --json | jq -c '[.id, .issue, .started, .seconds, .comment]' | LC_ALL=C sort >mirror.rows
    same_rows "each worklog, but for the accounts, which are keys there" sql.rows mirror.rows
}

check "the recorded rows give the sums that sqlite3 computes, per account and month, day and year, in five time zones" sums
check "and per issue" by_issue
check "and within a period of days" period
check "each field of each recorded worklog is kept, comments included" fields
check "the recorded rows come the same through a Data Center" on_data_center
finish
