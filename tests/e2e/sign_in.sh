#!/bin/bash
#
# sign_in.sh: people and programs come in: the administrator by link and password, people by Jira (3LO),
# programs by API tokens. The real server and the real sandbox, through curl.
#
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh" "$@"

command -v curl >/dev/null || skip "skipped: this test needs curl"

password='correct horse battery'
tenant_of_site=''

# start_server [NAME=VALUE…]: sets $base. The port is free now and stays ours in practice.
start_server()
{
    local turn

    : >"$dir/bg.out" # the one before may have left its line there
    start env "$@" "$tenon_exe" serve --listen "127.0.0.1:${server_port:-0}"
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

stop_server()
{
    kill -TERM "$bg_pid"
    collect
    is "the exit code of the server" 0 "$status"
}

# ask METHOD PATH [curl's options…]: the body in $dir/out, the headers in $dir/head, the status in $code
ask()
{
    local method=$1 path=$2

    shift 2
    code=$(curl -s -m 60 -o "$dir/out" -D "$dir/head" -w '%{http_code}' -X "$method" "$@" "$base$path") ||
        fail "the server answers $method $path" "an answer" "curl $?"
}

# answers CODE METHOD PATH [curl's options…]
answers()
{
    local wanted=$1

    shift
    ask "$@"
    [[ $code == "$wanted" ]] || fail "the status of $1 $2" "$wanted" "$code: $(head -c 300 "$dir/out")"
}

json_body=(-H 'Content-Type: application/json')

# What an own page sends beside its cookie.
csrf()
{
    answers 200 GET /api/v1/me -b "$dir/jar"
    token_csrf=$(json .csrf)
    page=(-b "$dir/jar" -H "X-Tenon-CSRF: $token_csrf")
}

link_of()
{
    sed -n 's/.*#link=//p' "$1"
}

sign_in_by_password()
{
    answers 204 POST /api/v1/session -c "$dir/jar" "${json_body[@]}" -d "{\"password\":\"$1\"}"
}

sets_up_administrator()
{
    local link

    must tenon admin
    has "what the command says" "$dir/out" "within 15 minutes" "http://127.0.0.1:8080/sign-in#link="
    link=$(link_of "$dir/out")
    start_server
    answers 200 GET /api/v1/session
    json_is "the ways in" '[.ways, .link]' '[["password"],true]'
    answers 401 GET /api/v1/me

    # A password that is too short does not use the link up.
    answers 422 POST /api/v1/session "${json_body[@]}" -d "{\"link\":\"$link\",\"password\":\"short\"}"
    answers 204 POST /api/v1/session -c "$dir/jar" "${json_body[@]}" -d "{\"link\":\"$link\",\"password\":\"$password\"}"
    has "the cookie" "$dir/head" "tenon_session=admin." "HttpOnly" "SameSite=Lax"
    answers 200 GET /api/v1/me -b "$dir/jar"
    json_is "who it is" '[.by, .role, .account, .may.admin]' '["session","admin",null,true]'
    answers 401 POST /api/v1/session "${json_body[@]}" -d "{\"link\":\"$link\",\"password\":\"$password\"}"
    answers 200 GET /api/v1/session
    json_is "there is a password now" .link false
}

link_sets_password_once()
{
    sets_up_administrator
    # The link, the password and the cookie are nowhere on the disk.
    local secret
    for secret in "$password" "$(awk '/tenon_session/ {print substr($7, 7)}' "$dir/jar")"; do
        ! grep -rqaF -e "$secret" "$TENON_DATA" || fail "a secret is on the disk" "nothing" "$(grep -rlaF -e "$secret" "$TENON_DATA")"
    done
    stop_server
}

forged_requests()
{
    sets_up_administrator
    csrf
    answers 403 DELETE /api/v1/session -b "$dir/jar"
    has "the sentence names the header" "$dir/out" "X-Tenon-CSRF"
    answers 403 DELETE /api/v1/session -b "$dir/jar" -H "X-Tenon-CSRF: ${token_csrf%?}A_"
    answers 403 DELETE /api/v1/session "${page[@]}" -H "Origin: https://evil.example"
    answers 403 DELETE /api/v1/session "${page[@]}" -H "Origin: null"
    answers 403 DELETE /api/v1/session "${page[@]}" -H "Sec-Fetch-Site: cross-site"
    answers 403 POST /api/v1/session "${json_body[@]}" -H "Origin: https://evil.example" -d "{\"password\":\"$password\"}"
    answers 400 POST /api/v1/session -H 'Content-Type: text/plain' -d "{\"password\":\"$password\"}"
    answers 200 GET /api/v1/me -b "$dir/jar"
    answers 204 DELETE /api/v1/session "${page[@]}" -H "Origin: $base" -H "Sec-Fetch-Site: same-origin"
    has "the cookie is taken back" "$dir/head" "tenon_session=;" "Max-Age=0"
    answers 401 GET /api/v1/me -b "$dir/jar"
    stop_server
}

guessing()
{
    local n denied=0 slowed=0

    sets_up_administrator
    for ((n = 0; n < 12; n++)); do
        ask POST /api/v1/session "${json_body[@]}" -d '{"password":"wrong horse battery"}'
        case $code in
        401) denied=$((denied + 1)) ;;
        429)
            slowed=$((slowed + 1))
            has "when to come again" "$dir/head" "Retry-After:"
            ;;
        *) fail "an answer to a wrong password" "401 or 429" "$code" ;;
        esac
    done
    at_most "unslowed guesses" 6 "$denied"
    ((slowed > 0)) || fail "guesses are slowed" "some 429" "$denied times 401"
    # A link passes, and the right password is told apart by nothing while it is slowed.
    must tenon admin --url "$base"
    answers 204 POST /api/v1/session -c "$dir/jar" "${json_body[@]}" -d "{\"link\":\"$(link_of "$dir/out")\",\"password\":\"$password\"}"
    stop_server
}

guess_from()
{
    ask POST /api/v1/session "${json_body[@]}" -H "X-Forwarded-For: $1" -d '{"password":"wrong horse battery"}'
}

# is_slowed WHAT FROM: guesses from addresses that count as one (%d is the number of the guess) meet the brake.
# The brake lets one through from time to time, so it is some guess that must meet it and not the last.
is_slowed()
{
    local n

    for ((n = 0; n < 12; n++)); do
        # shellcheck disable=SC2059 # the format is the caller's
        guess_from "$(printf "$2" "$n")"
        [[ $code != 429 ]] || return 0
    done
    fail "$1" "429 within 12 guesses" "$code"
}

# What a client says of where it comes from counts only behind a proxy that we trust.
guessing_behind_proxy()
{
    local n

    sets_up_administrator
    is_slowed "nobody trusts it" "192.0.2.%d"
    stop_server
    start_server TENON_SERVER_TRUSTED_PROXIES='10.0.0.1, 127.0.0.1'
    for ((n = 0; n < 8; n++)); do
        guess_from "192.0.2.$n"
        is "each client counts for itself" 401 "$code"
    done
    # What it made up stands before what proxies saw.
    is_slowed "what the client made up does not count" "203.0.113.%d, 198.51.100.1, 10.0.0.1"
    guess_from "198.51.100.2, 10.0.0.1"
    is "the next one is free" 401 "$code"
    stop_server
}

reset()
{
    sets_up_administrator
    must tenon admin --reset --json --url https://tenon.acme.example/base/
    json_is "the link is below the address given" '.url | startswith("https://tenon.acme.example/base/sign-in#link=")' true
    answers 401 POST /api/v1/session "${json_body[@]}" -d "{\"password\":\"$password\"}"
    sleep 10 # another process's withdrawal is believed for so long
    answers 401 GET /api/v1/me -b "$dir/jar"
    stop_server
}

survives_restart()
{
    sets_up_administrator
    stop_server
    start_server
    answers 200 GET /api/v1/me -b "$dir/jar"
    kill -KILL "$bg_pid"
    collect
    start_server
    answers 200 GET /api/v1/me -b "$dir/jar"
    sign_in_by_password "$password"
    stop_server
}

# ---- people ----

person='712020:5a4d0b5e-0000-4000-a000-000000000001'

# A sandbox, its tenant, and a server that knows both.
with_jira()
{
    start_sandbox --generate worklogs=50,users=5,seed=7
    printf 'sandbox-secret\n' >client-secret
    add_tenant
    tenant_of_site=$(tenant_id)
    server_port=$((20000 + RANDOM % 10000))
    jira_settings=(TENON_OAUTH_CLIENT_ID=sandbox-client TENON_OAUTH_CLIENT_SECRET_FILE="$dir/client-secret"
        TENON_OAUTH_AUTHORIZE_URL="$url/authorize" TENON_OAUTH_TOKEN_URL="$url/oauth/token" TENON_OAUTH_API_URL="$url"
        TENON_REMOTE_ALLOW_HTTP=yes TENON_REMOTE_ALLOW_PRIVATE=yes TENON_SERVER_PUBLIC_URL="http://127.0.0.1:$server_port")
    start_server "${jira_settings[@]}"
}

sign_in_by_jira()
{
    answers 200 GET "/auth/jira/start?tenant=acme&return=/api/v1/me" -L -c "$dir/jar" -b "$dir/jar"
}

oauth_count()
{
    http GET /sandbox/oauth | jq -r ".$1"
}

person_signs_in()
{
    with_jira
    answers 200 GET /api/v1/session
    json_is "the ways in" .ways '["password","jira"]'
    sign_in_by_jira
    json_is "who it is" '[.by, .role, .account, .tenant.name]' "[\"session\",\"person\",\"$person\",\"acme\"]"
    json_is "how long the consent holds" '.consent | [(.ends | type), .sign_in_again]' '["string",false]'
    has "the cookie names the tenant by its id" "$dir/jar" "tenon_session	$tenant_of_site."
    has_not "the cookie of the way there is spent" "$dir/jar" tenon_sign_in
    is "consents" 1 "$(oauth_count exchanged)"
    csrf
    answers 204 DELETE /api/v1/session "${page[@]}"
    answers 401 GET /api/v1/me -b "$dir/jar"
    stop_server
}

log_work()
{
    answers "$1" POST /api/v1/worklogs "${page[@]}" "${json_body[@]}" \
        -d "{\"issue\":\"$(http GET /sandbox/worklogs | jq -rs '.[0].issue')\",\"started\":\"2026-01-31T09:00:00.000Z\",\"seconds\":3600}"
}

# What a person asks for is done in Jira as that person, whatever becomes of the tokens meanwhile.
person_acts()
{
    local other before

    with_jira
    http POST /sandbox/oauth/options '{"life_s":1}' >"$dir/answer" # each call needs a new token
    other=$(http GET /sandbox/worklogs | jq -rs --arg not "$person" 'map(select(.account != $not and .account != null))[0].account')
    http POST /sandbox/oauth/next "{\"account\":\"$other\"}" >"$dir/answer"
    sign_in_by_jira
    json_is "who it is" .account "\"$other\""
    csrf
    before=$(oauth_count refreshed)
    log_work 201
    is "whose it is in Jira" "$other" "$(http GET /sandbox/worklogs | jq -r --arg id "$(json .id)" 'select(.id == $id).account')"
    (($(oauth_count refreshed) > before)) || fail "the token was renewed" "more than $before" "$(oauth_count refreshed)"

    stop_server
    start_server "${jira_settings[@]}"
    log_work 201
    is "no refresh token was used twice" 0 "$(oauth_count reused)"

    http POST /sandbox/oauth/revoke "{\"account\":\"$other\"}" >"$dir/answer"
    log_work 403
    has "what is to be done" "$dir/out" "sign in with Jira"
    before=$(oauth_count refused)
    log_work 403
    is "a dead consent is not asked about again" "$before" "$(oauth_count refused)"
    answers 200 GET /api/v1/me -b "$dir/jar"
    json_is "the person is told" .consent '{"ends":null,"sign_in_again":true}'
    sign_in_by_jira
    csrf
    log_work 201
    stop_server
}

person_comes_back_wrong()
{
    local where state

    with_jira
    # Another browser's answer, none at all, and one that was changed.
    answers 302 GET "/auth/jira/start?tenant=acme" -c "$dir/jar"
    where=$(tr -d '\r' <"$dir/head" | sed -n 's/^Location: //p')
    state=$(sed 's/.*[&?]state=\([^&]*\).*/\1/' <<<"$where")
    answers 302 GET "/auth/jira/callback?code=x&state=$state"
    has "no cookie" "$dir/head" "/sign-in?error=expired"
    answers 302 GET "/auth/jira/callback?code=x&state=${state%?}" -b "$dir/jar"
    has "another state" "$dir/head" "/sign-in?error=expired"
    answers 302 GET "/auth/jira/callback" -b "$dir/jar"
    has "nothing" "$dir/head" "/sign-in?error=expired"
    answers 302 GET "/auth/jira/callback?code=x&state=$state" -b "$dir/jar"
    has "no such code" "$dir/head" "/sign-in?error=refused"

    http POST /sandbox/oauth/next '{"deny":true}' >"$dir/answer"
    ask GET "/auth/jira/start?tenant=acme" -L -c "$dir/jar" -b "$dir/jar"
    has "a no" "$dir/head" "/sign-in?error=refused"
    http POST /sandbox/oauth/next '{"no_sites":true}' >"$dir/answer"
    ask GET "/auth/jira/start?tenant=acme" -L -c "$dir/jar" -b "$dir/jar"
    has "a consent without the site" "$dir/head" "/sign-in?error=site"
    http POST /sandbox/oauth/next '{}' >"$dir/answer"
    answers 302 GET "/auth/jira/start?tenant=nobody"
    has "no such tenant" "$dir/head" "/sign-in?error=tenant"
    answers 302 GET "/auth/jira/start?tenant=acme&return=//evil.example/" -c "$dir/jar"
    ask GET "/auth/jira/start?tenant=acme&return=//evil.example/" -L -c "$dir/jar" -b "$dir/jar"
    has "only local paths" "$dir/head" "Location: $base/"
    has_not "only local paths" "$dir/head" "Location: //evil" "Location: https://evil"
    stop_server
    # Without the settings the way is not there.
    start_server
    answers 404 GET "/auth/jira/start?tenant=acme"
    stop_server
}

# ---- programs ----

tokens()
{
    local token_text id

    with_jira
    sign_in_by_jira
    csrf
    answers 403 POST /api/v1/tokens -b "$dir/jar" "${json_body[@]}" -d '{"name":"sheet","scopes":["read"]}'
    answers 422 POST /api/v1/tokens "${page[@]}" "${json_body[@]}" -d '{"name":"sheet","scopes":["everything"]}'
    answers 422 POST /api/v1/tokens "${page[@]}" "${json_body[@]}" -d '{"name":"sheet","scopes":[]}'
    answers 422 POST /api/v1/tokens "${page[@]}" "${json_body[@]}" -d '{"name":"sheet","scopes":["read"],"expires_days":0}'
    answers 403 POST /api/v1/tokens "${page[@]}" "${json_body[@]}" -d '{"name":"sheet","scopes":["read"],"account":"somebody-else"}'
    answers 201 POST /api/v1/tokens "${page[@]}" "${json_body[@]}" -d '{"name":"sheet","scopes":["read"],"expires_days":30}'
    json_is "what it is" '[.name, .account, .scopes, .last_used]' "[\"sheet\",\"$person\",[\"read\"],null]"
    token_text=$(json .token) id=$(json .id)
    [[ $token_text == "tenon_${tenant_of_site}_"* ]] || fail "its form" "tenon_TENANT_…" "${token_text:0:27}"
    answers 200 GET /api/v1/tokens "${page[@]}"
    json_is "it is shown once" '.tokens | map(has("token"))' '[false]'

    answers 200 GET /api/v1/me -H "Authorization: Bearer $token_text"
    json_is "who it is" '[.by, .role, .account]' "[\"token\",\"person\",\"$person\"]"
    answers 401 GET /api/v1/me -H "Authorization: Bearer ${token_text%?}"
    answers 403 DELETE "/api/v1/tokens/$id" -H "Authorization: Bearer $token_text"
    has "the scope is named" "$dir/out" "write"
    ! grep -rqaF -e "${token_text#"tenon_${tenant_of_site}_"}" "$TENON_DATA" || fail "the token is on the disk" "nothing" "$token_text"

    answers 204 DELETE "/api/v1/tokens/$id" "${page[@]}"
    answers 404 DELETE "/api/v1/tokens/$id" "${page[@]}"
    answers 401 GET /api/v1/me -H "Authorization: Bearer $token_text"

    # One of the command line; it cannot make others, however much it may.
    must tenon token add acme --name backup --administrator --scopes read,write,admin --days 3 --json
    token_text=$(json .token) id=$(json .id)
    answers 200 GET /api/v1/me -H "Authorization: Bearer $token_text"
    json_is "who it is" '[.by, .role, .account, .tenant.name]' '["token","admin",null,"acme"]'
    answers 403 POST /api/v1/tokens -H "Authorization: Bearer $token_text" "${json_body[@]}" -d '{"name":"more","scopes":["read"]}'
    must tenon token list acme
    has "the list" "$dir/out" "$id" "read,write,admin" "administrator" "backup"
    must tenon token remove acme "$id"
    sleep 10 # another process's withdrawal is believed for so long
    answers 401 GET /api/v1/me -H "Authorization: Bearer $token_text"
    refuses 66 "$id" -- tenon token remove acme "$id"
    refuses 64 "--account" "--administrator" -- tenon token add acme --name x
    refuses 65 "--scopes" "everything" -- tenon token add acme --name x --administrator --scopes everything
    stop_server
}

check "tenon admin's link sets the password once, and nothing of it is on the disk" link_sets_password_once
check "a request that does not come from our own pages is refused" forged_requests
check "guessing is slowed, a link passes" guessing
check "behind a proxy that is trusted, each client is slowed for itself" guessing_behind_proxy
check_aside "tenon admin --reset takes the password and all sessions away" reset
check "sessions survive a restart and a kill" survives_restart
check "a person signs in with Jira and out again" person_signs_in
check "what a person asks for is done in Jira as that person, until the consent is taken back" person_acts
check "an answer to another sign-in, a no and a foreign site lead back to the page" person_comes_back_wrong
check_aside "[PL-17] an API token is made, used, listed and taken back" tokens
finish
