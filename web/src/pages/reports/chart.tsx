/*
 * The chart above the table, from the same sums. Only the parts of ECharts in use are taken; the tip is drawn on the
 * canvas ("richText"), so no text of Jira's ever becomes HTML. Colours are the design tokens of the theme in force.
 */
import { BarChart, HeatmapChart, LineChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent, VisualMapComponent } from 'echarts/components'
import { init, use, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'preact/hooks'
import { s } from '../../strings'
import { isTime, type Node, type Pivot } from './pivot'

use([BarChart, LineChart, HeatmapChart, GridComponent, TooltipComponent, LegendComponent, VisualMapComponent, AriaComponent, CanvasRenderer])

export type ChartKind = 'stacked' | 'line' | 'bars' | 'heat'
const SERIES_MAX = 8
const BARS_MAX = 25
const PALETTE = [
    '--ds-chart-categorical-1', '--ds-chart-categorical-2', '--ds-chart-categorical-3', '--ds-chart-categorical-4',
    '--ds-chart-categorical-5', '--ds-chart-categorical-6', '--ds-chart-categorical-7', '--ds-chart-categorical-8',
]

/* Which kinds fit, the best first. */
export function kindsOf(pivot: Pivot): ChartKind[] {
    if (pivot.over) return ['stacked', 'line', 'heat', 'bars']
    return pivot.rows[0] && isTime(pivot.rows[0]) ? ['bars', 'line'] : ['bars']
}

type Props = { pivot: Pivot; kind: ChartKind; name: (node: Node) => string; column: (key: string) => string; value: (sums: { seconds: number; count: number }) => number; show: (value: number) => string; unit: number; instance: { current: EChartsType | null } }
/* Values are drawn in `unit`s (seconds of an hour, of a day of work, or 1), so that the axis has round numbers. */
export default function Chart({ pivot, kind, name, column, value: amount, show: write, unit, instance }: Props) {
    const value = (sums: { seconds: number; count: number }) => amount(sums) / unit
    const show = (v: number) => write(Math.round(v * unit))
    const box = useRef<HTMLDivElement>(null)
    const drawn = useRef<Pivot | null>(null)
    useEffect(() => {
        const chart = init(box.current!, null, { renderer: 'canvas' })
        instance.current = chart
        const resize = new ResizeObserver(() => chart.resize())
        resize.observe(box.current!)
        return () => {
            resize.disconnect()
            instance.current = null
            chart.dispose()
        }
    }, [])
    useEffect(() => {
        /* Grows once, at first: a name that arrives later must not make it grow anew. */
        const draw = () => {
            instance.current?.setOption({ ...optionOf({ pivot, kind, name, column, value, show }, box.current!), ...(drawn.current === pivot && { animation: false }) }, true)
            drawn.current = pivot
        }
        draw()
        const scheme = matchMedia('(prefers-color-scheme: dark)')
        const theme = new MutationObserver(draw)
        theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-color-mode'] })
        scheme.addEventListener('change', draw)
        return () => {
            theme.disconnect()
            scheme.removeEventListener('change', draw)
        }
    })
    const bars = Math.min(BARS_MAX, pivot.roots.length)
    const height = kind === 'heat' ? Math.min(640, 90 + bars * 26) : kind === 'bars' && !isTime(pivot.rows[0] ?? 'account') ? Math.min(640, 50 + bars * 28) : 320
    return <div class="chart" ref={box} style={{ height: `${height}px` }} role="img" aria-label={s.reports.chartLabel(bars)} />
}

type Draw = Omit<Props, 'instance' | 'unit'>
function optionOf({ pivot, kind, name, column, value, show }: Draw, box: HTMLElement): Record<string, unknown> {
    const css = getComputedStyle(box)
    const token = (n: string) => css.getPropertyValue(n).trim()
    const text = token('--ds-text-subtle')
    const line = token('--ds-border')
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches
    const narrow = box.clientWidth < 480
    const axis = { axisLabel: { color: text, hideOverlap: true }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false } }
    const amounts = { type: 'value', axisLabel: { color: text, formatter: (v: number) => show(v) }, splitLine: { lineStyle: { color: line } } }
    const tip = {
        renderMode: 'richText', backgroundColor: token('--ds-surface-overlay'), borderColor: line, textStyle: { color: token('--ds-text'), fontSize: 12 }, confine: true,
        valueFormatter: (v: unknown) => (typeof v === 'number' ? show(v) : '–'),
    }
    const base = { animation: !still, animationDuration: 250, color: PALETTE.map(token), aria: { enabled: true }, textStyle: { fontFamily: css.fontFamily }, grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true } }
    const cut = (t: string) => (t.length > (narrow ? 14 : 28) ? t.slice(0, narrow ? 13 : 27) + '…' : t)
    const biggest = [...pivot.roots].sort((a, b) => value(b) - value(a))

    if (pivot.over && kind === 'heat') {
        const rows = biggest.slice(0, BARS_MAX).reverse()
        const cells = rows.flatMap((n, y) => pivot.columns.map((c, x) => [x, y, n.across.has(c) ? value(n.across.get(c)!) : 0]))
        return {
            ...base, tooltip: { ...tip, formatter: (p: { data: [number, number, number] }) => `${name(rows[p.data[1]]!)}\n${column(pivot.columns[p.data[0]]!)}: ${show(p.data[2])}` },
            xAxis: { type: 'category', data: pivot.columns.map(column), ...axis }, yAxis: { type: 'category', data: rows.map(name), ...axis, axisLabel: { color: text, formatter: cut } },
            visualMap: { show: false, min: 0, max: Math.max(1, ...cells.map(c => c[2]!)), inRange: { color: [token('--ds-background-accent-blue-subtlest'), token('--ds-background-accent-blue-subtle'), token('--ds-background-accent-blue-bolder')] } },
            series: [{ type: 'heatmap', data: cells, itemStyle: { borderColor: token('--ds-surface'), borderWidth: 2, borderRadius: 3 } }],
        }
    }
    if (pivot.over && kind !== 'bars') {
        const top = biggest.slice(0, SERIES_MAX - (biggest.length > SERIES_MAX ? 1 : 0))
        const rest = biggest.slice(top.length)
        const shape = kind === 'line' ? { type: 'line', symbol: 'circle', symbolSize: 6 } : { type: 'bar', stack: 'all', barMaxWidth: 56 }
        const series = top.map(n => ({ ...shape, name: name(n), data: pivot.columns.map(c => (n.across.has(c) ? value(n.across.get(c)!) : kind === 'line' ? 0 : null)) }))
        if (rest.length)
            series.push({ ...shape, name: s.reports.others(rest.length), data: pivot.columns.map(c => rest.reduce((sum, n) => sum + (n.across.has(c) ? value(n.across.get(c)!) : 0), 0)) })
        return {
            ...base, grid: { ...base.grid, bottom: 36 }, legend: { type: 'scroll', bottom: 0, textStyle: { color: text }, formatter: cut, pageTextStyle: { color: text }, pageIconColor: text },
            tooltip: { ...tip, trigger: 'axis', axisPointer: { type: kind === 'line' ? 'line' : 'shadow' } },
            xAxis: { type: 'category', data: pivot.columns.map(column), ...axis }, yAxis: amounts, series,
        }
    }
    const overTime = pivot.rows[0] !== undefined && isTime(pivot.rows[0])
    const nodes = overTime ? [...pivot.roots].sort((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : 1)) : biggest.slice(0, BARS_MAX).reverse()
    const names = { type: 'category', data: nodes.map(name), ...axis, axisLabel: { color: text, formatter: cut, hideOverlap: true } }
    return {
        ...base, tooltip: { ...tip, trigger: 'axis', axisPointer: { type: kind === 'line' ? 'line' : 'shadow' } },
        xAxis: overTime ? names : amounts, yAxis: overTime ? amounts : names,
        series: [{ type: kind === 'line' ? 'line' : 'bar', barMaxWidth: overTime ? 56 : 20, itemStyle: { borderRadius: overTime ? [3, 3, 0, 0] : [0, 3, 3, 0] }, data: nodes.map(n => value(n)) }],
    }
}
