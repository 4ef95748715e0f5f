/* The three things that an administrator wants to know first, each a sentence. From the audit trail, which says it to every administrator. */
import { api } from '../../api'
import { ago, momentFull, number } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { useApp } from '../../store'
import { s } from '../../strings'
import type { Act, ActsPage } from '../../types'
import { ProblemBox, Skeleton } from '../../ui/ui'
import { latest } from './model'

const FEW = 4 /* an erasure has two lines; one may be of another that is at work */

export function Lately({ turn }: { turn: string }) {
    const { me, zone } = useApp()
    const tenant = me.tenant!.name
    const of = async (act: string, signal: AbortSignal): Promise<Act | null> => latest((await api.get<ActsPage>('/audit', { act, tenant, limit: FEW }, signal)).acts)
    const last = useLoad(`lately ${turn}`, async signal => {
        const [backup, drill, erasure] = await Promise.all([of('backup_taken', signal), of('restore_drilled', signal), of('person_erased', signal)])
        return { backup, drill, erasure }
    }, true)
    if (last.problem && !last.data) return <ProblemBox problem={last.problem} retry={last.reload} />
    if (!last.data) return <Skeleton lines={2} />
    const { backup, drill, erasure } = last.data
    const line = (act: Act | null, says: string, none: string, warn: boolean) => <p class={warn ? 'warning-text' : ''} title={act ? momentFull(act.at, zone) : undefined}>{act ? says : none}</p>
    return (
        <section class={`card state ${!backup || !drill || drill.result !== 'ok' ? 'warning' : 'success'}`} aria-label={s.data.lately.title}>
            {line(backup, backup ? s.data.lately.backup(ago(backup.at), number(backup.count)) : '', s.data.lately.noBackup, !backup)}
            {line(drill, drill ? (drill.result === 'ok' ? s.data.lately.drill : s.data.lately.badDrill)(ago(drill.at)) : '', s.data.lately.noDrill, !drill || drill.result !== 'ok')}
            {line(erasure, erasure ? s.data.lately.erasure(ago(erasure.at), number(erasure.count)) : '', s.data.lately.noErasure, false)}
        </section>
    )
}
