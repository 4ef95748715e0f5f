// Takes Jira's webhooks in durably, as a user would write it: node:http and better-sqlite3; one insert, which is
// on the disk before the answer, for each event.
//
//   node hooks.mjs PORT SECRET FILE.db
//
// Prints a line when it listens.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import Database from 'better-sqlite3';

const [port, secret, file] = process.argv.slice(2);
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`CREATE TABLE job (tenant TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
  due INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (tenant, kind, key)) WITHOUT ROWID`);
const insert = db.prepare('INSERT INTO job VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');

function isSigned(header, body) {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function take(req, body) {
  if (!isSigned(req.headers['x-hub-signature'], body)) return 401;
  const event = JSON.parse(body.toString());
  const now = Date.now();
  insert.run(req.url, event.webhookEvent, event.worklog.id, 'waiting', now, now);
  return 204;
}

createServer((req, res) => {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    res.statusCode = take(req, Buffer.concat(parts));
    res.end();
  });
}).listen(Number(port), '127.0.0.1', () => console.log(`listening on port ${port}`));
