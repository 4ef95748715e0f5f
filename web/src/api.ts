/*
 * api.ts: the only way from the pages to the server.
 *
 * Who asks: inside a Connect frame a fresh token of the frame for each call; stand-alone the session cookie and,
 * on writes, the CSRF value that /me gave. A tenant that a local administrator chose goes along with every call.
 * A write carries an idempotency key that stays the same when it is tried again. Every failure is a `Problem` with
 * one sentence for a person.
 */
import { frame } from './frame'
import { s } from './strings'
import type { Me } from './types'

export class Problem extends Error {
    constructor(readonly status: number, readonly title: string, detail: string) {
        super(detail)
    }
}

type Value = string | number | boolean | null | undefined
export type Query = Record<string, Value | Value[]>
type Options = { query?: Query; body?: unknown; file?: Blob; key?: string; signal?: AbortSignal }

const WAIT_MS = 60_000
let csrf: string | null = null
let onSignedOut: () => void = () => {}

export function setSession(me: Me, signedOut: () => void): void {
    csrf = me.csrf
    onSignedOut = signedOut
}

export const chosenTenant = (): string | null => new URLSearchParams(location.search).get('tenant')

export function queryText(query: Query): string {
    const params = new URLSearchParams()
    for (const [name, value] of Object.entries(query))
        for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== undefined && one !== '') params.append(name, String(one))
    const tenant = chosenTenant()
    if (tenant && !params.has('tenant')) params.set('tenant', tenant)
    const text = params.toString()
    return text ? '?' + text : ''
}

export const apiUrl = (path: string, query: Query = {}): string => '/api/v1' + path + queryText(query)

/* Not randomUUID: that is there only for https and loopback. */
export function newKey(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('')
}

async function send(method: string, path: string, { query = {}, body, file, key, signal }: Options, accept: string): Promise<Response> {
    const headers: Record<string, string> = { Accept: accept }
    const token = await frame.token()
    if (token) headers.Authorization = `JWT ${token}`
    if (method !== 'GET') {
        if (csrf) headers['X-Tenon-CSRF'] = csrf
        headers['Idempotency-Key'] = key ?? newKey()
    }
    if (body !== undefined || file) headers['Content-Type'] = 'application/json'
    const limit = AbortSignal.timeout(WAIT_MS)
    const both = new AbortController()
    for (const one of [limit, signal]) one?.addEventListener('abort', () => both.abort(one.reason), { once: true })
    if (signal?.aborted) both.abort(signal.reason)
    let response: Response
    try {
        response = await fetch(apiUrl(path, query), {
            method, headers, credentials: 'same-origin', cache: 'no-store', signal: both.signal,
            ...(file ? { body: file } : body === undefined ? {} : { body: JSON.stringify(body) }),
        })
    } catch (error) {
        if (signal?.aborted) throw error
        throw limit.aborted ? new Problem(0, s.problem.slowTitle, s.problem.slow(WAIT_MS / 1000)) : new Problem(0, s.problem.offlineTitle, s.problem.offline)
    }
    if (!response.ok) throw await problemOf(response)
    return response
}

async function problemOf(response: Response): Promise<Problem> {
    if (response.status === 401) onSignedOut()
    try {
        const body = (await response.json()) as { detail?: unknown }
        if (typeof body.detail === 'string' && body.detail) return new Problem(response.status, s.problem.title, body.detail)
    } catch {
        /* not ours, perhaps a proxy's page: say what is known */
    }
    return new Problem(response.status, s.problem.title, s.problem.status(response.status))
}

async function call<T>(method: string, path: string, options: Options): Promise<T> {
    const response = await send(method, path, options, 'application/json')
    if (response.status === 204) return undefined as T
    try {
        return (await response.json()) as T
    } catch {
        throw new Problem(response.status, s.problem.title, s.problem.notJson)
    }
}

export const api = {
    get: <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', path, { ...(query && { query }), ...(signal && { signal }) }),
    post: <T>(path: string, body?: unknown, key?: string) => call<T>('POST', path, { body: body ?? {}, ...(key && { key }) }),
    /* JSON from a file, byte for byte. */
    postFile: <T>(path: string, query: Query, file: Blob, key?: string) => call<T>('POST', path, { query, file, ...(key && { key }) }),
    put: <T>(path: string, body: unknown, key?: string) => call<T>('PUT', path, { body, ...(key && { key }) }),
    del: <T>(path: string, query?: Query, key?: string) => call<T>('DELETE', path, { ...(query && { query }), ...(key && { key }) }),
    /* A file to keep. A cookie lets the browser stream it to disk; a frame's token does not fit into a link. */
    async download(path: string, query: Query, name: string): Promise<void> {
        return frame.inside ? api.keep(path, query, name) : save(apiUrl(path, query), name)
    },
    /* The same for what is small: a failure is told here, and not saved as the file. */
    async keep(path: string, query: Query, name: string): Promise<void> {
        const blob = await (await send('GET', path, { query }, '*/*')).blob()
        const url = URL.createObjectURL(blob)
        save(url, name)
        setTimeout(() => URL.revokeObjectURL(url), 60_000)
    },
}

export function save(url: string, name: string): void {
    const link = document.createElement('a')
    link.href = url
    link.download = name
    link.click()
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'
export const asProblem = (error: unknown): Problem =>
    error instanceof Problem ? error : new Problem(0, s.problem.title, error instanceof Error ? error.message : String(error))
