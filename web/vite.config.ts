/*
 * vite.config.ts: how the pages are built. One entry, one chunk per page; charts and tables come with the
 * reports alone. Colours, spaces and type are Atlassian's design tokens, taken from their package at build time
 * and cut to the variables that the sources name: light by default, dark when the frame or the system says so.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const SRC = new URL('./src', import.meta.url).pathname
const require = createRequire(import.meta.url)
const THEMES = ['light', 'dark', 'spacing', 'shape', 'typography'] as const

function sourcesBelow(folder: string): string {
    return readdirSync(folder, { withFileTypes: true })
        .map(e => (e.isDirectory() ? sourcesBelow(join(folder, e.name)) : readFileSync(join(folder, e.name), 'utf8')))
        .join('\n')
}

/* From the package's CommonJS files: Node 18 does not take its ES modules for such, as they are named .js. */
function themeVariables(name: string): Map<string, string> {
    const css = require(`@atlaskit/tokens/dist/cjs/artifacts/themes/atlassian-${name}.js`).default as string
    return new Map([...css.matchAll(/(--ds-[\w-]+):\s*([^;]+);/g)].map(m => [m[1]!, m[2]!]))
}

function tokens(): Plugin {
    const id = 'virtual:tokens.css'
    return {
        name: 'atlassian-tokens',
        resolveId: source => (source === id ? '\0' + id : undefined),
        load(resolved) {
            if (resolved !== '\0' + id) return undefined
            const themes = Object.fromEntries(THEMES.map(n => [n, themeVariables(n)] as const))
            const used = new Set(sourcesBelow(SRC).match(/--ds-[\w-]+/g) ?? [])
            for (const name of used)
                if (!Object.values(themes).some(t => t.has(name))) this.error(`no design token is called ${name}; see @atlaskit/tokens`)
            const block = (...names: string[]) =>
                names.flatMap(n => [...themes[n]!].filter(([k]) => used.has(k)).map(([k, v]) => `${k}:${v};`)).join('')
            const dark = `color-scheme:dark;${block('dark')}`
            return [
                `:root{color-scheme:light;${block('light', 'spacing', 'shape', 'typography')}}`,
                `@media (prefers-color-scheme:dark){:root:not([data-color-mode=light]){${dark}}}`,
                `:root[data-color-mode=dark]{${dark}}`,
            ].join('\n')
        },
    }
}

/* The licences of what is bundled, beside it: licences.txt. */
function licences(): Plugin {
    return {
        name: 'licences',
        generateBundle(_options, bundle) {
            const folders = new Set<string>(['@atlaskit/tokens'])
            for (const chunk of Object.values(bundle))
                if (chunk.type === 'chunk')
                    for (const module of chunk.moduleIds) {
                        const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module)
                        if (found) folders.add(found[1]!)
                    }
            const texts = [...folders].sort().map(name => {
                const folder = join('node_modules', name)
                const facts = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
                const file = readdirSync(folder, { withFileTypes: true }).filter(f => f.isFile() && /^(licen[cs]e|notice)/i.test(f.name)).map(f => f.name).sort()
                return [`${name} ${facts.version}: ${facts.license}`, ...file.map(f => readFileSync(join(folder, f), 'utf8').trim())].join('\n\n')
            })
            this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n\n' + '-'.repeat(72) + '\n\n') + '\n' })
        },
    }
}

export default defineConfig({
    plugins: [tokens(), licences()],
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
    build: {
        target: 'es2022',
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        reportCompressedSize: true,
        chunkSizeWarningLimit: 800,
    },
    server: { proxy: { '/api': 'http://127.0.0.1:8099', '/data-storage': 'http://127.0.0.1:8099', '/auth': 'http://127.0.0.1:8099' } },
    test: { include: ['src/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0])
