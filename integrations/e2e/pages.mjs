// Opens HTML reports in Chromium and clicks through them, and lets Mermaid draw
// the pictures of Markdown reports: node pages.mjs TOOLS CHROMIUM FILE...
// Prints what is wrong, exit 1. With SHOTS=DIRECTORY it takes pictures too.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, chromium, ...files] = process.argv.slice(2);
const require = createRequire(join(tools, "npm", "x.js"));
const puppeteer = (await import(pathToFileURL(require.resolve("puppeteer-core")))).default;
const wrong = [];
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"] });
const context = browser.defaultBrowserContext();

async function open(file) {
  const page = await browser.newPage();
  const say = (what) => wrong.push(`${file}: ${what}`);
  page.on("pageerror", (e) => say(`an error: ${e}`));
  page.on("dialog", (d) => { say(`a dialog: ${d.message()}`); d.dismiss(); });
  page.on("console", (m) => { if (["error", "warn"].includes(m.type())) say(`the console: ${m.text()}`); });
  page.on("request", (r) => { if (!/^(file|data|about):/.test(r.url())) say(`a request of ${r.url()}`); });
  return { page, say };
}

async function report(file) {
  const { page, say } = await open(file);
  const url = pathToFileURL(resolve(file)).href;
  const name = join(basename(dirname(file)) + "-");
  for (const [kind, width, scheme] of [["desktop", 1280, "light"], ["dark", 1280, "dark"], ["phone", 390, "light"], ["phone-dark", 390, "dark"]]) {
    await page.setViewport({ width, height: 844, isMobile: width < 500, hasTouch: width < 500 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(url);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) say(`${kind}: ${over} pixels wider than the window`);
    const faint = await page.evaluate(contrast);
    for (const f of faint) say(`${kind}: hard to read: ${f}`);
    if (process.env.SHOTS) {
      mkdirSync(process.env.SHOTS, { recursive: true });
      await page.screenshot({ path: join(process.env.SHOTS, `${name}${kind}.png`), fullPage: true });
    }
  }
  await page.setViewport({ width: 1280, height: 844 });
  await page.goto(url);

  // Switching between light and dark.
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await ground();
  await page.click("#theme");
  if ((await ground()) === before) say("the switch between light and dark does nothing");
  await page.click("#theme");
  if ((await ground()) !== before) say("the switch does not go back");

  const shown = () => page.$$eval(".finding", (l) => l.filter((f) => f.offsetParent !== null).map((f) => ({ ...f.dataset })));
  const all = await shown();
  if (all.length && !(await page.$("#filters:not([hidden])"))) say("there are no filters");
  if (all.length) {
    for (const box of await page.$$("#filters [name=severity]")) {
      const value = await box.evaluate((b) => b.value);
      await box.click();
      if ((await shown()).some((f) => f.severity === value)) say(`${value} is switched off and shown`);
      if ((await shown()).length !== all.filter((f) => f.severity !== value).length) say(`switching ${value} off hides others`);
      await box.click();
    }
    for (const [field, key] of [["check", "check"], ["path", "path"]]) {
      const values = await page.$$eval(`#filters [name=${field}] option`, (l) => l.map((o) => o.value).filter(Boolean));
      for (const value of values) {
        await page.select(`#filters [name=${field}]`, value);
        const want = all.filter((f) => f[key] === value).length;
        if ((await shown()).length !== want || want === 0) say(`${field} ${value}: ${(await shown()).length} findings, want ${want}`);
      }
      await page.select(`#filters [name=${field}]`, "");
    }
    await page.type("#filters [name=text]", "no finding says this");
    if ((await shown()).length || !(await page.$eval("#none", (e) => e.offsetParent !== null))) say("a search for nothing finds something, or does not say so");
    await page.$eval("#filters [name=text]", (e) => { e.value = ""; e.dispatchEvent(new Event("input", { bubbles: true })); });
    if ((await shown()).length !== all.length) say("the findings do not come back");
  }
  // Every folded part opens, and nothing gets wider than the window by it.
  for (const s of await page.$$("summary")) await s.click();
  await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) say(`unfolded on a phone: ${over} pixels wider than the window`);
  // Copying gives the text without the button's own.
  await context.overridePermissions("file://", ["clipboard-read", "clipboard-write"]).catch(() => {});
  const copy = await page.$(".copy button");
  if (copy) {
    const want = await copy.evaluate((b) => [...b.parentElement.childNodes].filter((n) => n !== b).map((n) => n.textContent).join(""));
    await page.evaluate(() => { navigator.clipboard.writeText = (t) => { window.copied = t; return Promise.resolve(); }; });
    await copy.click();
    const got = await page.evaluate(() => window.copied);
    if (got !== want) say(`copied ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
  await page.pdf({ format: "A4" });
  await page.close();
}

// contrast lists texts that are fainter against what is behind them than WCAG's
// AA wants. Pictures have their own colours, which follow the same variables.
function contrast() {
  const parse = (c) => (c.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const out = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("svg, script, style, select") || e.offsetParent === null || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    let behind = e;
    while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(parse(behind ? getComputedStyle(behind).backgroundColor : "rgb(255,255,255)"))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) out.add(`${e.tagName.toLowerCase()}.${e.className} ${ratio.toFixed(1)}`);
  }
  return [...out];
}

// mermaid draws each picture of a Markdown report as the hosts do.
async function mermaid(file) {
  const pictures = [...readFileSync(file, "utf8").matchAll(/^(`{3,})mermaid\n([\s\S]*?)^\1$/gm)].map((m) => m[2]);
  if (!pictures.length) return;
  const { page, say } = await open(file);
  await page.goto("about:blank");
  await page.addScriptTag({ path: require.resolve("mermaid/dist/mermaid.min.js") });
  for (const text of pictures) {
    const svg = await page.evaluate(async (text) => {
      window.mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
      try {
        return (await window.mermaid.render("picture", text)).svg;
      } catch (e) {
        return "FAILS " + e.message;
      }
    }, text);
    if (!svg.startsWith("<svg")) say(`Mermaid cannot draw: ${svg.slice(0, 300)}\n${text.slice(0, 600)}`);
    if (/<script|<img|<iframe|<a[ >]|\son[a-z]+=|javascript:/i.test(svg.replace(/<style>[\s\S]*?<\/style>/g, ""))) say(`the picture holds what it must not: ${svg.slice(0, 2000)}`);
  }
  await page.close();
}

for (const file of files) {
  await (file.endsWith(".html") ? report(file) : mermaid(file)).catch((e) => wrong.push(`${file}: ${e.stack}`));
}
await browser.close();
for (const w of wrong) console.log(w);
process.exit(wrong.length ? 1 : 0);
