/* Before what cannot be taken back: what will happen, and the site's name typed in. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { asProblem } from '../../api'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Banner, Button, Dialog, Field, Input } from '../../ui/ui'

type Props = { title: string; act: string; children: ComponentChildren; onClose: () => void; onDone: () => Promise<void> }

export function Confirm({ title, act, children, onClose, onDone }: Props) {
    const { me } = useApp()
    const name = me.tenant!.name
    const [typed, setTyped] = useState('')
    const [busy, setBusy] = useState(false)
    const [wrong, setWrong] = useState<string | null>(null)
    const fits = typed.trim() === name
    const run = async () => {
        if (!fits || busy) return
        setBusy(true)
        setWrong(null)
        try {
            await onDone()
        } catch (error) {
            setWrong(asProblem(error).message)
            setBusy(false)
        }
    }
    return (
        <Dialog title={title} onClose={onClose} actions={<><Button look="danger" disabled={!fits || busy} onClick={() => void run()}>{busy ? s.data.working : act}</Button><Button look="subtle" onClick={onClose}>{s.cancel}</Button></>}>
            {children}
            <Field label={s.data.typeName(name)}>{ids => <Input {...ids} value={typed} onText={setTyped} autocomplete="off" spellcheck={false} onKeyDown={e => e.key === 'Enter' && void run()} />}</Field>
            {wrong && <Banner tone="error" title={s.notDone}>{wrong}</Banner>}
        </Dialog>
    )
}
