/* Set-up: connect Jira, let it call back, make the mirror, done; a green tick for each that is true. And API tokens. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { api, asProblem, newKey } from '../api'
import { ago, momentFull, number, percent } from '../lib/format'
import { duration } from '../lib/duration'
import { useEvery, useLoad } from '../lib/hooks'
import { hrefOf } from '../route'
import { useApp } from '../store'
import { s } from '../strings'
import type { ApiToken, Sync, Tenant, Webhook } from '../types'
import { Banner, Button, CopyText, Field, Icon, Input, ProblemBox, Progress, Skeleton, Switch } from '../ui/ui'

const LOOK_MS = 3000

export default function Setup() {
    const { me } = useApp()
    const list = useLoad('tenants', signal => api.get<{ tenants: Tenant[] }>('/tenants', {}, signal))
    const [adding, setAdding] = useState(false)
    const tenant = me.tenant ?? (list.data?.tenants.length === 1 ? list.data.tenants[0]! : null)
    const done = (t: Tenant) => location.assign(`/setup?tenant=${encodeURIComponent(t.name)}`)
    return (
        <main class="page set-up">
            <header class="page-head"><div class="head-line"><h1>{s.setup.title}</h1>{tenant && !adding && <span class="push"><Button icon="plus" onClick={() => setAdding(true)}>{s.setup.another}</Button></span>}</div></header>
            {list.problem ? <ProblemBox problem={list.problem} retry={list.reload} /> : !list.data ? <Skeleton lines={4} height={64} /> : (
                <>
                    {list.data.tenants.length > 1 && !adding && <div class="chips">{list.data.tenants.map(t => <a key={t.id} class={`chip${t.id === tenant?.id ? ' on' : ''}`} href={`/setup?tenant=${encodeURIComponent(t.name)}`} data-external>{t.name}</a>)}</div>}
                    <Step n={1} title={s.setup.connect} done={Boolean(tenant) && !adding}>
                        {tenant && !adding ? <p>{s.setup.connected(tenant.url)}</p> : <Connect onDone={done} {...(tenant && { onCancel: () => setAdding(false) })} />}
                    </Step>
                    {tenant && !adding && <Rest tenant={tenant} />}
                    {tenant && !adding && <Tokens />}
                </>
            )}
        </main>
    )
}

const Step = ({ n, title, done, children }: { n: number; title: string; done: boolean; children: ComponentChildren }) => (
    <section class={`card step${done ? ' done' : ''}`}>
        <h2><span class="step-mark" role="img" aria-label={done ? s.setup.done : s.setup.open}>{done ? <Icon name="check" /> : n}</span>{title}</h2>
        {children}
    </section>
)

function Connect({ onDone, onCancel }: { onDone: (t: Tenant) => void; onCancel?: () => void }) {
    const [form, setForm] = useState({ url: '', email: '', token: '', name: '', datacenter: false, allow_http: false, allow_private: false })
    const [state, setState] = useState<{ busy: boolean; wrong: string | null; missing: string[] }>({ busy: false, wrong: null, missing: [] })
    const [made, setMade] = useState<Tenant | null>(null)
    const [key, setKey] = useState(newKey)
    const set = (change: Partial<typeof form>) => (setForm(old => ({ ...old, ...change })), setKey(newKey()))
    const act = async (e: Event) => {
        e.preventDefault()
        setState({ busy: true, wrong: null, missing: [] })
        const { datacenter, allow_http, allow_private, email, name, ...rest } = form
        try {
            const answer = await api.post<Tenant & { missing?: string[] }>('/tenants', {
                ...rest, ...(name && { name }), ...(email && !datacenter && { email }), ...(datacenter && { datacenter, allow_http, allow_private }),
            }, key)
            if (answer.missing?.length) {
                setMade(answer)
                setState({ busy: false, wrong: null, missing: answer.missing })
            } else onDone(answer)
        } catch (error) {
            setState({ busy: false, wrong: asProblem(error).message, missing: [] })
        }
    }
    if (made)
        return (
            <Banner tone="warning" title={s.setup.missingTitle} action={<Button look="primary" onClick={() => onDone(made)}>{s.setup.goOn}</Button>}>
                <ul>{state.missing.map(m => <li key={m}>{m}</li>)}</ul>
            </Banner>
        )
    return (
        <form onSubmit={e => void act(e)}>
            <p class="muted">{s.setup.connectSays}</p>
            {state.wrong && <Banner tone="error" title={s.setup.notConnected}>{state.wrong}</Banner>}
            <Switch label={s.setup.datacenter} on={form.datacenter} onChange={datacenter => set({ datacenter })} />
            <Field label={s.setup.url}>{ids => <Input {...ids} type="url" required value={form.url} onText={url => set({ url })} placeholder={form.datacenter ? 'https://jira.example.com' : 'https://example.atlassian.net'} spellcheck={false} />}</Field>
            <div class="row wrap">
                {!form.datacenter && <Field label={s.setup.email} hint={s.setup.emailHint}>{ids => <Input {...ids} type="email" required value={form.email} onText={email => set({ email })} autocomplete="off" />}</Field>}
                <Field label={form.datacenter ? s.setup.pat : s.setup.token} hint={s.setup.tokenHint}>{ids => <Input {...ids} type="password" required value={form.token} onText={token => set({ token })} autocomplete="off" />}</Field>
            </div>
            <Field label={s.setup.name} hint={s.setup.nameHint}>{ids => <Input {...ids} class="short" value={form.name} onText={name => set({ name })} spellcheck={false} />}</Field>
            {form.datacenter && (
                <>
                    <Switch label={s.setup.allowHttp} hint={s.setup.allowHttpHint} on={form.allow_http} onChange={allow_http => set({ allow_http })} />
                    <Switch label={s.setup.allowPrivate} hint={s.setup.allowPrivateHint} on={form.allow_private} onChange={allow_private => set({ allow_private })} />
                </>
            )}
            <div class="row tight"><Button type="submit" look="primary" disabled={state.busy}>{state.busy ? s.setup.checking : s.setup.check}</Button>{onCancel && <Button look="subtle" onClick={onCancel}>{s.cancel}</Button>}</div>
        </form>
    )
}

function Rest({ tenant }: { tenant: Tenant }) {
    const path = `/tenants/${encodeURIComponent(tenant.name)}/webhook`
    const hook = useLoad('hook', signal => api.get<Webhook>(path, {}, signal), true)
    const sync = useLoad('sync', signal => api.get<Sync>('/sync', {}, signal), true)
    const [fresh, setFresh] = useState<Webhook | null>(null)
    const [wrong, setWrong] = useState<string | null>(null)
    const it = sync.data
    const arrived = hook.data?.last ?? null
    const running = it?.state === 'running' || it?.state === 'waiting'
    const waiting = Boolean(hook.data?.set && !arrived) || running
    useEvery(waiting ? LOOK_MS : null, () => (hook.reload(), sync.reload()))
    const make = async () => {
        setWrong(null)
        try {
            setFresh(await api.post<Webhook>(path))
            hook.reload()
        } catch (error) {
            setWrong(asProblem(error).message)
        }
    }
    const begin = async () => {
        setWrong(null)
        try {
            const now = await api.post<Sync>('/sync', { mode: 'full' })
            sync.set(() => now)
        } catch (error) {
            setWrong(asProblem(error).message)
        }
    }
    const shown = fresh ?? hook.data
    return (
        <>
            {wrong && <Banner tone="error">{wrong}</Banner>}
            <Step n={2} title={s.setup.webhook} done={Boolean(arrived)}>
                {hook.problem ? <ProblemBox problem={hook.problem} retry={hook.reload} /> : !shown ? <Skeleton lines={2} /> : arrived && !fresh ? (
                    <p title={momentFull(arrived, 'UTC')}>{s.setup.webhookArrived(ago(arrived))} <Button look="link" onClick={() => void make()}>{s.setup.newSecret}</Button></p>
                ) : fresh ? (
                    <>
                        <ol>{fresh.steps?.map(step => <li key={step}>{step}</li>)}</ol>
                        <Field label={s.setup.hookUrl}>{() => <CopyText text={fresh.url} label={s.setup.hookUrl} />}</Field>
                        {fresh.secret && <Field label={s.setup.hookSecret} hint={s.setup.once}>{() => <CopyText text={fresh.secret!} label={s.setup.hookSecret} />}</Field>}
                        <p>{s.setup.events} {fresh.events.map(e => <code key={e}>{e} </code>)}</p>
                        <p class="muted" role="status">{arrived ? s.setup.webhookArrived(ago(arrived)) : s.setup.waitingForHook}</p>
                    </>
                ) : (
                    <>
                        <p>{shown.set ? s.setup.hookSet : s.setup.hookSays}</p>
                        <Button look={shown.set ? 'default' : 'primary'} onClick={() => void make()}>{shown.set ? s.setup.newSecret : s.setup.showHook}</Button>
                    </>
                )}
            </Step>
            <Step n={3} title={s.setup.mirror} done={Boolean(it?.complete)}>
                {sync.problem ? <ProblemBox problem={sync.problem} retry={sync.reload} /> : !it ? <Skeleton lines={2} /> : running && !it.complete ? (
                    <>
                        <Progress share={it.done} label={s.sync.progress} />
                        <p class="facts" aria-live="polite">{it.done !== null && <strong>{percent(it.done)}</strong>}<span>{s.sync.stored(number(it.stored), number(it.seen))}</span>{it.left_seconds !== null && <span>{s.sync.left(duration(Math.max(60, it.left_seconds)))}</span>}{it.limit && <span>{s.sync.limits[it.limit]}</span>}</p>
                    </>
                ) : it.complete ? <p>{s.setup.mirrored(number(it.count))}</p> : (
                    <>
                        {it.failure && <Banner tone="error">{it.failure.detail}</Banner>}
                        <p>{s.setup.mirrorSays}</p>
                        <Button look="primary" onClick={() => void begin()}>{s.setup.begin}</Button>
                    </>
                )}
            </Step>
            {it?.complete && <p><a class="button primary" href={hrefOf('/time')}>{s.setup.openTime}</a></p>}
        </>
    )
}

function Tokens() {
    const { me } = useApp()
    const list = useLoad('tokens', signal => api.get<{ tokens: ApiToken[] }>('/tokens', {}, signal))
    const [name, setName] = useState('')
    const [days, setDays] = useState('90')
    const [scopes, setScopes] = useState(['read'])
    const [fresh, setFresh] = useState<ApiToken | null>(null)
    const [wrong, setWrong] = useState<string | null>(null)
    useEffect(() => setWrong(null), [name])
    const act = async (e: Event) => {
        e.preventDefault()
        try {
            setFresh(await api.post<ApiToken>('/tokens', { name: name.trim(), scopes, expires_days: Number(days) }))
            setName('')
            list.reload()
        } catch (error) {
            setWrong(asProblem(error).message)
        }
    }
    const remove = async (t: ApiToken) => {
        try {
            await api.del<void>(`/tokens/${encodeURIComponent(t.id)}`)
            list.reload()
        } catch (error) {
            setWrong(asProblem(error).message)
        }
    }
    const zone = me.zone || 'UTC'
    return (
        <section class="card">
            <h2>{s.setup.tokens}</h2>
            <p class="muted">{s.setup.tokensSay}</p>
            {wrong && <Banner tone="error">{wrong}</Banner>}
            {fresh?.token && <Field label={s.setup.newToken(fresh.name)} hint={s.setup.once}>{() => <CopyText text={fresh.token!} label={s.setup.newToken(fresh.name)} />}</Field>}
            {list.problem ? <ProblemBox problem={list.problem} retry={list.reload} /> : !list.data ? <Skeleton lines={2} /> : list.data.tokens.length > 0 && (
                <div class="scroll-x"><table class="plain">
                    <thead><tr><th scope="col">{s.name}</th><th scope="col">{s.setup.scopes}</th><th scope="col">{s.setup.expires}</th><th scope="col">{s.setup.lastUsed}</th><th /></tr></thead>
                    <tbody>{list.data.tokens.map(t => (
                        <tr key={t.id}><th scope="row">{t.name}</th><td>{t.scopes.map(x => s.setup.scopeNames[x as 'read'] ?? x).join(', ')}</td><td title={t.expires ? momentFull(t.expires, zone) : ''}>{t.expires ? ago(t.expires) : s.never}</td><td title={t.last_used ? momentFull(t.last_used, zone) : ''}>{t.last_used ? ago(t.last_used) : s.never}</td><td class="right"><Button look="subtle" icon="trash" label={s.setup.revoke(t.name)} onClick={() => void remove(t)} /></td></tr>
                    ))}</tbody>
                </table></div>
            )}
            <form class="row wrap end" onSubmit={e => void act(e)}>
                <Field label={s.name}>{ids => <Input {...ids} value={name} maxLength={60} required onText={setName} />}</Field>
                <Field label={s.setup.scopes}>{ids => <div class="row tight" {...ids}>{(['read', 'write', 'admin'] as const).map(x => <label key={x} class="check"><input type="checkbox" checked={scopes.includes(x)} onChange={e => setScopes(e.currentTarget.checked ? [...scopes, x] : scopes.filter(y => y !== x))} />{s.setup.scopeNames[x]}</label>)}</div>}</Field>
                <Field label={s.setup.days}>{ids => <Input {...ids} class="short" inputMode="numeric" value={days} onText={setDays} />}</Field>
                <Button type="submit" disabled={!name.trim() || !scopes.length || !(Number(days) > 0)}>{s.setup.makeToken}</Button>
            </form>
        </section>
    )
}
