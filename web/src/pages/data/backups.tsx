/* Backups: what there is, how old, and whether it was proved; one more by a button. For the server's administrator. */
import { useEffect, useState } from 'preact/hooks'
import { api, asProblem } from '../../api'
import { ago, bytes, momentFull, momentOf, number } from '../../lib/format'
import { useEvery, type Loaded } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import type { Backup } from '../../types'
import { Banner, Button, Lozenge, ProblemBox, Skeleton, type Tone } from '../../ui/ui'
import { allTaken, CONTROL, nameOf } from './model'

const LOOK_MS = 1000
const PATIENCE_MS = 10 * 60_000
export const FEW_BACKUPS = 4 /* of the site, and of the server */
const PROOFS: Record<Backup['proof'], Tone> = { good: 'success', bad: 'error', unproven: 'warning' }
type Asked = { before: ReadonlySet<string>; at: number }

export type BackupList = { list: Backup[]; more: boolean }

export function Backups({ backups, onTaken, onMore }: { backups: Loaded<BackupList>; onTaken: () => void; onMore: () => void }) {
    const { me, zone } = useApp()
    const [asked, setAsked] = useState<Asked | null>(null)
    const [wrong, setWrong] = useState<string | null>(null)
    const owners = [me.tenant!.id, CONTROL]
    const list = backups.data?.list ?? []
    const last = list.find(b => b.owner === me.tenant!.id)
    const done = asked !== null && allTaken(list, asked.before, owners)
    const late = asked !== null && !done && Date.now() - asked.at > PATIENCE_MS
    const waiting = asked !== null && !done && !late
    useEffect(() => {
        if (done) onTaken()
    }, [done])
    useEvery(waiting ? LOOK_MS : null, backups.reload)
    const take = async () => {
        setWrong(null)
        setAsked({ before: new Set(list.map(nameOf)), at: Date.now() })
        try {
            for (const of of owners) await api.post<{ queued: number }>('/backups', { of })
        } catch (error) {
            setWrong(asProblem(error).message)
            setAsked(null)
        }
    }
    return (
        <section class="card" aria-labelledby="backups">
            <div class="head-line">
                <h2 id="backups">{s.data.backups.title}</h2>
                <span class="push"><Button icon="download" disabled={waiting || !backups.data} onClick={() => void take()}>{s.data.backups.take}</Button></span>
            </div>
            {wrong && <Banner tone="error" title={s.notDone}>{wrong}</Banner>}
            <p aria-live="polite" class={late || (backups.data && !last) ? 'warning-text' : 'muted'}>
                {waiting ? s.data.backups.waiting : late ? s.data.backups.late : done ? s.data.backups.taken : !backups.data ? '' : last ? s.data.backups.age(ago(last.taken)) : s.data.backups.none}
            </p>
            {backups.problem && !backups.data ? <ProblemBox problem={backups.problem} retry={backups.reload} /> : !backups.data ? <Skeleton lines={3} /> : list.length > 0 && (
                <div class="scroll-x"><table class="plain">
                    <caption class="unseen">{s.data.backups.title}</caption>
                    <thead><tr><th scope="col">{s.data.backups.at}</th><th scope="col">{s.data.backups.of}</th><th scope="col" class="right">{s.data.backups.size}</th><th scope="col" class="right">{s.data.backups.rows}</th><th scope="col">{s.data.backups.where}</th><th scope="col">{s.data.backups.drill}</th></tr></thead>
                    <tbody>
                        {list.map(b => (
                            <tr key={nameOf(b)}>
                                <th scope="row" title={`${momentFull(b.taken, zone)} · ${b.file}`}>{momentOf(b.taken, zone)}</th>
                                <td>{b.owner === CONTROL ? s.data.control : b.name ?? b.owner}</td>
                                <td class="right">{bytes(b.bytes)}</td>
                                <td class="right">{b.rows === null ? '–' : number(b.rows)}</td>
                                <td title={b.copied ? momentFull(b.copied, zone) : undefined}>{[b.on_disk && s.data.backups.disk, b.copied && s.data.backups.copied].filter(Boolean).join(', ') || '–'}</td>
                                <td title={b.drilled ? momentFull(b.drilled, zone) : undefined}><Lozenge tone={PROOFS[b.proof]}>{s.data.backups.proofs[b.proof]}</Lozenge>{b.drilled && <span class="muted small"> {ago(b.drilled)}</span>}</td>
                            </tr>
                        ))}
                    </tbody>
                </table></div>
            )}
            {backups.data?.more && <div><Button disabled={backups.loading} onClick={onMore}>{s.data.backups.older}</Button></div>}
        </section>
    )
}
