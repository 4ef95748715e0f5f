/* A pivot's tree as the list of rows that are seen: sorted at each level, without what is closed. Pure. */
import type { Node, Pivot, Sums } from './pivot'

export type FlatRow = { id: string; node: Node; depth: number; open: boolean }
export type Sort = { field: string; down: boolean } /* "name", "sum", or the key of a column */

/* More names than this are not asked for only to sort by them: then by their ids. */
export const NAMES_MAX = 2000

export function parseSort(text: string | null, columns: string[]): Sort | null {
    const m = /^(.+):(asc|desc)$/.exec(text ?? '')
    if (!m || !(m[1] === 'name' || m[1] === 'sum' || columns.includes(m[1]!))) return null
    return { field: m[1]!, down: m[2] === 'desc' }
}

export function flatten(pivot: Pivot, sort: Sort | null, value: (s: Sums) => number, name: (n: Node) => string, isOpen: (id: string) => boolean): FlatRow[] {
    const rows: FlatRow[] = []
    const walk = (nodes: Node[], depth: number) => {
        for (const node of sorted(nodes, sort, value, name)) {
            const open = node.children !== null && isOpen(node.id)
            rows.push({ id: node.id, node, depth, open })
            if (open) walk(node.children!, depth + 1)
        }
    }
    walk(pivot.roots, 0)
    return rows
}

function sorted(nodes: Node[], sort: Sort | null, value: (s: Sums) => number, name: (n: Node) => string): Node[] {
    if (!sort) return nodes
    const sign = sort.down ? -1 : 1
    if (sort.field === 'name') {
        const key = (n: Node) => (nodes.length > NAMES_MAX ? (n.key ?? '') : name(n))
        return nodes
            .map(n => [key(n), n] as const)
            .sort((a, b) => sign * a[0].localeCompare(b[0], undefined, { numeric: true }))
            .map(([, n]) => n)
    }
    const of = (n: Node) => (sort.field === 'sum' ? value(n) : n.across.has(sort.field) ? value(n.across.get(sort.field)!) : 0)
    return [...nodes].sort((a, b) => sign * (of(a) - of(b)))
}
