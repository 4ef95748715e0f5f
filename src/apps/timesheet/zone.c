/*
 * zone.c: local days, from the transitions that ICU knows.
 *
 * The model: a zone is a list of pieces of time with a constant offset from UTC. Within one piece a
 * local day is a plain interval, so "which instants make up these days" is arithmetic per piece,
 * and the answers of neighbouring pieces are joined where they touch. That gives, without special
 * cases, days of 23 and 25 hours, days that begin at 01:00 because midnight does not exist, days
 * that do not exist, and days that come twice. A report converts no worklog's time: it asks for
 * the instants of a month and finds them in a sorted column.
 *
 * ICU silently takes an unknown name for GMT. So a name must pass ucal_getCanonicalTimeZoneID
 * first, which refuses unknown ones; "Etc/Unknown", ICU's word for that GMT, is refused by us.
 *
 * Offsets are read through a calendar that is set to the instant; the calendar's own dates are not
 * used (ICU's switch to Julian dates before 1582, ours do not).
 */
#include "apps/timesheet/zone.h"

#include <assert.h>
#include <inttypes.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>

#include "base/civil.h"

#define NAME_BYTES_MAX 64 /* the longest of the IANA names has 32 */
#define MARGIN_MS (2 * MS_PER_DAY)
/* No zone was ever a whole day or more away from UTC. */
#define OFFSET_MAX_MS MS_PER_DAY
/* A year has two transitions at most as a rule; Ramadan makes it four. */
#define PIECES_MAX (8 * (CIVIL_YEAR_MAX + 2))

struct piece {
    int64_t from_ms;   /* the first one: INT64_MIN */
    int64_t offset_ms; /* local time less UTC */
};

struct zone {
    char name[NAME_BYTES_MAX + 1];
    struct piece *pieces; /* by time; at least one; neighbours differ in offset */
    size_t count;
    size_t room;
};

static void calendar_free(UCalendar **calendar)
{
    if (*calendar)
        ucal_close(*calendar);
}

static void enumeration_free(UEnumeration **names)
{
    if (*names)
        uenum_close(*names);
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->pieces);
    free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* Letters, digits and the few signs that zone names have; so it can stand in an error message. */
static bool is_zone_text(struct str name)
{
    if (name.len > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (c == '\0' || !strchr("/_-+:", c)))
            return false;
    }
    return true;
}

/* What follows the last '/': the city. */
static struct str city_of(struct str name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '/')
            return str_sub(name, i, name.len);
    return name;
}

/* A known name that differs only in its case, or in the part before the city; "" if none. */
static void find_similar(struct str name, char ret[NAME_BYTES_MAX + 1])
{
    UErrorCode status = U_ZERO_ERROR;
    AUTO(enumeration_free) UEnumeration *names = ucal_openTimeZones(&status);
    const char *known = NULL;

    ret[0] = '\0';
    if (U_FAILURE(status))
        return;
    /* Some 600 turns. */
    while ((known = uenum_next(names, NULL, &status)) && U_SUCCESS(status)) {
        struct str candidate = str_from(known);
        bool whole = str_eq_nocase(candidate, name);

        if (candidate.len > NAME_BYTES_MAX || !is_zone_text(candidate))
            continue;
        if (whole || (ret[0] == '\0' && str_eq_nocase(city_of(candidate), city_of(name))))
            memcpy(ret, candidate.ptr, candidate.len + 1);
        if (whole)
            return;
    }
}

static enum err_class refuse_name(struct str name, struct err *err)
{
    char similar[NAME_BYTES_MAX + 1];

    if (!is_zone_text(name))
        return err_set(err, ERR_INPUT,
                       "the time zone (%zu bytes) is not a zone's name; write it like "
                       "\"Europe/Berlin\" or \"UTC\"",
                       name.len);
    find_similar(name, similar);
    if (similar[0] != '\0')
        return err_set(err, ERR_INPUT, "time zone \"" STR_FMT "\" is not known; is it \"%s\"?",
                       STR_ARG(name), similar);
    return err_set(err, ERR_INPUT,
                   "time zone \"" STR_FMT "\" is not known; write it like \"Europe/Berlin\" or "
                   "\"UTC\"",
                   STR_ARG(name));
}

static enum err_class icu_failed(UErrorCode status, struct err *err)
{
    if (status == U_MEMORY_ALLOCATION_ERROR)
        return err_memory(err);
    return err_set(err, ERR_BUG, "ICU cannot read its time zones (%s); is its data installed?",
                   u_errorName(status));
}

/* "GMT+-1:30": ICU takes a second sign for a digit, and makes nonsense of it. */
static bool is_odd_offset(struct str name)
{
    struct str offset = str_sub(name, 4, name.len);

    if (!str_eq_nocase(str_sub(name, 0, 3), STR("GMT")))
        return false;
    for (size_t i = 0; i < offset.len; i++)
        if (offset.ptr[i] != ':' && (offset.ptr[i] < '0' || offset.ptr[i] > '9'))
            return true;
    return false;
}

/* Fills zone->name; ret_id is the same in ICU's characters. */
static enum err_class set_name(struct zone *zone, struct str name, UChar ret_id[NAME_BYTES_MAX + 1],
                               struct err *err)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar asked[NAME_BYTES_MAX + 1];
    UBool is_system = false;

    if (name.len == 0)
        name = STR("UTC");
    if (!is_zone_text(name) || is_odd_offset(name) || str_eq_nocase(name, STR("Etc/Unknown")))
        return refuse_name(name, err);
    for (size_t i = 0; i < name.len; i++)
        asked[i] = (UChar)name.ptr[i];

    int32_t len = ucal_getCanonicalTimeZoneID(asked, (int32_t)name.len, ret_id, NAME_BYTES_MAX,
                                              &is_system, &status);

    if (status == U_ILLEGAL_ARGUMENT_ERROR)
        return refuse_name(name, err);
    if (U_FAILURE(status))
        return icu_failed(status, err);
    for (int32_t i = 0; i < len; i++)
        zone->name[i] = (char)ret_id[i];
    zone->name[len] = '\0';
    ret_id[len] = 0;
    return ERR_OK;
}

static enum err_class add_piece(struct zone *zone, int64_t from_ms, int64_t offset_ms,
                                struct err *err)
{
    /* A transition that changes only the zone's abbreviation is none to us. */
    if (zone->count > 0 && zone->pieces[zone->count - 1].offset_ms == offset_ms)
        return ERR_OK;
    if (zone->count == PIECES_MAX)
        return err_set(err, ERR_LIMIT, "time zone \"%s\" has more than %d transitions", zone->name,
                       PIECES_MAX);
    if (zone->count == zone->room) {
        size_t room = zone->room ? zone->room * 2 : 32;
        struct piece *pieces = realloc(zone->pieces, room * sizeof(*pieces));

        if (!pieces)
            return err_memory(err);
        zone->pieces = pieces;
        zone->room = room;
    }
    zone->pieces[zone->count++] = (struct piece){from_ms, offset_ms};
    return ERR_OK;
}

static int64_t offset_at(UCalendar *calendar, int64_t ms, UErrorCode *status)
{
    ucal_setMillis(calendar, (UDate)ms, status);
    return (int64_t)ucal_get(calendar, UCAL_ZONE_OFFSET, status) +
           ucal_get(calendar, UCAL_DST_OFFSET, status);
}

static enum err_class read_pieces(struct zone *zone, const UChar *id, int64_t from_ms,
                                  int64_t to_ms, struct err *err)
{
    UErrorCode status = U_ZERO_ERROR;
    AUTO(calendar_free) UCalendar *calendar = ucal_open(id, -1, "", UCAL_GREGORIAN, &status);

    if (U_FAILURE(status))
        return icu_failed(status, err);

    int64_t offset_ms = offset_at(calendar, from_ms, &status);
    int64_t at_ms = INT64_MIN; /* the first piece reaches back for ever */

    /* At most PIECES_MAX turns that add a piece; each goes forward in time. */
    for (;;) {
        UDate next = 0;

        if (U_FAILURE(status))
            return icu_failed(status, err);
        if (add_piece(zone, at_ms, offset_ms, err))
            return err->class;
        if (!ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &next, &status) ||
            next > (UDate)to_ms)
            return U_FAILURE(status) ? icu_failed(status, err) : ERR_OK;
        assert((int64_t)next > at_ms);
        at_ms = (int64_t)next;
        offset_ms = offset_at(calendar, at_ms, &status);
    }
}

enum err_class zone_new(struct str name, int64_t from_ms, int64_t to_ms, struct zone **ret,
                        struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = calloc(1, sizeof(*zone));
    UChar id[NAME_BYTES_MAX + 1];

    assert(from_ms <= to_ms);
    if (!zone)
        return err_memory(err);
    if (set_name(zone, name, id, err))
        return err->class;
    if (read_pieces(zone, id, from_ms - MARGIN_MS, to_ms + MARGIN_MS, err))
        return err->class;
    *ret = TAKE(zone);
    return ERR_OK;
}

/* The piece that holds the instant. */
static size_t piece_at(const struct zone *zone, int64_t ms)
{
    size_t low = 0, high = zone->count;

    /* pieces[low].from_ms <= ms < pieces[high].from_ms; at most 17 turns. */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (zone->pieces[middle].from_ms <= ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int32_t zone_day_of(const struct zone *zone, int64_t ms)
{
    return civil_day_of(ms + zone->pieces[piece_at(zone, ms)].offset_ms);
}

int64_t zone_offset_ms(const struct zone *zone, int64_t ms)
{
    return zone->pieces[piece_at(zone, ms)].offset_ms;
}

int64_t zone_instant(const struct zone *zone, int32_t day, int64_t time_of_day_ms,
                     int64_t offset_ms)
{
    int64_t local = (int64_t)day * MS_PER_DAY + time_of_day_ms;
    int64_t before = zone_offset_ms(zone, local - MS_PER_DAY);
    int64_t after = zone_offset_ms(zone, local + MS_PER_DAY);
    bool before_fits = zone_offset_ms(zone, local - before) == before;
    bool after_fits = zone_offset_ms(zone, local - after) == after;

    if (after_fits && (!before_fits || after == offset_ms))
        return local - after;
    return local - before; /* the first of two, or moved on by the jump */
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool zone_span(const struct zone *zone, int32_t from_day, int32_t to_day, int64_t *after_ms,
               struct zone_span *ret)
{
    int64_t local_from = (int64_t)from_day * MS_PER_DAY;
    int64_t local_to = ((int64_t)to_day + 1) * MS_PER_DAY;
    int64_t search_ms = later(*after_ms, local_from - OFFSET_MAX_MS);
    struct zone_span span = {0, 0};
    bool found = false;

    if (from_day > to_day)
        return false;
    /* Over the pieces that can hold such days: a handful. */
    for (size_t i = piece_at(zone, search_ms); i < zone->count; i++) {
        const struct piece *piece = &zone->pieces[i];
        int64_t end_ms = i + 1 < zone->count ? piece[1].from_ms : INT64_MAX;
        int64_t from = later(later(piece->from_ms, *after_ms), local_from - piece->offset_ms);
        int64_t to = earlier(end_ms, local_to - piece->offset_ms);

        if (piece->from_ms > local_to + OFFSET_MAX_MS)
            break;
        if (from >= to) {
            if (found)
                break;
            continue;
        }
        if (found && from > span.to_ms)
            break;
        if (!found)
            span.from_ms = from;
        span.to_ms = to;
        found = true;
    }
    if (found) {
        *after_ms = span.to_ms;
        *ret = span;
    }
    return found;
}
