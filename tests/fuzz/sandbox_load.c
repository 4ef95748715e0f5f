/*
 * sandbox_load.c: recorded API rows, as CSV files that `tenon-sandbox --load` takes.
 *
 * The input is files, each begun by a line "#name" with the end of its name ("#worklogs.csv").
 * Holds: a folder is refused with a sentence or makes a site whose ids rise, whose feed is sorted
 * and whole, and whose worklogs and people are shown as JSON that our client reads.
 *
 * The files are written into a folder of this process below TMPDIR, and taken away at its end.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../sandbox/show.h"
#include "../../sandbox/site.h"
#include "base/json.h"
#include "fuzz.h"
#include "jira/jira.h"

#define FILES_MAX 8
#define OUT_BYTES ((size_t)16 << 20)

static char folder[256];

static void remove_files(void)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
}

static void remove_folder(void)
{
    remove_files();
    (void)rmdir(folder);
}

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(folder, sizeof(folder), "%.200s/fuzz-load-XXXXXX",
                   base && *base ? base : P_tmpdir);
    FUZZ_CHECK(mkdtemp(folder));
    FUZZ_CHECK(atexit(remove_folder) == 0);
}

static void write_file(size_t number, struct str name, struct str content)
{
    static const char *const names[] = {
        "users.csv",        "projects.csv", "statuses.csv", "issue_types.csv",
        "issue_fields.csv", "_issues.csv",  "worklogs.csv", "remotelinks.csv",
    };
    char path[400];
    size_t which = ARRAY_LEN(names) - 2; /* unless it is one of the others */
    int fd;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_z(name, names[i]))
            which = i;
    (void)snprintf(path, sizeof(path), "%s/%zu%s", folder, number, names[which]);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, content.ptr, content.len) == (ssize_t)content.len);
    FUZZ_CHECK(close(fd) == 0);
}

static void write_files(struct str input)
{
    for (size_t i = 0; i < FILES_MAX && input.len > 0; i++) {
        struct str line = fuzz_line(&input), rest = input;
        size_t end = 0;

        /* Up to the next line that begins a file. */
        while (end < rest.len && !(rest.ptr[end] == '#' && (end == 0 || rest.ptr[end - 1] == '\n')))
            end++;
        write_file(i, str_sub(line, 1, line.len), str_sub(rest, 0, end));
        input = str_sub(rest, end, rest.len);
    }
}

static void check_worklog(const struct site *site, const struct worklog *worklog, int version)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(OUT_BYTES);
    AUTO(strbuf_done) struct strbuf comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct jira_worklog read;
    struct err err = {0};

    FUZZ_CHECK(worklog->issue < site->issue_count && worklog->author < site->user_count);
    show_worklog(&text, site, worklog, version, false);
    FUZZ_CHECK(json_read(strbuf_str(&text), "a worklog", &doc, &err) == ERR_OK);
    (void)jira_worklog_read(yyjson_doc_get_root(doc), &comment, &read);
}

static void check_site(const struct site *site)
{
    FUZZ_CHECK(site->updated.count == site->worklog_count);
    for (size_t i = 0; i < site->issue_count; i++)
        FUZZ_CHECK(i == 0 || site->issues[i].id > site->issues[i - 1].id);
    for (size_t i = 0; i < site->worklog_count; i++) {
        const struct feed_entry *entry = &site->updated.entries[i];

        FUZZ_CHECK(i == 0 || site->worklogs[i].id > site->worklogs[i - 1].id);
        FUZZ_CHECK(i == 0 || entry[-1].at_ms < entry->at_ms ||
                   (entry[-1].at_ms == entry->at_ms && entry[-1].row < entry->row));
        check_worklog(site, &site->worklogs[i], 2);
        check_worklog(site, &site->worklogs[i], 3);
    }
    for (size_t i = 0; i < site->user_count; i++)
        for (int v = 0; v < 2; v++) {
            AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
            struct err err = {0};

            FUZZ_CHECK(json_read(site->users[i].author[v], "a user", &doc, &err) == ERR_OK);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct site site;
    struct err err = {0};

    if (!folder[0])
        make_folder();
    remove_files();
    write_files(fuzz_str(data, size));
    FUZZ_CHECK(site_init(&site, &err) == ERR_OK);
    (void)snprintf(site.base_url, sizeof(site.base_url), "http://127.0.0.1:8090");

    enum err_class class = site_load(&site, folder, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class != ERR_MEMORY && class != ERR_BUG);
        FUZZ_CHECK(err.class == class && err.msg[0]);
    } else {
        FUZZ_CHECK(site_add_defaults(&site));
        site_render_users(&site);
        check_site(&site);
    }
    site_done(&site);
    return 0;
}
