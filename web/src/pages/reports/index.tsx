/* Reports: how much time, by whom, on what, when. Chart and table come in their own chunks, when there is data. */
import type { ComponentType } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api, newKey, save } from '../../api'
import { today as todayIn } from '../../lib/dates'
import { duration } from '../../lib/duration'
import { dayMedium, dayRange, hours, momentFull, monthShort, number, timeOf } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { go, hrefOf, setParams, useRoute } from '../../route'
import { useApp, useLabels } from '../../store'
import { s } from '../../strings'
import type { Report, SavedReport } from '../../types'
import { Banner, Button, Dialog, Empty, Field, Input, ProblemBox, Segmented, Skeleton, Switch } from '../../ui/ui'
import { Builder, measuresFor, type Measure } from './builder'
import type { ChartKind } from './chart'
import { ColumnsDialog } from './columns'
import { Drill, type Behind } from './drill'
import { Missing } from './missing'
import { daysOf } from './periods'
import { acrossOf, isTime, parseGroups, pivot, spanOf, type Dimension, type Node, type Sums } from './pivot'

const ROWS_MAX = 10_000
const COLUMNS_MAX = 100
/* What a number of the table and the chart is. */
const VALUES: Record<Measure, (x: Sums) => number> = {
    hm: x => x.seconds, hours: x => x.seconds, days: x => x.seconds, count: x => x.count,
    billed: x => x.billable, unbilled: x => x.seconds - x.billable, remaining: x => x.remaining, expected: x => x.seconds + x.remaining,
}
const READY: { name: keyof typeof s.reports.ready; query: Record<string, string> }[] = [
    { name: 'people', query: { period: 'last-month', group: 'account,week' } },
    { name: 'project', query: { period: 'this-month', group: 'project,account' } },
    { name: 'issue', query: { period: 'this-month', group: 'issue,account' } },
    { name: 'tag', query: { period: 'this-month', group: 'tag,account' } },
    { name: 'year', query: { period: 'this-year', group: 'account,month' } },
    { name: 'missing', query: { period: 'last-month', view: 'missing' } },
]

export default function ReportsPage() {
    const app = useApp()
    const { me, settings, zone } = app
    const { params } = useRoute()
    const labels = useLabels()
    const today = todayIn(zone)
    const missing = params.get('view') === 'missing'
    const groups = params.get('group') === 'none' ? [] : parseGroups(params.get('group') ?? 'account,week')
    const across = acrossOf(groups, params.get('across'))
    const days = daysOf(params, today, settings.week_start)
    const measure = measuresFor(groups).find(m => m === params.get('measure')) ?? 'hm'
    const beside = { billable: measure === 'billed' || measure === 'unbilled' || null, remaining: measure === 'remaining' || measure === 'expected' || null }
    const filters = { account: params.getAll('account'), issue: params.getAll('issue'), tag: params.getAll('tag'), jql: params.get('jql') ?? '', filter: params.get('filter') ?? '' }
    const query = { from: days.from, to: days.to, tz: zone, group: groups.join(','), ...filters, ...beside }
    const report = useLoad(missing || !me.may.report ? null : JSON.stringify(query), signal => api.get<Report>('/report', { ...query, limit: ROWS_MAX }, signal), true)
    const [behind, setBehind] = useState<Behind | null>(null)
    const [saving, setSaving] = useState(false)
    const [narrowOpen, setNarrowOpen] = useState(false)
    const [copied, setCopied] = useState(false)
    const [choosing, setChoosing] = useState(false)
    const chart = useRef<{ getDataURL(options: object): string } | null>(null)

    const names = labels /* new each time a label came */
    const made = useMemo(() => (report.data ? pivot(report.data.rows, groups, across) : null), [report.data, groups.join(), across])

    const nameOf = (dimension: Dimension, key: string | null): string => {
        if (dimension === 'account') return key === null ? s.nobody : (names.person(key)?.name ?? (names.person(key) === null ? s.hiddenPerson : '…'))
        if (dimension === 'issue') {
            const label = key === null ? null : names.issue(key)
            return label ? `${label.key} ${label.summary}` : label === null ? s.hiddenIssue : '…'
        }
        if (dimension === 'project') return key === null ? s.reports.noProject : `${key} ${report.data?.projects?.[key] ?? ''}`
        if (dimension === 'tag') return key ?? s.reports.noTag
        return key === null ? '' : periodName(dimension, key)
    }
    const name = (node: Node) => nameOf(node.dimension, node.key)
    const column = (key: string) => (across ? periodName(across, key) : key)
    const value = (sums: Sums) => VALUES[measure](sums)
    const unit = measure === 'count' ? 1 : measure === 'days' ? settings.expected_seconds || 28_800 : 3600
    const show = (v: number) => (measure === 'count' ? number(v) : measure === 'hours' ? hours(v) : measure === 'days' ? hours((v / unit) * 3600) : duration(v))

    const drill = (node: Node | null, columnKey: string | null) => {
        let { from, to } = days
        const q: Record<string, string | string[]> = { tz: zone, ...filters }
        let noTag = false
        const narrow = (d: Dimension, key: string | null) => {
            if (d === 'account' && key !== null) q.account = key
            else if (d === 'issue' && key !== null) q.issue = key
            else if (d === 'tag') key === null ? (noTag = true) : (q.tag = key)
            else if (d === 'project') {
                const one = key === null ? 'project is EMPTY' : `project = "${key.replace(/["\\\\]/g, '')}"`
                q.jql = filters.jql ? `(${filters.jql}) AND ${one}` : one
            } else if (isTime(d) && key !== null) {
                const span = spanOf(key)
                if (span) [from, to] = [span.from > from ? span.from : from, span.to < to ? span.to : to]
            }
        }
        node?.path.forEach((key, i) => narrow(made!.rows[i]!, key))
        if (across && columnKey !== null) narrow(across, columnKey)
        const title = [...(node ? node.path.map((key, i) => nameOf(made!.rows[i]!, key)) : []), dayRange(from, to)].join(' · ')
        setBehind({ title, query: { ...q, from, to }, noTag, noAccount: false })
    }

    if (!me.may.report) return <main class="page"><Empty title={s.reports.mayNotTitle}>{s.reports.mayNot}</Empty></main>
    const share = async () => {
        const link = location.origin + hrefOf('/reports', fixed(params))
        try {
            await navigator.clipboard.writeText(link)
        } catch {
            /* no clipboard without https: the address bar has the same */
        }
        setCopied(true)
        setTimeout(() => setCopied(false), 3000)
    }
    const columns = params.get('columns')
    const file = (path: string, chosen?: string | null) => {
        const logs = path.startsWith('/worklogs')
        const time = measure === 'hours' ? 'hours' : measure === 'days' || measure === 'count' ? 'seconds' : 'human'
        void api.download(path, { ...query, ...(logs ? { group: undefined, billable: undefined, remaining: undefined, columns: chosen } : {}), time }, `${path.slice(1).replace('.', `-${days.from}-${days.to}.`)}`)
    }
    const png = () => {
        if (chart.current) save(chart.current.getDataURL({ pixelRatio: 2, backgroundColor: getComputedStyle(document.body).backgroundColor }), `report-${days.from}-${days.to}.png`)
    }
    const data = report.data
    const overlapping = made && data ? made.seconds !== data.seconds && groups.includes('tag') : false

    return (
        <div class="with-panel over">
            <main class="page">
                <header class="page-head">
                    <div class="head-line">
                        <h1>{s.reports.title}<small>{dayRange(days.from, days.to)}</small></h1>
                        <div class="row tight push wrap">
                            {!missing && (
                                <details class="menu">
                                    <summary class="button">{s.reports.export}</summary>
                                    <div class="menu-list">
                                        <Button look="subtle" onClick={() => file('/report.csv')}>{s.reports.tableCsv}</Button>
                                        <Button look="subtle" onClick={() => file('/report.xlsx')}>{s.reports.tableXlsx}</Button>
                                        <Button look="subtle" onClick={() => file('/worklogs.csv', columns)}>{s.reports.logsCsv}</Button>
                                        <Button look="subtle" onClick={() => file('/worklogs.xlsx', columns)}>{s.reports.logsXlsx}</Button>
                                        <Button look="subtle" onClick={() => file('/worklogs.csv', 'all')}>{s.reports.allCsv}</Button>
                                        <Button look="subtle" onClick={() => file('/worklogs.xlsx', 'all')}>{s.reports.allXlsx}</Button>
                                        <Button look="subtle" onClick={() => setChoosing(true)}>{s.reports.chooseColumns}</Button>
                                        <Button look="subtle" onClick={png}>{s.reports.png}</Button>
                                    </div>
                                </details>
                            )}
                            <Button icon="link" onClick={() => void share()}>{copied ? s.reports.copied : s.reports.share}</Button>
                            <Button onClick={() => setSaving(true)}>{s.save}</Button>
                        </div>
                    </div>
                    <Ready saved={params.get('saved')} />
                </header>
                <div class="report">
                    <div class={`report-side${narrowOpen ? ' open' : ''}`}>
                        <Button class="only-narrow" onClick={() => setNarrowOpen(!narrowOpen)} aria-expanded={narrowOpen}>{s.reports.builder}</Button>
                        <Builder days={days} groups={groups} measure={measure} missing={missing} />
                    </div>
                    <div class="report-main" aria-busy={report.loading}>
                        {labels.failed && <Banner tone="warning" action={<Button onClick={labels.retry}>{s.tryAgain}</Button>}>{s.namesFailed}</Banner>}
                        {missing ? <Missing days={days} /> : report.problem ? <ProblemBox problem={report.problem} retry={report.reload} /> : !data || !made ? <Skeleton lines={8} height={36} /> : (
                            <>
                                <States report={data} />
                                {data.rows_all > data.rows.length && <Banner tone="warning">{s.reports.tooMuch(number(data.rows.length), number(data.rows_all))}</Banner>}
                                <p class={`report-sum${report.loading ? ' waiting' : ''}`} aria-live="polite">
                                    <strong>{measure === 'count' ? number(data.count) : show(data.seconds)}</strong> <span class="muted">{measure === 'count' ? s.reports.inTime(duration(data.seconds)) : s.worklogsIn(data.count)}</span>
                                    <ProofLine report={data} />
                                </p>
                                {data.billable !== undefined && <p class="muted">{s.reports.billedSays(duration(data.billable), duration(data.non_billable ?? 0))}</p>}
                                {data.remaining !== undefined && <p class="muted">{data.expected == null ? s.reports.remainingUnknown : s.reports.expectedSays(duration(data.seconds), duration(data.remaining ?? 0), duration(data.expected))}</p>}
                                {data.count === 0 ? (
                                    <Empty title={s.reports.emptyTitle} action={<Button onClick={() => setParams({ account: null, issue: null, tag: null, jql: null, filter: null })}>{s.reports.clear}</Button>}>{s.reports.empty(dayRange(days.from, days.to))}</Empty>
                                ) : groups.length ? (
                                    <Results {...{ made, unit, name, column, value, show, drill, chart, total: { seconds: data.seconds, count: data.count, billable: data.billable ?? 0, remaining: data.remaining ?? 0 } }} heading={made.rows.map(d => s.reports.dimensions[d]).join(' › ')} />
                                ) : (
                                    <Button onClick={() => drill(null, null)}>{s.reports.showWorklogs}</Button>
                                )}
                                {overlapping && <p class="muted small">{s.reports.tagNote}</p>}
                            </>
                        )}
                    </div>
                </div>
            </main>
            {behind && <Drill behind={behind} onClose={() => setBehind(null)} />}
            {choosing && <ColumnsDialog chosen={columns} onChoose={list => setParams({ columns: list })} onClose={() => setChoosing(false)} />}
            {saving && <SaveDialog onClose={() => setSaving(false)} />}
        </div>
    )
}

type ResultsProps = { made: ReturnType<typeof pivot>; unit: number; name: (n: Node) => string; column: (k: string) => string; value: (x: Sums) => number; show: (v: number) => string; drill: (n: Node | null, c: string | null) => void; chart: { current: { getDataURL(options: object): string } | null }; heading: string; total: Sums }
type Parts = { Chart: ComponentType<any>; Table: ComponentType<any>; kindsOf: (p: ResultsProps['made']) => ChartKind[] }
function Results({ made, unit, name, column, value, show, drill, chart, heading, total }: ResultsProps) {
    const { params } = useRoute()
    const [parts, setParts] = useState<Parts | null>(null)
    const [failed, setFailed] = useState(false)
    const wide = made.columns.length > COLUMNS_MAX
    const shown = useMemo(() => (wide ? { ...made, columns: [] } : made), [made, wide])
    useEffect(() => {
        Promise.all([import('./chart'), import('./table')]).then(([c, t]) => setParts({ Chart: c.default, Table: t.default, kindsOf: c.kindsOf }), () => setFailed(true))
    }, [])
    if (failed) return <Banner tone="error" title={s.problem.title} action={<Button onClick={() => location.reload()}>{s.reload}</Button>}>{s.problem.chunk}</Banner>
    if (!parts) return <Skeleton lines={8} height={36} />
    const kinds = parts.kindsOf(made)
    const asked = params.get('chart') as ChartKind | 'none' | null
    const kind = asked === 'none' ? 'none' : asked && kinds.includes(asked) ? asked : kinds[0]!
    const options = [...kinds, 'none' as const].map(k => ({ value: k, label: s.reports.charts[k] }))
    const closed = params.get('closed') !== null
    return (
        <>
            <div class="row tight chart-bar">
                <Segmented<ChartKind | 'none'> label={s.reports.chart} value={kind} options={options} onChange={k => setParams({ chart: k === kinds[0] ? null : k }, true)} />
                {made.rows.length > 1 && <span class="push"><Button look="subtle" onClick={() => setParams({ closed: closed ? null : '1' }, true)}>{closed ? s.reports.expandAll : s.reports.collapseAll}</Button></span>}
            </div>
            {kind !== 'none' && <parts.Chart unit={unit} pivot={made} kind={kind} name={name} column={column} value={value} show={show} instance={chart} />}
            {wide && <Banner tone="info">{s.reports.tooWide(made.columns.length)}</Banner>}
            <parts.Table pivot={shown} name={name} column={column} value={value} show={show} drill={drill} heading={heading} total={total} sort={params.get('sort')} onSort={(sort: string | null) => setParams({ sort }, true)} open={!closed} />
        </>
    )
}

function States({ report }: { report: Report }) {
    const { zone } = useApp()
    const { state, hidden } = report
    return (
        <>
            {!state.complete && <Banner tone="warning" title={s.reports.incompleteTitle}>{s.reports.incomplete}</Banner>}
            {state.stale_since && <Banner tone="warning" title={s.reports.staleTitle(timeOf(state.stale_since, zone))}>{s.reports.stale}</Banner>}
            {hidden.issues > 0 && <Banner tone="info">{s.hiddenIssues(hidden.issues)}{hidden.projects?.length ? ' ' + s.reports.hiddenProjects(hidden.projects.join(', ')) : ''}</Banner>}
        </>
    )
}

function ProofLine({ report }: { report: Report }) {
    const { zone } = useApp()
    const { at, drift } = report.proof
    if (!at) return <span class="proof muted" title={report.state.synced ? momentFull(report.state.synced, zone) : ''}>{s.reports.unproved}</span>
    return <span class={`proof ${drift ? 'warning-text' : 'muted'}`} title={momentFull(at, zone)}>{drift ? s.reports.behindBy(drift) : s.reports.equalAt(timeOf(at, zone))}</span>
}

/* Ready made and saved reports, as links: opening one is going to its address. */
function Ready({ saved }: { saved: string | null }) {
    const list = useLoad('reports', signal => api.get<{ reports: SavedReport[] }>('/reports', {}, signal))
    const { params } = useRoute()
    const here = params.toString()
    const remove = async (r: SavedReport) => {
        await api.del<void>(`/reports/${encodeURIComponent(r.id)}`)
        setParams({ saved: null }, true)
        list.reload()
    }
    useEffect(() => list.reload(), [saved])
    const own = list.data?.reports.find(r => r.id === saved && r.own)
    return (
        <nav class="ready" aria-label={s.reports.readyMade}>
            {READY.map(r => <a key={r.name} class={`chip${here === new URLSearchParams(r.query).toString() ? ' on' : ''}`} href={hrefOf('/reports', r.query)}>{s.reports.ready[r.name]}</a>)}
            {list.data?.reports.map(r => (
                <a key={r.id} class={`chip saved${saved === r.id ? ' on' : ''}`} href={hrefOf('/reports', savedParams(r))} title={r.shared ? s.reports.shared : s.reports.private}>{r.name}</a>
            ))}
            {own && <Button look="link" onClick={() => void remove(own)}>{s.reports.deleteSaved(own.name)}</Button>}
        </nav>
    )
}
function savedParams(r: SavedReport): URLSearchParams {
    const params = new URLSearchParams(r.query)
    params.set('saved', r.id)
    return params
}
const fixed = (params: URLSearchParams): URLSearchParams => {
    const out = new URLSearchParams(params)
    out.delete('saved')
    out.delete('tenant')
    return out
}

function SaveDialog({ onClose }: { onClose: () => void }) {
    const { params } = useRoute()
    const [name, setName] = useState('')
    const [shared, setShared] = useState(false)
    const [wrong, setWrong] = useState<string | null>(null)
    const [busy, setBusy] = useState(false)
    const key = useMemo(newKey, [])
    const act = async () => {
        if (!name.trim()) return setWrong(s.reports.needName)
        setBusy(true)
        try {
            const made = await api.post<SavedReport>('/reports', { name: name.trim(), query: fixed(params).toString(), shared }, key)
            onClose()
            go(hrefOf('/reports', savedParams(made)))
        } catch (error) {
            setWrong((error as Error).message)
            setBusy(false)
        }
    }
    return (
        <Dialog title={s.reports.saveTitle} onClose={onClose} actions={<><Button look="primary" disabled={busy} onClick={() => void act()}>{s.save}</Button><Button look="subtle" onClick={onClose}>{s.cancel}</Button></>}>
            <Field label={s.name} error={wrong}>{ids => <Input {...ids} value={name} maxLength={100} onText={setName} onKeyDown={e => e.key === 'Enter' && void act()} />}</Field>
            <Switch label={s.reports.shareAll} hint={s.reports.shareHint} on={shared} onChange={setShared} />
            <p class="muted small">{s.reports.savesWhat}</p>
        </Dialog>
    )
}

function periodName(d: Dimension, key: string): string {
    if (d === 'day') return dayMedium(key)
    if (d === 'month') return monthShort(key + '-01')
    if (d === 'week') return s.weekOf(Number(key.slice(6)), key.slice(0, 4))
    if (d === 'quarter') return `${key.slice(5)} ${key.slice(0, 4)}`
    return key
}
