/* The timer: kept in this browser (an issue's id and a moment, no text), over reloads; stopping opens a worklog. */
import { useState } from 'preact/hooks'
import { partsIn } from '../../lib/dates'
import { clockText, duration, roundTo } from '../../lib/duration'
import { useEvery, useKept } from '../../lib/hooks'
import { setParams } from '../../route'
import { useApp } from '../../store'
import { s } from '../../strings'
import { Button } from '../../ui/ui'
import { IssueName, IssuePicker } from '../issue'

type Running = { issue: string; since: number }
export function Timer() {
    const { settings, zone, me } = useApp()
    const [running, setRunning] = useKept<Running | null>(`timer.${me.tenant?.id ?? ''}.${me.account ?? ''}`, null)
    const [choosing, setChoosing] = useState(false)
    const [now, setNow] = useState(Date.now())
    useEvery(running ? 10_000 : null, () => setNow(Date.now()))
    if (running) {
        const elapsed = Math.max(0, Math.floor((now - running.since) / 1000))
        const stop = () => {
            const at = partsIn(running.since, zone)
            setRunning(null)
            setParams({ open: 'new', issue: running.issue, day: at.date, start: clockText(at.seconds), time: String(roundTo((Date.now() - running.since) / 1000, settings.rounding_minutes)) })
        }
        return (
            <span class="timer running">
                <Button icon="stop" label={s.time.stopTimer} onClick={stop} />
                <strong role="timer">{duration(elapsed)}</strong>
                <IssueName id={running.issue} />
            </span>
        )
    }
    if (choosing)
        return (
            <span class="timer">
                <IssuePicker label={s.time.timerIssue} placeholder={s.time.timerIssue} onChoose={issue => (setChoosing(false), setNow(Date.now()), setRunning({ issue, since: Date.now() }))} />
                <Button look="subtle" icon="close" label={s.cancel} onClick={() => setChoosing(false)} />
            </span>
        )
    return <Button icon="play" onClick={() => setChoosing(true)}>{s.time.startTimer}</Button>
}
