/* Data: what is stored, why, for how long and how it is protected: the catalogue itself, with live counts. */
import { useState } from 'preact/hooks'
import { api } from '../api'
import { ago, momentFull, number } from '../lib/format'
import { useLoad } from '../lib/hooks'
import { useApp } from '../store'
import { s } from '../strings'
import type { DataPage, DataRecord } from '../types'
import { Empty, Input, Lozenge, ProblemBox, Skeleton } from '../ui/ui'

export default function Data() {
    const { me } = useApp()
    const page = useLoad('data', signal => api.get<DataPage>('/data', {}, signal))
    const [find, setFind] = useState('')
    const words = find.trim().toLowerCase()
    const hit = (r: DataRecord) => !words || JSON.stringify(r).toLowerCase().includes(words)
    const records = page.data?.records.filter(hit) ?? []
    return (
        <main class="page">
            <header class="page-head">
                <div class="head-line"><h1>{s.data.title}</h1><span class="push row tight wrap"><Input type="search" class="short" aria-label={s.data.find} placeholder={s.data.find} value={find} onText={setFind} /><a class="button" href="/data-storage" data-external>{s.data.published}</a></span></div>
                <p class="muted">{s.data.intro}</p>
            </header>
            {page.problem ? <ProblemBox problem={page.problem} retry={page.reload} /> : !page.data ? <Skeleton lines={6} height={64} /> : (
                <>
                    {!records.length && <Empty title={s.nothingFound}>{s.data.noneFound(find)}</Empty>}
                    {records.map(r => (
                        <details class="card record" key={r.name} open={Boolean(words)}>
                            <summary>
                                <strong>{r.name}</strong>
                                <span class="record-why">{r.why}</span>
                                {r.rows !== null && <span class="push figure-small">{s.data.rows(number(r.rows), r.rows)}</span>}
                            </summary>
                            <dl class="pairs">
                                <div><dt>{s.data.app}</dt><dd>{r.app}</dd></div>
                                <div><dt>{s.data.retention}</dt><dd>{r.retention}</dd></div>
                                <div><dt>{s.data.shownTo}</dt><dd>{r.shown_to}</dd></div>
                                {r.oldest && <div><dt>{s.data.oldest}</dt><dd title={momentFull(r.oldest, me.zone || 'UTC')}>{ago(r.oldest)}</dd></div>}
                            </dl>
                            <div class="scroll-x"><table class="plain">
                                <thead><tr><th scope="col">{s.data.field}</th><th scope="col">{s.data.what}</th><th scope="col">{s.data.class}</th><th scope="col">{s.data.protection}</th></tr></thead>
                                <tbody>{r.fields.map(f => <tr key={f.name}><th scope="row" class="mono">{f.name}</th><td>{f.what}</td><td><Lozenge>{f.class}</Lozenge></td><td>{f.protection}</td></tr>)}</tbody>
                            </table></div>
                        </details>
                    ))}
                    <p class="muted small">{s.data.version(page.data.catalog_version)}</p>
                </>
            )}
        </main>
    )
}
