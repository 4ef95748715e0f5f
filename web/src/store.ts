/*
 * store.ts: what the pages share. Who is asking and the settings come once; names of people and issues come in
 * batches when something shows them, live from Jira, and are forgotten with the tab; writes tell here how far they
 * are, so that every page can say it truthfully.
 */
import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import { api, asProblem, newKey } from './api'
import type { IssueLabel, Me, PersonLabel, Settings } from './types'

export type App = { me: Me; settings: Settings; zone: string; reload: () => void; setSettings: (s: Settings) => void }
export const AppContext = createContext<App | null>(null)
export function useApp(): App {
    const app = useContext(AppContext)
    if (!app) throw new Error('a page was drawn before it was known who asks')
    return app
}

/* ---- Listeners ---- */
class Signal {
    private tells = new Set<() => void>()
    tell(): void {
        for (const tell of [...this.tells]) tell()
    }
    use(): void {
        const [, again] = useState(0)
        useEffect(() => {
            const tell = () => again(n => n + 1)
            this.tells.add(tell)
            return () => void this.tells.delete(tell)
        }, [])
    }
}

/* ---- Names: undefined: not known yet; null: the viewer may not see it ---- */
const BATCH = 500
const people = new Map<string, PersonLabel | null | undefined>()
const issues = new Map<string, IssueLabel | null | undefined>()
const wanted = { accounts: new Set<string>(), issues: new Set<string>() }
const labelsChanged = new Signal()
let asking = false

function want(kind: 'accounts' | 'issues', id: string): void {
    const map = kind === 'accounts' ? people : issues
    if (map.has(id)) return
    map.set(id, undefined)
    wanted[kind].add(id)
    if (!asking) {
        asking = true
        setTimeout(() => void askLabels(), 0)
    }
}

function take(set: Set<string>): string[] {
    const some = [...set].slice(0, BATCH)
    for (const id of some) set.delete(id)
    return some
}

async function askLabels(): Promise<void> {
    while (wanted.accounts.size || wanted.issues.size) {
        const asked = { accounts: take(wanted.accounts), issues: take(wanted.issues) }
        try {
            const got = await api.post<{ accounts: Record<string, PersonLabel>; issues: Record<string, IssueLabel> }>('/labels', asked)
            for (const id of asked.accounts) people.set(id, got.accounts[id] ?? null)
            for (const id of asked.issues) issues.set(id, got.issues[id] ?? null)
        } catch {
            for (const id of asked.accounts) people.delete(id)
            for (const id of asked.issues) issues.delete(id)
            labelsFailed = true
            break
        }
        labelsFailed = false
        labelsChanged.tell()
    }
    asking = false
    labelsChanged.tell()
}
let labelsFailed = false

export function useLabels() {
    labelsChanged.use()
    return {
        failed: labelsFailed,
        issue: (id: string): IssueLabel | null | undefined => (labelsFailed || want('issues', id), issues.get(id)),
        person: (id: string): PersonLabel | null | undefined => (labelsFailed || want('accounts', id), people.get(id)),
        retry: () => {
            labelsFailed = false
            labelsChanged.tell()
        },
    }
}
export type Labels = ReturnType<typeof useLabels>

/* ---- Writes ---- */
export type Write = { id: number; place: string; what: string; state: 'saving' | 'saved' | 'failed'; detail: string; at: number; again: () => void }
let writes: Write[] = []
let lastId = 0
const writesChanged = new Signal()
const SHOWN = 20

function put(write: Write): void {
    writes = [write, ...writes.filter(w => w.id !== write.id && w.place !== write.place)].slice(0, SHOWN)
    writesChanged.tell()
}

/* Runs a write, tells how far it is under `place`, and offers it again under the same key when it failed. */
export async function write<T>(place: string, what: string, act: (key: string) => Promise<T>, done?: (result: T) => void): Promise<boolean> {
    const key = newKey()
    const base = { id: ++lastId, place, what, detail: '' }
    const run = async (): Promise<boolean> => {
        put({ ...base, state: 'saving', at: Date.now(), again: () => {} })
        try {
            const result = await act(key)
            put({ ...base, state: 'saved', at: Date.now(), again: () => {} })
            done?.(result)
            return true
        } catch (error) {
            put({ ...base, state: 'failed', detail: asProblem(error).message, at: Date.now(), again: () => void run() })
            return false
        }
    }
    return run()
}

export function forgetWrite(id: number): void {
    writes = writes.filter(w => w.id !== id)
    writesChanged.tell()
}

export function useWrites(): Write[] {
    writesChanged.use()
    return writes
}
