/* From the server's flat rows to a tree with sub-totals, with one time dimension across. Pure. */
import type { ReportRow } from '../../types'

export const TIMES = ['day', 'week', 'month', 'quarter', 'year'] as const
export const DIMENSIONS = ['account', 'project', 'issue', 'tag', ...TIMES] as const
export type Dimension = (typeof DIMENSIONS)[number]
export type Key = string | null
export type Sums = { seconds: number; count: number; billable: number; remaining: number }
export type Node = Sums & { id: string; dimension: Dimension; key: Key; path: Key[]; across: Map<string, Sums>; children: Node[] | null }
export type Pivot = Sums & { roots: Node[]; columns: string[]; across: Map<string, Sums>; rows: Dimension[]; over: Dimension | null }

export const GROUPS_MAX = 4
export const isTime = (d: Dimension): boolean => (TIMES as readonly string[]).includes(d)

export function parseGroups(text: string | null): Dimension[] {
    const known = (text ?? '').split(',').filter((d): d is Dimension => (DIMENSIONS as readonly string[]).includes(d))
    return [...new Set(known)].slice(0, GROUPS_MAX)
}
/* What remains is known of issues and their projects only. */
export const knowsRemaining = (groups: Dimension[]): boolean => groups.every(g => g === 'issue' || g === 'project')

/* The dimension that lies across: a time one that is not the only one, the last unless chosen. */
export function acrossOf(groups: Dimension[], chosen: string | null): Dimension | null {
    if (chosen === 'none' || groups.length < 2) return null
    const times = groups.filter(isTime)
    return times.find(t => t === chosen) ?? times.at(-1) ?? null
}

export const noSums = (): Sums => ({ seconds: 0, count: 0, billable: 0, remaining: 0 })
const add = (sums: Sums, more: ReportRow): void => {
    sums.seconds += more.seconds
    sums.count += more.count
    sums.billable += more.billable ?? 0
    sums.remaining += more.remaining ?? 0
}
function addAcross(map: Map<string, Sums>, column: string, more: ReportRow): void {
    let sums = map.get(column)
    if (!sums) map.set(column, (sums = noSums()))
    add(sums, more)
}

export function pivot(rows: ReportRow[], groups: Dimension[], over: Dimension | null): Pivot {
    const down = groups.filter(g => g !== over)
    const result: Pivot = { roots: [], columns: [], across: new Map(), ...noSums(), rows: down, over }
    const index = new Map<string, Node>()
    const keyOf = (row: ReportRow, d: Dimension): Key => {
        const value = row[d]
        return value === null || value === undefined ? null : String(value)
    }
    for (const row of rows) {
        const column = over ? (keyOf(row, over) ?? '') : null
        add(result, row)
        if (column !== null) addAcross(result.across, column, row)
        let siblings = result.roots
        let path: Key[] = []
        for (const [depth, d] of down.entries()) {
            const key = keyOf(row, d)
            path = [...path, key]
            const id = JSON.stringify(path)
            let node = index.get(id)
            if (!node) {
                node = { id, dimension: d, key, path, ...noSums(), across: new Map(), children: depth < down.length - 1 ? [] : null }
                index.set(id, node)
                siblings.push(node)
            }
            add(node, row)
            if (column !== null) addAcross(node.across, column, row)
            siblings = node.children ?? []
        }
    }
    result.columns = [...result.across.keys()].sort()
    return result
}

/* The span of days of "2026-01-05", "2026-W01", "2026-01", "2026-Q1", "2026"; null when it is none of them. */
export function spanOf(period: string): { from: string; to: string } | null {
    const utc = (y: number, m: number, d: number) => new Date(Date.UTC(y, m, d)).toISOString().slice(0, 10)
    let m = /^(\d{4})-W(\d{2})$/.exec(period)
    if (m) {
        const fourth = new Date(Date.UTC(+m[1]!, 0, 4)) /* is in week 1 always */
        const monday = 4 - ((fourth.getUTCDay() + 6) % 7) + (+m[2]! - 1) * 7
        return { from: utc(+m[1]!, 0, monday), to: utc(+m[1]!, 0, monday + 6) }
    }
    if ((m = /^(\d{4})-Q([1-4])$/.exec(period))) return { from: utc(+m[1]!, (+m[2]! - 1) * 3, 1), to: utc(+m[1]!, +m[2]! * 3, 0) }
    if (/^\d{4}-\d{2}-\d{2}$/.test(period)) return { from: period, to: period }
    if ((m = /^(\d{4})-(\d{2})$/.exec(period))) return { from: utc(+m[1]!, +m[2]! - 1, 1), to: utc(+m[1]!, +m[2]!, 0) }
    if (/^\d{4}$/.test(period)) return { from: `${period}-01-01`, to: `${period}-12-31` }
    return null
}
