/* What My time reads and writes. Every write goes to Jira first; the answer is what is shown. */
import { api } from '../../api'
import { isoMoment, momentAt } from '../../lib/dates'
import { useLoad } from '../../lib/hooks'
import { useApp, write } from '../../store'
import { s } from '../../strings'
import type { ActionResult, DayTotals, Estimate, Hidden, Worklog, WorklogDraft } from '../../types'

export type Logs = { worklogs: Worklog[]; hidden: Hidden; cut: boolean }
const PAGE_MAX = 1000 /* as the server's: a week or a month is one question */
const PAGES_MAX = 8

export type LogQuery = Record<string, string | string[] | undefined>
type Page = { worklogs: Worklog[]; next: string | null; hidden: Hidden }

/* A page as long as the settings say. */
export const fetchPage = (query: LogQuery, cursor: string | null, signal?: AbortSignal): Promise<Page> => api.get<Page>('/worklogs', { ...query, cursor }, signal)

/* All of a period. */
export async function fetchLogs(query: LogQuery, signal?: AbortSignal): Promise<Logs> {
    const logs: Logs = { worklogs: [], hidden: { issues: 0 }, cut: false }
    let cursor: string | undefined
    for (let i = 0; i < PAGES_MAX; i++) {
        const page = await api.get<Page>('/worklogs', { ...query, limit: String(PAGE_MAX), cursor }, signal)
        logs.worklogs.push(...page.worklogs)
        logs.hidden = { issues: Math.max(logs.hidden.issues, page.hidden.issues) }
        if (!page.next) return logs
        cursor = page.next
    }
    logs.cut = true
    return logs
}

export function useTime(from: string, to: string, account: string | null) {
    const { zone } = useApp()
    const who = account ?? undefined /* nobody: nothing is asked */
    const key = `${from}/${to}/${account ?? ''}/${zone}`
    const logs = useLoad(account === null ? null : 'w' + key, signal => fetchLogs({ from, to, tz: zone, account: who }, signal))
    const totals = useLoad(account === null ? null : 't' + key, signal => api.get<DayTotals>('/missing-days', { from, to, tz: zone, account: who }, signal))
    const changed = (w: Worklog | null, gone: string[] = []) => {
        logs.set(old => ({
            ...old,
            worklogs: [...old.worklogs.filter(o => o.id !== w?.id && !gone.includes(o.id)), ...(w ? [w] : [])],
        }))
        totals.reload()
    }
    return {
        logs, totals,
        moment: (date: string, start: number) => isoMoment(momentAt(date, start, zone)),
        create: (place: string, date: string, start: number, draft: Omit<WorklogDraft, 'started'>) =>
            write(place, s.time.did.create, key => api.post<Worklog>('/worklogs', { ...draft, started: isoMoment(momentAt(date, start, zone)) }, key), w => changed(w)),
        update: (place: string, id: string, change: Partial<WorklogDraft>) =>
            write(place, s.time.did.update, key => api.put<Worklog>(`/worklogs/${id}`, change, key), w => changed(w)),
        remove: (place: string, id: string, estimate: Estimate) => {
            const { mode, ...rest } = estimate
            return write(place, s.time.did.remove, key => api.del<void>(`/worklogs/${id}`, { estimate: mode, ...rest }, key), () => changed(null, [id]))
        },
        /* Move, copy or delete several. What Jira refused is listed; what it did is shown. */
        act: (place: string, action: 'move' | 'copy' | 'delete', what: { ids: string[] } | { day: string }, date: string | null) =>
            write(place, s.time.did[action], async key => {
                const result = await api.post<ActionResult>('/worklogs/actions', { action, ...what, ...(date && { date }), tz: zone }, key)
                logs.reload()
                totals.reload()
                if (result.failed.length)
                    throw new Error(s.time.partly(result.done.length, result.done.length + result.failed.length, [...new Set(result.failed.map(f => f.detail))].slice(0, 5)))
                return result
            }),
    }
}
export type Time = ReturnType<typeof useTime>
