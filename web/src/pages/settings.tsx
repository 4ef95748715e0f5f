/* Settings: days of work, what a worklog must have, who may do what. One form, saved as a whole by an administrator. */
import { useState } from 'preact/hooks'
import { api, newKey } from '../api'
import { addDays, isDay } from '../lib/dates'
import { duration, parseDuration } from '../lib/duration'
import { dayLong, dayMedium, weekdayLong } from '../lib/format'
import { useApp } from '../store'
import { s } from '../strings'
import type { Access, Settings } from '../types'
import { Banner, Button, Field, Icon, Input, Select, Switch } from '../ui/ui'
import { IssueName, IssuePicker, PersonName, PersonPicker, TagPicker } from './issue'

const MONDAY = '2024-01-01'
const ROUNDINGS = [0, 1, 5, 6, 10, 15, 20, 30]
const PAGE_SIZES = [20, 50, 100, 200]

export default function SettingsPage() {
    const { settings, setSettings } = useApp()
    const [form, setForm] = useState<Settings>(settings)
    const [expected, setExpected] = useState(duration(settings.expected_seconds))
    const [state, setState] = useState<{ saving: boolean; saved: boolean; wrong: string | null }>({ saving: false, saved: false, wrong: null })
    const [key, setKey] = useState(newKey)
    const set = (change: Partial<Settings>) => {
        setForm(old => ({ ...old, ...change }))
        setState(old => ({ ...old, saved: false }))
    }
    const seconds = expected.trim() === '0' ? 0 : parseDuration(expected)
    const both = form.holidays.find(d => form.extra_days.includes(d))
    const wrong = { expected: seconds === null || seconds > 86_400 ? s.time.noDuration(expected) : null, days: both ? s.settings.inBoth(dayMedium(both)) : null }
    const changed = JSON.stringify({ ...form, expected_seconds: seconds }) !== JSON.stringify(settings)
    const act = async () => {
        if (wrong.expected || wrong.days || seconds === null) return
        setState({ saving: true, saved: false, wrong: null })
        try {
            const saved = await api.put<Settings>('/settings', { ...form, expected_seconds: seconds }, key)
            setSettings(saved)
            setForm(saved)
            setKey(newKey())
            setState({ saving: false, saved: true, wrong: null })
        } catch (error) {
            setState({ saving: false, saved: false, wrong: (error as Error).message })
        }
    }
    const zones = Intl.supportedValuesOf?.('timeZone') ?? []
    const week = Array.from({ length: 7 }, (_, i) => ({ n: i + 1, name: weekdayLong(addDays(MONDAY, i)) }))
    return (
        <main class="page settings">
            <header class="page-head"><div class="head-line"><h1>{s.settings.title}</h1></div></header>
            <section class="card">
                <h2>{s.settings.days}</h2>
                <fieldset class="weekdays"><legend>{s.settings.workingDays}</legend>
                    {week.map(d => (
                        <label key={d.n}><input type="checkbox" checked={form.working_days.includes(d.n)} onChange={e => set({ working_days: e.currentTarget.checked ? [...form.working_days, d.n].sort() : form.working_days.filter(x => x !== d.n) })} />{d.name}</label>
                    ))}
                </fieldset>
                <div class="row wrap">
                    <Field label={s.settings.expected} error={wrong.expected}>{ids => <Input {...ids} value={expected} onText={t => (setExpected(t), setState(old => ({ ...old, saved: false })))} />}</Field>
                    <Field label={s.settings.weekStart}>{ids => <Select {...ids} value={String(form.week_start)} onChange={v => set({ week_start: Number(v) })} options={week.map(d => ({ value: String(d.n), label: d.name }))} />}</Field>
                    <Field label={s.settings.zone} hint={s.settings.zoneHint}>{ids => <><Input {...ids} list="zones" value={form.zone} onText={zone => set({ zone })} spellcheck={false} /><datalist id="zones">{zones.map(z => <option key={z} value={z} />)}</datalist></>}</Field>
                </div>
                <Days label={s.settings.holidays} hint={s.settings.holidaysHint} days={form.holidays} onChange={holidays => set({ holidays })} error={wrong.days} />
                <Days label={s.settings.extraDays} hint={s.settings.extraDaysHint} days={form.extra_days} onChange={extra_days => set({ extra_days })} error={null} />
                <Field label={s.settings.nonWorking} hint={s.settings.nonWorkingHint}>
                    {ids => (
                        <div class="chips">
                            {form.non_working_issues.map(i => <span class="chip" key={i}><span class="chip-text"><IssueName id={i} link={false} /></span><button type="button" aria-label={s.removeOne(i)} onClick={() => set({ non_working_issues: form.non_working_issues.filter(x => x !== i) })}><Icon name="close" size={12} /></button></span>)}
                            <IssuePicker {...ids} label={s.settings.nonWorking} placeholder={s.reports.addIssue} onChoose={i => form.non_working_issues.includes(i) || set({ non_working_issues: [...form.non_working_issues, i] })} />
                        </div>
                    )}
                </Field>
                <TextList label={s.settings.nonWorkingPatterns} hint={s.settings.nonWorkingPatternsHint} placeholder={s.settings.addPattern} list={form.non_working_patterns} onChange={non_working_patterns => set({ non_working_patterns })} />
            </section>
            <section class="card">
                <h2>{s.settings.logging}</h2>
                <Switch label={s.settings.commentRequired} hint={s.settings.commentRequiredHint} on={form.comment_required} onChange={comment_required => set({ comment_required })} />
                <Switch label={s.settings.warnFuture} hint={s.settings.warnFutureHint} on={form.warn_future} onChange={warn_future => set({ warn_future })} />
                <div class="row wrap">
                    <Field label={s.settings.rounding} hint={s.settings.roundingHint}>{ids => <Select {...ids} value={String(form.rounding_minutes)} onChange={v => set({ rounding_minutes: Number(v) })} options={ROUNDINGS.map(n => ({ value: String(n), label: n ? s.minutes(n) : s.settings.noRounding }))} />}</Field>
                    <Field label={s.settings.pageSize}>{ids => <Select {...ids} value={String(form.page_size)} onChange={v => set({ page_size: Number(v) })} options={[...new Set([...PAGE_SIZES, form.page_size])].sort((a, b) => a - b).map(n => ({ value: String(n), label: String(n) }))} />}</Field>
                </div>
            </section>
            <section class="card">
                <h2>{s.settings.billing}</h2>
                <Switch label={s.settings.billedByDefault} hint={s.settings.billedByDefaultHint} on={form.billing.by_default} onChange={by_default => set({ billing: { ...form.billing, by_default } })} />
                <TextList label={s.settings.billingTags} list={form.billing.tags} onChange={tags => set({ billing: { ...form.billing, tags } })} tags />
                <TextList label={s.settings.billingProjects} hint={s.settings.billingProjectsHint} list={form.billing.projects} onChange={projects => set({ billing: { ...form.billing, projects } })} />
                <Switch label={s.settings.hiddenNamed} hint={s.settings.hiddenNamedHint} on={form.name_hidden_projects} onChange={name_hidden_projects => set({ name_hidden_projects })} />
            </section>
            <section class="card">
                <h2>{s.settings.mail}</h2>
                <p class="muted">{s.settings.mailHint}</p>
                <div class="row wrap">
                    <Field label={s.settings.mailSend}>{ids => <Select {...ids} value={form.estimate_mail.send} onChange={v => set({ estimate_mail: { ...form.estimate_mail, send: v as Settings['estimate_mail']['send'] } })} options={(['none', 'all', 'selected'] as const).map(value => ({ value, label: s.settings.mailSends[value] }))} />}</Field>
                    <Field label={s.settings.mailTime} hint={s.settings.mailTimeHint(form.zone)}>{ids => <Input {...ids} type="time" class="short" value={form.estimate_mail.time} onText={time => set({ estimate_mail: { ...form.estimate_mail, time } })} />}</Field>
                </div>
                {form.estimate_mail.send === 'selected' && <TextList label={s.settings.mailProjects} list={form.estimate_mail.projects} onChange={projects => set({ estimate_mail: { ...form.estimate_mail, projects } })} />}
            </section>
            <section class="card">
                <h2>{s.settings.access}</h2>
                <p class="muted">{s.settings.accessHint}</p>
                {(['log', 'report', 'others'] as const).map(what => <AccessField key={what} label={s.settings.accesses[what]} access={form.access[what]} onChange={a => set({ access: { ...form.access, [what]: a } })} />)}
            </section>
            <div class="form-foot" aria-live="polite">
                {state.wrong && <Banner tone="error" title={s.notSaved} action={<Button onClick={() => void act()}>{s.tryAgain}</Button>}>{state.wrong}</Banner>}
                <Button look="primary" disabled={!changed || state.saving || Boolean(wrong.expected || wrong.days)} onClick={() => void act()}>{state.saving ? s.savingHere : s.save}</Button>
                {changed && <Button look="subtle" onClick={() => (setForm(settings), setExpected(duration(settings.expected_seconds)))}>{s.discard}</Button>}
                <span class="muted">{state.saved ? s.saved : changed ? s.unsaved : ''}</span>
            </div>
        </main>
    )
}

function Days({ label, hint, days, onChange, error }: { label: string; hint: string; days: string[]; onChange: (days: string[]) => void; error: string | null }) {
    const [day, setDay] = useState('')
    const add = () => {
        if (isDay(day) && !days.includes(day)) onChange([...days, day].sort())
        setDay('')
    }
    return (
        <Field label={label} hint={hint} error={error}>
            {ids => (
                <div class="chips">
                    {days.map(d => <span class="chip" key={d} title={dayLong(d)}>{dayMedium(d)}<button type="button" aria-label={s.removeOne(dayMedium(d))} onClick={() => onChange(days.filter(x => x !== d))}><Icon name="close" size={12} /></button></span>)}
                    <span class="row tight"><Input {...ids} type="date" class="short" value={day} onText={setDay} onKeyDown={e => e.key === 'Enter' && add()} /><Button icon="plus" label={s.add} disabled={!isDay(day)} onClick={add} /></span>
                </div>
            )}
        </Field>
    )
}

/* Names of tags, chosen; or keys of projects and patterns, typed. */
function TextList({ label, hint, list, onChange, tags, placeholder }: { label: string; hint?: string; list: string[]; onChange: (list: string[]) => void; tags?: boolean; placeholder?: string }) {
    const [text, setText] = useState('')
    const add = (one: string) => {
        const name = one.trim()
        if (name && !list.includes(name)) onChange([...list, name])
        setText('')
    }
    return (
        <Field label={label} hint={hint}>
            {ids => (
                <div class="chips">
                    {list.map(x => <span class="chip" key={x}>{x}<button type="button" aria-label={s.removeOne(x)} onClick={() => onChange(list.filter(y => y !== x))}><Icon name="close" size={12} /></button></span>)}
                    {tags ? <TagPicker {...ids} label={label} placeholder={s.reports.addTag} onChoose={add} /> : <Input {...ids} class="short" placeholder={placeholder ?? s.settings.addProject} value={text} onText={setText} onBlur={() => add(text)} onKeyDown={e => e.key === 'Enter' && (e.preventDefault(), add(text))} />}
                </div>
            )}
        </Field>
    )
}

function AccessField({ label, access, onChange }: { label: string; access: Access; onChange: (a: Access) => void }) {
    const [group, setGroup] = useState('')
    const add = () => {
        const id = group.trim()
        if (id && !access.groups.includes(id)) onChange({ ...access, groups: [...access.groups, id] })
        setGroup('')
    }
    return (
        <fieldset class="access">
            <legend>{label}</legend>
            <Switch label={s.settings.everybody} on={access.everybody} onChange={everybody => onChange({ ...access, everybody })} />
            {!access.everybody && (
                <div class="chips">
                    {access.accounts.map(a => <span class="chip" key={a}><Icon name="person" size={12} /><PersonName account={a} /><button type="button" aria-label={s.removeOne(a)} onClick={() => onChange({ ...access, accounts: access.accounts.filter(x => x !== a) })}><Icon name="close" size={12} /></button></span>)}
                    {access.groups.map(g => <span class="chip" key={g}>{s.settings.group(g)}<button type="button" aria-label={s.removeOne(g)} onClick={() => onChange({ ...access, groups: access.groups.filter(x => x !== g) })}><Icon name="close" size={12} /></button></span>)}
                    <PersonPicker label={`${label}: ${s.reports.addPerson}`} placeholder={s.reports.addPerson} onChoose={a => access.accounts.includes(a) || onChange({ ...access, accounts: [...access.accounts, a] })} />
                    <Input class="short" aria-label={`${label}: ${s.settings.addGroup}`} placeholder={s.settings.addGroup} value={group} onText={setGroup} onBlur={add} onKeyDown={e => e.key === 'Enter' && (e.preventDefault(), add())} />
                </div>
            )}
            {!access.everybody && !access.accounts.length && !access.groups.length && <p class="warning-text small">{s.settings.nobody}</p>}
        </fieldset>
    )
}
