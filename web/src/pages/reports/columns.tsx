/* Which columns a file of worklogs has. The choice is in the address, so that a link and a saved report have it too. */
import { useState } from 'preact/hooks'
import { s } from '../../strings'
import { Button, Dialog } from '../../ui/ui'

/* As the server names them, in its order; the first ten are what a file has unless others are chosen. */
export const COLUMNS = [
    'id', 'issue', 'account', 'date', 'started', 'time', 'comment', 'tags', 'created', 'updated', 'author', 'billable',
    'key', 'summary', 'project', 'project_name', 'type', 'status', 'status_category', 'priority', 'resolution', 'epic', 'parent', 'parent_summary',
    'components', 'versions', 'fix_versions', 'labels', 'assignee', 'reporter', 'creator', 'issue_created', 'issue_updated', 'resolved', 'due',
    'estimate', 'remaining', 'issue_spent', 'issue_expected',
] as const
export type Column = (typeof COLUMNS)[number]
const USUAL: readonly Column[] = COLUMNS.slice(0, 10)
const OWN = 12

export function chosenColumns(text: string | null): Column[] {
    const named = (text ?? '').split(',').filter((c): c is Column => (COLUMNS as readonly string[]).includes(c))
    return text === 'all' ? [...COLUMNS] : named.length ? [...new Set(named)] : [...USUAL]
}
/* null: the usual ones. */
export const columnsText = (list: Column[]): string | null => (list.join() === USUAL.join() ? null : list.join())

type Props = { chosen: string | null; onChoose: (text: string | null) => void; onClose: () => void }
export function ColumnsDialog({ chosen, onChoose, onClose }: Props) {
    const [list, setList] = useState(chosenColumns(chosen))
    const turn = (c: Column, on: boolean) => setList(old => (on ? [...old, c] : old.filter(x => x !== c)))
    const part = (title: string, columns: readonly Column[]) => (
        <fieldset class="columns"><legend>{title}</legend>
            {columns.map(c => <label key={c}><input type="checkbox" checked={list.includes(c)} onChange={e => turn(c, e.currentTarget.checked)} />{s.reports.columns[c]}</label>)}
        </fieldset>
    )
    const act = () => {
        onChoose(columnsText(list))
        onClose()
    }
    return (
        <Dialog wide title={s.reports.chooseColumns} onClose={onClose} actions={<><Button look="primary" disabled={!list.length} onClick={act}>{s.save}</Button><Button look="subtle" onClick={() => setList([...USUAL])}>{s.reports.usualColumns}</Button><Button look="subtle" onClick={() => setList([...COLUMNS])}>{s.reports.allColumns}</Button></>}>
            {part(s.reports.ofWorklog, COLUMNS.slice(0, OWN))}
            {part(s.reports.ofIssue, COLUMNS.slice(OWN))}
            <p class="muted small">{s.reports.columnsHint}</p>
        </Dialog>
    )
}
