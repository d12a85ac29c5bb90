// Cuts GitHub's official OpenAPI description down to the requests that assay
// makes: node prune-openapi.mjs api.github.com.json > ../hosttest/testdata/github-openapi.json
// The description is npm's @octokit/openapi@23.0.2 (MIT), generated/api.github.com.json.
import { readFileSync } from "node:fs";

const keep = {
  "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch", "delete"],
  "/repos/{owner}/{repo}/pulls": ["get"],
  "/repos/{owner}/{repo}/pulls/{pull_number}": ["get"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/files": ["get"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/pulls/comments/{comment_id}": ["patch", "delete"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/reviews": ["get", "post"],
  "/repos/{owner}/{repo}/commits/{commit_sha}/pulls": ["get"],
  "/repos/{owner}/{repo}/commits/{ref}/statuses": ["get"],
  "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
  "/repos/{owner}/{repo}/check-runs": ["post"],
  "/repos/{owner}/{repo}/check-runs/{check_run_id}": ["patch"],
  "/repos/{owner}/{repo}/collaborators/{username}/permission": ["get"],
  "/orgs/{org}/teams/{team_slug}": ["get"],
  "/orgs/{org}/teams/{team_slug}/memberships/{username}": ["get"],
  "/user": ["get"],
};

const spec = JSON.parse(readFileSync(process.argv[2], "utf8"));
const out = {
  openapi: spec.openapi,
  info: { ...spec.info, description: "The requests that assay makes, cut from @octokit/openapi@23.0.2, generated/api.github.com.json. Answers are left out." },
  paths: {}, components: {},
};

// plain drops what does not matter to a request's validity.
function plain(v) {
  if (Array.isArray(v)) return v.map(plain);
  if (v === null || typeof v !== "object") return v;
  const o = {};
  for (const [k, x] of Object.entries(v)) {
    if (["examples", "example", "externalDocs"].includes(k) || k.startsWith("x-")) continue;
    if (k === "description" && typeof x === "string") continue;
    o[k] = plain(x);
  }
  return o;
}

for (const [path, methods] of Object.entries(keep)) {
  out.paths[path] = {};
  for (const m of methods) {
    const op = spec.paths[path][m];
    const kept = { operationId: op.operationId, responses: {} };
    if (op.parameters) kept.parameters = plain(op.parameters);
    if (op.requestBody) kept.requestBody = plain(op.requestBody);
    for (const code of Object.keys(op.responses)) kept.responses[code] = { description: code };
    out.paths[path][m] = kept;
  }
}

// Bring along what is referred to.
const done = new Set();
for (let more = true; more; ) {
  more = false;
  for (const [, ref] of JSON.stringify(out).matchAll(/"\$ref":"#\/components\/([^"]+)"/g)) {
    if (done.has(ref)) continue;
    done.add(ref);
    more = true;
    const [kind, name] = ref.split("/");
    (out.components[kind] ??= {})[name] = plain(spec.components[kind][name]);
  }
}
console.log(JSON.stringify(out, null, 1));
