/*
 * prism.mjs: Prism with the official description of Jira Cloud, and the judge before it.
 *
 *   client --> judge --> Prism --> (mock: Prism's own answer; proxy: the server under test)
 *
 * Prism compares each request and each answer with the description and tells what is wrong in the header
 * sl-violations. The judge reads it and, unless the violation stands in allowed.mjs, keeps it for the test
 * and gives the client an error instead of the answer. That is Prism's own --errors, which is not used for
 * two reasons: it cannot be told of a mistake in the description, and it lets statuses pass which the
 * description does not have (Prism calls those warnings; here nothing is only a warning).
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { allowed } from './allowed.mjs';
import { call, fail, relay, serve } from './harness.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const prism_js = path.join(here, 'node_modules/@stoplight/prism-cli/dist/index.js');
const PRISM_ERROR = 'https://stoplight.io/prism/errors#';

/* `mock` or `proxy`; gives the base URL. */
export async function start_prism(mode, description_file, ...args) {
    const match = await serve(
        process.execPath,
        [prism_js, mode, description_file, ...args, '--host', '127.0.0.1', '--port', '0', '--cors', 'false'],
        /Prism is listening on (http:\/\/127\.0\.0\.1:\d+)/,
    );

    return match[1];
}

/* ---- The description ---- */

export class Description {
    constructor(file) {
        this.json = JSON.parse(readFileSync(file, 'utf8'));
        this.operations = [];
        for (const [template, methods] of Object.entries(this.json.paths))
            for (const [method, operation] of Object.entries(methods))
                if (operation.responses)
                    this.operations.push({
                        name: `${method.toUpperCase()} ${template}`,
                        method: method.toUpperCase(),
                        /* fewer parameters first: a literal part is a better match than a parameter */
                        parameters: template.split('{').length - 1,
                        pattern: new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]*\}/g, '[^/]+')}$`),
                        operation,
                    });
        this.operations.sort((a, b) => a.parameters - b.parameters);
    }

    /* The operation that a request means; undefined: the description has none. */
    find(method, target) {
        const at = target.split('?')[0];

        return this.operations.find((one) => one.method === method && one.pattern.test(at));
    }

    resolve(schema) {
        while (schema?.$ref)
            schema = schema.$ref.split('/').slice(1).reduce((at, part) => at[part], this.json);
        return schema;
    }

    /* "object" or "array" when the description says that the answer must be one. */
    answer_type(found, status) {
        const content = found.operation.responses[status]?.content?.['application/json'];

        return this.resolve(content?.schema)?.type;
    }

    body_type(found) {
        return this.resolve(found.operation.requestBody?.content?.['application/json']?.schema)?.type;
    }
}

/* ---- The judge ---- */

function read_violations(header) {
    if (!header)
        return [];
    try {
        return JSON.parse(header).map((one) => `${one.location.join('.')}: ${one.message}`);
    } catch {
        return [header]; /* too many of them: Prism cut the list */
    }
}

export class Judge {
    constructor(description) {
        this.description = description;
        this.exchanges = [];
        this.used = new Set(); /* entries of the allow-list */
        /* Which violations matter: a mock's own answers are the description's affair. */
        this.matters = () => true;
        /* What a test changes on the way; see client.mjs and sandbox.mjs. */
        this.before = (request) => request;
        this.after = (_request, answer) => answer;
        /* Who answers what is not Jira's API. */
        this.elsewhere = () => ({ status: 404, headers: {}, text: '' });
    }

    /* Opens the door that clients use; Prism may come later. */
    async open() {
        this.url = await relay((request) => this.serve(request));
        return this.url;
    }

    /* All that is wrong since the last call, one sentence each. */
    take_problems() {
        const problems = this.exchanges.filter((one) => one.problems.length > 0 && !one.told);

        return problems.map((one) => {
            one.told = true;
            return `${one.request} answered ${one.status}: ${one.problems.join('; ')}`;
        });
    }

    require_clean() {
        const problems = this.take_problems();

        if (problems.length > 0)
            fail('these differ from the description:', ...[...new Set(problems)].slice(0, 20).map((one) => `  ${one}`));
    }

    /* The operations that were answered well, or said to be no more. */
    answered() {
        return new Set(this.exchanges.filter((one) => one.operation && (one.status < 300 || one.status === 410)).map((one) => one.operation));
    }

    is_allowed(exchange, violation) {
        const entry = allowed.find(
            (one) =>
                (one.status === undefined || one.status === exchange.status) &&
                (one.operations === undefined || one.operations.includes(exchange.operation)) &&
                one.violation.test(violation),
        );

        if (entry)
            this.used.add(entry);
        return entry !== undefined;
    }

    /*
     * One exchange: {answer, exchange}. `expected` violations are those that the test provokes: each must
     * come, and they are no problem.
     */
    async pass(request, { expected = [], quiet = false } = {}) {
        const sent = this.before(request);
        const answer = await call(this.prism, sent);
        const found = this.description.find(sent.method, sent.target);
        const exchange = {
            request: `${sent.method} ${sent.target}`,
            operation: found?.name,
            status: answer.status,
            violations: read_violations(answer.headers['sl-violations']).filter(this.matters),
            problems: [],
        };
        const own = answer.headers['content-type']?.startsWith('application/problem+json') && answer.text.includes(PRISM_ERROR);

        delete answer.headers['sl-violations'];
        exchange.problems = exchange.violations.filter(
            (one) => !expected.some((pattern) => pattern.test(one)) && !this.is_allowed(exchange, one),
        );
        for (const pattern of expected)
            if (!exchange.violations.some((one) => pattern.test(one)))
                exchange.problems.push(`Prism does not object as expected: ${pattern}`);
        if (own)
            exchange.problems.push(`Prism answered itself: ${answer.text.slice(0, 400)}`);
        if (!quiet)
            this.exchanges.push(exchange);
        return { answer: this.after(sent, answer), exchange };
    }

    async serve(request) {
        if (!request.target.startsWith('/rest/'))
            return this.elsewhere(request);

        const { answer, exchange } = await this.pass(request);

        if (exchange.problems.length === 0)
            return answer;
        return {
            status: 422, /* not 5xx, which a client would try again */
            headers: { 'content-type': 'text/plain' },
            text: `not as described: ${exchange.problems.join('; ')}`,
        };
    }
}

/*
 * Jira Cloud serves most of its platform API under /2 and /3 alike; the description has only /3. The client
 * asks /2/serverInfo first, before it knows with which Jira it talks. Both have one shape, so the question
 * is judged as /3.
 */
export function as_version_3(request) {
    return { ...request, target: request.target.replace(/^\/rest\/api\/2\/serverInfo$/, '/rest/api/3/serverInfo') };
}
