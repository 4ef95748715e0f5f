// One route behind Connect's JWT and query string hash, as a user of atlassian-connect-express would write
// it. Installations are kept in the package's default store, SQLite in memory; or in a Map, which is faster
// than any database that it can be given.
//
//   node connect.mjs PORT sqlite|map
//
// Prints a line when it listens. An installation is taken as it is told: of that nothing is measured.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const port = Number(process.argv[2]);
const stores = {
  sqlite: { adapter: 'sequelize', dialect: 'sqlite', storage: ':memory:', logging: false },
  map: { adapter: 'map' },
};
const base = `http://127.0.0.1:${port}`;
const dir = mkdtempSync(join(tmpdir(), 'tenon-bench-peer-')); // the package reads its descriptor from there
process.env.NODE_ENV = 'production';

const { default: express } = await import('express');
const { default: ace } = await import('atlassian-connect-express');

const kept = new Map();
ace.store.register('map', () => ({
  get: async (name, clientKey) => kept.get(`${clientKey} ${name}`),
  set: async (name, value, clientKey) => kept.set(`${clientKey} ${name}`, value),
}));
process.chdir(dir);
writeFileSync('atlassian-connect.json', JSON.stringify({
  key: 'bench-peer',
  name: 'Bench peer',
  baseUrl: base,
  authentication: { type: 'jwt' },
  apiMigrations: { 'signed-install': true },
  lifecycle: { installed: '/installed' },
}));

const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(express.json());
app.post('/installed', async (req, res) => {
  await addon.settings.set('clientInfo', req.body, req.body.clientKey);
  res.sendStatus(204);
});
const addon = ace(app, {
  config: { production: { store: stores[process.argv[3]], localBaseUrl: base, setupInstallRoute: false } },
});
rmSync(dir, { recursive: true });
app.get('/api/v1/me', addon.authenticate(), (req, res) => {
  res.json({ account: req.context.userAccountId, tenant: { id: req.context.clientKey, url: req.context.hostBaseUrl } });
});
app.listen(port, '127.0.0.1', () => console.log(`listening on port ${port}`));
