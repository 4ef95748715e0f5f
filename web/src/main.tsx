/*
 * main.tsx: who is asking, then the page of the address. Stand-alone there is a bar and a rail; inside a Jira frame
 * only the page, since Jira has its own around it.
 */
import 'virtual:tokens.css'
import './style/base.css'
import './style/parts.css'
import './style/pages.css'
import { render, type ComponentType } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import { api, asProblem, setSession, type Problem } from './api'
import { frame } from './frame'
import { useKeys } from './lib/hooks'
import { followLinks, go, hrefOf, useRoute } from './route'
import { AppContext, type App } from './store'
import { s } from './strings'
import { Banner, Button, Dialog, Empty, Icon, ProblemBox, Skeleton, type IconName } from './ui/ui'
import type { Me, Settings } from './types'

type Page = { title: string; icon?: IconName; load: () => Promise<{ default: ComponentType }>; needs: (me: Me) => boolean }
const PAGES: Record<string, Page> = {
    '/time': { title: s.pages.time, icon: 'clock', load: () => import('./pages/time'), needs: () => true },
    '/reports': { title: s.pages.reports, icon: 'chart', load: () => import('./pages/reports'), needs: () => true },
    '/sync': { title: s.pages.sync, icon: 'sync', load: () => import('./pages/sync'), needs: me => me.may.admin },
    '/settings': { title: s.pages.settings, icon: 'settings', load: () => import('./pages/settings'), needs: me => me.may.admin },
    '/data': { title: s.pages.data, icon: 'data', load: () => import('./pages/data'), needs: () => true },
    '/setup': { title: s.pages.setup, load: () => import('./pages/setup'), needs: me => me.role === 'admin' },
}

/* A page's code, fetched once; the failure of a new version having replaced it is told with the remedy. */
function PageView({ page }: { page: Page }) {
    const [Loaded, setLoaded] = useState<{ of: Page; View: ComponentType } | null>(null)
    const [failed, setFailed] = useState(false)
    useEffect(() => {
        let on = true
        setFailed(false)
        page.load().then(m => on && setLoaded({ of: page, View: m.default }), () => on && setFailed(true))
        return () => void (on = false)
    }, [page])
    if (failed) return <main class="page"><Banner tone="error" title={s.problem.title} action={<Button onClick={() => location.reload()}>{s.reload}</Button>}>{s.problem.chunk}</Banner></main>
    return Loaded?.of === page ? <Loaded.View /> : <main class="page"><Skeleton lines={6} height={40} /></main>
}

function Root() {
    const { path, params } = useRoute()
    const [app, setApp] = useState<{ me: Me; settings: Settings } | null>(null)
    const [problem, setProblem] = useState<Problem | null>(null)
    const [help, setHelp] = useState(false)
    const tenant = params.get('tenant')
    const signIn = path === '/sign-in'
    const load = useCallback(async () => {
        setProblem(null)
        try {
            const me = await api.get<Me>('/me')
            setSession(me, () => frame.inside || toSignIn())
            if (!me.tenant) {
                if (me.role === 'admin' && !me.tenants.length && location.pathname !== '/setup') go('/setup', true)
                setApp({ me, settings: NO_SETTINGS })
                return
            }
            setApp({ me, settings: await api.get<Settings>('/settings') })
        } catch (error) {
            const p = asProblem(error)
            if (p.status === 401 && !frame.inside) toSignIn()
            else setProblem(p)
        }
    }, [])
    useEffect(() => {
        if (!signIn) void load()
    }, [tenant, signIn])
    useKeys({
        '?': () => setHelp(true),
        '1': () => go(hrefOf('/time')), '2': () => go(hrefOf('/reports')), '3': () => app?.me.may.admin && go(hrefOf('/sync')), '4': () => app?.me.may.admin && go(hrefOf('/settings')), '5': () => go(hrefOf('/data')),
    })
    const page = PAGES[path]
    useEffect(() => {
        document.title = `${page?.title ?? (signIn ? s.pages.signIn : s.pages.unknown)} · Tenon`
    }, [path])

    if (signIn) return <PageView page={SIGN_IN} />
    if (problem) return <main class="page lonely"><ProblemBox problem={problem} retry={() => void load()} /></main>
    if (!app) return <Frame me={null} path={path}><main class="page"><Skeleton lines={6} height={40} /></main></Frame>
    const value: App = { ...app, zone: app.settings.zone && app.me.by === 'session' && !app.me.account ? app.settings.zone : app.me.zone || 'UTC', reload: () => void load(), setSettings: settings => setApp({ ...app, settings }) }
    const needsTenant = !app.me.tenant && path !== '/setup'
    return (
        <AppContext.Provider value={value}>
            <Frame me={app.me} path={path}>
                {!page ? (
                    <main class="page"><Empty title={s.problem.noPage} action={<a class="button primary" href={hrefOf('/time')}>{s.pages.time}</a>}>{s.problem.noPageSays(path)}</Empty></main>
                ) : !page.needs(app.me) ? (
                    <main class="page"><Empty title={s.problem.notAllowed} action={<a class="button" href={hrefOf('/time')}>{s.pages.time}</a>}>{s.problem.notAllowedSays}</Empty></main>
                ) : needsTenant ? (
                    <main class="page"><Empty title={s.chooseTenant}>{s.chooseTenantSays}</Empty><div class="chips center">{app.me.tenants.map(t => <a class="button" key={t.id} href={`${path}?tenant=${encodeURIComponent(t.name)}`}>{t.name}</a>)}</div></main>
                ) : (
                    <PageView key={`${path} ${app.me.tenant?.id ?? ''}`} page={page} />
                )}
            </Frame>
            {help && <Keys onClose={() => setHelp(false)} />}
        </AppContext.Provider>
    )
}
const SIGN_IN: Page = { title: s.pages.signIn, load: () => import('./pages/signin'), needs: () => true }

function toSignIn(): void {
    if (location.pathname === '/sign-in') return
    go(`/sign-in?return=${encodeURIComponent(location.pathname + location.search)}`, true)
}

function Frame({ me, path, children }: { me: Me | null; path: string; children: preact.ComponentChildren }) {
    if (frame.inside) return <div class="framed">{children}</div>
    const leave = async () => {
        await api.del<void>('/session').catch(() => undefined)
        location.assign('/sign-in')
    }
    const links = Object.entries(PAGES).filter(([, p]) => p.icon && (!me || p.needs(me)))
    return (
        <div class="alone">
            <a class="skip" href="#content" data-external>{s.skip}</a>
            <header class="bar">
                <a class="brand" href={hrefOf('/time')}><BrandMark />Tenon</a>
                {me && me.tenants.length > 1 ? (
                    <select class="input tenant" aria-label={s.tenant} value={me.tenant?.name ?? ''} onChange={e => location.assign(`${path}?tenant=${encodeURIComponent(e.currentTarget.value)}`)}>
                        {!me.tenant && <option value="">{s.chooseTenant}</option>}
                        {me.tenants.map(t => <option key={t.id} value={t.name}>{t.name}</option>)}
                    </select>
                ) : (
                    <span class="tenant">{me?.tenant?.name}</span>
                )}
                {me && (
                    <details class="menu push">
                        <summary class="button subtle"><Icon name="person" /><span class="bar-name">{me.name ?? (me.role === 'admin' ? s.localAdmin : s.person)}</span></summary>
                        <div class="menu-list">
                            {me.role === 'admin' && <a class="button subtle" href="/setup">{s.pages.setup}</a>}
                            <a class="button subtle" href="/data-storage" data-external>{s.whatIsStored}</a>
                            <a class="button subtle" href="/openapi.yaml" data-external>{s.apiDescription}</a>
                            <Button look="subtle" onClick={() => void leave()}>{s.signOut}</Button>
                            <p class="muted small">Tenon {me.version} · {me.zone}</p>
                        </div>
                    </details>
                )}
            </header>
            <nav class="rail" aria-label={s.mainNav}>
                {links.map(([href, p]) => <a key={href} href={hrefOf(href)} aria-current={path === href ? 'page' : undefined}><Icon name={p.icon!} size={20} /><span>{p.title}</span></a>)}
            </nav>
            <div class="content" id="content">
                {me?.consent?.sign_in_again && <Again me={me} path={path} />}
                {children}
            </div>
        </div>
    )
}

/* The consent to act for a person in Jira has ended, or will soon. */
const Again = ({ me, path }: { me: Me; path: string }) => (
    <Banner tone="warning" action={<a class="button" href={`/auth/jira/start?return=${encodeURIComponent(path)}${me.tenant ? `&tenant=${encodeURIComponent(me.tenant.name)}` : ''}`} data-external>{s.signInAgain}</a>}>
        {me.consent?.ends ? s.consentEnds(me.consent.ends.slice(0, 10)) : s.consentEnded}
    </Banner>
)

const BrandMark = () => (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="6" class="brand-back" /><path d="M7 8h18v5h-6v11h-6V13H7z" class="brand-fore" /></svg>
)

const Keys = ({ onClose }: { onClose: () => void }) => (
    <Dialog title={s.keys.title} onClose={onClose}>
        {s.keys.groups.map(group => (
            <section key={group.name}>
                <h3>{group.name}</h3>
                <dl class="keys">{group.keys.map(([keys, what]) => <div key={keys}><dt>{keys.split(' ').map((k, i) => (k === '–' || k === '/' ? ` ${k} ` : <kbd key={i}>{k}</kbd>))}</dt><dd>{what}</dd></div>)}</dl>
            </section>
        ))}
    </Dialog>
)

const NO_ACCESS = { everybody: true, accounts: [], groups: [] }
const NO_SETTINGS: Settings = {
    working_days: [1, 2, 3, 4, 5], holidays: [], extra_days: [], expected_seconds: 28_800, week_start: 1, zone: 'UTC', rounding_minutes: 0,
    comment_required: false, warn_future: false, page_size: 50, non_working_issues: [], access: { log: NO_ACCESS, report: NO_ACCESS, others: NO_ACCESS },
    billing: { by_default: true, tags: [], projects: [] }, name_hidden_projects: false,
    non_working_patterns: [], estimate_mail: { send: 'none', projects: [], time: '08:00' },
}

followLinks()
document.addEventListener('click', e => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>('details.menu[open]')) if (!menu.querySelector('summary')!.contains(e.target as Element)) menu.open = false
})
if (frame.inside) document.documentElement.classList.add('in-frame')
render(<Root />, document.getElementById('app')!)
