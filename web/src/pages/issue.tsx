/* Issues and people by name, as Jira has them now; what the viewer may not see is said to be hidden. */
import { api } from '../api'
import { useApp, useLabels } from '../store'
import { s } from '../strings'
import { Combo } from '../ui/combo'

export function IssueName({ id, link = true }: { id: string; link?: boolean }) {
    const { me } = useApp()
    const labels = useLabels()
    const label = labels.issue(id)
    if (label === undefined) return <span class={labels.failed ? 'muted' : 'bar short'}>{labels.failed ? s.issueId(id) : ''}</span>
    if (label === null) return <span class="muted">{s.hiddenIssue}</span>
    return (
        <span class="issue-name" title={`${label.key} ${label.summary}`}>
            {link && me.tenant ? (
                <a href={`${me.tenant.url.replace(/\/$/, '')}/browse/${encodeURIComponent(label.key)}`} target="_blank" rel="noreferrer noopener" tabIndex={-1}>
                    {label.key}
                </a>
            ) : (
                <b>{label.key}</b>
            )}{' '}
            <span>{label.summary}</span>
        </span>
    )
}

export function PersonName({ account }: { account: string | null }) {
    const labels = useLabels()
    if (account === null) return <span class="muted">{s.nobody}</span>
    const label = labels.person(account)
    if (label === undefined) return <span class={labels.failed ? 'muted' : 'bar short'}>{labels.failed ? account : ''}</span>
    return label === null ? <span class="muted">{s.hiddenPerson}</span> : <span>{label.name}</span>
}

type PickerProps = { label: string; placeholder?: string; onChoose: (id: string) => void; shown?: string; clear?: boolean; first?: boolean; id?: string }
export const IssuePicker = ({ onChoose, ...rest }: PickerProps) => (
    <Combo
        {...rest}
        load={async (text, signal) => {
            const found = await api.get<{ issues: { id: string; key: string; summary: string }[] }>('/issues', { query: text, limit: 20 }, signal)
            return found.issues.map(i => ({ id: i.id, label: i.key, more: i.summary }))
        }}
        onChoose={c => onChoose(c.id)}
    />
)
export const PersonPicker = ({ onChoose, ...rest }: PickerProps) => (
    <Combo
        {...rest}
        load={async (text, signal) => {
            const found = await api.get<{ people: { account: string; name: string }[] }>('/people', { query: text }, signal)
            return found.people.map(p => ({ id: p.account, label: p.name }))
        }}
        onChoose={c => onChoose(c.id)}
    />
)
export const TagPicker = ({ onChoose, free, ...rest }: PickerProps & { free?: boolean }) => (
    <Combo
        {...rest} {...(free && { free })}
        load={async (text, signal) => {
            const found = await api.get<{ tags: { name: string; count: number }[] }>('/tags', {}, signal)
            return found.tags.filter(t => t.name.toLowerCase().includes(text.toLowerCase())).slice(0, 20).map(t => ({ id: t.name, label: t.name, more: s.worklogs(t.count) }))
        }}
        onChoose={c => onChoose(c.id)}
    />
)
