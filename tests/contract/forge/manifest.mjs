// manifest.mjs TENON: is what `tenon forge manifest` writes a manifest by Atlassian's own schema, and do its
// scopes cover its events?
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { strict as assert } from "node:assert";

const require = createRequire(import.meta.url);
const Ajv = require("ajv").default;
const addFormats = require("ajv-formats");
const YAML = require("yaml");
const schema = JSON.parse(readFileSync(require.resolve("@forge/manifest/schema.json"), "utf8"));

const tenon = process.argv[2];
const appId = "ari:cloud:ecosystem::app/11111111-2222-4333-8444-555555555555";
const url = "https://tenon.example.com";
const forms = {
    "events only": [],
    "with pages built for Forge": ["--pages", "static/pages"],
    "going on from a Connect app": ["--connect-key", "tenon"],
};

const ajv = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true });
addFormats(ajv);
const validate = ajv.compile(schema);

function manifest(options) {
    const text = execFileSync(tenon, ["forge", "manifest", "--app-id", appId, "--public-url", url, ...options], {
        encoding: "utf8",
        env: { ...process.env, TENON_DATA: "/nonexistent" },
    });

    return YAML.parse(text, { strict: true, uniqueKeys: true });
}

function fits(what, value) {
    if (!validate(value)) {
        // The schema is a tree of alternatives: the deepest complaints are the telling ones.
        const told = validate.errors
            .sort((a, b) => b.instancePath.length - a.instancePath.length)
            .slice(0, 8)
            .map((error) => `    ${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
        console.log(`not ok - ${what}\n${told.join("\n")}`);
        process.exit(1);
    }
    console.log(`ok - ${what}`);
}

for (const [what, options] of Object.entries(forms)) fits(`the manifest fits the schema: ${what}`, manifest(options));

// The test can fail: a manifest with one thing wrong does not fit.
const wrong = [
    (m) => (m.app.id = "not an ari"),
    (m) => (m.remotes[0].key = "a key that is much too long for a remote"),
    (m) => (m.modules.scheduledTrigger[0].interval = "minute"),
    (m) => (m.modules.trigger[0].event = "avi:jira:created:worklog"),
];
wrong.forEach((spoil, i) => {
    const value = manifest([]);

    spoil(value);
    assert.ok(!validate(value), `spoilt manifest ${i} is still taken`);
});

// What the schema cannot say: every reference names something that is there.
for (const options of Object.values(forms)) {
    const value = manifest(options);
    const remotes = value.remotes.map((remote) => remote.key);
    const endpoints = value.modules.endpoint.map((endpoint) => endpoint.key);

    for (const endpoint of value.modules.endpoint) assert.ok(remotes.includes(endpoint.remote), endpoint.key);
    for (const kind of ["trigger", "scheduledTrigger", "preUninstall"])
        for (const module of value.modules[kind]) assert.ok(endpoints.includes(module.endpoint), module.key);
    assert.ok(value.permissions.scopes.includes("read:app-system-token"));
    assert.ok(value.permissions.scopes.includes("read:app-user-token"));
    assert.equal(value.remotes[0].baseUrl, url);
    if (value.app.connect) assert.ok(remotes.includes(value.app.connect.remote));
    const keys = Object.values(value.modules).flat().map((module) => module.key);
    assert.equal(new Set(keys).size, keys.length, "keys of modules are all different");
}
console.log("ok - its parts fit each other");
