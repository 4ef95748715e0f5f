/* Missing days: who has days of work with too little time on them. */
import { api } from '../../api'
import { dayNumber } from '../../lib/dates'
import { duration } from '../../lib/duration'
import { dayShort, dayLong, percent } from '../../lib/format'
import { useLoad } from '../../lib/hooks'
import { hrefOf, useRoute } from '../../route'
import { useApp } from '../../store'
import { s } from '../../strings'
import type { DayTotals, Report } from '../../types'
import { Banner, Empty, ProblemBox, Skeleton } from '../../ui/ui'
import { PersonName } from '../issue'
import type { Days } from './periods'

const PEOPLE_MAX = 50
const AT_ONCE = 4

export function Missing({ days }: { days: Days }) {
    const { me, zone } = useApp()
    const { params } = useRoute()
    const chosen = params.getAll('account')
    const tooLong = dayNumber(days.to) - dayNumber(days.from) >= 366
    const found = useLoad(tooLong ? null : JSON.stringify(['missing', days.from, days.to, zone, chosen]), async signal => {
        let accounts = chosen
        if (!accounts.length && me.may.others) {
            const report = await api.get<Report>('/report', { from: days.from, to: days.to, tz: zone, group: 'account', limit: PEOPLE_MAX + 1 }, signal)
            accounts = report.rows.map(r => r.account).filter((a): a is string => typeof a === 'string')
        } else if (!accounts.length) accounts = me.account ? [me.account] : []
        const all: DayTotals[] = []
        const queue = accounts.slice(0, PEOPLE_MAX)
        await Promise.all(Array.from({ length: AT_ONCE }, async () => {
            for (let account = queue.shift(); account !== undefined; account = queue.shift()) all.push(await api.get<DayTotals>('/missing-days', { from: days.from, to: days.to, tz: zone, account }, signal))
        }))
        const lacking = (t: DayTotals) => t.days.filter(d => d.missing).reduce((n, d) => n + d.expected - d.real, 0)
        return { all: all.sort((a, b) => lacking(b) - lacking(a)), cut: accounts.length > PEOPLE_MAX }
    })
    if (tooLong) return <Banner tone="warning">{s.reports.missingTooLong}</Banner>
    if (found.problem) return <ProblemBox problem={found.problem} retry={found.reload} />
    if (!found.data) return <Skeleton lines={6} height={36} />
    if (!found.data.all.length) return <Empty title={s.reports.emptyTitle}>{s.reports.missingNobody}</Empty>
    return (
        <>
            {found.data.cut && <Banner tone="warning">{s.reports.missingCut(PEOPLE_MAX)}</Banner>}
            <div class="scroll-x">
                <table class="plain">
                    <thead>
                        <tr><th scope="col">{s.person}</th><th scope="col" class="right">{s.reports.missingCount}</th><th scope="col" class="right">{s.reports.missingTime}</th><th scope="col" class="right">{s.reports.loggedShare}</th><th scope="col">{s.reports.whichDays}</th></tr>
                    </thead>
                    <tbody>
                        {found.data.all.map(t => {
                            const missing = t.days.filter(d => d.missing)
                            return (
                                <tr key={t.account}>
                                    <th scope="row"><a href={hrefOf('/time', { view: 'month', date: days.from, account: t.account === me.account ? null : t.account })}><PersonName account={t.account} /></a></th>
                                    <td class="right">{missing.length || '–'}</td>
                                    <td class="right">{missing.length ? duration(missing.reduce((n, d) => n + d.expected - d.real, 0)) : '–'}</td>
                                    <td class="right">{duration(t.real)} <span class="muted">/ {duration(t.expected)}{t.expected ? ` (${percent(t.real / t.expected)})` : ''}</span></td>
                                    <td><div class="chips">{missing.slice(0, 31).map(d => (
                                        <a class="chip small" key={d.date} title={`${dayLong(d.date)}: ${s.time.ofExpected(duration(d.real), duration(d.expected))}`} href={hrefOf('/time', { date: d.date, account: t.account === me.account ? null : t.account, open: 'day', day: d.date })}>{dayShort(d.date)}</a>
                                    ))}{missing.length > 31 && <span class="muted">{s.more(missing.length - 31)}</span>}</div></td>
                                </tr>
                            )
                        })}
                    </tbody>
                </table>
            </div>
        </>
    )
}
