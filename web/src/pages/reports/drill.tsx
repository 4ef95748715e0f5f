/* The worklogs behind a number. */
import { clockText, duration } from '../../lib/duration'
import { partsIn } from '../../lib/dates'
import { dayMedium } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Banner, Panel, ProblemBox, Skeleton } from '../../ui/ui'
import { IssueName, PersonName } from '../issue'
import { fetchLogs } from '../time/data'

export type Behind = { title: string; query: Record<string, string | string[]>; noTag: boolean; noAccount: boolean }

export function Drill({ behind, onClose }: { behind: Behind; onClose: () => void }) {
    const { zone } = useApp()
    const logs = useLoad('d' + JSON.stringify(behind.query), signal => fetchLogs(behind.query, signal, 2))
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
