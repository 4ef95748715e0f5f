/* The worklogs behind a number. */
import { useState } from 'preact/hooks'
import { asProblem, type Problem } from '../../api'
import { clockText, duration } from '../../lib/duration'
import { partsIn } from '../../lib/dates'
import { dayMedium } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Button, Panel, ProblemBox, Skeleton } from '../../ui/ui'
import { IssueName, PersonName } from '../issue'
import type { Worklog } from '../../types'
import { fetchPage, type LogQuery } from '../time/data'

export type Behind = { title: string; query: Record<string, string | string[]>; noTag: boolean; noAccount: boolean }
type Page = { worklogs: Worklog[]; next: string | null }

const PAGES_AT_ONCE = 10

/* A page more, as long as the settings say; where not all of it fits, further ones until that much does. */
async function more(query: LogQuery, noTag: boolean, size: number, from: string | null, signal?: AbortSignal): Promise<Page> {
    const found: Page = { worklogs: [], next: from }
    for (let i = 0; i < PAGES_AT_ONCE; i++) {
        const page = await fetchPage(query, found.next, signal)
        found.worklogs.push(...page.worklogs.filter(w => !(noTag && w.tags.length)))
        found.next = page.next
        if (found.next === null || found.worklogs.length >= size) break
    }
    return found
}

export function Drill({ behind, onClose }: { behind: Behind; onClose: () => void }) {
    const { me, settings, zone } = useApp()
    /* A report is about everybody unless it names people; a list is about oneself. */
    const query: LogQuery = { ...behind.query, ...(!behind.query.account?.length && me.may.others && { account: '*' }) }
    const next = (from: string | null, signal?: AbortSignal) => more(query, behind.noTag, settings.page_size, from, signal)
    const logs = useLoad('d' + JSON.stringify(behind), signal => next(null, signal))
    const [busy, setBusy] = useState(false)
    const [wrong, setWrong] = useState<Problem | null>(null)
    const shown = logs.data?.worklogs ?? []
    const sum = shown.reduce((n, w) => n + w.seconds, 0)
    const goOn = async (after: Page) => {
        setBusy(true)
        setWrong(null)
        try {
            const page = await next(after.next)
            logs.set(old => (old === after ? { worklogs: [...old.worklogs, ...page.worklogs], next: page.next } : old))
        } catch (error) {
            setWrong(asProblem(error))
        }
        setBusy(false)
    }
    return (
        <Panel title={s.reports.behind} onClose={onClose}>
            <p class="muted">{behind.title}</p>
            {logs.problem ? <ProblemBox problem={logs.problem} retry={logs.reload} /> : !logs.data ? <Skeleton lines={6} height={44} /> : (
                <>
                    <p data-first tabIndex={-1}><strong>{duration(sum)}</strong> {s.worklogsIn(shown.length)}</p>
                    <ul class="log-list">
                        {shown.map(w => {
                            const at = partsIn(Date.parse(w.started), zone)
                            return (
                                <li key={w.id} class="log-item">
                                    <span class="log-time">{dayMedium(at.date)}<br />{clockText(at.seconds)}</span>
                                    <span class="log-main">
                                        <IssueName id={w.issue} />
                                        <span class="muted"><PersonName account={w.account} /></span>
                                        {w.comment && <span class="log-comment">{w.comment}</span>}
                                        {w.tags.length > 0 && <span class="log-tags">{w.tags.map(t => <span class="chip small" key={t}>{t}</span>)}</span>}
                                    </span>
                                    <strong>{duration(w.seconds)}</strong>
                                </li>
                            )
                        })}
                    </ul>
                    {wrong && <ProblemBox problem={wrong} />}
                    {logs.data.next !== null && <Button disabled={busy} onClick={() => void goOn(logs.data!)}>{busy ? s.loading : s.reports.showMore}</Button>}
                </>
            )}
        </Panel>
    )
}
