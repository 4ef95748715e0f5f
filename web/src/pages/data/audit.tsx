/* Audit: who did what, newest first. It names people by number only, and so does this page. */
import { useState } from 'preact/hooks'
import { api } from '../../api'
import { momentFull, momentOf, number } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import type { Act, ActsPage } from '../../types'
import { Button, Lozenge, ProblemBox, Select, Skeleton } from '../../ui/ui'
import { objectOf, plainWord } from './model'
import { Said } from './said'

const ROWS = 20
const ACTS: Record<string, string> = s.data.audit.acts
const actName = (act: string) => ACTS[act] ?? plainWord(act)
const options = [{ value: '', label: s.data.audit.all }, ...Object.keys(ACTS).map(value => ({ value, label: actName(value) })).sort((a, b) => a.label.localeCompare(b.label))]

const whoSays = (act: Act): string => {
    const kind = s.data.audit.by[act.by]
    return [kind, act.by === 'person' && act.who ? act.who : '', act.by !== 'person' && act.name ? `(${act.name})` : ''].filter(Boolean).join(' ')
}
const detailOf = (act: Act): string => [objectOf(act), act.why ?? '', act.count > 0 ? s.data.audit.count(number(act.count)) : ''].filter(Boolean).join(' · ')

export function Audit({ turn }: { turn: number }) {
    const { zone } = useApp()
    const [act, setAct] = useState('')
    const [cursors, setCursors] = useState<string[]>([''])
    const cursor = cursors.at(-1)!
    const page = useLoad(`audit ${turn} ${act} ${cursor}`, signal => api.get<ActsPage>('/audit', { act, cursor, limit: ROWS }, signal))
    const acts = page.data?.acts ?? []
    return (
        <section class="card" aria-labelledby="audit">
            <div class="head-line">
                <h2 id="audit">{s.data.audit.title}</h2>
                <span class="row tight push">
                    <Select aria-label={s.data.audit.filter} value={act} options={options} onChange={v => (setAct(v), setCursors(['']))} />
                    <Button icon="sync" label={s.reload} onClick={() => (setCursors(['']), page.reload())} />
                </span>
            </div>
            <p class="muted"><Said text={s.data.audit.says} /></p>
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
