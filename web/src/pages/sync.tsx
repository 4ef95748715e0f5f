/* Sync: is the mirror in step with Jira, and if not, what is done about it. For administrators. */
import { useState } from 'preact/hooks'
import { api, asProblem } from '../api'
import { duration } from '../lib/duration'
import { ago, momentFull, momentOf, number, percent, timeOf } from '../lib/format'
import { useEvery, useLoad } from '../lib/hooks'
import { useApp } from '../store'
import { s } from '../strings'
import type { Sync, SyncMode, SyncRun, SyncWarning } from '../types'
import { Banner, Button, Dialog, Empty, Lozenge, ProblemBox, Progress, Skeleton, type Tone } from '../ui/ui'
import { IssueName } from './issue'

const RUNNING_MS = 2000
const IDLE_MS = 15_000

export default function SyncPage() {
    const { zone } = useApp()
    const sync = useLoad('sync', signal => api.get<Sync>('/sync', {}, signal), true)
    const runs = useLoad(`runs ${sync.data?.state ?? ''}`, signal => api.get<{ runs: SyncRun[] }>('/sync/runs', {}, signal), true)
    const [asking, setAsking] = useState<SyncMode | null>(null)
    const [failed, setFailed] = useState<string | null>(null)
    const [busy, setBusy] = useState(false)
    const it = sync.data
    const running = it?.state === 'running' || it?.state === 'waiting'
    useEvery(running ? RUNNING_MS : IDLE_MS, sync.reload)
    const act = async (what: () => Promise<Sync>) => {
        setFailed(null)
        setBusy(true)
        try {
            const now = await what()
            sync.set(() => now)
        } catch (error) {
            setFailed(asProblem(error).message)
        }
        setBusy(false)
    }
    const start = (mode: SyncMode) => void act(() => api.post<Sync>('/sync', { mode }))
    const share = it && it.budget.points_limit && it.budget.points_left !== null ? it.budget.points_left / it.budget.points_limit : null

    return (
        <main class="page">
            <header class="page-head"><div class="head-line">
                <h1>{s.sync.title}</h1>
                <div class="row tight push wrap">
                    {running ? (
                        <Button icon="stop" disabled={busy} onClick={() => void act(() => api.del<Sync>('/sync'))}>{s.sync.stop}</Button>
                    ) : (
                        <>
                            <Button look="primary" icon="sync" disabled={busy || !it} onClick={() => start(it?.state === 'never' ? 'full' : 'incremental')}>{s.sync.now}</Button>
                            <Button disabled={busy || !it} onClick={() => start('verify')}>{s.sync.verify}</Button>
                            <Button disabled={busy || !it} onClick={() => setAsking('full')}>{s.sync.startOver}</Button>
                        </>
                    )}
                </div>
            </div></header>
            {failed && <Banner tone="error" title={s.notDone}>{failed}</Banner>}
            {sync.problem && <ProblemBox problem={sync.problem} retry={sync.reload} />}
            {!it ? !sync.problem && <Skeleton lines={5} height={48} /> : (
                <>
                    <section class={`card state ${toneOf(it)}`} aria-live="polite">
                        <h2>{sentence(it, zone)}</h2>
                        {running && (
                            <>
                                <Progress share={it.done} label={s.sync.progress} />
                                <p class="facts">
                                    {it.mode && <span>{s.sync.modes[it.mode]}{it.phase ? `: ${it.phase}` : ''}</span>}
                                    {it.done !== null && <strong>{percent(it.done)}</strong>}
                                    <span>{s.sync.stored(number(it.stored), number(it.seen))}</span>
                                    {it.rate !== null && <span>{s.sync.rate(number(Math.round(it.rate)))}</span>}
                                    {it.left_seconds !== null && <span>{s.sync.left(duration(Math.max(60, it.left_seconds)))}</span>}
                                    {it.limit && <span>{s.sync.limits[it.limit]}</span>}
                                </p>
                            </>
                        )}
                        {it.failure && <Banner tone="error" title={s.sync.failedAt(momentOf(it.failure.at, zone))} action={<Button onClick={() => start('incremental')}>{s.tryAgain}</Button>}>{it.failure.detail}{it.failure.retry_at && ` ${s.sync.retryAt(timeOf(it.failure.retry_at, zone))}`}</Banner>}
                        <p class="facts muted">
                            {it.synced && <span title={momentFull(it.synced, zone)}>{s.sync.lastSync(ago(it.synced))}</span>}
                            {it.proof.at && <span title={momentFull(it.proof.at, zone)}>{s.sync.proved(ago(it.proof.at), it.proof.drift ?? 0)}</span>}
                            <span>{it.webhook.last ? s.sync.webhook(ago(it.webhook.last)) : s.sync.noWebhook}</span>
                        </p>
                    </section>
                    <div class="cards">
                        <section class="card">
                            <h2>{s.sync.budget}</h2>
                            {share !== null ? (
                                <>
                                    <Progress share={share} label={s.sync.budget} />
                                    <p>{s.sync.points(number(it.budget.points_left!), number(it.budget.points_limit!))}{it.budget.reset && ` ${s.sync.reset(timeOf(it.budget.reset, zone))}`}</p>
                                </>
                            ) : <p>{s.sync.pointsUsed(number(it.budget.points))}</p>}
                            <p class="muted">{s.sync.requests(number(it.budget.requests), number(it.budget.throttled))}</p>
                        </section>
                        <section class="card">
                            <h2>{s.sync.queue}</h2>
                            <p>{s.sync.waiting(it.queue.waiting)}</p>
                            <p class={it.queue.parked ? 'warning-text' : 'muted'}>{s.sync.parked(it.queue.parked)}</p>
                        </section>
                        <section class="card">
                            <h2>{s.sync.mirror}</h2>
                            <p class="figure">{number(it.count)}</p>
                            <p class="muted">{it.complete ? s.sync.complete : s.sync.notComplete}</p>
                        </section>
                    </div>
                    <Warnings count={it.warnings} retry={() => start('incremental')} />
                    <section class="card">
                        <h2>{s.sync.history}</h2>
                        {runs.problem ? <ProblemBox problem={runs.problem} retry={runs.reload} /> : !runs.data ? <Skeleton lines={3} /> : !runs.data.runs.length ? <p class="muted">{s.sync.noRuns}</p> : (
                            <ol class="timeline">
                                {runs.data.runs.map(r => (
                                    <li key={r.id} class={RUN_TONES[r.state]}>
                                        <span title={momentFull(r.started, zone)}>{momentOf(r.started, zone)}</span>
                                        <Lozenge tone={RUN_TONES[r.state]}>{s.sync.runStates[r.state]}</Lozenge>
                                        <span>{s.sync.modes[r.mode]}</span>
                                        <span class="muted">{s.sync.runSays(number(r.stored), number(r.deleted), number(r.requests), r.ended ? duration(Math.max(1, (Date.parse(r.ended) - Date.parse(r.started)) / 1000)) : null)}{r.warnings > 0 && `, ${s.warnings(r.warnings)}`}</span>
                                    </li>
                                ))}
                            </ol>
                        )}
                    </section>
                </>
            )}
            {asking && it && (
                <Dialog title={s.sync.startOver} onClose={() => setAsking(null)} actions={<><Button look="primary" onClick={() => (setAsking(null), start('full'))}>{s.sync.startOver}</Button><Button look="subtle" onClick={() => setAsking(null)}>{s.cancel}</Button></>}>
                    <p>{s.sync.startOverSays(number(it.count))}</p>
                </Dialog>
            )}
        </main>
    )
}
const RUN_TONES: Record<SyncRun['state'], Tone> = { running: 'info', completed: 'success', 'completed with warnings': 'warning', failed: 'error', stopped: 'info' }
const toneOf = (it: Sync) => (it.state === 'failed' ? 'error' : it.stale_since || it.proof.drift || !it.complete ? 'warning' : it.state === 'idle' ? 'success' : 'info')

function sentence(it: Sync, zone: string): string {
    if (it.state === 'never') return s.sync.says.never
    if (it.state === 'running') return it.complete ? s.sync.says.refreshing(number(it.count)) : s.sync.says.first
    if (it.state === 'waiting') return s.sync.says.waiting
    if (it.state === 'failed') return s.sync.says.failed
    if (it.stale_since) return s.sync.says.stale(momentOf(it.stale_since, zone))
    if (!it.complete) return s.sync.says.partial(number(it.count))
    if (it.proof.at && it.proof.drift) return s.sync.says.drift(number(it.count), it.proof.drift)
    return it.proof.at ? s.sync.says.good(number(it.count), momentOf(it.proof.at, zone)) : s.sync.says.unproved(number(it.count))
}

function Warnings({ count, retry }: { count: number; retry: () => void }) {
    const { settings } = useApp()
    const [cursors, setCursors] = useState<string[]>([''])
    const cursor = cursors.at(-1)!
    const page = useLoad(count ? `warnings ${count} ${cursor}` : null, signal => api.get<{ warnings: SyncWarning[]; next: string | null }>('/sync/warnings', { cursor, limit: settings.page_size }, signal))
    return (
        <section class="card">
            <div class="head-line"><h2>{s.sync.warnings(count)}</h2>{count > 0 && <span class="push"><Button onClick={retry}>{s.sync.retry}</Button></span>}</div>
            {!count ? <p class="muted">{s.sync.noWarnings}</p> : page.problem ? <ProblemBox problem={page.problem} retry={page.reload} /> : !page.data ? <Skeleton lines={3} /> : !page.data.warnings.length ? <Empty title={s.sync.noWarnings} /> : (
                <>
                    <div class="scroll-x"><table class="plain">
                        <thead><tr><th scope="col">{s.issue}</th><th scope="col">{s.sync.worklog}</th><th scope="col">{s.sync.what}</th></tr></thead>
                        <tbody>{page.data.warnings.map((w, i) => <tr key={i}><td>{w.issue ? <IssueName id={w.issue} /> : '–'}</td><td class="mono">{w.worklog ?? '–'}</td><td>{w.text}</td></tr>)}</tbody>
                    </table></div>
                    <div class="row tight">
                        {cursors.length > 1 && <Button onClick={() => setCursors(cursors.slice(0, -1))}>{s.previous}</Button>}
                        {page.data.next && <Button onClick={() => setCursors([...cursors, page.data!.next!])}>{s.next}</Button>}
                    </div>
                </>
            )}
        </section>
    )
}
