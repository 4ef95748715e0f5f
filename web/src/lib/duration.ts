/*
 * Durations as people type them: `1h 30m`, `1.5`, `1,5`, `90m`, `2d` (days of work), `1:30`, and a span of the
 * clock, `9:00-10:30`. Whole seconds; null when it is none.
 */
export type Span = { seconds: number; start?: number } /* start: seconds since midnight */

const UNIT: Record<string, number> = { h: 3600, m: 60, s: 1 }
const CLOCK = /^(\d{1,2})(?:[:.](\d{2}))?$/
export const DURATION_MAX = 7 * 86_400

function clock(text: string): number | null {
    const m = CLOCK.exec(text)
    if (!m) return null
    const seconds = +m[1]! * 3600 + +(m[2] ?? 0) * 60
    return +(m[2] ?? 0) < 60 && seconds <= 86_400 ? seconds : null
}

export function parseSpan(input: string, daySeconds = 28_800): Span | null {
    const text = input.trim().toLowerCase().replace(/[–—]/g, '-')
    const ends = /^(\S+)\s*-\s*(\S+)$/.exec(text)
    if (ends) {
        const from = clock(ends[1]!)
        const to = clock(ends[2]!)
        if (from === null || to === null || from === to || from === 86_400) return null
        return { start: from, seconds: to > from ? to - from : to + 86_400 - from }
    }
    const seconds = parseDuration(text, daySeconds)
    return seconds === null ? null : { seconds }
}

export function parseDuration(input: string, daySeconds = 28_800): number | null {
    const text = input.trim().toLowerCase().replace(/,/g, '.')
    if (/^\d+(\.\d+)?$|^\.\d+$/.test(text)) return bounded(+text * 3600) /* a bare number is hours */
    const colon = /^(\d{1,3}):([0-5]\d)$/.exec(text)
    if (colon) return bounded(+colon[1]! * 3600 + +colon[2]! * 60)
    if (!/^(\d+(\.\d+)?\s*[wdhms]\s*)+$/.test(text)) return null
    let seconds = 0
    for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([wdhms])/g))
        seconds += +number! * (UNIT[unit!] ?? daySeconds * (unit === 'w' ? 5 : 1))
    return bounded(seconds)
}

function bounded(seconds: number): number | null {
    const whole = Math.round(seconds)
    return whole > 0 && whole <= DURATION_MAX ? whole : null
}

/* "1h 30m", "45m", "20s", "0m": hours are not turned into days, since days differ from site to site. */
export function duration(seconds: number): string {
    const sign = seconds < 0 ? '−' : ''
    const all = Math.abs(Math.round(seconds))
    const h = Math.floor(all / 3600)
    const m = Math.floor((all % 3600) / 60)
    const s = all % 60
    const parts = [h && `${h < 1000 ? h : thousands.format(h)}h`, m && `${m}m`, s && !h && `${s}s`].filter(Boolean)
    return sign + (parts.join(' ') || '0m')
}

const thousands = new Intl.NumberFormat()

export const clockText = (seconds: number): string =>
    `${String(Math.floor(seconds / 3600)).padStart(2, '0')}:${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}`

/* Rounds to a step in minutes, never to nothing. */
export function roundTo(seconds: number, minutes: number): number {
    const step = minutes > 0 ? minutes * 60 : 60
    return Math.max(step, Math.round(seconds / step) * step)
}
