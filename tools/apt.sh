# shellcheck shell=bash
#
# apt.sh: what tools/setup and tools/fresh both ask of apt. Sourced, never run.
#
# Why: neither script may name a mirror. The machine was given one by its owner (a company proxy, a
# cloud's own copy, a frozen snapshot), so whatever we add must come from the same place and be
# signed by the same key. apt itself knows where each index comes from and which file and entry said
# so; we ask it instead of guessing from the usual paths.

# The package indices that this machine is configured for, one a line:
# URI|suite|codename|file:entry|origin|component. The suite is the word in the source ("stable"), the
# codename and the origin what the archive calls itself; both are empty before the first update.
apt_targets()
{
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format \
        '$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(SOURCESENTRY)|$(ORIGIN)|$(COMPONENT)|$(CREATED_BY)' |
        sed -n 's/\$([A-Z_]*)//g; s/|Packages$//p' | sort -u
}

# The mirror that serves a release: "URI|file:entry", or nothing. By the origin (Debian, Ubuntu) and not
# by the name alone, since others also publish a "main" for bookworm.
#   apt_mirror_of ORIGIN [CODENAME]
apt_mirror_of()
{
    apt_targets | awk -F'|' -v origin="$1" -v name="${2:-}" '
        $5 == origin && $6 == "main" && $2 !~ /-security$/ && (name == "" || $3 == name) {
            print $1 "|" $4
            exit
        }'
}

# Is a suite of this origin configured by a file other than OURS?
#   apt_has_elsewhere ORIGIN SUITE COMPONENT OURS
apt_has_elsewhere()
{
    apt_targets | awk -F'|' -v origin="$1" -v name="$2" -v component="$3" -v ours="$4:" '
        ($2 == name || $3 == name) && ($5 == "" || index($5, origin) == 1) && $6 == component &&
            index($4, ours) != 1 { n++ }
        END { exit !n }'
}

# How the source entry FILE:N proves its signature, as deb822 lines (Signed-By, Trusted), so that an
# added source can prove it in the same way. Nothing when the entry says nothing: then apt's own
# trusted keys count. N is a line in *.list and a stanza in *.sources.
apt_trust_of()
{
    local file=${1%:*} entry=${1##*:}

    [[ -r $file ]] || return 0
    if [[ $file == *.sources ]]; then
        awk -v want="$entry" '
            /^[ \t]*$/ { if (seen) { stanza++; seen = 0 } keep = 0; next }
            /^#/ { next }
            { if (!seen) { seen = 1 } }
            /^[^ \t]/ { keep = tolower($0) ~ /^(signed-by|trusted)[ \t]*:/ }
            stanza + 1 == want && keep { print }' "$file"
    else
        sed -n "${entry}p" "$file" | awk '
            match($0, /\[[^]]*\]/) {
                n = split(substr($0, RSTART + 1, RLENGTH - 2), option, /[ \t]+/)
                for (i = 1; i <= n; i++) {
                    split(option[i], pair, "=")
                    if (tolower(pair[1]) == "signed-by")
                        print "Signed-By: " pair[2]
                    if (tolower(pair[1]) == "trusted")
                        print "Trusted: " pair[2]
                }
            }'
    fi
}
