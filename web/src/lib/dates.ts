/*
 * Days and times. A day is a text "2026-01-31", counted in UTC so that no zone bends it; a moment is milliseconds
 * since 1970. Only `partsIn` and `momentAt` cross between them, in the zone of the person, over clock changes too.
 */
export const DAY_MS = 86_400_000

export const dayNumber = (date: string): number => Date.UTC(+date.slice(0, 4), +date.slice(5, 7) - 1, +date.slice(8, 10)) / DAY_MS
export const dayText = (n: number): string => new Date(n * DAY_MS).toISOString().slice(0, 10)
export const addDays = (date: string, days: number): string => dayText(dayNumber(date) + days)
export const daysFrom = (from: string, count: number): string[] => Array.from({ length: count }, (_, i) => addDays(from, i))
export const isDay = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text) && dayText(dayNumber(text)) === text

/* 1 Monday … 7 Sunday. 1970-01-01 was a Thursday. */
export const weekday = (date: string): number => ((((dayNumber(date) + 3) % 7) + 7) % 7) + 1
export const startOfWeek = (date: string, first: number): string => addDays(date, -((weekday(date) - first + 7) % 7))
export const startOfMonth = (date: string): string => date.slice(0, 8) + '01'
export function addMonths(date: string, months: number): string {
    const at = +date.slice(0, 4) * 12 + +date.slice(5, 7) - 1 + months
    const first = `${String(Math.floor(at / 12)).padStart(4, '0')}-${String((at % 12) + 1).padStart(2, '0')}-01`
    const last = dayText(dayNumber(`${String(Math.floor((at + 1) / 12)).padStart(4, '0')}-${String(((at + 1) % 12) + 1).padStart(2, '0')}-01`) - 1)
    const day = first.slice(0, 8) + date.slice(8, 10)
    return day > last ? last : day
}
export const endOfMonth = (date: string): string => addDays(addMonths(startOfMonth(date), 1), -1)
/* ISO 8601: the week's number is that of its Thursday's year. */
export function isoWeek(date: string): { year: number; week: number } {
    const thursday = addDays(date, 4 - weekday(date))
    const year = +thursday.slice(0, 4)
    return { year, week: Math.floor((dayNumber(thursday) - dayNumber(`${year}-01-01`)) / 7) + 1 }
}

const partsFormats = new Map<string, Intl.DateTimeFormat>()
function partsFormat(zone: string): Intl.DateTimeFormat {
    let format = partsFormats.get(zone)
    if (!format) {
        format = new Intl.DateTimeFormat('en-GB', {
            timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
        })
        partsFormats.set(zone, format)
    }
    return format
}

/* The wall clock at a moment: its day and the seconds shown since midnight. */
export function partsIn(ms: number, zone: string): { date: string; seconds: number } {
    const p: Record<string, string> = {}
    for (const part of partsFormat(zone).formatToParts(ms)) p[part.type] = part.value
    return {
        date: `${p.year!.padStart(4, '0')}-${p.month}-${p.day}`,
        seconds: +p.hour! * 3600 + +p.minute! * 60 + +p.second!,
    }
}

function wallMs(ms: number, zone: string): number {
    const { date, seconds } = partsIn(ms, zone)
    return dayNumber(date) * DAY_MS + seconds * 1000
}

/* The moment of a wall clock. One that comes twice is the earlier; one that is skipped moves on by the gap. */
export function momentAt(date: string, seconds: number, zone: string): number {
    const wall = dayNumber(date) * DAY_MS + seconds * 1000
    const offset = (ms: number) => wallMs(ms, zone) - ms
    const before = wall - offset(wall - DAY_MS)
    const after = wall - offset(wall + DAY_MS)
    const fits = [before, after].filter(ms => wallMs(ms, zone) === wall)
    return fits.length ? Math.min(...fits) : before
}

export const isoMoment = (ms: number): string => new Date(ms).toISOString()
export const today = (zone: string, now = Date.now()): string => partsIn(now, zone).date
