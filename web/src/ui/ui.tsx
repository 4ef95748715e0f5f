/* The parts that pages are made of. Looks are in style/; nothing here knows of time or Jira. */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { Problem } from '../api'
import { s } from '../strings'

type Kids = { children?: ComponentChildren }
const ICONS = {
    clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 4v5l3.5 2',
    chart: 'M4 20V10m6 10V4m6 16v-7m4 7H3',
    sync: 'M20 11a8 8 0 0 0-14.5-4M4 4v4h4M4 13a8 8 0 0 0 14.5 4M20 20v-4h-4',
    settings: 'M4 7h9m5 0h2M4 17h3m5 0h8M15.5 4.5v5M9.5 14.5v5',
    data: 'M4 6c0-3.6 16-3.6 16 0v12c0 3.6-16 3.6-16 0zM4 6c0 3.6 16 3.6 16 0M4 12c0 3.6 16 3.6 16 0',
    left: 'M15 5l-7 7 7 7',
    right: 'M9 5l7 7-7 7',
    down: 'M5 9l7 7 7-7',
    plus: 'M12 5v14M5 12h14',
    close: 'M6 6l12 12M18 6L6 18',
    check: 'M5 12.5l4.5 4.5L19 7',
    warning: 'M12 4l9 16H3zm0 6v5m0 2.2v.3',
    info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 8v5m0-8.3v.3',
    play: 'M7 5l12 7-12 7z',
    stop: 'M7 7h10v10H7z',
    trash: 'M5 7h14M10 7V4h4v3m-7 0l1 13h8l1-13',
    copy: 'M8 8h12v12H8zM4 16V4h12',
    move: 'M4 12h16m-5-5l5 5-5 5',
    grip: 'M9 6v.1M15 6v.1M9 12v.1M15 12v.1M9 18v.1M15 18v.1',
    person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c0-4.5 3.5-7 8-7s8 2.5 8 7',
    download: 'M12 4v11m-5-5l5 5 5-5M4 20h16',
    link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.600L12 7m2 3a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.600L12 17',
    help: 'M9 9a3 3 0 1 1 4.200 2.800c-.8.400-1.200 1-1.200 2.200m0 3v.2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
    search: 'M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500L20 20',
} as const
export type IconName = keyof typeof ICONS

export const Icon = ({ name, size = 16 }: { name: IconName; size?: number }) => (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
        <path d={ICONS[name]} />
    </svg>
)

type ButtonProps = Kids & Omit<JSX.HTMLAttributes<HTMLButtonElement>, 'icon'> & {
    look?: 'default' | 'primary' | 'subtle' | 'danger' | 'link'
    icon?: IconName
    label?: string /* the name of a button that shows only its icon */
    disabled?: boolean
    type?: 'button' | 'submit'
    pressed?: boolean
}
export const Button = ({ look = 'default', icon, label, children, type = 'button', pressed, class: more, ...rest }: ButtonProps) => (
    <button type={type} class={`button ${look}${children ? '' : ' bare'}${more ? ` ${String(more)}` : ''}`} aria-label={label} title={label} aria-pressed={pressed} {...rest}>
        {icon && <Icon name={icon} />}
        {children}
    </button>
)

/* Grey bars, after 150 ms only (style): what comes at once does not flicker. */
export const Skeleton = ({ lines = 5, height }: { lines?: number; height?: number }) => (
    <div class="skeleton" role="status" aria-label={s.loading}>
        {Array.from({ length: lines }, (_, i) => (
            <div key={i} class="bar" style={height ? { height: `${height}px` } : {}} />
        ))}
    </div>
)

export type Tone = 'info' | 'warning' | 'error' | 'success'
export const Banner = ({ tone, title, children, action }: Kids & { tone: Tone; title?: string; action?: ComponentChildren }) => (
    <div class={`banner ${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
        <Icon name={tone === 'success' ? 'check' : tone === 'info' ? 'info' : 'warning'} size={20} />
        <div class="banner-text">
            {title && <strong>{title}</strong>}
            {children && <div>{children}</div>}
        </div>
        {action && <div class="banner-action">{action}</div>}
    </div>
)

export const ProblemBox = ({ problem, retry, title }: { problem: Problem; retry?: () => void; title?: string }) => (
    <Banner tone="error" title={title ?? problem.title} action={retry && <Button onClick={retry}>{s.tryAgain}</Button>}>
        {problem.message}
    </Banner>
)

export const Empty = ({ title, children, action }: Kids & { title: string; action?: ComponentChildren }) => (
    <div class="empty">
        <h2>{title}</h2>
        {children && <p>{children}</p>}
        {action}
    </div>
)

export function Segmented<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: { value: T; label: string }[]; onChange: (v: T) => void }) {
    const box = useRef<HTMLDivElement>(null)
    const move = (event: KeyboardEvent) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
        if (!step) return
        event.preventDefault()
        const at = (options.findIndex(o => o.value === value) + step + options.length) % options.length
        onChange(options[at]!.value)
        ;(box.current?.children[at] as HTMLElement | undefined)?.focus()
    }
    return (
        <div class="segmented" role="radiogroup" aria-label={label} ref={box} onKeyDown={move}>
            {options.map(o => (
                <button key={o.value} type="button" role="radio" aria-checked={o.value === value} tabIndex={o.value === value ? 0 : -1} onClick={() => onChange(o.value)}>
                    {o.label}
                </button>
            ))}
        </div>
    )
}

export function Field({ label, hint, error, children }: { label: string; hint?: ComponentChildren; error?: string | null; children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ComponentChildren }) {
    const id = useId()
    const about = hint || error ? `${id}-about` : undefined
    return (
        <div class={`field${error ? ' wrong' : ''}`}>
            <label for={id}>{label}</label>
            {children({ id, ...(about && { 'aria-describedby': about }), ...(error && { 'aria-invalid': true }) })}
            {about && (
                <div id={about} class="field-about">
                    {error ? <span class="error-text">{error}</span> : hint}
                </div>
            )}
        </div>
    )
}

type InputProps = JSX.HTMLAttributes<HTMLInputElement> & { value: string; onText: (text: string) => void; type?: string; placeholder?: string; required?: boolean; min?: string; max?: string; autocomplete?: string; spellcheck?: boolean; maxLength?: number; inputMode?: string; disabled?: boolean; list?: string; readOnly?: boolean }
export const Input = ({ onText, class: more, ...rest }: InputProps) => (
    <input class={`input ${String(more ?? '')}`} onInput={e => onText(e.currentTarget.value)} {...(rest as object)} />
)

export function Select<T extends string>({ value, options, onChange, ...rest }: { value: T; options: { value: T; label: string }[]; onChange: (v: T) => void } & Omit<JSX.HTMLAttributes<HTMLSelectElement>, 'onChange' | 'value'>) {
    return (
        <select class="input" value={value} onChange={e => onChange(e.currentTarget.value as T)} {...(rest as object)}>
            {options.map(o => (
                <option key={o.value} value={o.value}>
                    {o.label}
                </option>
            ))}
        </select>
    )
}

export const Switch = ({ label, on, onChange, hint }: { label: string; on: boolean; onChange: (on: boolean) => void; hint?: string }) => (
    <label class="switch">
        <input type="checkbox" role="switch" checked={on} onChange={e => onChange(e.currentTarget.checked)} />
        <span class="switch-track" aria-hidden="true" />
        <span>
            {label}
            {hint && <small>{hint}</small>}
        </span>
    </label>
)

/* A modal dialogue: the browser's own, which traps focus and closes with Escape. */
export function Dialog({ title, onClose, children, actions, wide }: Kids & { title: string; onClose: () => void; actions?: ComponentChildren; wide?: boolean }) {
    const ref = useRef<HTMLDialogElement>(null)
    const id = useId()
    useEffect(() => {
        const dialog = ref.current
        const before = document.activeElement as HTMLElement | null
        dialog?.showModal()
        return () => {
            dialog?.close()
            before?.focus?.()
        }
    }, [])
    return (
        <dialog ref={ref} class={wide ? 'wide' : ''} aria-labelledby={id} onCancel={e => (e.preventDefault(), onClose())} onClick={e => e.target === ref.current && onClose()}>
            <div class="dialog-body">
                <header>
                    <h2 id={id}>{title}</h2>
                    <Button look="subtle" icon="close" label={s.close} onClick={onClose} />
                </header>
                {children}
                {actions && <footer>{actions}</footer>}
            </div>
        </dialog>
    )
}

/* A panel at the side; the page behind it stays in use. */
export function Panel({ title, onClose, children, footer }: Kids & { title: string; onClose: () => void; footer?: ComponentChildren }) {
    const ref = useRef<HTMLElement>(null)
    const id = useId()
    useEffect(() => {
        const before = document.activeElement as HTMLElement | null
        const box = ref.current
        ;(box?.querySelector<HTMLElement>('[data-first]') ?? box?.querySelector<HTMLElement>('input, textarea, select, button'))?.focus()
        return () => before?.isConnected && before.focus()
    }, [])
    return (
        <aside class="panel" ref={ref} role="dialog" aria-labelledby={id} onKeyDown={e => e.key === 'Escape' && !e.defaultPrevented && onClose()}>
            <header>
                <h2 id={id}>{title}</h2>
                <Button look="subtle" icon="close" label={s.close} onClick={onClose} />
            </header>
            <div class="panel-body">{children}</div>
            {footer && <footer>{footer}</footer>}
        </aside>
    )
}

export const Progress = ({ share, label }: { share: number | null; label: string }) => (
    <div class={`progress${share === null ? ' unknown' : ''}`} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} {...(share !== null && { 'aria-valuenow': Math.round(share * 100) })}>
        <div style={{ width: `${Math.min(1, share ?? 0.3) * 100}%` }} />
    </div>
)

export const Lozenge = ({ tone = 'default', children }: Kids & { tone?: Tone | 'default' }) => <span class={`lozenge ${tone}`}>{children}</span>

/* A box that can be copied from. */
export function CopyText({ text, label }: { text: string; label: string }) {
    const ref = useRef<HTMLInputElement>(null)
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text)
        } catch {
            ref.current?.select() /* no clipboard without https: selected, ready for Ctrl-C */
        }
    }
    return (
        <div class="copy-text">
            <input class="input" ref={ref} readOnly value={text} aria-label={label} onFocus={e => e.currentTarget.select()} />
            <Button icon="copy" label={`${s.copy} ${label}`} onClick={() => void copy()} />
        </div>
    )
}
