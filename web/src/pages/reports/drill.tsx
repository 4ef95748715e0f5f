/* The worklogs behind a number. */
import { api } from '../../api'
import { clockText, duration } from '../../lib/duration'
import { partsIn } from '../../lib/dates'
import { dayMedium } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Banner, Panel, ProblemBox, Skeleton } from '../../ui/ui'
import { IssueName, PersonName } from '../issue'
import type { Report } from '../../types'
import { fetchLogs, type Logs } from '../time/data'

export type Behind = { title: string; query: Record<string, string | string[]>; noTag: boolean; noAccount: boolean }

const PEOPLE_MAX = 50
const PAGES = 4
const AT_ONCE = 4
const IDS_MAX = 10_000

const list = (value: string | string[] | undefined): string[] => (value === undefined || value === '' ? [] : Array.isArray(value) ? value : [value])

/*
 * The list of worklogs takes one person, issue and tag at a time, and no JQL. So the report says which people and
 * issues are behind the number, each person's worklogs are fetched, and what belongs to others is left out here.
 */
async function behindIt(query: Behind['query'], signal: AbortSignal): Promise<Logs> {
    const ids = async (group: 'account' | 'issue') => {
        const report = await api.get<Report>('/report', { ...query, group, order: 'seconds', limit: IDS_MAX }, signal)
        return report.rows.map(r => r[group]).filter((id): id is string => typeof id === 'string')
    }
    const tags = list(query.tag)
    const [people, issues] = await Promise.all([list(query.account).length ? list(query.account) : ids('account'), query.jql || query.filter ? ids('issue') : list(query.issue)])
    const result: Logs = { worklogs: [], hidden: { issues: 0 }, cut: people.length > PEOPLE_MAX }
    const queue = people.slice(0, PEOPLE_MAX)
    const one = { from: query.from, to: query.to, tz: query.tz, ...(issues.length === 1 && { issue: issues[0] }), ...(tags.length === 1 && { tag: tags[0] }) }
    const fits = new Set(issues)
    await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
            for (let account = queue.shift(); account !== undefined; account = queue.shift()) {
                const logs = await fetchLogs({ ...one, account }, signal, PAGES)
                result.cut ||= logs.cut
                result.worklogs.push(...logs.worklogs.filter(w => (!fits.size || fits.has(w.issue)) && (!tags.length || w.tags.some(t => tags.includes(t)))))
            }
        }),
    )
    if ((query.jql || query.filter) && !issues.length) result.worklogs = []
    result.worklogs.sort((a, b) => (a.started < b.started ? -1 : 1))
    return result
}

export function Drill({ behind, onClose }: { behind: Behind; onClose: () => void }) {
    const { zone } = useApp()
    const logs = useLoad('d' + JSON.stringify(behind.query), signal => behindIt(behind.query, signal))
    const shown = (logs.data?.worklogs ?? []).filter(w => !(behind.noTag && w.tags.length))
    const sum = shown.reduce((n, w) => n + w.seconds, 0)
    return (
        <Panel title={s.reports.behind} onClose={onClose}>
            <p class="muted">{behind.title}</p>
            {logs.problem ? <ProblemBox problem={logs.problem} retry={logs.reload} /> : !logs.data ? <Skeleton lines={6} height={44} /> : (
                <>
                    <p data-first tabIndex={-1}><strong>{duration(sum)}</strong> {s.worklogsIn(shown.length)}</p>
                    {logs.data.cut && <Banner tone="warning">{s.reports.firstOnly(shown.length)}</Banner>}
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
                </>
            )}
        </Panel>
    )
}
