/* A text box with suggestions that are asked for as one types (ARIA combobox): issues, people, tags, filters. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { useDelayed, useLoad } from '../lib/hooks'
import { s } from '../strings'

export type Choice = { id: string; label: string; more?: string; icon?: ComponentChildren }
type Props = {
    label: string
    placeholder?: string
    load: (text: string, signal: AbortSignal) => Promise<Choice[]>
    onChoose: (choice: Choice) => void
    free?: boolean /* what is typed may be chosen itself */
    clear?: boolean /* empties after a choice */
    shown?: string
    first?: boolean
    id?: string
    openAtOnce?: boolean
}

export function Combo({ label, placeholder, load, onChoose, free, clear = true, shown = '', first, id: givenId, openAtOnce }: Props) {
    const [text, setText] = useState(shown)
    const [typed, setTyped] = useState(false)
    const [open, setOpen] = useState(Boolean(openAtOnce))
    const [at, setAt] = useState(0)
    const list = useId()
    const box = useRef<HTMLDivElement>(null)
    const asked = useDelayed(typed ? text.trim() : '', typed ? 150 : 0)
    const found = useLoad(open ? 'q' + asked : null, signal => load(asked, signal), true)
    const choices: Choice[] = found.data ?? []
    const typedItself: Choice[] = free && text.trim() && typed && !choices.some(c => c.label === text.trim()) ? [{ id: text.trim(), label: text.trim(), more: s.newOne }] : []
    const all = [...choices, ...typedItself]
    useEffect(() => setText(shown), [shown])
    useEffect(() => setAt(0), [found.data])
    useEffect(() => {
        if (!open) return
        const away = (e: PointerEvent) => box.current?.contains(e.target as Node) || setOpen(false)
        addEventListener('pointerdown', away)
        return () => removeEventListener('pointerdown', away)
    }, [open])
    const choose = (choice: Choice) => {
        onChoose(choice)
        setOpen(false)
        setTyped(false)
        setText(clear ? '' : choice.label)
    }
    const keys = (e: KeyboardEvent) => {
        if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
            e.preventDefault()
            if (!open) setOpen(true)
            else if (all.length) setAt((at + (e.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length)
        } else if (e.key === 'Enter' && open && all[at]) {
            e.preventDefault()
            choose(all[at])
        } else if (e.key === 'Escape' && open) {
            e.preventDefault()
            setOpen(false)
        }
    }
    return (
        <div class="combo" ref={box}>
            <input
                class="input" id={givenId} role="combobox" aria-label={label} aria-expanded={open} aria-controls={list} aria-autocomplete="list" autocomplete="off" spellcheck={false}
                aria-activedescendant={open && all[at] ? `${list}-${at}` : undefined} placeholder={placeholder} value={text} data-first={first ? '' : undefined}
                onInput={e => (setText(e.currentTarget.value), setTyped(true), setOpen(true))} onFocus={e => (e.currentTarget.value || setOpen(true), e.currentTarget.select())} onClick={() => setOpen(true)}
                onBlur={e => box.current?.contains(e.relatedTarget as Node) || setOpen(false)} onKeyDown={keys}
            />
            {open && (
                <ul class="combo-list" id={list} role="listbox" aria-label={label}>
                    {all.map((c, i) => (
                        <li key={c.id} id={`${list}-${i}`} role="option" aria-selected={i === at} onPointerDown={e => (e.preventDefault(), choose(c))} onPointerMove={() => setAt(i)}>
                            {c.icon}
                            <span class="combo-main">{c.label}</span>
                            {c.more && <span class="combo-more">{c.more}</span>}
                        </li>
                    ))}
                    {!all.length && (
                        <li class="combo-none" role="option" aria-disabled="true" aria-selected="false">
                            {found.problem ? found.problem.message : found.loading ? s.loading : s.nothingFound}
                        </li>
                    )}
                </ul>
            )}
        </div>
    )
}
