#!/bin/bash
#
# connect.sh: Jira connects itself: Connect and Forge, their installations, tokens and events, and the
# webhook of an administrator. The real server, and the real sandbox as Atlassian.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

command -v curl >/dev/null || skip "skipped: this test needs curl"

app_id=ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001

# serve: on $server_port, where the first call finds a free one; sets $base.
serve()
{
    local turn

    : >"$dir/bg.out"
    start env \
        TENON_SERVER_PUBLIC_URL="http://127.0.0.1:${server_port:-1}" \
        TENON_CONNECT_INSTALL_KEYS_URL="$url/install-keys" \
        TENON_CONNECT_IMPERSONATION_URL="$url/oauth2/token" \
        TENON_FORGE_APP_ID="$app_id" TENON_FORGE_JWKS_URL="$url/forge/jwks.json" TENON_FORGE_API_HOSTS=127.0.0.1 \
        TENON_REMOTE_ALLOW_HTTP=yes TENON_REMOTE_ALLOW_PRIVATE=yes TENON_ERASURE_AFTER_UNINSTALL_H="${grace_h:-24}" \
        "$tenon_exe" serve --listen "127.0.0.1:${server_port:-0}"
    for ((turn = 0; turn < 1200; turn++)); do
        if grep -q 'listening on port' "$dir/bg.out"; then
            server_port=$(sed -n 's/.*listening on port //p' "$dir/bg.out")
            base=http://127.0.0.1:$server_port
            return
        fi
        kill -0 "$bg_pid" 2>/dev/null || fail "the server starts" "its listening line" "$(cat "$dir/bg.err")"
        sleep 0.05
    done
    fail "the server starts within a minute" "its listening line" "$(cat "$dir/bg.out" "$dir/bg.err")"
}

stop_serving()
{
    kill -TERM "$bg_pid"
    collect
    is "the exit code of the server" 0 "$status"
}

# The sandbox, and the server at an address that it knows.
both()
{
    start_sandbox --generate worklogs=50,users=4,issues=10,seed=81 "$@"
    server_port=''
    serve
    stop_serving
    serve
    account=$(curl -s -u "$email:$token" "$url/rest/api/3/users/search" | jq -r '.[1].accountId')
}

# answers CODE METHOD PATH [curl's options…]: the body in $dir/out
answers()
{
    local wanted=$1 method=$2 path=$3 code

    shift 3
    code=$(curl -s -m 60 -o "$dir/out" -w '%{http_code}' -X "$method" "$@" "$base$path") ||
        fail "the server answers $method $path" "an answer" "curl $?"
    [[ $code == "$wanted" ]] || fail "the status of $method $path" "$wanted" "$code: $(head -c 300 "$dir/out")"
}

# control PATH JSON: the sandbox's answer in $dir/answer
control()
{
    http POST "/sandbox/$1" "$2" >"$dir/answer" || fail "the sandbox obeys $1" 200 "$(head -c 300 "$dir/answer")"
}

install_app()
{
    local more=${1-}

    control connect/install "{\"app\":\"$base\"${more:+,$more}}"
    json_is "what the app answers" '[.status, .enabled]' '[204,204]' "$dir/answer"
}

# connect_token JSON…: members of the request to the sandbox
connect_token()
{
    control connect/token "{$1}"
    jq -r .token "$dir/answer"
}

for_me()
{
    connect_token "\"method\":\"GET\",\"path\":\"/api/v1/me\",\"account\":\"$account\"${1:+,$1}"
}

me_answers()
{
    answers "$1" GET /api/v1/me -H "Authorization: JWT $2"
}

# until WHAT COMMAND…: for ten seconds at most
until_true()
{
    local what=$1 turn

    shift
    for ((turn = 0; turn < 200; turn++)); do
        "$@" && return
        sleep 0.05
    done
    fail "$what within ten seconds"
}

installs()
{
    local first second

    both
    me_answers 401 x.y.z
    install_app
    must tenon tenant list --json
    json_is "the tenant that came" '[.url, .kind]' "[\"$url\",\"cloud\"]"

    first=$(for_me)
    me_answers 200 "$first"
    json_is "who it is" '[.account, .by, .role]' "[\"$account\",\"connect\",\"person\"]"
    answers 200 GET "/api/v1/me?jwt=$first"
    me_answers 200 "$(connect_token "\"context\":true,\"account\":\"$account\"")"

    install_app '"rotate":true'
    second=$(for_me)
    me_answers 200 "$second"
    me_answers 200 "$(for_me '"secret":"old"')" # for those under way
    must tenon tenant list --json
    is "tenants after a second install" 1 "$(wc -l <out)"

    stop_serving
    serve
    me_answers 200 "$second"

    control connect/disable '{}'
    me_answers 401 "$second"
    control connect/enable '{}'
    me_answers 200 "$second"
    control connect/uninstall '{}'
    json_is "what the app answers" .status 204 "$dir/answer"
    me_answers 401 "$second"
    install_app
    me_answers 200 "$second"
    stop_serving
}

refuses_forgeries()
{
    local context

    both
    install_app
    me_answers 401 "$(for_me '"secret":"wrong"')"
    me_answers 401 "$(for_me '"alg":"none"')"
    me_answers 401 "$(for_me '"alg":"RS256"')"
    me_answers 401 "$(for_me '"age_s":400')"
    me_answers 401 "$(for_me '"age_s":-90')"
    me_answers 401 "$(for_me '"no_qsh":true')"
    me_answers 401 "$(connect_token "\"method\":\"GET\",\"path\":\"/api/v1/tags\",\"account\":\"$account\"")"
    me_answers 401 "$(connect_token '"method":"GET","path":"/api/v1/me"')"

    context=$(connect_token "\"context\":true,\"account\":\"$account\"")
    for path in installed uninstalled enabled disabled webhook; do
        answers 401 POST "/connect/$path" -H "Authorization: JWT $context" -H 'Content-Type: application/json' \
            -d '{"clientKey":"x","webhookEvent":"worklog_created"}'
    done
    me_answers 200 "$context"

    control connect/install "{\"app\":\"$base\",\"alg\":\"HS256\"}"
    json_is "an install signed with the secret" .status 401 "$dir/answer"
    control connect/install "{\"app\":\"$base\",\"new\":true,\"alg\":\"HS256\"}"
    json_is "a first install signed with its own secret" .status 401 "$dir/answer"
    must tenon tenant list --json
    is "tenants after forgeries" 1 "$(wc -l <out)"
    stop_serving
}

# Jobs in the queue of the tenant "site", the one that came with the installation.
site_jobs()
{
    local id

    id=$(tenon tenant list --json | jq -r 'select(.name == "site") | .id')
    "$sql_exe" "$TENON_DATA" control "SELECT job_key || ' ' || state || ' ' || due FROM job WHERE tenant = '$id' ORDER BY 1"
}

has_synced()
{
    [[ $(cat "$TENON_DATA"/logs/*.log | jq -c 'select(.event == "sync_ended" and .result == "ok")' | wc -l) -ge $1 ]]
}

has_rested()
{
    grep -q '"tenant_rests"' "$TENON_DATA"/logs/*.log
}

sync_is()
{
    site_jobs | grep -q "^worklogs $1"
}

# The sync that comes by itself finds the installation gone, and is the last one.
rests_without_a_connection()
{
    local admin

    both
    install_app
    until_true "the first sync ends" has_synced 1
    control connect/uninstall '{}'
    must tenon token add site --name e2e --administrator --scopes read,write,admin --json
    admin=$(json .token)
    answers 202 POST /api/v1/sync -H "Authorization: Bearer $admin" -H 'Content-Type: application/json' -d '{"mode":"incremental"}'
    until_true "a sync finds nothing to call Jira with" has_rested
    until_true "its job is parked" sync_is parked
    answers 200 GET /api/v1/sync -H "Authorization: Bearer $admin"
    has "the page says why" "$dir/out" "has no connection to Jira that works"

    # As if a period had passed. Schedules are looked at again: what a tenant after it in the list got, it has
    # not got.
    "$sql_exe" "$TENON_DATA" control "UPDATE job SET due = 1 WHERE state = 'parked'"
    must tenon tenant add "$url" --name zeta --email "$email" --token-file "$dir/token" --allow-http --allow-private
    kill -HUP "$bg_pid"
    until_true "the other tenant is synchronized" has_synced 2
    sync_is 'parked 1$' || fail "a tenant without a connection is not synchronized" "the parked job as it was" "$(site_jobs)"

    install_app
    until_true "a sync comes at once" has_synced 3
    until_true "and goes on" sync_is waiting
    stop_serving
}

nobody_is_there()
{
    [[ -z $(tenon tenant list --json) ]]
}

# The last connection is gone: so is all that is kept, when the time of grace is over.
is_erased_when_uninstalled()
{
    local id grace_h=0

    both
    install_app
    until_true "the first sync ends" has_synced 1
    id=$(tenon tenant list --json | jq -r .id)
    must tenon backup site
    control connect/uninstall '{}'
    until_true "the tenant is erased" nobody_is_there
    until_true "its receipt is there" test -s "$TENON_DATA/receipts/$id.json"
    [[ ! -e $TENON_DATA/tenants/$id ]] || fail "its folder" gone "$(ls "$TENON_DATA/tenants/$id")"
    is "its backups" '' "$(find "$TENON_DATA/backups" -path "*$id*" -type f)"
    must tenon receipt verify "$TENON_DATA/receipts/$id.json"
    install_app # and may come back, as a new one
    until_true "a sync of the new one ends" has_synced 2
    [[ $(tenon tenant list --json | jq -r .id) != "$id" ]] || fail "the new one has an id of its own"
    stop_serving
}

rows_of()
{
    "$sql_exe" "$TENON_DATA" "$1" "SELECT count(*) FROM $2"
}

mirror_is_empty()
{
    [[ $(rows_of "$1" worklog) == 0 ]]
}

# A site that chose so keeps its settings for a later install, and nothing else.
keeps_settings_when_it_chose_so()
{
    local admin id grace_h=0

    both
    install_app
    until_true "the first sync ends" has_synced 1
    id=$(tenon tenant list --json | jq -r .id)
    must tenon tenant keep site settings
    refuses 65 everything settings nothing -- tenon tenant keep site everything
    must tenon token add site --name e2e --administrator --scopes read,write,admin --json
    admin=$(json .token)
    answers 200 PUT /api/v1/settings -H "Authorization: Bearer $admin" -H 'Content-Type: application/json' -d '{"rounding_minutes":15}'
    control connect/uninstall '{}'
    until_true "the mirror is emptied" mirror_is_empty "$id"
    is "credentials and tokens" '0 0 0' "$(rows_of "$id" api_token) $(rows_of "$id" connect_install) $(rows_of "$id" tombstone)"
    sleep 10 # what was let in is believed for so long
    answers 401 GET /api/v1/settings -H "Authorization: Bearer $admin"
    install_app
    until_true "a sync ends" has_synced 2
    is "worklogs after a new install" 50 "$(rows_of "$id" worklog)"
    is "the setting" 15 "$("$sql_exe" "$TENON_DATA" "$id" "SELECT rounding_minutes FROM timesheet_setting")"
    stop_serving
}

# policy PATH: who may show it in a frame
policy()
{
    curl -s -m 60 -o "$dir/out" -D - "$base$1" | tr -d '\r' | sed -n "s/^content-security-policy:.*frame-ancestors //Ip"
}

# A page may be framed by the site that asks for it, and by no other that has an address of Atlassian's.
names_who_may_frame()
{
    local there stranger='xdm_e=https%3A%2F%2Fevil.atlassian.net' proof

    both
    install_app
    there="xdm_e=$url&xdm_c=channel-1"
    proof=$(connect_token "\"method\":\"GET\",\"path\":\"/time\",\"account\":\"$account\"")
    is "alone" "'none'" "$(policy /time)"
    is "alone, with a token" "'none'" "$(policy "/time?jwt=$proof")"
    is "in the site's frame" "$url" "$(policy "/time?$there&jwt=$proof")"
    is "once more" "$url" "$(policy "/time?$there&jwt=$proof")"
    is "without a token" "'none'" "$(policy "/time?$there")"
    is "at a stranger's" "$url" "$(policy "/time?$stranger&jwt=$proof")"
    is "by a forgery" "'none'" "$(policy "/time?$stranger&jwt=${proof%?????}AAAAA")"
    is "what is stored" "'none'" "$(policy "/data-storage?$there&jwt=$proof")"
    control connect/disable '{}'
    is "a site where the app is disabled" "'none'" "$(policy "/time?$there&jwt=$proof")"
    stop_serving
}

# A page's token is good for any request of its page; one that outlives it is not to be had by it.
makes_no_credential_of_a_context_token()
{
    local context json='Content-Type: application/json' body='{"name":"ci","scopes":["read"]}' id

    both
    install_app
    context=$(connect_token "\"context\":true,\"account\":\"$account\"")
    answers 401 POST /api/v1/tokens -H "Authorization: JWT $context" -H "$json" -d "$body"
    has "why" "$dir/out" "a context token is not taken here"
    answers 201 POST /api/v1/tokens -H "$json" -d "$body" \
        -H "Authorization: JWT $(connect_token "\"method\":\"POST\",\"path\":\"/api/v1/tokens\",\"account\":\"$account\"")"
    id=$(json .id)
    answers 401 DELETE "/api/v1/tokens/$id" -H "Authorization: JWT $context"
    answers 200 GET /api/v1/tokens -H "Authorization: JWT $context"
    json_is "the token is still there" '[.tokens[].id]' "[\"$id\"]"
    answers 204 DELETE "/api/v1/tokens/$id" \
        -H "Authorization: JWT $(connect_token "\"method\":\"DELETE\",\"path\":\"/api/v1/tokens/$id\",\"account\":\"$account\"")"
    stop_serving
}

delivered()
{
    [[ $(state .webhooks.delivered) -ge $1 && $(state .webhooks.failed) == 0 ]]
}

tells_of_changes()
{
    both
    install_app
    steer worklogs/create '{"count":3}'
    until_true "three events arrive by Connect" delivered 3
    control forge/install "{\"app\":\"$base\",\"app_id\":\"$app_id\"}"
    json_is "what the app answers" .status 204 "$dir/answer"
    steer worklogs/create '{"count":1}'
    until_true "an event arrives by Connect and by Forge" delivered 5
    stop_serving
}

acts_as_the_person()
{
    local issue

    both
    install_app
    issue=$(http GET /sandbox/worklogs | jq -r 'first(.issue)' | head -n 1)
    answers 201 POST /api/v1/worklogs -H "Authorization: JWT $(connect_token "\"context\":true,\"account\":\"$account\"")" \
        -H 'Content-Type: application/json' -d "{\"issue\":\"$issue\",\"started\":\"2026-03-02T09:00:00.000+0100\",\"seconds\":3600}"
    json_is "whose it is" .account "\"$account\""
    is "whose it is in Jira" "$account" "$(http GET /sandbox/worklogs | jq -r "select(.id == \"$(json .id)\").account")"
    is "tokens for acting" 1 "$(state .impersonations)"
    stop_serving
}

invocation()
{
    control forge/invoke-token "{\"account\":\"$account\"${1:+,$1}}"
    jq -r .token "$dir/answer"
}

invokes()
{
    both
    control forge/install "{\"app\":\"$base\",\"app_id\":\"$app_id\"}"
    json_is "what the app answers" .status 204 "$dir/answer"
    answers 200 GET /api/v1/me -H "Authorization: Bearer $(invocation)"
    json_is "who it is" '[.account, .by]' "[\"$account\",\"forge\"]"
    answers 401 GET /api/v1/me -H "Authorization: Bearer $(invocation '"app_id":"ari:cloud:ecosystem::app/other"')"
    answers 401 GET /api/v1/me -H "Authorization: Bearer $(invocation '"age_s":60')"
    control forge/event '{"event":"avi:jira:created:worklog","worklog":"10001","issue":"10000"}'
    json_is "an event" .status 204 "$dir/answer"
    control forge/event '{}'
    json_is "the scheduled trigger" .status 204 "$dir/answer"
    control forge/uninstall '{}'
    json_is "what the app answers" .status 204 "$dir/answer"
    answers 401 GET /api/v1/me -H "Authorization: Bearer $(invocation)"
    stop_serving
}

administrators_webhook()
{
    local hook secret signature body='{"timestamp":1,"webhookEvent":"worklog_created","worklog":{"id":"10001","issueId":"10000"}}'

    command -v openssl >/dev/null || skip "skipped: this needs openssl"
    both
    add_tenant
    must tenon tenant webhook acme --public-url "$base" --json
    hook=$(json .url) secret=$(json .secret)
    has "what to enter in Jira" "$dir/out" worklog_created jira:issue_deleted
    signature=$(printf '%s' "$body" | openssl dgst -sha256 -hmac "$secret" -r | cut -d ' ' -f 1)
    answers 204 POST "${hook#"$base"}" -H "X-Hub-Signature: sha256=$signature" -H 'Content-Type: application/json' -d "$body"
    answers 401 POST "${hook#"$base"}" -H "X-Hub-Signature: sha256=$signature" -H 'Content-Type: application/json' -d "$body "
    answers 401 POST "${hook#"$base"}" -H 'Content-Type: application/json' -d "$body"
    answers 401 POST /webhooks/jira/nobody -H "X-Hub-Signature: sha256=$signature" -H 'Content-Type: application/json' -d "$body"
    must tenon tenant webhook acme --public-url "$base"
    has_not "a secret is shown once" "$dir/out" "$secret"
    has "the last delivery is told" "$dir/out" 'Last delivery  20'
    stop_serving
}

attaches()
{
    local key

    both
    add_tenant
    install_app
    key=$(jq -r .clientKey "$dir/answer")
    me_answers 200 "$(for_me)"
    json_is "the installation has a tenant of its own" .tenant.name '"site"'
    must tenon tenant attach acme --client-key "$key"
    has "what was done" "$dir/out" 'belongs to acme' 'tenon tenant erase site --yes'
    refuses 75 acme -- tenon tenant attach acme --client-key "$key"
    stop_serving
    serve
    me_answers 200 "$(for_me)"
    json_is "it is the old tenant's now" .tenant.name '"acme"'
    stop_serving
}

check "an installed Connect app is believed, through rotation, restart, disabling and uninstalling" installs
check "forged, expired, misdirected and context tokens are refused where they must be" refuses_forgeries
check "a tenant whose app is uninstalled is not synchronized until it is installed again" rests_without_a_connection
check "[PL-08] a site whose app is uninstalled is erased, with its backups" is_erased_when_uninstalled
check "[PL-08] a site that chose to keep its settings keeps nothing else" keeps_settings_when_it_chose_so
check "a page names the site that asks for it as the only one that may frame it" names_who_may_frame
check "PL-17 a context token makes and takes away no credential" makes_no_credential_of_a_context_token
check "changes in Jira are told by Connect and by Forge" tells_of_changes
check "a Connect app logs work as the person" acts_as_the_person
check "an installed Forge app is believed until it is removed" invokes
check "an administrator's webhook is believed by its signature" administrators_webhook
check "an installation can be given to a tenant that is there" attaches
finish
