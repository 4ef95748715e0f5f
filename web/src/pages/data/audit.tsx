/* Audit: who did what, newest first. It names people by number only, and so does this page. */
import { useState } from 'preact/hooks'
import { api } from '../../api'
import { momentFull, momentOf, number } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import type { Act, ActsPage } from '../../types'
import { Button, Field, Input, Lozenge, ProblemBox, Select, Skeleton, Switch } from '../../ui/ui'
import { actsQuery, ALL_ACTS, type ActsFilter, hidesOpenings, objectOf, plainWord, WHOLE_SERVER } from './model'
import { Said } from './said'

const ROWS = 20
const ACTS: Record<string, string> = s.data.audit.acts
const actName = (act: string) => ACTS[act] ?? plainWord(act)
const options = [{ value: '', label: s.data.audit.all }, ...Object.keys(ACTS).map(value => ({ value, label: actName(value) })).sort((a, b) => a.label.localeCompare(b.label))]
const kinds = [{ value: '', label: s.data.audit.anybody }, ...Object.entries(s.data.audit.by).map(([value, label]) => ({ value, label }))]
const NUMBERED = ['person', 'token', 'operator'] /* whose lines have a number */

const whoSays = (act: Act): string => {
    const kind = s.data.audit.by[act.by]
    return [kind, act.by === 'person' && act.who ? act.who : '', act.by !== 'person' && act.name ? `(${act.name})` : ''].filter(Boolean).join(' ')
}
const detailOf = (act: Act): string => [objectOf(act), act.why ?? '', act.count > 0 ? s.data.audit.count(number(act.count)) : ''].filter(Boolean).join(' · ')

export function Audit({ turn }: { turn: number }) {
    const { me, zone } = useApp()
    const [filter, setFilter] = useState<ActsFilter>({ ...ALL_ACTS, site: me.role === 'admin' ? WHOLE_SERVER : '' })
    const [cursors, setCursors] = useState<string[]>([''])
    const cursor = cursors.at(-1)!
    const query = actsQuery(filter, zone)
    const page = useLoad(`audit ${turn} ${JSON.stringify(query)} ${cursor}`, signal => api.get<ActsPage>('/audit', { ...query, cursor, limit: ROWS }, signal))
    const acts = page.data?.acts ?? []
    const set = (change: Partial<ActsFilter>) => {
        setFilter(old => ({ ...old, ...change }))
        setCursors([''])
    }
    const sites = [{ value: WHOLE_SERVER, label: s.data.audit.everything }, { value: me.tenant!.id, label: s.data.audit.site(me.tenant!.name) }]
    return (
        <section class="card" aria-labelledby="audit">
            <div class="head-line">
                <h2 id="audit">{s.data.audit.title}</h2>
                <span class="row tight push">
                    <Select aria-label={s.data.audit.filter} value={filter.act} options={options} onChange={act => set({ act })} />
                    <Button icon="sync" label={s.reload} onClick={() => (setCursors(['']), page.reload())} />
                </span>
            </div>
            <p class="muted"><Said text={s.data.audit.says} /></p>
            <div class="row wrap end">
                <Field label={s.data.audit.byWhom}>{ids => <Select {...ids} value={filter.by} options={kinds} onChange={by => set({ by, who: '' })} />}</Field>
                {NUMBERED.includes(filter.by) && <Field label={s.data.audit.number}>{ids => <Input {...ids} class="short" inputMode="numeric" placeholder={s.data.audit.numberHint} value={filter.who} onText={who => set({ who })} />}</Field>}
                <Field label={s.data.audit.from}>{ids => <Input {...ids} type="date" class="short" value={filter.from} max={filter.to} onText={from => set({ from })} />}</Field>
                <Field label={s.data.audit.to}>{ids => <Input {...ids} type="date" class="short" value={filter.to} min={filter.from} onText={to => set({ to })} />}</Field>
                {me.role === 'admin' && <Field label={s.data.audit.of}>{ids => <Select {...ids} value={filter.site} options={sites} onChange={site => set({ site })} />}</Field>}
            </div>
            {!filter.act && (
                <div class="row wrap">
                    <Switch label={s.data.audit.openings} on={filter.openings} onChange={openings => set({ openings })} />
                    <span class="muted" role="status">{hidesOpenings(filter) && page.data ? s.data.audit.hidden(number(page.data.left_out), page.data.left_out) : ''}</span>
                </div>
            )}
            {page.problem ? <ProblemBox problem={page.problem} retry={page.reload} /> : !page.data ? <Skeleton lines={6} /> : !acts.length ? <p class="muted" role="status">{s.data.audit.none}</p> : (
                <div class="scroll-x"><table class="plain">
                    <caption class="unseen">{s.data.audit.title}</caption>
                    <thead><tr><th scope="col">{s.data.audit.when}</th><th scope="col">{s.data.audit.what}</th><th scope="col">{s.data.audit.who}</th><th scope="col">{s.data.audit.detail}</th><th scope="col">{s.data.audit.result}</th></tr></thead>
                    <tbody>
                        {acts.map(a => (
                            <tr key={a.id}>
                                <td class="nowrap" title={momentFull(a.at, zone)}>{momentOf(a.at, zone)}</td>
                                <th scope="row">{actName(a.act)}</th>
                                <td>{whoSays(a)}</td>
                                <td>{detailOf(a) || '–'}</td>
                                <td>{a.result === 'ok' ? s.data.audit.ok : <Lozenge tone="error">{a.result}</Lozenge>}</td>
                            </tr>
                        ))}
                    </tbody>
                </table></div>
            )}
            <div class="row tight">
                {cursors.length > 1 && <Button onClick={() => setCursors(cursors.slice(0, -1))}>{s.data.audit.newer}</Button>}
                {page.data?.next && <Button onClick={() => setCursors([...cursors, page.data!.next!])}>{s.data.audit.older}</Button>}
            </div>
        </section>
    )
}
