/*
 * route.ts: the address is the state. A page reads its parameters from it and writes them back; "back" works, and a
 * copied link shows the same. What Jira put into the address for itself is no state: its token is dropped at the
 * first change, the rest stays as long as we are inside its frame, so that loading the page again works there.
 */
import { useEffect, useState } from 'preact/hooks'
import { frame } from './frame'

export type Route = { path: string; params: URLSearchParams }
type Patch = Record<string, string | string[] | null | undefined>

const FOREIGN = /^(jwt|xdm_.*|cp|lic|cv|loc|tz|xdm|ui-params|contextJwt)$/
const TOKEN = /jwt$/i
const ofFrame = frame.inside ? [...new URLSearchParams(location.search)].filter(([name]) => FOREIGN.test(name) && !TOKEN.test(name)) : []
const listeners = new Set<() => void>()
const read = (): Route => {
    const params = new URLSearchParams(location.search)
    for (const name of [...params.keys()]) if (FOREIGN.test(name)) params.delete(name)
    return { path: location.pathname === '/' ? '/time' : location.pathname.replace(/\/$/, ''), params }
}
let current = read()

function changed(): void {
    current = read()
    for (const tell of listeners) tell()
}
addEventListener('popstate', changed)

export const route = (): Route => current

export function hrefOf(path: string, params: Patch | URLSearchParams = {}): string {
    const out = new URLSearchParams()
    const tenant = current.params.get('tenant')
    if (tenant) out.set('tenant', tenant)
    if (params instanceof URLSearchParams) for (const [k, v] of params) out.append(k, v)
    else apply(out, params)
    const text = out.toString()
    return path + (text ? '?' + text : '')
}

function apply(params: URLSearchParams, patch: Patch): void {
    for (const [name, value] of Object.entries(patch)) {
        params.delete(name)
        for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== undefined && one !== '') params.append(name, one)
    }
}

export function go(href: string, replace = false): void {
    const url = new URL(href, location.origin)
    for (const [name, value] of ofFrame) url.searchParams.append(name, value)
    const to = url.pathname + url.search
    if (to === location.pathname + location.search) return
    history[replace ? 'replaceState' : 'pushState'](null, '', to)
    changed()
}

/* Changes some parameters of this page and keeps the others. */
export function setParams(patch: Patch, replace = false): void {
    const params = new URLSearchParams(current.params)
    apply(params, patch)
    const text = params.toString()
    go(current.path + (text ? '?' + text : ''), replace)
}

export function useRoute(): Route {
    const [at, set] = useState(current)
    useEffect(() => {
        const tell = () => set(current)
        listeners.add(tell)
        tell()
        return () => void listeners.delete(tell)
    }, [])
    return at
}

/* Links inside the pages do not load the page again; anything else is the browser's. */
export function followLinks(): void {
    document.addEventListener('click', event => {
        if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        const link = (event.target as Element | null)?.closest?.('a')
        if (!link || link.target || link.hasAttribute('download') || link.dataset.external !== undefined || link.origin !== location.origin) return
        if (!/^\/(time|reports|sync|settings|data|setup|sign-in)?$/.test(link.pathname)) return
        event.preventDefault()
        go(link.pathname + link.search)
        scrollTo(0, 0)
    })
}
