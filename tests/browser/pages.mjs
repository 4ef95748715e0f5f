/*
 * pages.mjs: people at work in the pages, step by step, in one story.
 *
 * Steps build on each other, so the first that fails ends the story. Each leaves a screenshot. An error in the
 * browser's console, a request to any other host, or an answer of 500 and more fails the step it happens in.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { World, until } from './world.mjs'

const [tenon, sandbox, browserPath] = process.argv.slice(2)
const shots = process.env.SCREENSHOTS
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const world = new World(tenon, sandbox)
const complaints = []
let number = 0

function watch(page) {
    page.on('console', message => message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && complaints.push(`console: ${message.text()}`))
    page.on('pageerror', error => complaints.push(`page: ${error.message}`))
    page.on('response', response => response.status() >= 500 && complaints.push(`${response.status()} ${response.url()}`))
    page.on('request', request => {
        const { origin, protocol } = new URL(request.url())
        if (protocol.startsWith('http') && origin !== world.base && origin !== world.jira) complaints.push(`another host: ${origin}`)
    })
}

async function step(sentence, page, act) {
    number++
    try {
        await act()
        assert.deepEqual(complaints.splice(0), [])
        console.log(`ok - ${sentence}`)
    } catch (error) {
        console.log(`not ok - ${sentence}\n    ${String(error.stack ?? error).replaceAll('\n', '\n    ')}`)
        throw error
    } finally {
        const name = `${String(number).padStart(2, '0')}-${sentence.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}.png`
        await page?.screenshot({ path: join(shots, name) }).catch(() => {})
    }
}

const today = () => new Date().toISOString().slice(0, 10)
const cellsOf = page => page.locator('.week [role=gridcell][data-cell]')
/* The cell of today in the row of that issue; the row's header holds the key. */
const cellOf = (page, key) => page.locator('.week-row', { hasText: key }).locator('.week-cell.today')

async function api(page, path) {
    return page.evaluate(async p => (await fetch(p)).json(), `/api/v1${path}`)
}

async function tell(browser) {
    const context = await browser.newContext({ timezoneId: 'UTC', viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] })
    const page = await context.newPage()
    let me, key, mine

    watch(page)
    await step('a person signs in with Jira and sees their week', page, async () => {
        await page.goto(`${world.base}/time`)
        await page.getByRole('link', { name: /jira/i }).or(page.getByRole('button', { name: /jira/i })).first().click()
        await page.waitForURL(/\/time/)
        await page.getByText(/Week \d+/).first().waitFor()
        me = await api(page, '/me')
        assert.equal(me.by, 'session')
        assert.equal(me.role, 'person')
    })

    await step('two clicks and a duration log work, and Jira has it', page, async () => {
        const issue = await world.control('issues/create', { summary: 'Browser story' })
        key = issue.key
        await page.getByPlaceholder(/issue key or words/i).first().fill(key)
        await page.getByRole('option', { name: new RegExp(key) }).first().click()
        await cellOf(page, key).waitFor()
        await cellOf(page, key).click()
        await page.keyboard.type('1h 30m')
        await page.keyboard.press('Enter')
        mine = await until('the worklog is in Jira', async () => (await world.jiraWorklogs()).find(w => w.issue === issue.issue))
        assert.equal(mine.seconds, 5400)
        assert.equal(mine.account, me.account)
        await until('the cell shows it', async () => /1h 30m/.test(await cellOf(page, key).innerText()))
    })

    await step('work is logged for the eyes of one role, and Jira restricts it', page, async () => {
        await page.goto(`${world.base}/time?open=new&issue=${mine.issue}&start=20:00&time=900`)
        await page.getByLabel('Visible to').selectOption('role')
        await page.locator('form').getByRole('textbox', { name: 'Name of the role' }).fill('Developers')
        await page.getByRole('button', { name: 'Log work' }).last().click()
        const logged = await until('it is in Jira', async () => (await world.jiraWorklogs()).find(w => w.issue === mine.issue && w.seconds === 900))
        const answer = await fetch(`${world.jira}/rest/api/3/issue/${logged.issue}/worklog/${logged.id}`, { headers: { Authorization: `Basic ${btoa('demo@example.com:sandbox-token')}` } })
        assert.deepEqual((await answer.json()).visibility, { type: 'role', identifier: 'Developers' })
        await world.control('worklogs/delete', { id: logged.id })
        await until('it is gone here too', async () => !(await api(page, `/worklogs?from=${today()}&to=${today()}&tz=UTC`)).worklogs.some(w => w.id === logged.id))
    })

    await step('the report has it at once', page, async () => {
        const report = await api(page, `/report?from=${today()}&to=${today()}&tz=UTC&group=issue&account=${encodeURIComponent(me.account)}`)
        assert.ok(report.rows.some(row => row.issue === mine.issue && row.seconds === 5400), JSON.stringify(report))
        await page.goto(`${world.base}/reports?from=${today()}&to=${today()}&group=issue`)
        await page.getByText(key).first().waitFor()
        await page.goto(`${world.base}/reports?from=2020-01-01&to=2030-01-01&group=none`)
        const lists = []
        const note = request => new URL(request.url()).pathname === '/api/v1/worklogs' && lists.push(request.url())
        page.on('request', note)
        await page.getByRole('button', { name: 'Show the worklogs' }).click()
        await page.getByText(/in 50 worklogs/).waitFor()
        assert.equal(lists.length, 1, 'a page of what is behind a number, all people together, is one question')
        await page.getByRole('button', { name: 'Show more' }).click()
        await page.getByText(/in 100 worklogs/).waitFor()
        page.off('request', note)
    })

    await step('a change in Jira is seen within two seconds of its webhook', page, async () => {
        await page.goto(`${world.base}/time`)
        await cellOf(page, key).waitFor()
        const began = Date.now()
        await world.control('worklogs/edit', { id: mine.id, seconds: 7200 })
        await until('the report follows', async () => {
            const report = await api(page, `/report?from=${today()}&to=${today()}&tz=UTC&group=issue&account=${encodeURIComponent(me.account)}`)
            return report.rows.some(row => row.issue === mine.issue && row.seconds === 7200)
        })
        const took = Date.now() - began
        assert.ok(took < 2000, `it took ${took} ms`)
        console.log(`# ${took} ms from the change in Jira to the report`)
        await page.reload()
        await until('the page shows it', async () => /2h/.test(await cellOf(page, key).innerText()))
    })

    await step('a restart in the middle loses nothing and nobody has to sign in again', page, async () => {
        assert.equal(await world.stopServer(), 0)
        await world.control('worklogs/edit', { id: mine.id, seconds: 10800 })
        await world.serve()
        await page.reload()
        await until('the change made meanwhile arrives', async () => {
            const { worklogs } = await api(page, `/worklogs?from=${today()}&to=${today()}&tz=UTC`)
            return worklogs.some(w => w.id === mine.id && w.seconds === 10800)
        }, 150_000)
        await page.reload()
        await until('the page shows it', async () => /3h/.test(await cellOf(page, key).innerText()))
    })

    await step('deleting in the page deletes in Jira', page, async () => {
        await cellOf(page, key).hover()
        await cellOf(page, key).locator('.cell-open').click({ force: true })
        await page.getByRole('button', { name: /^delete/i }).first().click()
        await page.getByRole('dialog', { name: /delete this worklog/i }).getByRole('button', { name: 'Delete' }).click()
        await until('it is gone from Jira', async () => !(await world.jiraWorklogs()).some(w => w.id === mine.id))
        const { worklogs } = await api(page, `/worklogs?from=${today()}&to=${today()}&tz=UTC`)
        assert.ok(!worklogs.some(w => w.id === mine.id))
    })

    await step('an issue that Jira hides is in no row and no sum, and the page says so', page, async () => {
        const all = await api(page, '/report?from=2020-01-01&to=2030-01-01&tz=UTC&group=issue&order=seconds&top=1')
        const [most] = all.rows
        await world.control('issues/conceal', { issue: most.issue, account: me.account })
        const less = await until('the report leaves it out', async () => {
            const report = await api(page, '/report?from=2020-01-01&to=2030-01-01&tz=UTC&group=issue&limit=10000')
            return report.hidden.issues === 1 && report
        }, 90_000)
        assert.ok(!less.rows.some(row => row.issue === most.issue))
        assert.equal(less.seconds, all.seconds - most.seconds)
        await page.goto(`${world.base}/reports?from=2020-01-01&to=2030-01-01&group=account`)
        await page.getByText(/hidden/i).first().waitFor()
        await world.control('issues/reveal', { issue: most.issue })
    })

    await step('a copied link shows the same report', page, async () => {
        const sum = of => of.getByText(/in [\d,]+ worklogs/)

        await page.goto(`${world.base}/reports?from=2020-01-01&to=2030-01-01&group=account,month`)
        await sum(page).waitFor()
        const other = await context.newPage()
        watch(other)
        await other.goto(page.url())
        await sum(other).waitFor()
        assert.equal(await sum(other).innerText(), await sum(page).innerText())
        await other.close()
    })

    for (const [name, heading] of [['sync', /sync/i], ['settings', /settings/i], ['data', /stored/i]])
        await step(`the page ${name} opens`, page, async () => {
            await page.goto(`${world.base}/${name}`)
            await page.getByRole('heading', { name: heading }).first().waitFor()
            await page.waitForLoadState('networkidle')
        })

    await step('the keyboard alone reaches the grid and the list of keys', page, async () => {
        await page.goto(`${world.base}/time`)
        await page.getByText(/Week \d+/).first().waitFor()
        await page.keyboard.press('?')
        await page.getByRole('dialog').waitFor()
        await page.keyboard.press('Escape')
        await page.getByRole('dialog').waitFor({ state: 'hidden' })
    })

    await step('an administrator comes in by a link, chooses a password and signs in with it', page, async () => {
        const admin = await browser.newContext({ timezoneId: 'UTC', colorScheme: 'dark', viewport: { width: 1280, height: 800 } })
        const desk = await admin.newPage()
        watch(desk)
        const link = /http\S+#link=\S+/.exec(world.tenon('admin'))[0]
        await desk.goto(link)
        await desk.locator('input[type=password]').first().waitFor()
        for (const field of await desk.locator('input[type=password]').all()) await field.fill('correct horse battery')
        await desk.keyboard.press('Enter')
        await desk.waitForURL(url => !url.pathname.startsWith('/sign-in'))
        await desk.goto(`${world.base}/sync`)
        await desk.getByText(/worklogs/).first().waitFor()
        await desk.screenshot({ path: join(shots, 'dark-sync.png') })
        await desk.goto(`${world.base}/reports`)
        await desk.waitForLoadState('networkidle')
        await desk.screenshot({ path: join(shots, 'dark-reports.png') })
        await admin.close()
    })

    await step('an administrator takes a backup, sees it listed, and finds it in the audit trail', page, async () => {
        const admin = await browser.newContext({ timezoneId: 'UTC', viewport: { width: 1280, height: 800 } })
        const desk = await admin.newPage()
        watch(desk)
        await desk.goto(`${world.base}/sign-in?return=/data`)
        await desk.locator('input[type=password]').first().fill('correct horse battery')
        await desk.keyboard.press('Enter')
        const backups = desk.getByRole('region', { name: 'Backups' })
        const audit = desk.getByRole('region', { name: 'Audit' })
        await backups.getByRole('button', { name: 'Back up now' }).click()
        await backups.getByText('The backup is taken.').waitFor()
        const { backups: taken } = await api(desk, '/backups')
        assert.deepEqual([...new Set(taken.map(b => b.name))].sort(), ['demo', null])
        assert.ok(taken.every(b => b.on_disk && b.rows > 0 && b.bytes > 0), JSON.stringify(taken))
        await backups.getByRole('row', { name: /demo/ }).first().waitFor()
        await desk.getByText(/The last backup was taken .* with [1-9]/).waitFor()
        await desk.getByRole('region', { name: 'Keys' }).getByText('seals what is written').first().waitFor()
        await audit.getByLabel('Which acts').selectOption('backup_taken')
        await until('only backups are listed', async () => (await audit.locator('tbody th').allInnerTexts()).every(name => name === 'Backup taken'))
        assert.ok((await audit.locator('tbody tr').count()) >= 2)
        await audit.getByLabel('Which acts').selectOption('sign_in')
        await audit.getByRole('row', { name: /Signed in Administrator/ }).first().waitFor()
        await audit.getByLabel('Which acts').selectOption('')
        await audit.getByText(/\d openings of secrets are hidden on this page/).waitFor()
        assert.equal(await audit.getByRole('rowheader', { name: 'Secret opened' }).count(), 0)
        await audit.getByText('Show openings of secrets').click()
        await audit.getByRole('rowheader', { name: 'Secret opened' }).first().waitFor()
        await audit.getByRole('button', { name: 'Older' }).waitFor()
        await desk.getByText(/On disk: this site .+, its backups .+, the server’s own data .+, backups of that/).waitFor()
        for (const colorScheme of ['light', 'dark']) {
            await desk.emulateMedia({ colorScheme })
            await desk.setViewportSize({ width: 1280, height: 2400 }) // a full page would draw the bar in the middle
            await desk.screenshot({ path: join(shots, `${colorScheme}-data.png`) })
        }
        await admin.close()
    })

    await step('on a narrow screen nothing is wider than the screen', page, async () => {
        const narrow = await browser.newContext({ timezoneId: 'UTC', viewport: { width: 360, height: 740 }, storageState: await context.storageState() })
        const phone = await narrow.newPage()
        watch(phone)
        for (const path of ['time', 'reports', 'sync', 'settings', 'data']) {
            await phone.goto(`${world.base}/${path}`)
            await phone.waitForLoadState('networkidle')
            await phone.screenshot({ path: join(shots, `narrow-${path}.png`) })
            const wide = await phone.evaluate(() => document.documentElement.scrollWidth)
            assert.ok(wide <= 360, `${path} is ${wide} wide`)
        }
        await narrow.close()
    })
}

mkdirSync(shots, { recursive: true })
let browser
try {
    await world.begin()
    browser = await chromium.launch({ executablePath: browserPath, args: quiet })
    await tell(browser)
} catch (error) {
    if (number === 0) console.log(error)
    process.exitCode = 1
} finally {
    await browser?.close()
    await world.end()
}
