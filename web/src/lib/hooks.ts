/* What a page waits for: data that stays on the screen while newer is fetched, and the failure beside it. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { asProblem, isAbort, type Problem } from '../api'

export type Loaded<T> = { data: T | null; problem: Problem | null; loading: boolean; reload: () => void; set: (change: (data: T) => T) => void }

/* `key` says what is asked: when it changes the old answer is put away unless `keep`; null asks for nothing. */
export function useLoad<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>, keep = false): Loaded<T> {
    const [state, setState] = useState<{ key: string | null; data: T | null; problem: Problem | null; loading: boolean }>({
        key, data: null, problem: null, loading: key !== null,
    })
    const [turn, setTurn] = useState(0)
    const latest = useRef(load)
    latest.current = load
    useEffect(() => {
        if (key === null) return
        const stop = new AbortController()
        setState(old => ({ key, data: keep || old.key === key ? old.data : null, problem: null, loading: true }))
        latest.current(stop.signal).then(
            data => stop.signal.aborted || setState({ key, data, problem: null, loading: false }),
            error => {
                if (stop.signal.aborted || isAbort(error)) return
                setState(old => ({ key, data: old.data, problem: asProblem(error), loading: false }))
            },
        )
        return () => stop.abort()
    }, [key, turn])
    const reload = useCallback(() => setTurn(t => t + 1), [])
    const set = useCallback((change: (data: T) => T) => setState(old => (old.data === null ? old : { ...old, data: change(old.data) })), [])
    const fresh = key === null ? { data: null, problem: null, loading: false } : state.key === key || keep ? state : { data: null, problem: null, loading: true }
    return { data: fresh.data, problem: fresh.problem, loading: fresh.loading, reload, set }
}

export function useDelayed<T>(value: T, wait_ms: number): T {
    const [late, setLate] = useState(value)
    useEffect(() => {
        const timer = setTimeout(() => setLate(value), wait_ms)
        return () => clearTimeout(timer)
    }, [value, wait_ms])
    return late
}

export function useEvery(wait_ms: number | null, act: () => void): void {
    const latest = useRef(act)
    latest.current = act
    useEffect(() => {
        if (wait_ms === null) return
        const timer = setInterval(() => document.hidden || latest.current(), wait_ms)
        return () => clearInterval(timer)
    }, [wait_ms])
}

export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
    const latest = useRef(keys)
    latest.current = keys
    useEffect(() => {
        const listen = (event: KeyboardEvent) => {
            const target = event.target as HTMLElement
            if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
            if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable || document.querySelector('dialog[open]')) return
            const act = latest.current[event.key]
            if (act) {
                event.preventDefault()
                act(event)
            }
        }
        addEventListener('keydown', listen)
        return () => removeEventListener('keydown', listen)
    }, [])
}

/* A value of this browser alone: never a text of Jira's, ids and choices only. */
export function useKept<T>(name: string, initial: T): [T, (value: T) => void] {
    const [value, set] = useState<T>(() => {
        try {
            const text = localStorage.getItem('tenon.' + name)
            return text === null ? initial : (JSON.parse(text) as T)
        } catch {
            return initial
        }
    })
    const keep = useCallback((next: T) => {
        set(next)
        try {
            localStorage.setItem('tenon.' + name, JSON.stringify(next))
        } catch {
            /* a private window: it holds until the page is closed */
        }
    }, [name])
    return [value, keep]
}
