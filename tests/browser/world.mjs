/*
 * world.mjs: what the browser tests stand on: a sandbox, a tenant, a server, a browser; and their end.
 *
 * Everything lives below one temporary folder and on loopback. The server's port is chosen once, so that it can
 * be stopped and started again in the middle of a test.
 */
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PATIENCE_MS = 20_000

export const sleep = ms => new Promise(done => setTimeout(done, ms))

/* Asks until the answer is there; says what it waited for when it never is. */
export async function until(what, ask, patience = PATIENCE_MS) {
    const end = Date.now() + patience
    for (;;) {
        const answer = await ask()
        if (answer) return answer
        if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms`)
        await sleep(25)
    }
}

function freePort() {
    return new Promise(done => {
        const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address()
            server.close(() => done(port))
        })
    })
}

/* A program that says a line on standard output when it is ready. */
async function startProgram(exe, args, env, ready) {
    const child = spawn(exe, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', part => (said += part))
    child.stderr.on('data', part => (said += part))
    const ended = new Promise(done => child.on('exit', (code, signal) => done(code ?? signal)))
    await until(`${exe} says that it is ready`, () => {
        if (child.exitCode !== null) throw new Error(`${exe} ended: ${said}`)
        return ready.exec(said)
    }, 60_000)
    return { line: ready.exec(said), async stop() { child.kill('SIGTERM'); return ended } }
}

export class World {
    constructor(tenon, sandbox) {
        this.tenonExe = tenon
        this.sandboxExe = sandbox
        this.dir = mkdtempSync(join(tmpdir(), 'tenon-browser-'))
    }

    tenon(...args) {
        return execFileSync(this.tenonExe, args, { env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    }

    async begin() {
        const file = (name, text) => (writeFileSync(join(this.dir, name), text, { mode: 0o600 }), join(this.dir, name))
        const to = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
        const from = new Date(Date.now() - 60 * 86_400_000).toISOString().slice(0, 10)

        this.sandbox = await startProgram(this.sandboxExe, ['--port', '0', '--generate', `worklogs=4000,issues=150,users=12,seed=5,from=${from},to=${to}`], {}, /listening on (\S+)/)
        this.jira = this.sandbox.line[1]
        this.port = await freePort()
        this.base = `http://127.0.0.1:${this.port}`
        mkdirSync(join(this.dir, 'data'), { mode: 0o700 })
        file('data/tenon.conf', [
            '[server]', `public_url = ${this.base}`, `listen = 127.0.0.1:${this.port}`,
            '[oauth]', 'client_id = sandbox-client', `client_secret_file = ${file('secret', 'sandbox-secret')}`,
            `authorize_url = ${this.jira}/authorize`, `token_url = ${this.jira}/oauth/token`, `api_url = ${this.jira}`,
            '[remote]', 'allow_http = yes', 'allow_private = yes', '',
        ].join('\n'))
        this.env = { ...process.env, TENON_DATA: join(this.dir, 'data') }
        this.tenon('tenant', 'add', this.jira, '--name', 'demo', '--email', 'demo@example.com', '--token-file', file('token', 'sandbox-token'), '--allow-http', '--allow-private')
        const hook = JSON.parse(this.tenon('tenant', 'webhook', 'demo', '--json'))
        await this.control('webhook', { url: hook.url, secret: hook.secret })
        this.tenon('sync', 'demo')
        await this.serve()
    }

    async serve() {
        this.server = await startProgram(this.tenonExe, ['serve'], { TENON_DATA: this.env.TENON_DATA }, /listening on port (\d+)/)
    }

    async stopServer() {
        const code = await this.server.stop()
        this.server = null
        return code
    }

    /* The sandbox's control path. */
    async control(path, body) {
        const response = await fetch(`${this.jira}/sandbox/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
        if (!response.ok) throw new Error(`sandbox/${path}: ${response.status} ${await response.text()}`)
        return response.json()
    }

    /* All worklogs, as Jira has them. */
    async jiraWorklogs() {
        const text = await (await fetch(`${this.jira}/sandbox/worklogs`)).text()
        return text.trim().split('\n').map(line => JSON.parse(line))
    }

    async end() {
        if (this.server) await this.server.stop()
        if (this.sandbox) await this.sandbox.stop()
        rmSync(this.dir, { recursive: true, force: true })
    }
}
