/*
 * The week: issues down, days across, time typed into cells. A grid of ARIA: one cell is in the tab order, arrows
 * move, Enter or a digit begins, Enter saves and goes down, Escape leaves all as it was.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { clockText, duration, parseSpan } from '../../lib/duration'
import { dayLong, dayShort } from '../../lib/format'
import { setParams } from '../../route'
import { useApp, useWrites, type Write } from '../../store'
import { s } from '../../strings'
import { Icon } from '../../ui/ui'
import { IssueName, IssuePicker } from '../issue'
import type { Time } from './data'
import { expectedOf, nextStart, secondsByDay, type Local, type Row } from './model'

type Props = { rows: Row[]; logs: Local[]; days: string[]; today: string; time: Time; readOnly: boolean; addRow: (issue: string) => void }
const placeOf = (issue: string, date: string) => `${issue}@${date}`
const SHOW_SAVED_MS = 4000

export function Week({ rows, logs, days, today, time, readOnly, addRow }: Props) {
    const { settings } = useApp()
    const writes = useWrites()
    const [at, setAt] = useState({ r: 0, c: Math.max(0, days.indexOf(today)) })
    const [editing, setEditing] = useState<{ r: number; c: number; text: string } | null>(null)
    const [wrong, setWrong] = useState<string | null>(null)
    const [over, setOver] = useState<string | null>(null)
    const grid = useRef<HTMLDivElement>(null)
    const wantFocus = useRef(false)
    const byDay = secondsByDay(logs)
    const total = [...byDay.values()].reduce((a, b) => a + b, 0)
    const r = Math.min(at.r, Math.max(0, rows.length - 1))

    useEffect(() => {
        const head = grid.current?.querySelector('.week-head .today') /* on a narrow screen it may lie outside */
        if (grid.current && head && grid.current.scrollWidth > grid.current.clientWidth) grid.current.scrollLeft = (head as HTMLElement).offsetLeft - grid.current.clientWidth / 2
    }, [days[0]])
    useLayoutEffect(() => {
        if (!wantFocus.current || editing) return
        wantFocus.current = false
        grid.current?.querySelector<HTMLElement>(`[data-cell="${r},${at.c}"]`)?.focus()
    })

    const moveTo = (row: number, col: number) => {
        wantFocus.current = true
        setAt({ r: Math.max(0, Math.min(rows.length - 1, row)), c: Math.max(0, Math.min(days.length - 1, col)) })
    }
    const openCell = (row: Row, date: string) => {
        const cell = row.cells.get(date)
        if (cell?.logs.length === 1) setParams({ open: cell.logs[0]!.id, issue: null, day: null })
        else if (cell) setParams({ open: 'cell', issue: row.issue, day: date })
        else if (!readOnly) setParams({ open: 'new', issue: row.issue, day: date })
    }
    const begin = (row: number, col: number, text?: string) => {
        const cell = rows[row]!.cells.get(days[col]!)
        if (readOnly || (cell && cell.logs.length > 1)) return openCell(rows[row]!, days[col]!)
        setWrong(null)
        setAt({ r: row, c: col })
        setEditing({ r: row, c: col, text: text ?? (cell ? duration(cell.seconds) : '') })
    }
    /* True when the cell may be left. */
    const commit = (text: string): boolean => {
        if (!editing) return true
        const row = rows[editing.r]!
        const date = days[editing.c]!
        const cell = row.cells.get(date)
        const log = cell?.logs[0]
        const typed = text.trim()
        if (!typed || typed === '0' || typed === '-') {
            setEditing(null)
            if (log) setParams({ open: log.id, ask: 'delete' })
            return true
        }
        const span = parseSpan(typed, settings.expected_seconds)
        if (!span) {
            setWrong(s.time.noDuration(typed))
            return false
        }
        setEditing(null)
        setWrong(null)
        const place = placeOf(row.issue, date)
        if (log) {
            if (span.seconds === log.seconds && (span.start === undefined || span.start === log.start)) return true
            void time.update(place, log.id, { seconds: span.seconds, ...(span.start !== undefined && { started: time.moment(date, span.start) }) })
        } else if (settings.comment_required || (settings.warn_future && date > today)) {
            setParams({ open: 'new', issue: row.issue, day: date, time: String(span.seconds), start: span.start === undefined ? null : clockText(span.start) })
        } else {
            void time.create(place, date, span.start ?? nextStart(logs, date), { issue: row.issue, seconds: span.seconds })
        }
        return true
    }
    const gridKeys = (e: KeyboardEvent) => {
        if (editing || e.ctrlKey || e.metaKey || e.altKey) return
        const step: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }
        const go = step[e.key]
        if (go) moveTo(r + go[0], at.c + go[1])
        else if (e.key === 'Home') moveTo(r, 0)
        else if (e.key === 'End') moveTo(r, days.length - 1)
        else if (e.key === 'Enter' || e.key === 'F2') begin(r, at.c)
        else if (e.key === ' ') rows[r] && openCell(rows[r], days[at.c]!)
        else if ((e.key === 'Delete' || e.key === 'Backspace') && !readOnly) {
            const log = rows[r]?.cells.get(days[at.c]!)?.logs
            if (log?.length === 1) setParams({ open: log[0]!.id, ask: 'delete' })
        } else if (/^[0-9.,]$/.test(e.key) && rows[r] && !readOnly) begin(r, at.c, e.key)
        else return
        e.preventDefault()
        e.stopPropagation()
    }
    const editKeys = (e: KeyboardEvent, text: string) => {
        if (e.key === 'Escape') {
            e.preventDefault()
            setEditing(null)
            setWrong(null)
            wantFocus.current = true
        } else if (e.key === 'Enter' || e.key === 'Tab') {
            e.preventDefault()
            if (commit(text)) moveTo(e.key === 'Enter' ? editing!.r + 1 : editing!.r, e.key === 'Enter' ? editing!.c : editing!.c + (e.shiftKey ? -1 : 1))
        }
        e.stopPropagation()
    }
    const drop = (e: DragEvent, row: Row, date: string) => {
        e.preventDefault()
        setOver(null)
        const [issue, from] = (e.dataTransfer?.getData('text/tenon-cell') ?? '').split('@')
        const cell = rows.find(x => x.issue === issue)?.cells.get(from ?? '')
        if (cell && issue === row.issue && from !== date) void time.act(placeOf(row.issue, date), e.ctrlKey || e.altKey ? 'copy' : 'move', { ids: cell.logs.map(w => w.id) }, date)
    }

    return (
        <>
            <div class="week-box"><div class="week" role="grid" aria-label={s.time.weekGrid} aria-readonly={readOnly} ref={grid} onKeyDown={gridKeys} style={{ '--days': days.length }}>
                <div class="week-row week-head" role="row">
                    <div role="columnheader">{s.issue}</div>
                    {days.map(d => (
                        <div key={d} role="columnheader" class={`${d === today ? 'today' : ''}${expectedOf(d, settings) ? '' : ' free'}`} aria-label={dayLong(d)} aria-current={d === today ? 'date' : undefined}>
                            {dayShort(d)}
                        </div>
                    ))}
                    <div role="columnheader" aria-label={s.total}>Σ</div>
                </div>
                {rows.map((row, i) => (
                    <div class="week-row" role="row" key={row.issue}>
                        <div role="rowheader" class="week-issue">
                            <IssueName id={row.issue} />
                        </div>
                        {days.map((d, j) => {
                            const cell = row.cells.get(d)
                            const place = placeOf(row.issue, d)
                            const write = writes.find(w => w.place === place)
                            if (editing?.r === i && editing.c === j)
                                return (
                                    <div role="gridcell" key={d} class="week-cell editing">
                                        <CellInput text={editing.text} wrong={wrong} label={s.time.cellLabel(dayLong(d))} onKey={editKeys} onLeave={commit} onCancel={() => setEditing(null)} />
                                    </div>
                                )
                            return (
                                <div
                                    role="gridcell" key={d} data-cell={`${i},${j}`} tabIndex={r === i && at.c === j ? 0 : -1}
                                    class={`week-cell${d === today ? ' today' : ''}${expectedOf(d, settings) ? '' : ' free'}${over === place ? ' over' : ''} ${stateOf(write)}`}
                                    draggable={Boolean(cell) && !readOnly}
                                    aria-label={s.time.cellSays(dayLong(d), cell ? duration(cell.seconds) : null, cell?.logs.length ?? 0)}
                                    onFocus={() => (r === i && at.c === j) || setAt({ r: i, c: j })}
                                    onClick={() => begin(i, j)}
                                    onDragStart={e => e.dataTransfer?.setData('text/tenon-cell', place)}
                                    onDragOver={e => e.dataTransfer?.types.includes('text/tenon-cell') && (e.preventDefault(), setOver(place))}
                                    onDragLeave={() => setOver(null)} onDrop={e => drop(e, row, d)}
                                >
                                    {cell ? duration(cell.seconds) : <span class="dash">–</span>}
                                    {cell && cell.logs.length > 1 && <sup>{cell.logs.length}</sup>}
                                    {cell && (
                                        <button type="button" class="cell-open" tabIndex={-1} aria-hidden="true" title={s.time.openWorklog} onClick={e => (e.stopPropagation(), openCell(row, d))}>
                                            <Icon name="right" size={12} />
                                        </button>
                                    )}
                                </div>
                            )
                        })}
                        <div role="gridcell" class="week-sum">{row.seconds ? duration(row.seconds) : ''}</div>
                    </div>
                ))}
                <div class="week-row week-foot" role="row">
                    <div role="rowheader">{s.time.totalOfExpected}</div>
                    {days.map(d => {
                        const seconds = byDay.get(d) ?? 0
                        const expected = expectedOf(d, settings)
                        const state = !expected ? '' : seconds >= expected ? 'full' : d <= today ? 'lacking' : ''
                        return (
                            <div role="gridcell" key={d} class={`week-total ${state}`} aria-label={s.time.ofExpected(duration(seconds), duration(expected))}>
                                <strong>{seconds || expected ? duration(seconds) : ''}</strong>
                                {expected > 0 && <small>/ {duration(expected)}</small>}
                            </div>
                        )
                    })}
                    <div role="gridcell" class="week-sum">{duration(total)}</div>
                </div>
            </div></div>
            {!readOnly && <div class="week-add"><IssuePicker label={s.time.addIssue} placeholder={s.time.addIssueLong} onChoose={addRow} /></div>}
            {wrong && (
                <p class="error-text" role="alert">
                    {wrong}
                </p>
            )}
        </>
    )
}

function stateOf(write: Write | undefined): string {
    if (!write) return ''
    if (write.state === 'saved') return Date.now() - write.at < SHOW_SAVED_MS ? 'saved' : ''
    return write.state
}

type CellInputProps = { text: string; wrong: string | null; label: string; onKey: (e: KeyboardEvent, text: string) => void; onLeave: (text: string) => boolean; onCancel: () => void }
function CellInput({ text: initial, wrong, label, onKey, onLeave, onCancel }: CellInputProps) {
    const [text, setText] = useState(initial)
    const ref = useRef<HTMLInputElement>(null)
    const left = useRef(false)
    /* Before the next key can arrive, not after the next picture. */
    useLayoutEffect(() => {
        ref.current?.focus()
        if (initial.length > 1) ref.current?.select()
    }, [])
    return (
        <input
            ref={ref} class="input" value={text} aria-label={label} aria-invalid={Boolean(wrong)} autocomplete="off" spellcheck={false} maxLength={20} placeholder="1h 30m"
            onInput={e => setText(e.currentTarget.value)}
            onKeyDown={e => ((left.current = e.key === 'Enter' || e.key === 'Tab' || e.key === 'Escape'), onKey(e, text))}
            onBlur={() => left.current || onLeave(text) || onCancel()}
        />
    )
}
