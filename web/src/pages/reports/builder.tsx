/* The left side of a report: period, grouping, people, issues, tags, measure. Each choice is in the address. */
import { useEffect, useState } from 'preact/hooks'
import { api, asProblem, isAbort } from '../../api'
import { useDelayed, useLoad } from '../../lib/hooks'
import { setParams, useRoute } from '../../route'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Field, Icon, Input, Select } from '../../ui/ui'
import { Combo } from '../../ui/combo'
import { IssueName, IssuePicker, PersonName, PersonPicker, TagPicker } from '../issue'
import { acrossOf, DIMENSIONS, GROUPS_MAX, isTime, knowsRemaining, type Dimension } from './pivot'
import { PERIODS, type Days, type Period } from './periods'

export const MEASURES = ['hm', 'hours', 'days', 'count', 'billed', 'unbilled', 'remaining', 'expected'] as const
export type Measure = (typeof MEASURES)[number]
const left = (m: Measure) => m === 'remaining' || m === 'expected'
export const measuresFor = (groups: Dimension[]): Measure[] => MEASURES.filter(m => !left(m) || knowsRemaining(groups))

/* `missing`: the report of missing days knows period and people only. */
type Props = { days: Days & { period: Period }; groups: Dimension[]; measure: Measure; missing: boolean }
export function Builder({ days, groups, measure, missing }: Props) {
    const { me } = useApp()
    const { params } = useRoute()
    const accounts = params.getAll('account')
    const issues = params.getAll('issue')
    const tags = params.getAll('tag')
    const chosen = (name: string, list: string[]) => ({
        add: (id: string) => list.includes(id) || setParams({ [name]: [...list, id] }),
        remove: (id: string) => setParams({ [name]: list.filter(x => x !== id) }),
    })
    const people = chosen('account', accounts)
    const some = chosen('issue', issues)
    const tagged = chosen('tag', tags)
    const times = groups.filter(isTime)
    return (
        <section class="builder" aria-label={s.reports.builder}>
            <Field label={s.reports.period}>
                {ids => <Select<Period> {...ids} value={days.period} onChange={p => setParams(p === 'custom' ? { period: 'custom', from: days.from, to: days.to } : { period: p, from: null, to: null })} options={PERIODS.map(p => ({ value: p, label: s.reports.periods[p] }))} />}
            </Field>
            {days.period === 'custom' && (
                <div class="row tight days">
                    <Input type="date" aria-label={s.reports.from} value={days.from} max={days.to} onText={from => from && setParams({ from, to: days.to, period: 'custom' }, true)} />
                    <Input type="date" aria-label={s.reports.to} value={days.to} min={days.from} onText={to => to && setParams({ from: days.from, to, period: 'custom' }, true)} />
                </div>
            )}
            {!missing && <Groups groups={groups} />}
            {!missing && groups.length > 1 && times.length > 0 && (
                <Field label={s.reports.across}>
                    {ids => <Select {...ids} value={acrossOf(groups, params.get('across')) ?? 'none'} onChange={v => setParams({ across: v })} options={[...times.map(t => ({ value: t as string, label: s.reports.dimensions[t] })), { value: 'none', label: s.reports.acrossNone }]} />}
                </Field>
            )}
            {me.may.others && (
                <Field label={s.reports.people} hint={accounts.length ? undefined : s.reports.everybody}>
                    {ids => (
                        <div class="chips">
                            {accounts.map(a => <Chip key={a} onRemove={() => people.remove(a)} name={a}><PersonName account={a} /></Chip>)}
                            <PersonPicker {...ids} label={s.reports.people} placeholder={s.reports.addPerson} onChoose={people.add} />
                        </div>
                    )}
                </Field>
            )}
            {!missing && <>
            <Jql />
            <Filters />
            <Field label={s.reports.issues}>
                {ids => (
                    <div class="chips">
                        {issues.map(i => <Chip key={i} onRemove={() => some.remove(i)} name={i}><IssueName id={i} link={false} /></Chip>)}
                        <IssuePicker {...ids} label={s.reports.issues} placeholder={s.reports.addIssue} onChoose={some.add} />
                    </div>
                )}
            </Field>
            <Field label={s.time.tags}>
                {ids => (
                    <div class="chips">
                        {tags.map(t => <Chip key={t} onRemove={() => tagged.remove(t)} name={t}>{t}</Chip>)}
                        <TagPicker {...ids} label={s.time.tags} placeholder={s.reports.addTag} onChoose={tagged.add} />
                    </div>
                )}
            </Field>
            <Field label={s.reports.measure}>
                {ids => <Select<Measure> {...ids} value={measure} onChange={m => setParams({ measure: m === 'hm' ? null : m })} options={measuresFor(groups).map(m => ({ value: m, label: s.reports.measures[m] }))} />}
            </Field>
            </>}
        </section>
    )
}

const Chip = ({ children, onRemove, name }: { children: preact.ComponentChildren; onRemove: () => void; name: string }) => (
    <span class="chip">
        <span class="chip-text">{children}</span>
        <button type="button" aria-label={s.removeOne(name)} onClick={onRemove}><Icon name="close" size={12} /></button>
    </span>
)

/* Chips in order: drag, or arrows on a chip; Delete takes it out. */
function Groups({ groups }: { groups: Dimension[] }) {
    const [dragged, setDragged] = useState<Dimension | null>(null)
    const put = (list: Dimension[]) => setParams({ group: list.join(',') || 'none' })
    const place = (d: Dimension, at: number) => {
        const list = groups.filter(g => g !== d)
        list.splice(Math.max(0, at), 0, d)
        if (list.join() !== groups.join()) put(list)
    }
    const keys = (e: KeyboardEvent, d: Dimension) => {
        const at = groups.indexOf(d)
        if (e.key === 'ArrowLeft' || e.key === 'ArrowUp') place(d, at - 1)
        else if (e.key === 'ArrowRight' || e.key === 'ArrowDown') place(d, at + 1)
        else if (e.key === 'Delete' || e.key === 'Backspace') put(groups.filter(g => g !== d))
        else return
        e.preventDefault()
    }
    const free = DIMENSIONS.filter(d => !groups.includes(d))
    return (
        <Field label={s.reports.groupBy} hint={s.reports.groupHint}>
            {ids => (
                <div class="chips">
                    <ol class="groups" aria-label={s.reports.groupBy}>
                        {groups.map((d, i) => (
                            <li key={d} class={`chip grab${dragged === d ? ' dragged' : ''}`} draggable tabIndex={0} aria-label={s.reports.groupSays(s.reports.dimensions[d], i + 1, groups.length)}
                                onKeyDown={e => keys(e, d)} onDragStart={e => (setDragged(d), e.dataTransfer?.setData('text/plain', d))} onDragEnd={() => setDragged(null)}
                                onDragOver={e => dragged && e.preventDefault()} onDrop={e => (e.preventDefault(), dragged && place(dragged, i), setDragged(null))}>
                                <Icon name="grip" size={12} />
                                {s.reports.dimensions[d]}
                                <button type="button" tabIndex={-1} aria-label={s.removeOne(s.reports.dimensions[d])} onClick={() => put(groups.filter(g => g !== d))}><Icon name="close" size={12} /></button>
                            </li>
                        ))}
                    </ol>
                    {groups.length < GROUPS_MAX && (
                        <select {...ids} class="input short" value="" onChange={e => e.currentTarget.value && put([...groups, e.currentTarget.value as Dimension])}>
                            <option value="">{s.reports.addGroup}</option>
                            {free.map(d => <option key={d} value={d}>{s.reports.dimensions[d]}</option>)}
                        </select>
                    )}
                </div>
            )}
        </Field>
    )
}

/* JQL, checked by Jira as it is typed; asked with only when it holds. */
function Jql() {
    const { params } = useRoute()
    const asked = params.get('jql') ?? ''
    const [text, setText] = useState(asked)
    const late = useDelayed(text.trim(), 400)
    const [state, setState] = useState<{ ok: boolean; detail: string | null } | null>(null)
    useEffect(() => setText(old => (old.trim() === asked ? old : asked)), [asked])
    useEffect(() => {
        if (!late) {
            setState(null)
            if (asked) setParams({ jql: null }, true)
            return
        }
        let on = true
        api.post<{ ok: boolean; detail: string | null }>('/jql/check', { jql: late }).then(
            result => {
                if (!on) return
                setState(result)
                if (result.ok && late !== asked) setParams({ jql: late }, true)
            },
            error => on && !isAbort(error) && setState({ ok: false, detail: asProblem(error).message }),
        )
        return () => void (on = false)
    }, [late])
    return (
        <Field label={s.reports.jql} error={state && !state.ok ? (state.detail ?? s.reports.jqlWrong) : null} hint={state?.ok ? s.reports.jqlGood : s.reports.jqlHint}>
            {ids => <textarea {...ids} class="input mono" rows={2} spellcheck={false} value={text} placeholder="project = ABC AND type = Bug" onInput={e => setText(e.currentTarget.value)} />}
        </Field>
    )
}

function Filters() {
    const { params } = useRoute()
    const id = params.get('filter')
    const filters = useLoad('filters', signal => api.get<{ filters: { id: string; name: string }[] }>('/filters', {}, signal))
    const name = filters.data?.filters.find(f => f.id === id)?.name
    return (
        <Field label={s.reports.filter} error={filters.problem?.message ?? null}>
            {ids => (
                <div class="chips">
                    {id && <Chip name={name ?? id} onRemove={() => setParams({ filter: null })}>{name ?? s.reports.filterId(id)}</Chip>}
                    {!id && (
                        <Combo {...ids} label={s.reports.filter} placeholder={s.reports.chooseFilter} onChoose={c => setParams({ filter: c.id })}
                            load={async text => (filters.data?.filters ?? []).filter(f => f.name.toLowerCase().includes(text.toLowerCase())).map(f => ({ id: f.id, label: f.name }))} />
                    )}
                </div>
            )}
        </Field>
    )
}

