// Runs one migration tool for each line of JSON that it reads, and answers with
// a line: {"error": text or null}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const require = createRequire(join(process.env.ASSAY_CONFORMANCE_TOOLS, "node_modules", "any.js"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const pg = require("pg");

const silent = { error() {}, warn() {}, info() {}, debug() {}, log() {} };
const config = (r) => ({ host: r.Host, port: Number(r.Port), user: r.User, password: r.Password || undefined, database: r.Name });
const url = (r) => `postgres://${r.User}:${encodeURIComponent(r.Password || "")}@/${r.Name}?host=${encodeURIComponent(r.Host)}&port=${r.Port}`;

const tools = {
  async "node-pg-migrate"(r) {
    const { runner } = await load("node-pg-migrate");
    const client = new pg.Client(config(r));
    client.on("error", () => {});
    await client.connect();
    try {
      await runner({ dbClient: client, dir: r.dir, direction: "up", migrationsTable: "pgmigrations", count: Infinity, singleTransaction: true, logger: silent });
    } finally {
      await client.end().catch(() => {});
    }
  },
  async drizzle(r) {
    const { drizzle } = await load("drizzle-orm/node-postgres");
    const { migrate } = await load("drizzle-orm/node-postgres/migrator");
    const pool = new pg.Pool({ ...config(r), max: 1 });
    pool.on("error", () => {});
    try {
      await migrate(drizzle(pool), { migrationsFolder: r.dir });
    } finally {
      await pool.end().catch(() => {});
    }
  },
  async "graphile-migrate"(r) {
    const graphile = require("graphile-migrate");
    await graphile.migrate({ connectionString: url(r), migrationsFolder: r.dir, logger: new (require("@graphile/logger").Logger)(() => () => {}) });
  },
};

const messages = (e) => [e?.message ?? String(e), e?.cause ? messages(e.cause) : ""].join("\n");
process.on("unhandledRejection", () => {});
console.log = console.error = console.warn = console.info = () => {};

for await (const line of createInterface({ input: process.stdin })) {
  const r = JSON.parse(line);
  let error = null;
  try {
    await tools[r.tool](r);
  } catch (e) {
    error = messages(e);
  }
  process.stdout.write(JSON.stringify({ error }) + "\n");
}
