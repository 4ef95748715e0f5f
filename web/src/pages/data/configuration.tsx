/* Configuration: everything of a site that is no copy of Jira's, as a file, and put back from one. */
import { useRef, useState } from 'preact/hooks'
import { api, asProblem } from '../../api'
import { frame } from '../../frame'
import { bytes, number } from '../../lib/format'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Banner, Button, Switch } from '../../ui/ui'
import { Confirm } from './confirm'
import { Outside } from './outside'

type Done = { rows: number; left_out: number }

export function Configuration({ onDone }: { onDone: () => void }) {
    const { me } = useApp()
    const picker = useRef<HTMLInputElement>(null)
    const [file, setFile] = useState<File | null>(null)
    const [other, setOther] = useState(false)
    const [wrong, setWrong] = useState<string | null>(null)
    const [done, setDone] = useState<Done | null>(null)
    const keep = async () => {
        setWrong(null)
        try {
            await api.keep('/configuration', {}, `${me.tenant!.name}-configuration.json`)
        } catch (error) {
            setWrong(asProblem(error).message)
        }
    }
    const put = async () => {
        setDone(await api.postFile<Done>('/configuration', { other_site: other || null }, file!))
        setFile(null)
        onDone()
    }
    return (
        <section class="card" aria-labelledby="configuration">
            <div class="head-line">
                <h2 id="configuration">{s.data.configuration.title}</h2>
                <span class="row tight push wrap">
                    <Button icon="download" onClick={() => void keep()}>{s.data.configuration.download}</Button>
                    {!frame.inside && <Button onClick={() => picker.current?.click()}>{s.data.configuration.upload}</Button>}
                </span>
            </div>
            <p class="muted">{s.data.configuration.says}</p>
            {frame.inside && <Outside />}
            <input ref={picker} type="file" accept=".json,application/json" hidden aria-label={s.data.configuration.upload} onChange={e => {
                setDone(null)
                setWrong(null)
                setOther(false)
                setFile(e.currentTarget.files?.[0] ?? null)
                e.currentTarget.value = '' /* so that the same file can be chosen again */
            }} />
            {wrong && <Banner tone="error" title={s.notDone}>{wrong}</Banner>}
            {done && <Banner tone="success" title={s.data.configuration.done(number(done.rows), done.rows)}>{done.left_out > 0 && s.data.configuration.leftOut(number(done.left_out))}</Banner>}
            {file && (
                <Confirm title={s.data.configuration.replace} act={s.data.configuration.replace} onClose={() => setFile(null)} onDone={put}>
                    <p>{s.data.configuration.uploadSays(file.name, bytes(file.size))}</p>
                    <Switch label={s.data.configuration.otherSite} hint={s.data.configuration.otherSiteHint} on={other} onChange={setOther} />
                </Confirm>
            )}
        </section>
    )
}
