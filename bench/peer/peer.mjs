// What a user would write in Node to copy a site's worklogs: jira.js for the calls, better-sqlite3 for
// the rows. No cipher, no sealing, no resuming. Measured by `make bench` beside the real sync.
//
//   node peer.mjs http://127.0.0.1:PORT EMAIL TOKEN FILE.db
//
// Prints {"worklogs":N,"seconds":S,"cpu_seconds":S}.
import { Version3Client } from 'jira.js';
import Database from 'better-sqlite3';

const [host, email, apiToken, file] = process.argv.slice(2);
const client = new Version3Client({ host, authentication: { basic: { email, apiToken } } });
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = NORMAL');
db.exec(`CREATE TABLE worklog (id INTEGER PRIMARY KEY, account TEXT, issue INTEGER, created INTEGER,
  updated INTEGER, started INTEGER, seconds INTEGER, comment TEXT)`);
const insert = db.prepare('INSERT OR REPLACE INTO worklog VALUES (?, ?, ?, ?, ?, ?, ?, ?)');

const text = (node) =>
  node.type === 'text' ? node.text : (node.content ?? []).map(text).join(node.type === 'doc' ? '\n' : '');

const store = db.transaction((rows) => {
  for (const row of rows) {
    insert.run(BigInt(row.id), row.author?.accountId ?? null, BigInt(row.issueId), Date.parse(row.created),
      Date.parse(row.updated), Date.parse(row.started), row.timeSpentSeconds,
      row.comment ? text(row.comment) : null);
  }
});

const began = performance.now();
let since = 0;
let total = 0;
for (let last = false; !last;) {
  const page = await client.issueWorklogs.getIdsOfWorklogsModifiedSince({ since });
  const ids = page.values.map((value) => value.worklogId);
  if (ids.length > 0) {
    const rows = await client.issueWorklogs.getWorklogsForIds({ ids });
    store(rows);
    total += rows.length;
  }
  last = page.lastPage;
  since = Number(new URL(page.nextPage ?? 'http://x/?since=0').searchParams.get('since'));
}
const cpu = process.cpuUsage();
console.log(JSON.stringify({
  worklogs: total,
  seconds: (performance.now() - began) / 1000,
  cpu_seconds: (cpu.user + cpu.system) / 1e6,
}));
