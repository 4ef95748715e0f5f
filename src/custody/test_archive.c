/* Tests of archive.c: the container of a backup, whole, cut and damaged. */
#include "custody/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "store/records.h"

static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};

struct fixture {
    struct store_world world;
    const char *path;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    store_world_begin(&fixture->world, &catalog, 7);
    fixture->path = scratch_path(&fixture->world.scratch, "one.tenon");
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static void put(struct fixture *fixture, struct str bytes)
{
    const struct ctx *ctx = &fixture->world.fake.ctx;
    AUTO(archive_writer_free_autop) struct archive_writer *writer = NULL;
    AUTO(archive_head_done)
    struct archive_head head = {.scope = SCOPE_TENANT,
                                .catalog_version = 3,
                                .key_version = vault_version(fixture->world.tenant->vault),
                                .created_ms = FAKE_NOW_MS,
                                .keyring = STRBUF_INIT(1000)};
    struct archive_made made = {0};

    (void)snprintf(head.owner, sizeof(head.owner), "%s", fixture->world.info.id);
    strbuf_add_z(&head.keyring, "as it is on the disk");
    ok(fixture, archive_create(ctx, fixture->path, &head, fixture->world.tenant->vault, &writer,
                               &fixture->err));
    assert_false(scratch_exists(fixture->path)); /* it has no name before it is whole */
    ok(fixture, archive_write(writer, bytes, &fixture->err));
    ok(fixture, archive_finish(writer, &made, &fixture->err));
    assert_true(scratch_exists(fixture->path));
    assert_int_equal(scratch_mode(fixture->path), 0600);
}

/* The content, or how reading it failed. */
static enum err_class get(struct fixture *fixture, const struct vault *vault, struct strbuf *ret)
{
    const struct ctx *ctx = &fixture->world.fake.ctx;
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;
    char part[70000];
    size_t got = 1;

    fixture->err = (struct err){0};

    enum err_class rc = archive_open(ctx, fixture->path, &reader, &fixture->err);

    if (rc == ERR_OK)
        rc = archive_unlock(reader, vault, &fixture->err);
    while (rc == ERR_OK && got > 0) {
        rc = archive_read(reader, part, sizeof(part), &got, &fixture->err);
        if (rc == ERR_OK)
            strbuf_add(ret, part, got);
    }
    return rc;
}

static void comes_back_as_it_was(struct fixture *fixture, struct str bytes)
{
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT((size_t)8 * 1024 * 1024);

    put(fixture, bytes);
    ok(fixture, get(fixture, fixture->world.tenant->vault, &back));
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(back.len, bytes.len);
    if (bytes.len > 0)
        assert_memory_equal(back.ptr, bytes.ptr, bytes.len);
}

/* ---- tests ---- */

static void content_of_any_length_comes_back(void **state)
{
    struct fixture *fixture = *state;
    size_t room = (size_t)3 * ARCHIVE_CHUNK_BYTES;
    char *bytes = malloc(room);
    /* What does not compress fills chunks exactly somewhere near these. */
    const size_t lengths[] = {0,
                              1,
                              1000,
                              ARCHIVE_CHUNK_BYTES - 30,
                              ARCHIVE_CHUNK_BYTES - 12,
                              ARCHIVE_CHUNK_BYTES - 1,
                              ARCHIVE_CHUNK_BYTES,
                              ARCHIVE_CHUNK_BYTES + 1,
                              room};

    ctx_random(&fixture->world.fake.ctx, bytes, room);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
        comes_back_as_it_was(fixture, (struct str){bytes, lengths[i]});
    memset(bytes, 'a', room);
    comes_back_as_it_was(fixture, (struct str){bytes, room});
    free(bytes);
}

static void the_header_is_read_without_a_key(void **state)
{
    struct fixture *fixture = *state;
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;

    put(fixture, STR("content"));
    ok(fixture, archive_open(&fixture->world.fake.ctx, fixture->path, &reader, &fixture->err));
    assert_string_equal(archive_head(reader)->owner, fixture->world.info.id);
    assert_int_equal(archive_head(reader)->scope, SCOPE_TENANT);
    assert_int_equal(archive_head(reader)->catalog_version, 3);
    assert_int_equal(archive_head(reader)->created_ms, FAKE_NOW_MS);
    assert_true(str_eq_z(strbuf_str(&archive_head(reader)->keyring), "as it is on the disk"));
}

static void no_content_shows_in_the_file(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, STR("a planted sentence that nobody may read"));
    assert_false(scratch_grep(fixture->world.scratch.dir, STR("planted sentence")));
}

static void each_flipped_byte_is_detected_and_named(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT(100000);

    put(fixture, STR("a short content"));

    struct strbuf file = scratch_read(fixture->path);

    for (size_t i = 0; i < file.len; i++) {
        scratch_flip(fixture->path, (off_t)i);
        strbuf_reset(&back);

        enum err_class rc = get(fixture, fixture->world.tenant->vault, &back);

        if (rc != ERR_CORRUPT && rc != ERR_SCHEMA && rc != ERR_KEY)
            fail_msg("byte %zu of %zu: %s %s", i, file.len, err_class_name(rc), fixture->err.msg);
        assert_int_equal(back.len, 0);
        assert_non_null(strstr(fixture->err.msg, fixture->path));
        scratch_flip(fixture->path, (off_t)i);
    }
    strbuf_done(&file);
    ok(fixture, get(fixture, fixture->world.tenant->vault, &back));
}

static void a_flipped_byte_in_a_later_chunk_is_detected(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT((size_t)8 * 1024 * 1024);
    size_t room = (size_t)3 * ARCHIVE_CHUNK_BYTES;
    char *bytes = malloc(room);

    ctx_random(&fixture->world.fake.ctx, bytes, room);
    put(fixture, (struct str){bytes, room});

    struct strbuf file = scratch_read(fixture->path);

    for (size_t at = 300; at < file.len; at += 9973) {
        scratch_flip(fixture->path, (off_t)at);
        assert_int_equal(get(fixture, fixture->world.tenant->vault, &back), ERR_CORRUPT);
        scratch_flip(fixture->path, (off_t)at);
    }
    strbuf_done(&file);
    free(bytes);
}

static void each_cut_is_detected(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT(100000);

    put(fixture, STR("a short content"));

    struct strbuf file = scratch_read(fixture->path);

    for (size_t len = 0; len < file.len; len++) {
        scratch_write(fixture->path, (struct str){file.ptr, len});
        assert_int_equal(get(fixture, fixture->world.tenant->vault, &back), ERR_CORRUPT);
        assert_int_equal(back.len, 0);
    }
    strbuf_done(&file);
}

static void a_cut_between_two_chunks_is_detected(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT((size_t)8 * 1024 * 1024);
    size_t room = (size_t)3 * ARCHIVE_CHUNK_BYTES, sealed = ARCHIVE_CHUNK_BYTES + 17;
    char *bytes = malloc(room);

    ctx_random(&fixture->world.fake.ctx, bytes, room);
    put(fixture, (struct str){bytes, room});

    struct strbuf file = scratch_read(fixture->path);
    size_t last = file.len % sealed; /* header and last chunk, which is short */

    assert_true(last > 0 && last < sealed);
    for (size_t chunks = 1; chunks <= 3; chunks++) {
        size_t head = 16 + 1 + 4 + 4 + 8 + 1 + 20 + 4 + 20 + 24;

        scratch_write(fixture->path, (struct str){file.ptr, head + chunks * sealed});
        assert_int_equal(get(fixture, fixture->world.tenant->vault, &back), ERR_CORRUPT);
        assert_non_null(strstr(fixture->err.msg, "was cut at byte"));
    }
    strbuf_done(&file);
    free(bytes);
}

static void bytes_behind_the_end_are_detected(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT(100000);

    put(fixture, STR("a short content"));

    struct strbuf file = scratch_read(fixture->path);

    strbuf_add_char(&file, 'x');
    scratch_write(fixture->path, strbuf_str(&file));
    assert_int_equal(get(fixture, fixture->world.tenant->vault, &back), ERR_CORRUPT);
    strbuf_done(&file);
}

static void the_key_of_another_owner_does_not_open_it(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT(100000);

    put(fixture, STR("content"));
    assert_int_equal(get(fixture, fixture->world.data->vault, &back), ERR_CORRUPT);
    assert_non_null(strstr(fixture->err.msg, "owner"));
}

static void a_newer_format_is_named(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT(100000);

    put(fixture, STR("content"));
    scratch_flip(fixture->path, 9); /* 2 becomes 258 */
    assert_int_equal(get(fixture, fixture->world.tenant->vault, &back), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "newer Tenon"));
}

static void the_format_before_the_first_release_is_named(void **state)
{
    struct fixture *fixture = *state;
    AUTO(strbuf_done) struct strbuf back = STRBUF_INIT(100000);

    put(fixture, STR("content"));

    struct strbuf file = scratch_read(fixture->path);

    file.ptr[8] = 1;
    scratch_write(fixture->path, strbuf_str(&file));
    assert_int_equal(get(fixture, fixture->world.tenant->vault, &back), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "take a new backup"));
    assert_int_equal(back.len, 0);
    strbuf_done(&file);
}

static void an_unfinished_one_leaves_no_file(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->world.fake.ctx;
    struct archive_writer *writer = NULL;
    struct archive_head head = {.scope = SCOPE_TENANT,
                                .key_version = vault_version(fixture->world.tenant->vault),
                                .owner = "t1"};

    ok(fixture, archive_create(ctx, fixture->path, &head, fixture->world.tenant->vault, &writer,
                               &fixture->err));
    archive_writer_free(writer);
    assert_false(scratch_exists(fixture->path));
    assert_false(scratch_exists(scratch_path(&fixture->world.scratch, "one.tenon.part")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_of_any_length_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(the_header_is_read_without_a_key, begin, end),
        cmocka_unit_test_setup_teardown(no_content_shows_in_the_file, begin, end),
        cmocka_unit_test_setup_teardown(each_flipped_byte_is_detected_and_named, begin, end),
        cmocka_unit_test_setup_teardown(a_flipped_byte_in_a_later_chunk_is_detected, begin, end),
        cmocka_unit_test_setup_teardown(each_cut_is_detected, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_between_two_chunks_is_detected, begin, end),
        cmocka_unit_test_setup_teardown(bytes_behind_the_end_are_detected, begin, end),
        cmocka_unit_test_setup_teardown(the_key_of_another_owner_does_not_open_it, begin, end),
        cmocka_unit_test_setup_teardown(a_newer_format_is_named, begin, end),
        cmocka_unit_test_setup_teardown(the_format_before_the_first_release_is_named, begin, end),
        cmocka_unit_test_setup_teardown(an_unfinished_one_leaves_no_file, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
