import { describe, expect, it } from 'vitest'
import type { Settings, Worklog } from '../types'
import { flatten, parseSort } from './reports/flat'
import { daysOf } from './reports/periods'
import { chosenColumns, COLUMNS, columnsText } from './reports/columns'
import { acrossOf, knowsRemaining, parseGroups, pivot, spanOf, type Node } from './reports/pivot'
import { dayToFill, isWorkday, lanesOf, localize, monthSheet, nextStart, rowsOf, visibilityOf } from './time/model'

const rows = [
    { account: 'a', issue: '1', month: '2026-01', seconds: 100, count: 1 },
    { account: 'a', issue: '2', month: '2026-01', seconds: 200, count: 2 },
    { account: 'a', issue: '1', month: '2026-02', seconds: 400, count: 1 },
    { account: null, issue: '3', month: '2026-02', seconds: 800, count: 4 },
]

describe('pivot', () => {
    it('sums at every level to the same total', () => {
        const p = pivot(rows, ['account', 'issue', 'month'], 'month')
        const leaves = (n: Node): Node[] => n.children?.flatMap(leaves) ?? [n]
        expect(p.seconds).toBe(1500)
        expect(p.roots.reduce((n, r) => n + r.seconds, 0)).toBe(1500)
        expect(p.roots.flatMap(leaves).reduce((n, r) => n + r.seconds, 0)).toBe(1500)
        expect([...p.across.values()].reduce((n, c) => n + c.seconds, 0)).toBe(1500)
        for (const root of p.roots) expect([...root.across.values()].reduce((n, c) => n + c.count, 0)).toBe(root.count)
        expect(p.columns).toEqual(['2026-01', '2026-02'])
        expect(p.roots.map(r => [r.key, r.seconds])).toEqual([['a', 700], [null, 800]])
    })
    it('adds what stands beside the seconds', () => {
        const p = pivot([
            { project: 'X', issue: '1', seconds: 100, count: 1, billable: 60, non_billable: 40, remaining: 30, expected: 130 },
            { project: 'X', issue: '2', seconds: 200, count: 1, billable: 0, non_billable: 200, remaining: null, expected: null },
        ], ['project', 'issue'], null)
        expect(p.roots.map(r => [r.key, r.seconds, r.billable, r.remaining])).toEqual([['X', 300, 60, 30]])
        expect(knowsRemaining(['project', 'issue'])).toBe(true)
        expect(knowsRemaining(['project', 'account'])).toBe(false)
    })
    it('keeps the columns that were chosen, in their order', () => {
        expect(chosenColumns(null)).toHaveLength(10)
        expect(chosenColumns('all')).toEqual([...COLUMNS])
        expect(chosenColumns('key,nonsense,time,key')).toEqual(['key', 'time'])
        expect(columnsText(chosenColumns('key,time'))).toBe('key,time')
        expect(columnsText(chosenColumns(null))).toBeNull()
    })
    it('keeps nobody apart from an account that is called null', () => {
        const p = pivot([{ account: null, seconds: 1, count: 1 }, { account: 'null', seconds: 2, count: 1 }], ['account'], null)
        expect(p.roots).toHaveLength(2)
    })
    it('lays a time across only beside something else', () => {
        expect(acrossOf(['month'], null)).toBeNull()
        expect(acrossOf(['account', 'month'], null)).toBe('month')
        expect(acrossOf(['account', 'week', 'month'], 'week')).toBe('week')
        expect(acrossOf(['account', 'month'], 'none')).toBeNull()
        expect(parseGroups('month,account,month,nonsense,tag,issue,day')).toEqual(['month', 'account', 'tag', 'issue'])
    })
    it('knows the days of a period', () => {
        expect(spanOf('2026-W53')).toEqual({ from: '2026-12-28', to: '2027-01-03' })
        expect(spanOf('2026-W01')).toEqual({ from: '2025-12-29', to: '2026-01-04' })
        expect(spanOf('2026-Q1')).toEqual({ from: '2026-01-01', to: '2026-03-31' })
        expect(spanOf('2028-02')).toEqual({ from: '2028-02-01', to: '2028-02-29' })
        expect(spanOf('2026')).toEqual({ from: '2026-01-01', to: '2026-12-31' })
        expect(spanOf('nonsense')).toBeNull()
    })
})

describe('periods', () => {
    const days = (text: string) => daysOf(new URLSearchParams(text), '2026-11-21', 1)
    it('counts from today', () => {
        expect(days('period=last-month')).toEqual({ period: 'last-month', from: '2026-10-01', to: '2026-10-31' })
        expect(days('period=last-quarter')).toEqual({ period: 'last-quarter', from: '2026-07-01', to: '2026-09-30' })
        expect(days('period=this-week')).toEqual({ period: 'this-week', from: '2026-11-16', to: '2026-11-22' })
        expect(days('period=last-30')).toEqual({ period: 'last-30', from: '2026-10-23', to: '2026-11-21' })
    })
    it('takes days of its own, the wrong way round too, and falls back from nonsense', () => {
        expect(days('from=2026-03-02&to=2026-03-01')).toEqual({ period: 'custom', from: '2026-03-01', to: '2026-03-02' })
        expect(days('period=never').period).toBe('this-month')
        expect(days('period=custom&from=x').period).toBe('this-month')
    })
})

const log = (id: string, issue: string, started: string, seconds: number): Worklog => ({ id, issue, account: 'a', started, created: started, updated: started, seconds, comment: '', tags: [] })
const settings = { working_days: [1, 2, 3, 4, 5], holidays: ['2026-11-18'], extra_days: ['2026-11-21'], expected_seconds: 28_800 } as unknown as Settings

describe('my time', () => {
    const logs = localize([log('1', '10', '2026-11-16T23:30:00.000Z', 3600), log('2', '9', '2026-11-16T08:00:00.000Z', 1800), log('3', '10', '2026-11-17T08:00:00.000Z', 900)], 'Europe/Berlin')
    it('puts a worklog on the day of the viewer’s clock', () => {
        expect(logs.map(w => [w.id, w.date, w.start])).toEqual([['2', '2026-11-16', 32_400], ['1', '2026-11-17', 1800], ['3', '2026-11-17', 32_400]])
    })
    it('makes rows in the order of issue numbers, added ones last', () => {
        const made = rowsOf(logs, ['77', '10'])
        expect(made.map(r => [r.issue, r.seconds])).toEqual([['9', 1800], ['10', 4500], ['77', 0]])
        expect(made[1]!.cells.get('2026-11-17')!.logs.map(w => w.id)).toEqual(['1', '3'])
    })
    it('starts the next worklog after the last of the day', () => {
        expect(nextStart(logs, '2026-11-17')).toBe(33_300)
        expect(nextStart(logs, '2026-11-19')).toBe(32_400)
    })
    it('tells Jira of a restriction only where there is one', () => {
        expect(visibilityOf('all', 'Developers')).toBeNull()
        expect(visibilityOf('role', ' Developers ')).toEqual({ type: 'role', identifier: 'Developers' })
        expect(visibilityOf('group', '276f955c')).toEqual({ type: 'group', identifier: '276f955c' })
    })
    it('knows days of work, holidays and extra days', () => {
        expect(['2026-11-17', '2026-11-18', '2026-11-21', '2026-11-22'].map(d => isWorkday(d, settings))).toEqual([true, false, true, false])
    })
    it('fills today first, then the last day that lacks time', () => {
        const day = (date: string, real: number) => ({ date, expected: 10, logged: real, real, missing: real < 10 })
        expect(dayToFill([day('2026-11-19', 0), day('2026-11-20', 5)], '2026-11-20')).toBe('2026-11-20')
        expect(dayToFill([day('2026-11-18', 0), day('2026-11-19', 0), day('2026-11-20', 10)], '2026-11-20')).toBe('2026-11-19')
        expect(dayToFill([], '2026-11-20')).toBe('2026-11-20')
    })
    it('sets overlapping blocks side by side and no others', () => {
        const lanes = lanesOf([{ start: 0, seconds: 3600 }, { start: 1800, seconds: 3600 }, { start: 3600, seconds: 1800 }, { start: 9000, seconds: 900 }])
        expect(lanes).toEqual([{ lane: 0, lanes: 2 }, { lane: 1, lanes: 2 }, { lane: 0, lanes: 2 }, { lane: 0, lanes: 1 }])
    })
    it('shows whole weeks of a month', () => {
        const sheet = monthSheet('2026-11-01', '2026-11-30', 1)
        expect(sheet).toHaveLength(6)
        expect(sheet[0]![0]).toBe('2026-10-26')
        expect(sheet.every(w => w.length === 7)).toBe(true)
    })
})

describe('flat rows', () => {
    const p = pivot(rows, ['account', 'issue', 'month'], 'month')
    const ids = (sort: string | null, open: (id: string) => boolean = () => true) =>
        flatten(p, parseSort(sort, p.columns), s => s.seconds, n => n.key ?? '', open).map(r => `${r.depth}${r.node.key}`)
    it('lists children below their parent while it is open', () => {
        expect(ids(null)).toEqual(['0a', '11', '12', '0null', '13'])
        expect(ids(null, () => false)).toEqual(['0a', '0null'])
    })
    it('sorts at each level, by sum, column or name', () => {
        expect(ids('sum:desc')).toEqual(['0null', '13', '0a', '11', '12'])
        expect(ids('2026-01:asc')).toEqual(['0null', '13', '0a', '11', '12'])
        expect(ids('name:desc')).toEqual(['0a', '12', '11', '0null', '13'])
        expect(ids('nonsense:desc')).toEqual(ids(null))
    })
})
