/*
 * The calendar: blocks by hour. Drag moves (up, down, to another day), the lower edge stretches; with the keyboard
 * Alt and arrows do the same. A block goes back where it was when Jira refuses.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { partsIn } from '../../lib/dates'
import { clockText, duration } from '../../lib/duration'
import { dayLong, dayShort } from '../../lib/format'
import { setParams } from '../../route'
import { useApp, useLabels, useWrites } from '../../store'
import { s } from '../../strings'
import type { Time } from './data'
import { expectedOf, lanesOf, secondsByDay, type Local } from './model'

const HOUR_PX = 48
const LEAST = 900
type Drag = { id: string; kind: 'move' | 'stretch'; x: number; y: number; date: string; start: number; seconds: number; moved: boolean }
type Props = { logs: Local[]; days: string[]; today: string; time: Time; readOnly: boolean }

export function Calendar({ logs, days, today, time, readOnly }: Props) {
    const { settings, zone } = useApp()
    const labels = useLabels()
    const writes = useWrites()
    const [drag, setDrag] = useState<Drag | null>(null)
    const [focused, setFocused] = useState<string | null>(null)
    const scroll = useRef<HTMLDivElement>(null)
    const columns = useRef<HTMLDivElement>(null)
    const byDay = secondsByDay(logs)
    const snap = (settings.rounding_minutes || 15) * 60
    const now = partsIn(Date.now(), zone)
    useEffect(() => {
        const earliest = Math.min(8 * 3600, ...logs.map(w => w.start))
        scroll.current?.scrollTo({ top: (earliest / 3600) * HOUR_PX - 16 })
    }, [days[0]])

    const put = (log: Local, date: string, start: number, seconds: number) => {
        if (date === log.date && start === log.start && seconds === log.seconds) return
        void time.update(`log:${log.id}`, log.id, {
            ...((date !== log.date || start !== log.start) && { started: time.moment(date, start) }),
            ...(seconds !== log.seconds && { seconds }),
        })
    }
    const grab = (e: PointerEvent, log: Local, kind: Drag['kind']) => {
        if (readOnly || e.button) return
        e.stopPropagation()
        ;(e.currentTarget as Element).setPointerCapture(e.pointerId)
        setDrag({ id: log.id, kind, x: e.clientX, y: e.clientY, date: log.date, start: log.start, seconds: log.seconds, moved: false })
    }
    const pull = (e: PointerEvent, log: Local) => {
        if (!drag || drag.id !== log.id) return
        const dy = Math.round(((e.clientY - drag.y) / HOUR_PX) * 3600 / snap) * snap
        if (!drag.moved && Math.abs(e.clientY - drag.y) < 4 && Math.abs(e.clientX - drag.x) < 4) return
        if (drag.kind === 'stretch') return setDrag({ ...drag, moved: true, seconds: Math.max(LEAST, Math.min(log.seconds + dy, 86_400 - log.start)) })
        const box = columns.current!.getBoundingClientRect()
        const col = Math.max(0, Math.min(days.length - 1, Math.floor(((e.clientX - box.left) / box.width) * days.length)))
        setDrag({ ...drag, moved: true, date: days[col]!, start: Math.max(0, Math.min(86_400 - LEAST, log.start + dy)) })
    }
    const release = (log: Local) => {
        if (!drag || drag.id !== log.id) return
        setDrag(null)
        if (drag.moved) put(log, drag.date, drag.start, drag.seconds)
        else setParams({ open: log.id, issue: null, day: null })
    }
    const keys = (e: KeyboardEvent, log: Local) => {
        if (e.key === 'Enter' || e.key === ' ') {
            e.preventDefault()
            return setParams({ open: log.id, issue: null, day: null })
        }
        if (!e.altKey || readOnly) return
        const step: Record<string, [number, number]> = { ArrowUp: [0, -snap], ArrowDown: [0, snap], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }
        const by = step[e.key]
        if (!by) return
        e.preventDefault()
        const date = days[days.indexOf(log.date) + by[0]] ?? log.date
        if (e.shiftKey) put(log, log.date, log.start, Math.max(LEAST, log.seconds + by[1]))
        else put(log, date, Math.max(0, Math.min(86_400 - LEAST, log.start + by[1])), log.seconds)
    }
    const addAt = (e: MouseEvent, date: string) => {
        if (readOnly || e.target !== e.currentTarget) return
        const box = (e.currentTarget as Element).getBoundingClientRect()
        const start = Math.floor(((e.clientY - box.top) / HOUR_PX) * 3600 / snap) * snap
        setParams({ open: 'new', day: date, start: clockText(start), issue: null })
    }

    const shown = logs.map(w => (drag?.id === w.id ? { ...w, date: drag.date, start: drag.start, seconds: drag.seconds } : w))
    return (
        <div class="calendar" style={{ '--days': days.length, '--hour': `${HOUR_PX}px` }}>
            <div class="calendar-head">
                <div />
                {days.map(d => (
                    <div key={d} class={d === today ? 'today' : ''}>
                        <strong>{dayShort(d)}</strong>
                        <small>{expectedOf(d, settings) || byDay.get(d) ? s.time.ofExpected(duration(byDay.get(d) ?? 0), duration(expectedOf(d, settings))) : '\u00a0'}</small>
                    </div>
                ))}
            </div>
            <div class="calendar-scroll" ref={scroll} tabIndex={-1}>
                <div class="calendar-hours" aria-hidden="true">
                    {Array.from({ length: 24 }, (_, h) => <div key={h}>{h ? clockText(h * 3600) : ''}</div>)}
                </div>
                <div class="calendar-days" ref={columns}>
                    {days.map(d => {
                        const blocks = shown.filter(w => w.date === d)
                        const lanes = lanesOf(blocks)
                        return (
                            <section key={d} class={`calendar-day${expectedOf(d, settings) ? '' : ' free'}`} aria-label={dayLong(d)} onClick={e => addAt(e, d)}>
                                {d === now.date && <div class="calendar-now" style={{ top: `${(now.seconds / 3600) * HOUR_PX}px` }} aria-hidden="true" />}
                                {blocks.map((w, i) => {
                                    const original = logs.find(o => o.id === w.id)!
                                    const label = labels.issue(w.issue)
                                    const name = label ? `${label.key} ${label.summary}` : label === null ? s.hiddenIssue : ''
                                    const write = writes.find(x => x.place === `log:${w.id}`)
                                    const { lane, lanes: of } = lanes[i]!
                                    return (
                                        <div
                                            key={w.id} role="button" tabIndex={0} class={`block${drag?.id === w.id ? ' dragged' : ''}${focused === w.id ? ' focused' : ''} ${write && write.state !== 'saved' ? write.state : ''}`}
                                            style={{ top: `${(w.start / 3600) * HOUR_PX}px`, height: `${Math.max(20, (w.seconds / 3600) * HOUR_PX - 2)}px`, left: `${(lane / of) * 100}%`, width: `calc(${100 / of}% - 3px)` }}
                                            aria-label={s.time.blockSays(name, clockText(w.start), duration(w.seconds))} aria-description={readOnly ? undefined : s.time.blockKeys}
                                            onFocus={() => setFocused(w.id)} onBlur={() => setFocused(null)} onKeyDown={e => keys(e, original)}
                                            onPointerDown={e => grab(e, original, 'move')} onPointerMove={e => pull(e, original)} onPointerUp={() => release(original)} onPointerCancel={() => setDrag(null)}
                                        >
                                            <b>{label?.key ?? (label === null ? s.hiddenShort : '…')}</b> <span class="block-time">{clockText(w.start)} · {duration(w.seconds)}</span>
                                            <span class="block-text">{w.comment || label?.summary}</span>
                                            {!readOnly && <i class="block-edge" aria-hidden="true" onPointerDown={e => grab(e, original, 'stretch')} onPointerMove={e => pull(e, original)} onPointerUp={e => (e.stopPropagation(), release(original))} />}
                                        </div>
                                    )
                                })}
                            </section>
                        )
                    })}
                </div>
            </div>
        </div>
    )
}
