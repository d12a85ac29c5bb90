// Reads action.yml with GitHub's own parser, and packs the orb and reads it
// with CircleCI's, as well as configurations that use it: node parse.mjs ROOT
// TOOLS [CONFIG...]. Prints what is wrong, exit 1.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire, register } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

// GitHub's parser is written for bundlers, which import JSON without saying so.
register("data:text/javascript," + encodeURIComponent(`
export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);
`));

const [root, tools, ...configs] = process.argv.slice(2);
const require = createRequire(join(tools, "npm", "x.js"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const YAML = await load("yaml");
const wrong = [];

const { parseAction } = await import(pathToFileURL(join(tools, "npm/node_modules/@actions/workflow-parser/dist/actions/index.js")));
const quiet = { info() {}, verbose() {}, error() {} };
function action(text) {
  return parseAction({ name: "action.yml", content: text }, quiet).context.errors.getErrors().map((e) => e.message);
}
const text = readFileSync(join(root, "action.yml"), "utf8");
wrong.push(...action(text));
if (!action(text.replace("using: composite", "usingg: composite")).length) wrong.push("the parser of actions takes anything");

// The orb, packed: each folder's files are the entries of its key.
const source = join(root, "integrations/circleci/orb");
const orb = YAML.parse(readFileSync(join(source, "@orb.yml"), "utf8"));
const include = (v) => {
  if (typeof v === "string") return v.replace(/^<< include\((.*)\) >>$/, (_, f) => readFileSync(join(source, f), "utf8"));
  if (Array.isArray(v)) return v.map(include);
  if (v && typeof v === "object") return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, include(x)]));
  return v;
};
for (const kind of ["commands", "jobs", "executors", "examples"]) {
  orb[kind] = {};
  for (const f of readdirSync(join(source, kind))) orb[kind][basename(f, ".yml")] = include(YAML.parse(readFileSync(join(source, kind, f), "utf8")));
}
if (JSON.stringify(orb).includes("include(")) wrong.push("the packed orb still includes something");
const circle = await load("@circleci/circleci-config-parser");
const parser = circle.default;
try {
  const executors = parser.parseReusableExecutors(orb.executors);
  const commands = parser.parseReusableCommands(orb.commands);
  parser.parseJobList(orb.jobs, commands, executors);
  const parameters = (kind) => Object.fromEntries(Object.entries(orb[kind]).map(([name, v]) => [name, v.parameters]));
  const manifest = parser.parseOrbManifest({ commands: parameters("commands"), jobs: parameters("jobs"), executors: parameters("executors") });
  for (const [name, e] of Object.entries(orb.examples)) {
    if (!e.usage?.orbs?.assay) wrong.push(`the example ${name} does not use the orb`);
    parser.parseConfig({ jobs: {}, ...structuredClone(e.usage) }, { assay: manifest });
  }
  for (const file of configs) {
    const text = readFileSync(file, "utf8");
    parser.parseConfig({ jobs: {}, ...YAML.parse(text) }, { assay: manifest });
    for (const name of Object.keys(YAML.parse(text).workflows.review.jobs[0]["assay/review"])) {
      if (name !== "context" && !(name in orb.jobs.review.parameters)) wrong.push(`${file}: the job has no parameter ${name}`);
    }
  }
} catch (e) {
  wrong.push("the orb: " + (e.message ?? e));
}
try {
  parser.parseReusableCommands({ broken: { steps: "none" } });
  wrong.push("the parser of orbs takes anything");
} catch {}

for (const w of wrong) console.log(w);
process.exit(wrong.length ? 1 : 0);
