import { describe, expect, it } from 'vitest'
import { addMonths, endOfMonth, isDay, isoWeek, momentAt, partsIn, startOfWeek, weekday } from './dates'
import { duration, parseDuration, parseSpan, roundTo } from './duration'

describe('durations', () => {
    it('reads what people type', () => {
        expect(parseDuration('1h 30m')).toBe(5400)
        expect(parseDuration('1h30m')).toBe(5400)
        expect(parseDuration('1.5')).toBe(5400)
        expect(parseDuration('1,5')).toBe(5400)
        expect(parseDuration('.5')).toBe(1800)
        expect(parseDuration('90m')).toBe(5400)
        expect(parseDuration('1:05')).toBe(3900)
        expect(parseDuration('1d', 27_000)).toBe(27_000)
        expect(parseDuration('45 m')).toBe(2700)
    })
    it('refuses what is none', () => {
        for (const text of ['', 'abc', '0', '-1', '1x', '1h foo', '1:75', '999h', '1e3', '1..5', 'h']) expect(parseDuration(text), text).toBeNull()
    })
    it('reads a span of the clock, over midnight too', () => {
        expect(parseSpan('9:00-10:30')).toEqual({ start: 32_400, seconds: 5400 })
        expect(parseSpan('9-10')).toEqual({ start: 32_400, seconds: 3600 })
        expect(parseSpan('22:00 – 1:00')).toEqual({ start: 79_200, seconds: 10_800 })
        expect(parseSpan('2h')).toEqual({ seconds: 7200 })
        for (const text of ['9:00-9:00', '9:00-25:00', '9:70-10:00', '-', '9-']) expect(parseSpan(text), text).toBeNull()
    })
    it('writes and reads back every quarter of an hour', () => {
        for (let seconds = 900; seconds <= 86_400; seconds += 900) expect(parseDuration(duration(seconds))).toBe(seconds)
    })
    it('rounds to the step, never to nothing', () => {
        expect(roundTo(10, 15)).toBe(900)
        expect(roundTo(1350, 15)).toBe(1800)
        expect(roundTo(100, 0)).toBe(120)
    })
})

describe('days', () => {
    it('counts weeks from any first day', () => {
        expect(weekday('2026-11-21')).toBe(6)
        expect(weekday('1969-12-31')).toBe(3)
        expect(startOfWeek('2026-11-21', 1)).toBe('2026-11-16')
        expect(startOfWeek('2026-11-21', 7)).toBe('2026-11-15')
        expect(startOfWeek('2026-11-16', 1)).toBe('2026-11-16')
    })
    it('knows ISO weeks at the turn of the year', () => {
        expect(isoWeek('2026-12-31')).toEqual({ year: 2026, week: 53 })
        expect(isoWeek('2027-01-03')).toEqual({ year: 2026, week: 53 })
        expect(isoWeek('2027-01-04')).toEqual({ year: 2027, week: 1 })
    })
    it('adds months and stays inside them', () => {
        expect(addMonths('2026-01-31', 1)).toBe('2026-02-28')
        expect(addMonths('2026-01-15', -1)).toBe('2025-12-15')
        expect(endOfMonth('2028-02-10')).toBe('2028-02-29')
        expect(isDay('2026-02-29')).toBe(false)
        expect(isDay('2026-2-9')).toBe(false)
    })
})

describe('moments', () => {
    const zone = 'Europe/Berlin'
    it('goes there and back through a whole year of a zone with clock changes', () => {
        for (let ms = Date.UTC(2026, 0, 1); ms < Date.UTC(2027, 0, 1); ms += 3_600_000 * 5) {
            const { date, seconds } = partsIn(ms, zone)
            const back = momentAt(date, seconds, zone)
            expect([ms, ms - 3_600_000]).toContain(back) /* in the hour that comes twice the earlier is taken */
        }
    })
    it('moves a time that the clock skips on by the gap', () => {
        expect(new Date(momentAt('2026-03-29', 2.5 * 3600, zone)).toISOString()).toBe('2026-03-29T01:30:00.000Z')
        expect(partsIn(momentAt('2026-03-29', 2.5 * 3600, zone), zone).seconds).toBe(3.5 * 3600)
    })
    it('takes the earlier of a time that comes twice', () => {
        expect(new Date(momentAt('2026-10-25', 2.5 * 3600, zone)).toISOString()).toBe('2026-10-25T00:30:00.000Z')
    })
    it('knows zones of odd offsets and the other half of the globe', () => {
        expect(new Date(momentAt('2026-06-01', 9 * 3600, 'Asia/Kathmandu')).toISOString()).toBe('2026-06-01T03:15:00.000Z')
        expect(new Date(momentAt('2026-10-04', 2.25 * 3600, 'Australia/Lord_Howe')).toISOString()).toBe('2026-10-03T15:45:00.000Z')
    })
})
