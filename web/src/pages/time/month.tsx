/* The month: a heat map of logged against expected, missing days marked; a day opens its worklogs. */
import { useRef, useState } from 'preact/hooks'
import { addDays, isoWeek } from '../../lib/dates'
import { duration } from '../../lib/duration'
import { dayLong, weekdayShort } from '../../lib/format'
import { setParams } from '../../route'
import { s } from '../../strings'
import type { DayTotal } from '../../types'
import { Icon } from '../../ui/ui'

type Props = { weeks: string[][]; month: string; days: DayTotal[]; today: string }
export function Month({ weeks, month, days, today }: Props) {
    const byDate = new Map(days.map(d => [d.date, d]))
    const all = weeks.flat()
    const [at, setAt] = useState(all.includes(today) ? today : month + '-01')
    const grid = useRef<HTMLDivElement>(null)
    const keys = (e: KeyboardEvent) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[e.key]
        if (!step) return
        const next = addDays(at, step)
        if (!all.includes(next)) return
        e.preventDefault()
        setAt(next)
        grid.current?.querySelector<HTMLElement>(`[data-day="${next}"]`)?.focus()
    }
    return (
        <div class="month" role="grid" aria-label={s.time.monthGrid} ref={grid} onKeyDown={keys}>
            <div role="row" class="month-row month-head">
                <div role="columnheader" aria-label={s.week} />
                {weeks[0]?.map(d => <div role="columnheader" key={d}>{weekdayShort(d)}</div>)}
                <div role="columnheader" aria-label={s.total}>Σ</div>
            </div>
            {weeks.map(week => (
                <div role="row" class="month-row" key={week[0]}>
                    <div role="rowheader" class="month-week">
                        <button type="button" class="button link" title={s.time.openWeek} onClick={() => setParams({ view: null, date: week[0]! })}>{isoWeek(week[3]!).week}</button>
                    </div>
                    {week.map(d => {
                        const t = byDate.get(d)
                        const inside = d.startsWith(month)
                        return (
                            <div role="gridcell" key={d} class="month-slot">
                                <button
                                    type="button" data-day={d} tabIndex={d === at ? 0 : -1} class={`month-day ${inside ? `heat-${heatOf(t)}` : ''}${inside ? '' : ' outside'}${d === today ? ' today' : ''}${t?.missing && inside ? ' missing' : ''}`}
                                    aria-label={t ? s.time.daySays(dayLong(d), duration(t.logged), duration(t.expected), t.missing) : dayLong(d)}
                                    onFocus={() => setAt(d)} onClick={() => setParams({ open: 'day', day: d, issue: null })}
                                >
                                    <span class="month-number">{Number(d.slice(8))}</span>
                                    {t && (t.logged > 0 || t.expected > 0) && <span class="month-time">{t.logged > 0 ? duration(t.logged) : ''}</span>}
                                    {t?.missing && inside && <span class="month-missing"><Icon name="warning" size={12} /><span>−{duration(t.expected - t.real)}</span></span>}
                                </button>
                            </div>
                        )
                    })}
                    <div role="gridcell" class="week-sum">{duration(week.reduce((n, d) => n + (byDate.get(d)?.logged ?? 0), 0))}</div>
                </div>
            ))}
            <p class="legend muted small" aria-hidden="true">
                {s.time.legendLess}
                {[0, 1, 2, 3, 4].map(n => <i key={n} class={`heat-${n}`} />)}
                {s.time.legendMore}
            </p>
        </div>
    )
}

function heatOf(t: DayTotal | undefined): number {
    if (!t || t.logged <= 0) return 0
    const share = t.logged / (t.expected || 28_800)
    return share < 0.34 ? 1 : share < 0.75 ? 2 : share <= 1.001 ? 3 : 4
}
