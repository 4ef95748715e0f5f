/* Keys: who wraps them, which versions there are, and how far a rotation is. For the server's administrator. */
import { api } from '../../api'
import { ago, momentFull, number, percent } from '../../lib/format'
import { useEvery, useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import type { KeyOwner } from '../../types'
import { Lozenge, ProblemBox, Progress, Skeleton, type Tone } from '../../ui/ui'
import { rotationOf, usesOf, type Use } from './model'
import { Said } from './said'

const ROTATING_MS = 3000
const TONES: Record<Use, Tone | 'default'> = { now: 'success', database: 'success', rotating: 'info', old: 'default', unused: 'warning' }

export function Keys() {
    const keys = useLoad('keys', async signal => (await api.get<{ keys: KeyOwner[] }>('/keys', {}, signal)).keys, true)
    useEvery(keys.data?.some(k => k.rotating) ? ROTATING_MS : null, keys.reload)
    return (
        <section class="card" aria-labelledby="keys">
            <h2 id="keys">{s.data.keys.title}</h2>
            <p class="muted"><Said text={s.data.keys.says} /></p>
            {keys.problem && !keys.data ? <ProblemBox problem={keys.problem} retry={keys.reload} /> : !keys.data ? <Skeleton lines={3} /> : keys.data.map(k => <Owner key={k.owner} owner={k} />)}
        </section>
    )
}

function Owner({ owner }: { owner: KeyOwner }) {
    const { zone } = useApp()
    const name = owner.name ?? s.data.control
    return (
        <div class="stack">
            <p class="facts"><strong>{name}</strong><span class="muted">{s.data.keys.provider(owner.provider)}</span></p>
            {owner.rotating && <><p aria-live="polite">{s.data.keys.rotating}{rotationOf(owner) !== null && ` ${percent(rotationOf(owner)!)}`}</p><Progress share={rotationOf(owner)} label={`${s.data.keys.progress}: ${name}`} /></>}
            <div class="scroll-x"><table class="plain">
                <caption class="unseen">{`${s.data.keys.title}: ${name}`}</caption>
                <thead><tr><th scope="col">{s.data.keys.version}</th><th scope="col">{s.data.keys.created}</th><th scope="col" class="right">{s.data.keys.values}</th><th scope="col">{s.data.keys.use}</th></tr></thead>
                <tbody>
                    {owner.versions.map(v => (
                        <tr key={v.version}>
                            <th scope="row">{v.version}</th>
                            <td title={v.created ? momentFull(v.created, zone) : undefined}>{v.created ? ago(v.created) : s.data.keys.unknown}</td>
                            <td class="right">{v.values === null ? s.data.keys.allValues : number(v.values)}</td>
                            <td><span class="row tight wrap">{usesOf(owner, v).map(u => <Lozenge key={u} tone={TONES[u]}>{s.data.keys.uses[u]}</Lozenge>)}</span></td>
                        </tr>
                    ))}
                </tbody>
            </table></div>
            {owner.versions.some(v => usesOf(owner, v).includes('unused')) && <p class="muted small"><Said text={s.data.keys.retire} /></p>}
        </div>
    )
}
