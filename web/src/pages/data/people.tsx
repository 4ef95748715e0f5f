/* People: what is held on one account, as a file, and its end. */
import { useState } from 'preact/hooks'
import { api, asProblem, newKey } from '../../api'
import { frame } from '../../frame'
import { number } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { s } from '../../strings'
import type { PersonHeld } from '../../types'
import { Banner, Button, Field, Input, ProblemBox, Skeleton } from '../../ui/ui'
import { PersonName, PersonPicker } from '../issue'
import { Confirm } from './confirm'
import { personUrl } from './model'
import { Outside } from './outside'

type Ended = { account: string; rows: number }

export function People({ onErased }: { onErased: () => void }) {
    const [text, setText] = useState('')
    const [account, setAccount] = useState<string | null>(null)
    const [ended, setEnded] = useState<Ended | null>(null)
    const look = (id: string) => {
        const clean = id.trim()
        setEnded(null)
        setText(clean)
        setAccount(clean || null)
    }
    return (
        <section class="card" aria-labelledby="people">
            <h2 id="people">{s.data.people.title}</h2>
            <p class="muted">{s.data.people.says}</p>
            <form class="row wrap end" onSubmit={e => (e.preventDefault(), look(text))}>
                <Field label={s.data.people.account}>{ids => <Input {...ids} value={text} onText={setText} maxLength={255} spellcheck={false} autocomplete="off" />}</Field>
                <Button type="submit" icon="search" disabled={!text.trim()}>{s.data.people.look}</Button>
                <Field label={s.data.people.byName}>{ids => <PersonPicker {...ids} label={s.data.people.byName} placeholder={s.data.people.byNameHint} onChoose={look} />}</Field>
            </form>
            {ended && <Banner tone="success" title={s.data.people.erased(number(ended.rows))}>{s.data.people.erasedSays}</Banner>}
            {account && <Held key={account} account={account} onErased={rows => (setEnded({ account, rows }), setAccount(null), setText(''), onErased())} />}
        </section>
    )
}

function Held({ account, onErased }: { account: string; onErased: (rows: number) => void }) {
    const held = useLoad(`person ${account}`, signal => api.get<PersonHeld>(personUrl(account), { rows: 0 }, signal))
    const [asking, setAsking] = useState(false)
    const [wrong, setWrong] = useState<string | null>(null)
    const [key] = useState(newKey)
    const it = held.data?.tenants[0]
    if (held.problem) return <ProblemBox problem={held.problem} retry={held.reload} />
    if (!it) return <Skeleton lines={3} />
    if (!it.held) return <p role="status">{it.erased ? s.data.people.wasErased : s.data.people.nothing}</p>
    const all = it.records.reduce((n, r) => n + r.count, 0)
    const keep = async () => {
        setWrong(null)
        try {
            await api.keep(`${personUrl(account)}/export`, {}, 'person.json')
        } catch (error) {
            setWrong(asProblem(error).message)
        }
    }
    return (
        <div class="stack">
            <div class="head-line">
                <p role="status"><PersonName account={account} />: <strong>{s.data.rows(number(all), all)}</strong></p>
                <span class="row tight push wrap">
                    <Button icon="download" onClick={() => void keep()}>{s.data.people.download}</Button>
                    {!frame.inside && <Button look="danger" icon="trash" onClick={() => setAsking(true)}>{s.data.people.erase}</Button>}
                </span>
            </div>
            {wrong && <Banner tone="error" title={s.notDone}>{wrong}</Banner>}
            {frame.inside && <Outside />}
            <div class="scroll-x"><table class="plain">
                <caption class="unseen">{s.data.people.title}</caption>
                <thead><tr><th scope="col">{s.data.people.record}</th><th scope="col">{s.data.people.why}</th><th scope="col">{s.data.people.by}</th><th scope="col" class="right">{s.data.people.count}</th></tr></thead>
                <tbody>{it.records.map(r => <tr key={`${r.record} ${r.by}`}><th scope="row" class="mono">{r.record}</th><td>{r.why}</td><td class="mono">{r.by}</td><td class="right">{number(r.count)}</td></tr>)}</tbody>
            </table></div>
            {asking && (
                <Confirm title={s.data.people.eraseTitle} act={s.data.people.erase} onClose={() => setAsking(false)} onDone={async () => onErased((await api.del<{ rows: number }>(personUrl(account), {}, key)).rows)}>
                    <p>{s.data.people.eraseSays(number(all))}</p>
                    <ul class="says">{s.data.people.eraseList.map(line => <li key={line}>{line}</li>)}</ul>
                </Confirm>
            )}
        </div>
    )
}
