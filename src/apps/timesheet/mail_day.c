/* mail_day.c: one row, and the local day by the clock and the site's time zone. */
#include "apps/timesheet/mail_day.h"

#include "apps/timesheet/zone.h"
#include "base/civil.h"

static const struct field estimate_mail_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "always 1"},
    {"day", TYPE_INT, CLASS_META, 0, "the last day, counted from 1970, whose mail was begun"},
    {"place", TYPE_INT, CLASS_META, FIELD_NULL,
     "how far it has come, while it goes out: a place in an order that only the tenant's key gives"},
};

const struct record estimate_mail_record = {
    .name = "estimate_mail",
    .app = "timesheet",
    .scope = SCOPE_TENANT,
    .why = "to mail missing estimates once a day and not twice",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = 3,
    RECORD_FIELDS(estimate_mail_fields),
};

enum err_class mail_day_load(struct tenant *tenant, struct mail_day *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT day, place FROM estimate_mail WHERE id = 1"), &stmt, err);

    *ret = (struct mail_day){.day = INT64_MIN, .place = -1};
    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        *ret = (struct mail_day){db_i64(stmt, 0), db_i64(stmt, 1), db_is_null(stmt, 1)};
    return rc;
}

enum err_class mail_day_store(struct tenant *tenant, const struct mail_day *day, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_prepare(tenant->db,
                    SQL("INSERT INTO estimate_mail (id, day, place) VALUES (1, $1, $2)"
                        " ON CONFLICT (id) DO UPDATE SET day = $1, place = $2"),
                    &stmt, err);
    if (rc == ERR_OK) {
        db_bind_i64(stmt, 1, day->day);
        if (day->ended)
            db_bind_null(stmt, 2);
        else
            db_bind_i64(stmt, 2, day->place);
        rc = db_run(stmt, err);
    }
    return db_end(tenant->db, rc, err);
}

int64_t mail_day_place(const struct tenant *tenant, struct str account)
{
    unsigned char digest[VAULT_DIGEST_BYTES];
    uint64_t place = 0;

    vault_digest_lasting(tenant->vault, "estimate_mail", "place", account, digest);
    for (size_t i = 0; i < sizeof(place); i++)
        place = place << 8 | digest[i];
    return (int64_t)(place >> 1);
}

enum err_class mail_day_due(struct tenant *tenant, const struct settings *settings, bool *ret,
                            int32_t *ret_day, struct err *err)
{
    int64_t now = ctx_now_ms(tenant->ctx);
    AUTO(zone_free_autop) struct zone *zone = NULL;
    struct mail_day last;
    enum err_class rc = mail_day_load(tenant, &last, err);

    if (rc == ERR_OK)
        rc = zone_new(settings->zone, now, now, &zone, err);
    if (rc != ERR_OK)
        return rc;

    int32_t day = zone_day_of(zone, now);
    int64_t minute = (now + zone_offset_ms(zone, now) - day * MS_PER_DAY) / MS_PER_MINUTE;

    /* A clock put back, or a zone further west, makes no day come twice. */
    *ret = settings->mail.scope != MAIL_NO_PROJECT && minute >= settings->mail.minute &&
           day >= last.day && !(day == last.day && last.ended);
    *ret_day = day;
    return ERR_OK;
}
