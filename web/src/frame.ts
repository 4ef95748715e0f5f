/*
 * frame.ts: the Jira page around us, if there is one. Jira names itself in the address (xdm_e) when it opens us in
 * a Connect frame; then, and only then, Atlassian's own script is loaded, which gives tokens and the theme.
 */
type Ap = {
    context: { getToken(done: (token: string) => void): void }
    theming?: { initializeTheming(): void }
    sizeToParent?(): void
}
declare global {
    interface Window {
        AP?: Ap
    }
}

const SCRIPT = 'https://connect-cdn.atl-paas.net/all.js'
const WAIT_MS = 10_000
const inside = new URLSearchParams(location.search).has('xdm_e') && window.parent !== window

const ready: Promise<Ap | null> = !inside
    ? Promise.resolve(null)
    : new Promise(done => {
          const script = document.createElement('script')
          script.src = SCRIPT
          script.dataset.options = 'sizeToParent:true'
          script.onload = () => done(window.AP ?? null)
          script.onerror = () => done(null)
          document.head.append(script)
      })

void ready.then(ap => ap?.theming?.initializeTheming())

export const frame = {
    inside,
    async token(): Promise<string | null> {
        const ap = await ready
        if (!ap) return null
        return new Promise((done, fail) => {
            const timer = setTimeout(() => fail(new Error('Jira did not give this page a token within 10 seconds. Load the page again.')), WAIT_MS)
            ap.context.getToken(token => {
                clearTimeout(timer)
                done(token)
            })
        })
    },
}
