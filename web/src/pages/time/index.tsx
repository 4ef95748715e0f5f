/* My time: week, month, calendar; one place to log, change and check one's work. */
import { useState } from 'preact/hooks'
import { addDays, addMonths, daysFrom, endOfMonth, isDay, isoWeek, startOfMonth, startOfWeek, today as todayIn } from '../../lib/dates'
import { duration, parseSpan } from '../../lib/duration'
import { dayLong, dayRange, monthLong, percent } from '../../lib/format'
import { useKeys } from '../../lib/hooks'
import { hrefOf, setParams, useRoute } from '../../route'
import { forgetWrite, useApp, useLabels, useWrites } from '../../store'
import { s } from '../../strings'
import { Banner, Button, Dialog, Empty, ProblemBox, Progress, Segmented, Skeleton } from '../../ui/ui'
import { IssuePicker, PersonName, PersonPicker } from '../issue'
import { Calendar } from './calendar'
import { fetchLogs, useTime, type Time } from './data'
import { dayToFill, isWorkday, localize, monthSheet, rowsOf, type Local } from './model'
import { Month } from './month'
import { ListPanel, WorklogPanel } from './panel'
import { Timer } from './timer'
import { Week } from './week'

type View = 'week' | 'month' | 'calendar'
const HOUR = 3600

export default function TimePage() {
    const { me, settings, zone } = useApp()
    const { params } = useRoute()
    const labels = useLabels()
    const today = todayIn(zone)
    const view = (['month', 'calendar'].includes(params.get('view') ?? '') ? params.get('view') : 'week') as View
    const asked = params.get('date') ?? ''
    const date = isDay(asked) ? asked : today
    const other = params.get('account')
    const account = other && other !== me.account ? other : null
    const readOnly = account !== null || !me.may.log
    const weeks = monthSheet(startOfMonth(date), endOfMonth(date), settings.week_start)
    const week = daysFrom(startOfWeek(date, settings.week_start), 7)
    const days = view === 'month' ? weeks.flat() : week
    const time = useTime(days[0]!, days.at(-1)!, account ?? me.account)
    const [copying, setCopying] = useState(false)

    const step = (n: number) => setParams({ date: view === 'month' ? addMonths(startOfMonth(date), n) : addDays(date, 7 * n), open: null })
    const logWork = () => setParams({ open: 'new', issue: null, day: null, start: null, time: null })
    useKeys({
        j: () => step(-1), k: () => step(1), ArrowLeft: () => step(-1), ArrowRight: () => step(1), t: () => setParams({ date: null }),
        w: () => setParams({ view: null }), m: () => setParams({ view: 'month' }), c: () => setParams({ view: 'calendar' }),
        n: () => readOnly || logWork(),
    })

    if (!me.account && !account)
        return (
            <main class="page">
                <Empty title={s.time.nobodyTitle}>{s.time.nobody}</Empty>
                <div class="narrow"><PersonPicker label={s.time.whose} placeholder={s.time.whose} onChoose={a => setParams({ account: a })} /></div>
            </main>
        )

    const logs = localize(time.logs.data?.worklogs ?? [], zone)
    const totals = time.totals.data
    const shownDays = view === 'month' ? daysFrom(startOfMonth(date), Number(endOfMonth(date).slice(8))) : week
    const inView = logs.filter(w => w.date >= shownDays[0]! && w.date <= shownDays.at(-1)!)
    const logged = inView.reduce((n, w) => n + w.seconds, 0)
    const expected = shownDays.reduce((n, d) => n + (isWorkday(d, settings) ? settings.expected_seconds : 0), 0)
    /* The server knows which issues are no work: by id, and by patterns of keys that it asks Jira for. */
    const notReal = totals?.days.filter(d => shownDays.includes(d.date)).reduce((n, d) => n + d.logged - d.real, 0) ?? 0
    const missing = totals?.days.filter(d => d.missing && shownDays.includes(d.date)).length ?? 0
    const title = view === 'month' ? monthLong(date) : s.weekN(isoWeek(week[3]!).week)
    const extra = params.getAll('row').filter(id => /^\d+$/.test(id))

    return (
        <div class="with-panel">
            <main class="page">
                <header class="page-head">
                    <div class="head-line">
                        <h1>{title}{view !== 'month' && <small>{dayRange(week[0]!, week[6]!)}</small>}</h1>
                        <div class="row tight">
                            <Button icon="left" label={view === 'month' ? s.time.previousMonth : s.time.previousWeek} onClick={() => step(-1)} />
                            <Button onClick={() => setParams({ date: null })}>{s.time.today}</Button>
                            <Button icon="right" label={view === 'month' ? s.time.nextMonth : s.time.nextWeek} onClick={() => step(1)} />
                        </div>
                        <Segmented<View> label={s.time.view} value={view} onChange={v => setParams({ view: v === 'week' ? null : v, open: null })} options={[{ value: 'week', label: s.week }, { value: 'month', label: s.month }, { value: 'calendar', label: s.time.calendar }]} />
                        {!readOnly && (
                            <div class="row tight push">
                                <Timer />
                                {view !== 'month' && <Button icon="copy" onClick={() => setCopying(true)}>{s.time.copyLastWeek}</Button>}
                                <Button look="primary" icon="plus" onClick={logWork}>{s.time.logWork}</Button>
                            </div>
                        )}
                    </div>
                    <div class="head-line totals">
                        <span>{s.time.loggedOf(duration(logged), duration(expected))}</span>
                        <Progress share={expected ? logged / expected : 0} label={s.time.loggedShare(expected ? percent(logged / expected) : '')} />
                        {notReal > 0 && <span class="muted">{s.time.realWork(duration(logged - notReal))}</span>}
                        {totals && (missing > 0 ? <a class="missing-note" href={hrefOf('/time', { view: 'month', date, account: other })}>{s.missingDays(missing)}</a> : <span class="muted">{s.time.noneMissing}</span>)}
                        {me.may.others && (
                            <span class="push whose">
                                {account ? (
                                    <>
                                        {s.time.timeOf} <strong><PersonName account={account} /></strong>
                                        <Button look="link" onClick={() => setParams({ account: null, open: null })}>{s.time.backToMine}</Button>
                                    </>
                                ) : (
                                    <PersonPicker label={s.time.whose} placeholder={s.time.whose} onChoose={a => setParams({ account: a, open: null })} />
                                )}
                            </span>
                        )}
                    </div>
                </header>
                <SaveLine />
                {!me.may.log && !account && <Banner tone="info">{s.time.mayNotLog}</Banner>}
                {labels.failed && <Banner tone="warning" action={<Button onClick={labels.retry}>{s.tryAgain}</Button>}>{s.namesFailed}</Banner>}
                {time.logs.data && time.logs.data.hidden.issues > 0 && <Banner tone="info">{s.hiddenIssues(time.logs.data.hidden.issues)}</Banner>}
                {time.logs.data?.cut && <Banner tone="warning">{s.time.tooMany(logs.length)}</Banner>}
                {time.logs.problem ? (
                    <ProblemBox problem={time.logs.problem} retry={time.logs.reload} title={s.time.cannotRead} />
                ) : !time.logs.data ? (
                    <Skeleton lines={6} height={40} />
                ) : view === 'month' ? (
                    time.totals.problem ? <ProblemBox problem={time.totals.problem} retry={time.totals.reload} /> : totals ? <Month weeks={weeks} month={date.slice(0, 7)} days={totals.days} today={today} /> : <Skeleton lines={5} height={64} />
                ) : view === 'calendar' ? (
                    <Calendar logs={logs} days={week} today={today} time={time} readOnly={readOnly} />
                ) : logs.length || extra.length ? (
                    <Week rows={rowsOf(logs, extra)} logs={logs} days={week} today={today} time={time} readOnly={readOnly} addRow={issue => setParams({ row: [...extra, issue] }, true)} />
                ) : (
                    <Empty title={s.time.emptyTitle} action={!readOnly && <div class="narrow"><IssuePicker label={s.time.addIssue} placeholder={s.time.addIssueHint} onChoose={issue => setParams({ row: [issue] }, true)} /></div>}>
                        {readOnly ? s.time.emptyOther : s.time.empty}
                    </Empty>
                )}
            </main>
            {time.logs.data && <OpenPanel logs={logs} time={time} today={today} readOnly={readOnly} days={days} />}
            {copying && <CopyWeek week={week} time={time} onClose={() => setCopying(false)} />}
        </div>
    )
}

/* What is being saved, was saved, or was not: in words, and for a screen reader as it happens. */
function SaveLine() {
    const writes = useWrites()
    const failed = writes.filter(w => w.state === 'failed' && !w.place.startsWith('log:new'))
    const saving = writes.filter(w => w.state === 'saving').length
    const last = writes.find(w => w.state === 'saved')
    return (
        <>
            <p class="save-line muted small" role="status" aria-live="polite">
                {saving ? s.savingMany(saving) : last ? s.savedAt(last.what, new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(last.at)) : ''}
            </p>
            {failed.map(w => (
                <Banner key={w.id} tone="error" title={s.notDone} action={<><Button onClick={w.again}>{s.tryAgain}</Button><Button look="subtle" icon="close" label={s.dismiss} onClick={() => forgetWrite(w.id)} /></>}>
                    {w.detail}
                </Banner>
            ))}
        </>
    )
}

function OpenPanel({ logs, time, today, readOnly, days }: { logs: Local[]; time: Time; today: string; readOnly: boolean; days: string[] }) {
    const { params } = useRoute()
    const open = params.get('open')
    const day = isDay(params.get('day') ?? '') ? params.get('day')! : null
    const issue = params.get('issue')
    if (!open) return null
    if (open === 'day' && day) return <ListPanel title={dayLong(day)} logs={logs.filter(w => w.date === day)} date={day} issue={null} time={time} readOnly={readOnly} />
    if (open === 'cell' && day && issue) return <ListPanel title={dayLong(day)} logs={logs.filter(w => w.date === day && w.issue === issue)} date={day} issue={issue} time={time} readOnly={readOnly} />
    if (open === 'new') {
        if (readOnly) return null
        const totals = (time.totals.data?.days ?? []).filter(d => days.includes(d.date))
        const date = day ?? dayToFill(totals, today)
        const t = totals.find(d => d.date === date)
        const left = t ? t.expected - t.logged : 0
        const start = params.get('start') ? (parseSpan(`${params.get('start')}-${params.get('start') === '00:00' ? '00:01' : '00:00'}`)?.start ?? null) : null
        const seconds = Number(params.get('time')) > 0 ? Number(params.get('time')) : null
        const latest = [...logs].sort((a, b) => (a.updated < b.updated ? 1 : -1))[0]
        return <WorklogPanel key={`new ${day} ${issue} ${params.get('start')}`} log={null} fresh={{ issue: issue ?? latest?.issue ?? null, date, start, seconds }} logs={logs} time={time} readOnly={readOnly} ask={null} suggested={left > 0 ? Math.min(left, 4 * HOUR) : HOUR} />
    }
    const log = logs.find(w => w.id === open)
    if (!log) return null
    return <WorklogPanel key={log.id + log.updated} log={log} fresh={{ issue: null, date: log.date, start: null, seconds: null }} logs={logs} time={time} readOnly={readOnly} ask={params.get('ask')} suggested={HOUR} />
}

/* Last week again: says first what it will do; each day's worklogs keep their local time. */
function CopyWeek({ week, time, onClose }: { week: string[]; time: Time; onClose: () => void }) {
    const { zone, me } = useApp()
    const from = addDays(week[0]!, -7)
    const [logs, setLogs] = useState<Local[] | null>(null)
    const [asked, setAsked] = useState(false)
    const [wrong, setWrong] = useState<string | null>(null)
    if (!asked) {
        setAsked(true)
        fetchLogs({ from, to: addDays(from, 6), tz: zone, account: me.account ?? undefined }).then(l => setLogs(localize(l.worklogs, zone)), e => setWrong(String(e.message ?? e)))
    }
    const act = async () => {
        onClose()
        for (const day of new Set(logs!.map(w => w.date))) await time.act(`copy:${day}`, 'copy', { ids: logs!.filter(w => w.date === day).map(w => w.id) }, addDays(day, 7))
    }
    const sum = logs?.reduce((n, w) => n + w.seconds, 0) ?? 0
    return (
        <Dialog title={s.time.copyLastWeek} onClose={onClose} actions={<><Button look="primary" disabled={!logs?.length} onClick={() => void act()}>{s.copy}</Button><Button look="subtle" onClick={onClose}>{s.cancel}</Button></>}>
            {wrong ? <Banner tone="error">{wrong}</Banner> : !logs ? <Skeleton lines={2} /> : logs.length ? <p>{s.time.copyWeekSays(logs.length, duration(sum), dayRange(from, addDays(from, 6)), dayRange(week[0]!, week[6]!))}</p> : <p>{s.time.copyWeekNone(dayRange(from, addDays(from, 6)))}</p>}
        </Dialog>
    )
}
