/* Named periods, counted from today; so that a saved "last month" stays last month. */
import { addDays, addMonths, endOfMonth, isDay, startOfMonth, startOfWeek } from '../../lib/dates'

export const PERIODS = ['this-week', 'last-week', 'this-month', 'last-month', 'last-30', 'this-quarter', 'last-quarter', 'this-year', 'last-year', 'custom'] as const
export type Period = (typeof PERIODS)[number]
export type Days = { from: string; to: string }

export function periodDays(period: Period, today: string, weekStart: number): Days | null {
    const month = startOfMonth(today)
    const quarter = `${today.slice(0, 5)}${String(Math.floor((+today.slice(5, 7) - 1) / 3) * 3 + 1).padStart(2, '0')}-01`
    const year = +today.slice(0, 4)
    const week = startOfWeek(today, weekStart)
    switch (period) {
        case 'this-week': return { from: week, to: addDays(week, 6) }
        case 'last-week': return { from: addDays(week, -7), to: addDays(week, -1) }
        case 'this-month': return { from: month, to: endOfMonth(month) }
        case 'last-month': return { from: addMonths(month, -1), to: addDays(month, -1) }
        case 'last-30': return { from: addDays(today, -29), to: today }
        case 'this-quarter': return { from: quarter, to: endOfMonth(addMonths(quarter, 2)) }
        case 'last-quarter': return { from: addMonths(quarter, -3), to: addDays(quarter, -1) }
        case 'this-year': return { from: `${year}-01-01`, to: `${year}-12-31` }
        case 'last-year': return { from: `${year - 1}-01-01`, to: `${year - 1}-12-31` }
        case 'custom': return null
    }
}

export function daysOf(params: URLSearchParams, today: string, weekStart: number): Days & { period: Period } {
    const named = params.get('period') as Period | null
    const from = params.get('from') ?? ''
    const to = params.get('to') ?? ''
    if (!named || named === 'custom') {
        if (isDay(from) && isDay(to)) return from <= to ? { period: 'custom', from, to } : { period: 'custom', from: to, to: from }
    } else {
        const days = PERIODS.includes(named) ? periodDays(named, today, weekStart) : null
        if (days) return { period: named, ...days }
    }
    return { period: 'this-month', ...periodDays('this-month', today, weekStart)! }
}
