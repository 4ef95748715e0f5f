/* Sign-in, stand-alone: a password of this server, Jira's own sign-in, or a one-time link that sets a password. */
import { useEffect, useState } from 'preact/hooks'
import { api, asProblem } from '../api'
import { useLoad } from '../lib/hooks'
import { useRoute } from '../route'
import { s } from '../strings'
import { Banner, Button, Field, Input, ProblemBox, Skeleton } from '../ui/ui'

const LEAST = 12
/* Only a path of ours: an address from outside must not send anybody elsewhere. */
const backTo = (text: string | null) => (text && /^\/(?![/\\])[^\\]*$/.test(text) && !text.startsWith('/sign-in') ? text : '/time')

export default function SignIn() {
    const { params } = useRoute()
    const [link] = useState(() => params.get('link') ?? new URLSearchParams(location.hash.slice(1)).get('link'))
    const back = backTo(params.get('return'))
    const ways = useLoad('ways', signal => api.get<{ ways: string[]; link: boolean }>('/session', {}, signal))
    const [password, setPassword] = useState('')
    const [again, setAgain] = useState('')
    const [wrong, setWrong] = useState<string | null>(params.get('error') ? s.signIn.jiraFailed : null)
    const [busy, setBusy] = useState(false)
    useEffect(() => {
        /* the one-time link is not left in the history */
        if (link) history.replaceState(null, '', `/sign-in?return=${encodeURIComponent(back)}`)
    }, [])
    const act = async (e: Event) => {
        e.preventDefault()
        if (link && password.length < LEAST) return setWrong(s.signIn.tooShort(LEAST))
        if (link && password !== again) return setWrong(s.signIn.differ)
        setBusy(true)
        try {
            await api.post<void>('/session', link ? { link, password } : { password })
            location.assign(back)
        } catch (error) {
            setWrong(asProblem(error).message)
            setBusy(false)
        }
    }
    const jira = `/auth/jira/start?return=${encodeURIComponent(back)}${params.get('tenant') ? `&tenant=${encodeURIComponent(params.get('tenant')!)}` : ''}`
    return (
        <main class="sign-in">
            <div class="card">
                <h1>{link ? s.signIn.welcome : s.signIn.title}</h1>
                {wrong && <Banner tone="error">{wrong}</Banner>}
                {ways.problem ? <ProblemBox problem={ways.problem} retry={ways.reload} /> : !ways.data ? <Skeleton lines={3} height={40} /> : (
                    <>
                        {!link && ways.data.ways.includes('jira') && (
                            <>
                                <a class="button primary wide" href={jira} data-external>{s.signIn.jira}</a>
                                <p class="muted small">{s.signIn.jiraSays}</p>
                            </>
                        )}
                        {(link || ways.data.ways.includes('password')) && (
                            <form onSubmit={e => void act(e)}>
                                {!link && ways.data.ways.includes('jira') && <p class="or"><span>{s.or}</span></p>}
                                <Field label={link ? s.signIn.newPassword : s.signIn.password} hint={link ? s.signIn.passwordHint(LEAST) : undefined}>
                                    {ids => <Input {...ids} type="password" value={password} onText={setPassword} autocomplete={link ? 'new-password' : 'current-password'} required />}
                                </Field>
                                {link && <Field label={s.signIn.again}>{ids => <Input {...ids} type="password" value={again} onText={setAgain} autocomplete="new-password" required />}</Field>}
                                <Button type="submit" look={ways.data.ways.includes('jira') && !link ? 'default' : 'primary'} class="wide" disabled={busy || !password}>{link ? s.signIn.set : s.signIn.enter}</Button>
                            </form>
                        )}
                        {!link && <p class="muted small">{ways.data.link ? s.signIn.noPasswordYet : s.signIn.lost} <code>tenon admin</code></p>}
                    </>
                )}
            </div>
        </main>
    )
}
