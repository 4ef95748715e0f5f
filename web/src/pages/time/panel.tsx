/*
 * The side panel: one worklog, new or old; or the list of a cell or a day. It closes when Jira has said yes; until
 * then it stays, with the reason, so that nothing typed is lost.
 */
import { useEffect, useState } from 'preact/hooks'
import { isDay, partsIn, today as todayIn } from '../../lib/dates'
import { clockText, duration, parseDuration, parseSpan } from '../../lib/duration'
import { dayLong, momentFull, momentOf } from '../../lib/format'
import { setParams } from '../../route'
import { useApp, useLabels, useWrites } from '../../store'
import { s } from '../../strings'
import type { Estimate } from '../../types'
import { Banner, Button, Dialog, Field, Icon, Input, Panel, Select } from '../../ui/ui'
import { IssueName, IssuePicker, TagPicker } from '../issue'
import type { Time } from './data'
import { nextStart, visibilityOf, type Local, type Seen } from './model'

export const closePanel = () => setParams({ open: null, issue: null, day: null, ask: null, start: null, time: null })

type Mode = Estimate['mode']
function EstimateField({ mode, text, setMode, setText, remove }: { mode: Mode; text: string; setMode: (m: Mode) => void; setText: (t: string) => void; remove?: boolean }) {
    const options: { value: Mode; label: string }[] = [
        { value: 'auto', label: s.time.estimate.auto },
        { value: 'leave', label: s.time.estimate.leave },
        { value: 'new', label: s.time.estimate.new },
        { value: 'manual', label: remove ? s.time.estimate.increase : s.time.estimate.reduce },
    ]
    const asks = mode === 'new' || mode === 'manual'
    return (
        <Field label={s.time.remaining} error={asks && text && !parseDuration(text) ? s.time.noDuration(text) : null}>
            {ids => (
                <div class="row">
                    <Select {...ids} value={mode} options={options} onChange={setMode} />
                    {asks && <Input class="short" value={text} onText={setText} placeholder="2h 30m" aria-label={s.time.remainingTo} />}
                </div>
            )}
        </Field>
    )
}
const estimateOf = (mode: Mode, text: string): Estimate => (mode === 'new' ? { mode, to: text } : mode === 'manual' ? { mode, by: text } : { mode })
const estimateFits = (mode: Mode, text: string) => (mode !== 'new' && mode !== 'manual') || parseDuration(text) !== null

/* Jira knows the restriction, Tenon keeps nothing of it: it can be chosen for a new worklog only. */
function VisibleField({ seen, whom, setSeen, setWhom, error }: { seen: Seen; whom: string; setSeen: (v: Seen) => void; setWhom: (t: string) => void; error: string | null }) {
    const { me } = useApp()
    const options = (['all', 'role', 'group'] as const).map(value => ({ value, label: s.time.visible[value] }))
    const hint = seen === 'role' ? s.time.visibleWhom.role : me.tenant?.kind === 'datacenter' ? s.time.visibleWhom.groupName : s.time.visibleWhom.group
    return (
        <Field label={s.time.visibleTo} error={error}>
            {ids => (
                <div class="row">
                    <Select {...ids} value={seen} options={options} onChange={setSeen} />
                    {seen !== 'all' && <Input class="short" value={whom} onText={setWhom} placeholder={hint} aria-label={hint} maxLength={255} />}
                </div>
            )}
        </Field>
    )
}

export type NewWorklog = { issue: string | null; date: string; start: number | null; seconds: number | null }
type Props = { log: Local | null; fresh: NewWorklog; logs: Local[]; time: Time; readOnly: boolean; ask: string | null; suggested: number }

export function WorklogPanel({ log, fresh, logs, time, readOnly, ask, suggested }: Props) {
    const { me, settings, zone } = useApp()
    const labels = useLabels()
    const writes = useWrites()
    const first = {
        issue: log?.issue ?? fresh.issue ?? '',
        date: log?.date ?? fresh.date,
        start: clockText(log?.start ?? fresh.start ?? nextStart(logs, fresh.date)),
        length: duration(log?.seconds ?? fresh.seconds ?? suggested),
        comment: log?.comment ?? '',
        tags: log?.tags ?? [],
    }
    const [form, setForm] = useState(first)
    const [mode, setMode] = useState<Mode>('auto')
    const [by, setBy] = useState('')
    const [seen, setSeen] = useState<Seen>('all')
    const [whom, setWhom] = useState('')
    const [tried, setTried] = useState(false)
    const [asking, setAsking] = useState<'delete' | 'copy' | 'move' | null>(ask === 'delete' && log ? 'delete' : null)
    const place = log ? `log:${log.id}` : 'log:new'
    const write = writes.find(w => w.place === place)
    const set = (change: Partial<typeof first>) => setForm(old => ({ ...old, ...change }))

    const span = parseSpan(form.length, settings.expected_seconds)
    const startSpan = parseSpan(`${form.start}-${form.start === '00:00' ? '00:01' : '00:00'}`)
    const start = span?.start ?? startSpan?.start ?? null
    const now = todayIn(zone)
    const wrong = {
        issue: form.issue ? null : s.time.needIssue,
        date: isDay(form.date) ? null : s.time.needDate,
        start: start === null ? s.time.needStart : null,
        length: span ? null : form.length.trim() ? s.time.noDuration(form.length) : s.time.needDuration,
        comment: settings.comment_required && !form.comment.trim() ? s.time.needComment : null,
        visible: seen !== 'all' && !whom.trim() ? s.time.needVisible : null,
    }
    const bad = Object.values(wrong).some(Boolean) || !estimateFits(mode, by)
    const save = async () => {
        setTried(true)
        if (bad || !span || start === null) return
        const estimate = mode === 'auto' ? {} : { estimate: estimateOf(mode, by) }
        const visibility = visibilityOf(seen, whom)
        const ok = log
            ? await time.update(place, log.id, { started: time.moment(form.date, start), seconds: span.seconds, comment: form.comment, tags: form.tags, ...estimate })
            : await time.create(place, form.date, start, { issue: form.issue, seconds: span.seconds, ...(form.comment && { comment: form.comment }), ...(form.tags.length && { tags: form.tags }), ...estimate, ...(visibility && { visibility }) })
        if (ok) closePanel()
    }
    const nowClock = () => {
        const { seconds } = partsIn(Date.now(), zone)
        return Math.min(Math.round(seconds / 60 / (settings.rounding_minutes || 1)) * (settings.rounding_minutes || 1) * 60, 86_340)
    }
    const end = span && start !== null ? (start + span.seconds) % 86_400 : null
    const setEnd = (text: string) => {
        const both = parseSpan(`${form.start}-${text}`)
        if (both) set({ length: duration(both.seconds) })
    }
    const label = form.issue ? labels.issue(form.issue) : null
    const title = log ? s.time.worklog : s.time.logWork
    const saving = write?.state === 'saving'

    return (
        <Panel
            title={title} onClose={closePanel}
            footer={
                readOnly ? undefined : (
                    <>
                        <Button look="primary" onClick={() => void save()} disabled={saving}>
                            {saving ? s.saving : log ? s.save : s.time.logWork}
                        </Button>
                        <Button look="subtle" onClick={closePanel}>{s.cancel}</Button>
                        {log && (
                            <span class="push">
                                <Button look="subtle" icon="copy" label={s.time.copyTo} onClick={() => setAsking('copy')} />
                                <Button look="subtle" icon="move" label={s.time.moveTo} onClick={() => setAsking('move')} />
                                <Button look="subtle" icon="trash" label={s.delete} onClick={() => setAsking('delete')} />
                            </span>
                        )}
                    </>
                )
            }
        >
            {write?.state === 'failed' && (
                <Banner tone="error" title={s.notSaved} action={<Button onClick={() => void save()}>{s.tryAgain}</Button>}>{write.detail}</Banner>
            )}
            <form onSubmit={e => (e.preventDefault(), void save())} onKeyDown={e => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && void save()}>
                <fieldset disabled={readOnly || saving}>
                    {log ? (
                        <div class="panel-issue"><IssueName id={log.issue} /></div>
                    ) : (
                        <Field label={s.issue} error={tried ? wrong.issue : null}>
                            {ids => <IssuePicker {...ids} first={!form.issue} label={s.issue} placeholder={s.time.addIssueHint} clear={false} shown={label ? `${label.key} ${label.summary}` : form.issue ? s.issueId(form.issue) : ''} onChoose={issue => set({ issue })} />}
                        </Field>
                    )}
                    <div class="row">
                        <Field label={s.date} error={tried ? wrong.date : null}>
                            {ids => <Input {...ids} type="date" value={form.date} onText={date => set({ date })} required />}
                        </Field>
                        <Field label={s.time.length} error={(tried || form.length !== first.length) ? wrong.length : null}>
                            {ids => <Input {...ids} data-first={form.issue ? '' : undefined} value={form.length} onText={length => set({ length })} placeholder="1h 30m" autocomplete="off" spellcheck={false} />}
                        </Field>
                    </div>
                    <div class="row">
                        <Field label={s.time.start} error={tried ? wrong.start : null}>
                            {ids => (
                                <div class="row tight">
                                    <Input {...ids} type="time" value={span?.start !== undefined ? clockText(span.start) : form.start} onText={text => set({ start: text })} />
                                    <Button look="subtle" onClick={() => set({ start: clockText(nowClock()), date: now })}>{s.time.now}</Button>
                                </div>
                            )}
                        </Field>
                        <Field label={s.time.end}>
                            {ids => (
                                <div class="row tight">
                                    <Input {...ids} type="time" value={end === null ? '' : clockText(end)} onText={setEnd} />
                                    <Button look="subtle" onClick={() => setEnd(clockText(nowClock()))}>{s.time.now}</Button>
                                </div>
                            )}
                        </Field>
                    </div>
                    {settings.warn_future && form.date > now && <Banner tone="warning">{s.time.future(dayLong(form.date))}</Banner>}
                    <Field label={settings.comment_required ? s.time.commentRequired : s.time.comment} error={tried ? wrong.comment : null}>
                        {ids => <textarea {...ids} class="input" rows={4} value={form.comment} maxLength={30000} onInput={e => set({ comment: e.currentTarget.value })} />}
                    </Field>
                    <Field label={s.time.tags}>
                        {ids => (
                            <div class="chips">
                                {form.tags.map(tag => (
                                    <span class="chip" key={tag}>
                                        {tag}
                                        <button type="button" aria-label={s.removeOne(tag)} onClick={() => set({ tags: form.tags.filter(t => t !== tag) })}><Icon name="close" size={12} /></button>
                                    </span>
                                ))}
                                {!readOnly && <TagPicker {...ids} free label={s.time.tags} placeholder={s.time.addTag} onChoose={tag => form.tags.includes(tag) || set({ tags: [...form.tags, tag] })} />}
                            </div>
                        )}
                    </Field>
                    <EstimateField mode={mode} text={by} setMode={setMode} setText={setBy} />
                    {!log && <VisibleField seen={seen} whom={whom} setSeen={setSeen} setWhom={setWhom} error={tried ? wrong.visible : null} />}
                </fieldset>
                <button type="submit" hidden />
            </form>
            {log && (
                <p class="muted small">
                    <span title={momentFull(log.created, zone)}>{s.time.created(momentOf(log.created, zone))}</span>
                    {log.updated !== log.created && <span title={momentFull(log.updated, zone)}>{s.time.updated(momentOf(log.updated, zone))}</span>}
                    {me.tenant && label && (
                        <a href={`${me.tenant.url.replace(/\/$/, '')}/browse/${encodeURIComponent(label.key)}?focusedWorklogId=${log.id}`} target="_blank" rel="noreferrer noopener">{s.time.inJira}</a>
                    )}
                </p>
            )}
            {asking === 'delete' && log && <DeleteDialog log={log} time={time} onClose={() => (setAsking(null), setParams({ ask: null }, true))} />}
            {(asking === 'copy' || asking === 'move') && log && (
                <ToDayDialog action={asking} count={1} from={log.date} onClose={() => setAsking(null)} act={async date => {
                    if (await time.act(`log:${log.id}`, asking, { ids: [log.id] }, date)) closePanel()
                }} />
            )}
        </Panel>
    )
}

function DeleteDialog({ log, time, onClose }: { log: Local; time: Time; onClose: () => void }) {
    const [mode, setMode] = useState<Mode>('auto')
    const [by, setBy] = useState('')
    const act = async () => {
        if (!estimateFits(mode, by)) return
        onClose()
        if (await time.remove(`log:${log.id}`, log.id, estimateOf(mode, by))) closePanel()
    }
    return (
        <Dialog title={s.time.deleteOne(duration(log.seconds))} onClose={onClose} actions={<><Button look="danger" onClick={() => void act()}>{s.delete}</Button><Button look="subtle" onClick={onClose}>{s.cancel}</Button></>}>
            <p>{s.time.deleteSays(dayLong(log.date))}</p>
            <EstimateField mode={mode} text={by} setMode={setMode} setText={setBy} remove />
        </Dialog>
    )
}

export function ToDayDialog({ action, count, from, act, onClose }: { action: 'copy' | 'move'; count: number; from: string; act: (date: string) => Promise<void>; onClose: () => void }) {
    const [date, setDate] = useState(from)
    const fits = isDay(date) && date !== from
    return (
        <Dialog
            title={action === 'copy' ? s.time.copyTitle(count) : s.time.moveTitle(count)} onClose={onClose}
            actions={<><Button look="primary" disabled={!fits} onClick={() => (onClose(), void act(date))}>{action === 'copy' ? s.copy : s.move}</Button><Button look="subtle" onClick={onClose}>{s.cancel}</Button></>}
        >
            <Field label={s.time.toDay} hint={s.time.sameTime}>
                {ids => <Input {...ids} type="date" value={date} onText={setDate} />}
            </Field>
        </Dialog>
    )
}

/* All worklogs of a cell or of a day, and what may be done with all at once. */
export function ListPanel({ title, logs, date, issue, time, readOnly }: { title: string; logs: Local[]; date: string; issue: string | null; time: Time; readOnly: boolean }) {
    const [asking, setAsking] = useState<'copy' | 'move' | 'delete' | null>(null)
    const sum = logs.reduce((n, w) => n + w.seconds, 0)
    const place = `list:${date}`
    const write = useWrites().find(w => w.place === place)
    const ids = logs.map(w => w.id)
    useEffect(() => setAsking(null), [date])
    return (
        <Panel
            title={title} onClose={closePanel}
            footer={
                !readOnly && (
                    <>
                        <Button look="primary" icon="plus" onClick={() => setParams({ open: 'new', issue, day: date })}>{s.time.logWork}</Button>
                        {logs.length > 0 && (
                            <span class="push">
                                <Button look="subtle" icon="copy" label={s.time.copyAll} onClick={() => setAsking('copy')} />
                                <Button look="subtle" icon="move" label={s.time.moveAll} onClick={() => setAsking('move')} />
                                <Button look="subtle" icon="trash" label={s.time.deleteAll} onClick={() => setAsking('delete')} />
                            </span>
                        )}
                    </>
                )
            }
        >
            {write?.state === 'failed' && <Banner tone="error" title={s.notAllDone}>{write.detail}</Banner>}
            {write?.state === 'saving' && <p class="muted" role="status">{s.saving}</p>}
            <p><strong>{duration(sum)}</strong> {s.worklogsIn(logs.length)}</p>
            {!logs.length && <p class="muted">{s.time.nothingOnDay}</p>}
            <ul class="log-list">
                {logs.map(w => (
                    <li key={w.id}>
                        <button type="button" onClick={() => setParams({ open: w.id, issue: null, day: null })}>
                            <span class="log-time">{clockText(w.start)}–{clockText((w.start + w.seconds) % 86_400)}</span>
                            <span class="log-main">
                                {!issue && <IssueName id={w.issue} link={false} />}
                                <span class="log-comment">{w.comment || <i class="muted">{s.time.noComment}</i>}</span>
                                {w.tags.length > 0 && <span class="log-tags">{w.tags.map(t => <span class="chip small" key={t}>{t}</span>)}</span>}
                            </span>
                            <strong>{duration(w.seconds)}</strong>
                        </button>
                    </li>
                ))}
            </ul>
            {(asking === 'copy' || asking === 'move') && <ToDayDialog action={asking} count={ids.length} from={date} onClose={() => setAsking(null)} act={async to => void (await time.act(place, asking, { ids }, to))} />}
            {asking === 'delete' && (
                <Dialog
                    title={s.time.deleteMany(ids.length)} onClose={() => setAsking(null)}
                    actions={<><Button look="danger" onClick={() => (setAsking(null), void time.act(place, 'delete', { ids }, null))}>{s.delete}</Button><Button look="subtle" onClick={() => setAsking(null)}>{s.cancel}</Button></>}
                >
                    <p>{s.time.deleteManySays(duration(sum), dayLong(date))}</p>
                </Dialog>
            )}
        </Panel>
    )
}

