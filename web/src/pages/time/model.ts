/* My time, without the screen: rows of a week, places of blocks, what a new worklog starts with. Pure. */
import { addDays, daysFrom, partsIn, weekday } from '../../lib/dates'
import type { DayTotal, Settings, Visibility, Worklog } from '../../types'

export const DAY_START = 9 * 3600
export type Local = Worklog & { date: string; start: number } /* in the viewer's zone; seconds since midnight */
export type Cell = { logs: Local[]; seconds: number }
export type Row = { issue: string; cells: Map<string, Cell>; seconds: number }

export const localize = (logs: Worklog[], zone: string): Local[] =>
    logs
        .map(w => {
            const { date, seconds } = partsIn(Date.parse(w.started), zone)
            return { ...w, date, start: seconds }
        })
        .sort((a, b) => (a.started < b.started ? -1 : a.started > b.started ? 1 : a.id < b.id ? -1 : 1))

export function rowsOf(logs: Local[], extra: string[]): Row[] {
    const rows = new Map<string, Row>()
    const rowOf = (issue: string) => {
        let row = rows.get(issue)
        if (!row) rows.set(issue, (row = { issue, cells: new Map(), seconds: 0 }))
        return row
    }
    for (const w of logs) {
        const row = rowOf(w.issue)
        let cell = row.cells.get(w.date)
        if (!cell) row.cells.set(w.date, (cell = { logs: [], seconds: 0 }))
        cell.logs.push(w)
        cell.seconds += w.seconds
        row.seconds += w.seconds
    }
    const sorted = [...rows.values()].sort((a, b) => a.issue.length - b.issue.length || (a.issue < b.issue ? -1 : 1))
    for (const issue of extra) if (!rows.has(issue)) sorted.push(rowOf(issue))
    return sorted
}

export const secondsByDay = (logs: Local[]): Map<string, number> => {
    const days = new Map<string, number>()
    for (const w of logs) days.set(w.date, (days.get(w.date) ?? 0) + w.seconds)
    return days
}

export function isWorkday(date: string, settings: Settings): boolean {
    if (settings.extra_days.includes(date)) return true
    return settings.working_days.includes(weekday(date)) && !settings.holidays.includes(date)
}
export const expectedOf = (date: string, settings: Settings): number => (isWorkday(date, settings) ? settings.expected_seconds : 0)

/* After the last worklog of the day, so that times do not overlap; at the start of the day when there is none. */
export function nextStart(logs: Local[], date: string): number {
    const ends = logs.filter(w => w.date === date).map(w => w.start + w.seconds)
    return Math.min(ends.length ? Math.max(...ends) : DAY_START, 23 * 3600)
}

/* Who may see a new worklog, as the form has it; for whoever sees the issue, Jira is told nothing. */
export type Seen = 'all' | Visibility['type']
export const visibilityOf = (seen: Seen, whom: string): Visibility | null => (seen === 'all' ? null : { type: seen, identifier: whom.trim() })

/* Today while it has room; else the last day that lacks time; else today. */
export function dayToFill(days: DayTotal[], today: string): string {
    const lacking = days.filter(d => d.date <= today && d.expected > 0 && d.real < d.expected)
    return lacking.some(d => d.date === today) ? today : (lacking.at(-1)?.date ?? today)
}

export type Lane = { lane: number; lanes: number }
/* Blocks side by side where they overlap: each takes the first free lane of its cluster. */
export function lanesOf(blocks: { start: number; seconds: number }[]): Lane[] {
    const order = blocks.map((_, i) => i).sort((a, b) => blocks[a]!.start - blocks[b]!.start || blocks[b]!.seconds - blocks[a]!.seconds)
    const result: Lane[] = blocks.map(() => ({ lane: 0, lanes: 1 }))
    let cluster: number[] = []
    let ends: number[] = [] /* of each lane */
    const close = () => {
        for (const i of cluster) result[i]!.lanes = ends.length
        cluster = []
        ends = []
    }
    for (const i of order) {
        const { start, seconds } = blocks[i]!
        if (ends.length && Math.max(...ends) <= start) close()
        let lane = ends.findIndex(end => end <= start)
        if (lane < 0) lane = ends.push(0) - 1
        ends[lane] = start + Math.max(seconds, 900)
        result[i]!.lane = lane
        cluster.push(i)
    }
    close()
    return result
}

/* The weeks that a month's sheet shows. */
export function monthSheet(first: string, last: string, weekStart: number): string[][] {
    const begin = addDays(first, -((weekday(first) - weekStart + 7) % 7))
    const weeks: string[][] = []
    for (let day = begin; day <= last; day = addDays(day, 7)) weeks.push(daysFrom(day, 7))
    return weeks
}
