/* Data: what is stored, why, for how long and how it is protected: the catalogue itself, with live counts; for administrators also what is done to keep it safe. */
import { useState } from 'preact/hooks'
import { api } from '../api'
import { ago, bytes, momentFull, number } from '../lib/format'
import { useLoad } from '../lib/hooks'
import { useApp } from '../store'
import { s } from '../strings'
import type { BackupsPage, DataPage, DataRecord } from '../types'
import { Empty, Input, Lozenge, ProblemBox, Skeleton } from '../ui/ui'
import { Audit } from './data/audit'
import { Backups, FEW_BACKUPS } from './data/backups'
import { Configuration } from './data/configuration'
import { Keys } from './data/keys'
import { Lately } from './data/lately'
import { backupsOf, CONTROL, foldersOf } from './data/model'
import { People } from './data/people'

export default function Data() {
    const { me } = useApp()
    const page = useLoad('data', signal => api.get<DataPage>('/data', {}, signal))
    const changed = page.reload
    return (
        <main class="page">
            <header class="page-head">
                <div class="head-line"><h1>{s.data.title}</h1><span class="push"><a class="button" href="/data-storage" data-external>{s.data.published}</a></span></div>
                <p class="muted">{s.data.intro}</p>
            </header>
            {me.may.admin && <Custody onChanged={changed} />}
            {page.problem && !page.data ? <ProblemBox problem={page.problem} retry={page.reload} /> : !page.data ? <Skeleton lines={6} height={64} /> : <Records page={page.data} />}
        </main>
    )
}

/* What an administrator does; backups and keys are the server's own administrator's. */
function Custody({ onChanged }: { onChanged: () => void }) {
    const { me } = useApp()
    const local = me.role === 'admin'
    const [turn, setTurn] = useState(0)
    const [most, setMost] = useState(FEW_BACKUPS) /* of each owner */
    const backups = useLoad(local ? `backups ${most}` : null, async signal => {
        const pages = await Promise.all([me.tenant!.id, CONTROL].map(tenant => api.get<BackupsPage>('/backups', { tenant, limit: most }, signal)))
        return { list: backupsOf(pages.flatMap(p => p.backups), me.tenant!.id), more: pages.some(p => p.next !== null) }
    }, true)
    const changed = () => {
        setTurn(n => n + 1)
        onChanged()
    }
    const newest = backups.data?.list[0]
    return (
        <>
            <Lately turn={`${turn} ${newest?.taken ?? ''} ${newest?.drilled ?? ''}`} />
            {local && <Backups backups={backups} onTaken={changed} onMore={() => setMost(n => n * 5)} />}
            {local && <Keys />}
            <People onErased={changed} />
            <Configuration onDone={changed} />
            <Audit turn={turn} />
        </>
    )
}

function Records({ page }: { page: DataPage }) {
    const [find, setFind] = useState('')
    const words = find.trim().toLowerCase()
    const records = page.records.filter(r => !words || JSON.stringify(r).toLowerCase().includes(words))
    return (
        <>
            <div class="head-line"><h2>{s.data.records}</h2><Input type="search" class="short push" aria-label={s.data.find} placeholder={s.data.find} value={find} onText={setFind} /></div>
            {foldersOf(page.bytes).length > 0 && <p class="muted">{s.data.onDisk(foldersOf(page.bytes).map(([name, n]) => s.data.folders[name](bytes(n))))} {s.data.sizesSay}</p>}
            {!records.length && <Empty title={s.nothingFound}>{s.data.noneFound(find)}</Empty>}
            {records.map(r => <RecordCard key={r.name} record={r} open={Boolean(words)} />)}
            <p class="muted small">{s.data.version(page.catalog_version)}</p>
        </>
    )
}

/* Tables are estimated, files are not. */
const sizeOf = (r: DataRecord, n: number): string => (r.rows === null ? bytes(n) : s.data.about(bytes(n)))

function RecordCard({ record: r, open }: { record: DataRecord; open: boolean }) {
    const { me } = useApp()
    return (
        <details class="card record" open={open}>
            <summary>
                <strong>{r.name}</strong>
                <span class="record-why">{r.why}</span>
                {(r.rows !== null || r.bytes !== null) && <span class="push figure-small">{[r.rows !== null && s.data.rows(number(r.rows), r.rows), r.bytes !== null && sizeOf(r, r.bytes)].filter(Boolean).join(' · ')}</span>}
            </summary>
            <dl class="pairs">
                <div><dt>{s.data.app}</dt><dd>{r.app}</dd></div>
                <div><dt>{s.data.retention}</dt><dd>{r.retention}</dd></div>
                <div><dt>{s.data.shownTo}</dt><dd>{r.shown_to}</dd></div>
                {r.bytes !== null && <div><dt>{s.data.size}</dt><dd>{sizeOf(r, r.bytes)}</dd></div>}
                {r.oldest && <div><dt>{s.data.oldest}</dt><dd title={momentFull(r.oldest, me.zone || 'UTC')}>{ago(r.oldest)}</dd></div>}
            </dl>
            <div class="scroll-x"><table class="plain">
                <thead><tr><th scope="col">{s.data.field}</th><th scope="col">{s.data.what}</th><th scope="col">{s.data.class}</th><th scope="col">{s.data.protection}</th></tr></thead>
                <tbody>{r.fields.map(f => <tr key={f.name}><th scope="row" class="mono">{f.name}</th><td>{f.what}</td><td><Lozenge>{f.class}</Lozenge></td><td>{f.protection}</td></tr>)}</tbody>
            </table></div>
        </details>
    )
}
