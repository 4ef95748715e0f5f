/*
 * The pivot table: sub-totals, sort, collapse. The tree is laid flat here (see flat.ts), and Tabulator gets a plain
 * list of which it draws only what is seen: its own tree takes seconds for a few thousand rows. Names are asked for
 * when their row is drawn. Whatever may come from Jira is put in as text of an element that is made here, never as HTML.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { FormatModule, FrozenColumnsModule, InteractionModule, ResizeColumnsModule, ResizeTableModule, Tabulator, type CellComponent, type ColumnDefinition } from 'tabulator-tables'
import 'tabulator-tables/dist/css/tabulator.min.css'
import '../../style/table.css'
import { s } from '../../strings'
import { flatten, parseSort, type FlatRow } from './flat'
import type { Node, Pivot, Sums } from './pivot'

Tabulator.registerModule([FormatModule, FrozenColumnsModule, InteractionModule, ResizeColumnsModule, ResizeTableModule])

export type Drill = (node: Node | null, column: string | null) => void
type Props = { pivot: Pivot; name: (node: Node) => string; column: (key: string) => string; value: (sums: Sums) => number; show: (value: number) => string; drill: Drill; heading: string; sort: string | null; onSort: (sort: string | null) => void; open: boolean; total: Sums }
const WIDE_PX = 700
const FEW_COLUMNS = 3

export default function Table(props: Props) {
    const { pivot, sort, open, total } = props
    const box = useRef<HTMLDivElement>(null)
    const latest = useRef(props)
    latest.current = props
    const table = useRef<Tabulator | null>(null)
    const built = useRef(false)
    /* Nodes that are not as `open` says. */
    const [turned, setTurned] = useState<ReadonlySet<string>>(new Set())
    const turn = useRef((_: string) => {})
    turn.current = id => setTurned(old => (old.has(id) ? new Set([...old].filter(x => x !== id)) : new Set([...old, id])))
    const rows = () => flatten(latest.current.pivot, parseSort(latest.current.sort, latest.current.pivot.columns), latest.current.value, latest.current.name, id => open !== turned.has(id))
    const rowsNow = useRef(rows)
    rowsNow.current = rows
    /* The heads carry sums and the sort, so the table is made anew with every answer and every sort. */
    const shape = [pivot.rows, pivot.columns, total.seconds, total.count, pivot.seconds, props.show(3600), sort].join('|')

    useEffect(() => {
        built.current = false
        const few = pivot.columns.length < FEW_COLUMNS
        const one = new Tabulator(box.current!, { data: [], index: 'id', columns: columnsOf(latest, turn), layout: few ? 'fitColumns' : 'fitDataFill', maxHeight: '70vh', columnDefaults: { resizable: 'header' } })
        table.current = one
        one.on('tableBuilt', () => {
            built.current = true
            void one.setData(rowsNow.current())
        })
        return () => {
            table.current = null
            one.destroy()
        }
    }, [shape])
    useEffect(() => setTurned(new Set()), [open, pivot])
    useEffect(() => {
        if (built.current && table.current) void table.current.replaceData(rowsNow.current())
    }, [pivot, open, turned])
    /* A name came: only what is seen is written again. */
    useEffect(() => {
        if (built.current) for (const row of table.current?.getRows('visible') ?? []) row.reformat()
    })
    return <div class="table" ref={box} />
}

function columnsOf(latest: { current: Props }, turn: { current: (id: string) => void }): ColumnDefinition[] {
    const { pivot, column, heading, total, sort } = latest.current
    const by = parseSort(sort, pivot.columns)
    const wide = innerWidth > WIDE_PX
    const few = pivot.columns.length < FEW_COLUMNS
    const name = (cell: CellComponent): HTMLElement => {
        const row = cell.getData() as FlatRow
        const words = latest.current.name(row.node)
        const box = element('span', `cell-name depth-${row.depth}`)
        if (row.node.children) {
            const button = element('button', `twist${row.open ? ' open' : ''}`) as HTMLButtonElement
            button.type = 'button'
            button.setAttribute('aria-expanded', String(row.open))
            button.setAttribute('aria-label', words)
            button.addEventListener('click', e => (e.stopPropagation(), turn.current(row.id)))
            box.append(button)
        }
        box.append(element('span', row.node.children ? 'group' : '', words))
        box.title = words
        return box
    }
    const number = (key: string | null) => (cell: CellComponent): HTMLElement => {
        const { node } = cell.getData() as FlatRow
        const sums = key === null ? node : node.across.get(key)
        if (!sums) return element('span', 'dash', '–')
        const button = element('button', `number${node.children ? ' group' : ''}`, latest.current.show(latest.current.value(sums))) as HTMLButtonElement
        button.type = 'button'
        button.setAttribute('aria-label', `${latest.current.name(node)}${key ? ', ' + column(key) : ''}: ${button.textContent}. ${s.reports.showWorklogs}`)
        button.addEventListener('click', e => (e.stopPropagation(), latest.current.drill(node, key)))
        return button
    }
    const head = (words: string, below: string, field: string) => () => {
        const mine = by?.field === field ? by : null
        const button = element('button', `head-sort${mine ? (mine.down ? ' down' : ' up') : ''}`) as HTMLButtonElement
        button.type = 'button'
        button.setAttribute('aria-label', s.reports.sortBy(words, mine ? mine.down : null))
        button.append(element('span', '', words))
        if (below) button.append(element('span', 'head-sum', below))
        const first = field === 'name' ? 'asc' : 'desc'
        const second = field === 'name' ? 'desc' : 'asc'
        const next = !mine ? first : (mine.down ? 'desc' : 'asc') === first ? second : null
        button.addEventListener('click', e => (e.stopPropagation(), latest.current.onSort(next && `${field}:${next}`)))
        return button
    }
    const sumOf = (sums: Sums | undefined) => (sums ? latest.current.show(latest.current.value(sums)) : '')
    const numeric = { hozAlign: 'right' as const, headerHozAlign: 'right' as const, minWidth: 84 }
    return [
        { title: '', field: 'name', titleFormatter: head(heading, '', 'name'), formatter: name, frozen: wide, minWidth: wide ? 240 : 140, widthGrow: 3, ...(few ? {} : { width: wide ? 280 : 160 }) },
        ...pivot.columns.map(key => ({ title: '', field: 'c:' + key, titleFormatter: head(column(key), sumOf(pivot.across.get(key)), key), formatter: number(key), ...numeric })),
        { title: '', field: 'sum', titleFormatter: head(s.total, sumOf(total), 'sum'), formatter: number(null), ...numeric, cssClass: 'sum', frozen: wide },
    ]
}

function element(tag: string, className: string, words?: string): HTMLElement {
    const one = document.createElement(tag)
    one.className = className
    if (words !== undefined) one.textContent = words
    return one
}
