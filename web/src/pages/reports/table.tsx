/*
 * The pivot table, by Tabulator: rows drawn only where they are seen, sub-totals, sort, collapse. Whatever may come
 * from Jira is put in as text of an element that is made here, never as HTML.
 */
import { useEffect, useRef } from 'preact/hooks'
import { DataTreeModule, FormatModule, FrozenColumnsModule, InteractionModule, ResizeColumnsModule, ResizeTableModule, SortModule, Tabulator, type CellComponent, type ColumnDefinition } from 'tabulator-tables'
import 'tabulator-tables/dist/css/tabulator.min.css'
import '../../style/table.css'
import { s } from '../../strings'
import type { Node, Pivot, Sums } from './pivot'

Tabulator.registerModule([DataTreeModule, FormatModule, FrozenColumnsModule, InteractionModule, ResizeColumnsModule, ResizeTableModule, SortModule])

export type Drill = (node: Node | null, column: string | null) => void
type Props = { pivot: Pivot; name: (node: Node) => string; column: (key: string) => string; value: (sums: Sums) => number; show: (value: number) => string; drill: Drill; heading: string; sort: string | null; onSort: (sort: string) => void; open: boolean; total: Sums }
type Row = { id: string; name: string; node: Node | null; sum: number; _children?: Row[] } & Record<string, unknown>

export default function Table(props: Props) {
    const box = useRef<HTMLDivElement>(null)
    const latest = useRef(props)
    latest.current = props
    const { pivot, sort, open, total } = props
    const table = useRef<Tabulator | null>(null)
    const built = useRef(false)
    /* The heads carry sums, so the table is made anew with every answer; names that arrive later only fill in. */
    const shape = [pivot.rows, pivot.columns, open, total.seconds, total.count, pivot.seconds, props.show(3600)].join('|')

    useEffect(() => {
        built.current = false
        const [field, dir] = (sort ?? '').split(':')
        const known = field === 'name' || field === 'sum' || pivot.columns.includes(field ?? '')
        const one = new Tabulator(box.current!, {
            data: [], columns: columnsOf(latest), layout: 'fitDataFill', height: 'auto', maxHeight: '70vh', dataTree: pivot.rows.length > 1, dataTreeStartExpanded: open, dataTreeChildIndent: 20,
            dataTreeFilter: false, columnDefaults: { headerHozAlign: 'left', resizable: 'header' }, ...(known && { initialSort: [{ column: field === 'name' || field === 'sum' ? field : 'c:' + field, dir: dir === 'asc' ? 'asc' : 'desc' }] }),
            dataTreeBranchElement: false,
        })
        table.current = one
        one.on('tableBuilt', () => {
            built.current = true
            void one.setData(rowsOf(latest.current))
        })
        one.on('dataSorted', sorters => {
            const by = sorters[0]
            if (!built.current || !by) return
            const text = `${String(by.field).replace(/^c:/, '')}:${by.dir}`
            if (text !== latest.current.sort) latest.current.onSort(text)
        })
        return () => {
            table.current = null
            one.destroy()
        }
    }, [shape])

    useEffect(() => {
        if (built.current && table.current) void table.current.replaceData(rowsOf(latest.current))
    }, [pivot, props.name, props.show])

    return <div class="table" ref={box} />
}

function rowsOf(props: Props): Row[] {
    const make = (node: Node): Row => {
        const row: Row = { id: node.id, name: props.name(node), node, sum: props.value(node) }
        for (const [column, sums] of node.across) row['c:' + column] = props.value(sums)
        if (node.children) row._children = node.children.map(make)
        return row
    }
    return props.pivot.roots.map(make)
}

function columnsOf(latest: { current: Props }): ColumnDefinition[] {
    const { pivot, column, heading, total } = latest.current
    const number = (key: string | null) => (cell: CellComponent): HTMLElement => {
        const row = cell.getData() as Row
        const value = cell.getValue() as number | undefined
        if (value === undefined) return text('–', 'dash')
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'number'
        button.textContent = latest.current.show(value)
        button.setAttribute('aria-label', `${row.name}${key ? ', ' + column(key) : ''}: ${button.textContent}. ${s.reports.showWorklogs}`)
        button.addEventListener('click', e => (e.stopPropagation(), latest.current.drill(row.node, key)))
        return button
    }
    const title = (words: string) => () => text(words, '')
    const numeric = { hozAlign: 'right' as const, headerHozAlign: 'right' as const, sorter: 'number' as const, headerSortStartingDir: 'desc' as const, minWidth: 84 }
    const sumOf = (sums: Sums | undefined) => (sums ? latest.current.show(latest.current.value(sums)) : '')
    return [
        { title: heading, field: 'name', titleFormatter: title(heading), formatter: cell => text(String(cell.getValue()), 'cell-name'), sorter: (a, b) => String(a).localeCompare(String(b), undefined, { numeric: true }), frozen: innerWidth > 700, minWidth: innerWidth > 700 ? 220 : 140, widthGrow: 3, maxWidth: innerWidth > 700 ? 480 : 180 },
        ...pivot.columns.map(key => ({ title: column(key), field: 'c:' + key, titleFormatter: two(column(key), sumOf(pivot.across.get(key))), formatter: number(key), ...numeric })),
        { title: s.total, field: 'sum', titleFormatter: two(s.total, sumOf(total)), formatter: number(null), ...numeric, cssClass: 'sum', frozen: innerWidth > 700 },
    ]
}

function text(words: string, className: string): HTMLElement {
    const span = document.createElement('span')
    span.className = className
    span.textContent = words
    if (words.length > 24) span.title = words
    return span
}
function two(words: string, below: string) {
    return (): HTMLElement => {
        const box = document.createElement('span')
        box.className = 'head-two'
        box.append(text(words, ''), text(below, 'head-sum'))
        return box
    }
}
