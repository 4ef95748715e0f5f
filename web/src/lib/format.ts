/* Numbers, days and moments as the reader's language writes them. */
import { DAY_MS, dayNumber } from './dates'

const made = new Map<string, Intl.DateTimeFormat>()
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = JSON.stringify(options)
    let one = made.get(key)
    if (!one) made.set(key, (one = new Intl.DateTimeFormat(undefined, options)))
    return one
}
const ofDay = (date: string, options: Intl.DateTimeFormatOptions) => format({ ...options, timeZone: 'UTC' }).format(dayNumber(date) * DAY_MS)

export const dayShort = (date: string) => ofDay(date, { weekday: 'short', day: 'numeric' })
export const dayLong = (date: string) => ofDay(date, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
export const dayMedium = (date: string) => ofDay(date, { day: 'numeric', month: 'short', year: 'numeric' })
export const weekdayShort = (date: string) => ofDay(date, { weekday: 'short' })
export const weekdayLong = (date: string) => ofDay(date, { weekday: 'long' })
export const monthLong = (date: string) => ofDay(date, { month: 'long', year: 'numeric' })
export const monthShort = (date: string) => ofDay(date, { month: 'short', year: 'numeric' })
export const dayRange = (from: string, to: string) =>
    format({ day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).formatRange(dayNumber(from) * DAY_MS, dayNumber(to) * DAY_MS)

export const timeOf = (iso: string | number, zone: string) => format({ hour: '2-digit', minute: '2-digit', timeZone: zone }).format(new Date(iso))
export function momentOf(iso: string | number, zone: string): string {
    return format({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', timeZone: zone }).format(new Date(iso))
}
/* For titles: nothing left to guess, the zone included. */
export const momentFull = (iso: string | number, zone: string) =>
    `${format({ dateStyle: 'full', timeStyle: 'medium', timeZone: zone }).format(new Date(iso))} (${zone})`

const numbers = new Intl.NumberFormat()
const hoursFormat = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 })
const percentFormat = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 })
export const number = (n: number) => numbers.format(n)
export const hours = (seconds: number) => hoursFormat.format(seconds / 3600)
export const percent = (share: number) => percentFormat.format(share)
/* Steps of 1000, as disks and Intl's units count. */
const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
export function bytes(n: number): string {
    const step = n < 1000 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(n) / 3))
    return new Intl.NumberFormat(undefined, { style: 'unit', unit: BYTE_UNITS[step]!, maximumSignificantDigits: 3 }).format(n / 1000 ** step)
}
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
export function ago(iso: string, now = Date.now()): string {
    const seconds = Math.round((new Date(iso).getTime() - now) / 1000)
    const abs = Math.abs(seconds)
    if (abs < 60) return relative.format(seconds, 'second')
    if (abs < 3600) return relative.format(Math.round(seconds / 60), 'minute')
    if (abs < 86_400) return relative.format(Math.round(seconds / 3600), 'hour')
    return relative.format(Math.round(seconds / 86_400), 'day')
}
