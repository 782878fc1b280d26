// Opens HTML reports in a real browser and checks what a reader relies on. See README.md.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const program = resolve(process.argv[2] ?? join(here, "../../target/debug/cwait-pcap"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "cwait-pcap-"));
const CONNECTIONS = 100_000;
const kept = join(here, "../../testdata/reports/leak.json");

/** A page made of a kept report. */
const page = (json, name) => {
  const html = join(folder, name);
  execFileSync(program, ["report", json, "--connections", "all", "--tz", "UTC", "-o", html]);
  return html;
};

/** A page made of a bundled capture. */
const analysed = (capture, name) => {
  const html = join(folder, name);
  execFileSync(program, ["analyze", join(here, "../../testdata/captures", capture), "-q", "--tz", "UTC", "-o", html]);
  return html;
};

/** The kept report with 100,000 connections, nine in ten of them flagged, and 1,000 findings. */
const large = () => {
  const report = JSON.parse(readFileSync(kept, "utf8"));
  const [finding, stuck] = [report.findings[0], report.connections.find((c) => c.finding === "missing-fin")];
  const later = (n) => ({ ...finding, headline: `${n}: ${finding.headline}` });
  report.findings = [finding, ...Array.from({ length: 999 }, (_, n) => later(n + 1))];
  report.totals.connections = CONNECTIONS;
  const file = join(folder, "large.json");
  const out = openSync(file, "w");
  const [head, end] = JSON.stringify({ ...report, connections: ["HERE"] }).split('"HERE"');
  writeSync(out, head);
  for (let n = 0; n < CONNECTIONS; n += 1) {
    const own = { id: `c-${n}`, stream: n, finding: n % 10 ? stuck.finding : null };
    const key_segments = n < 100 ? stuck.key_segments : [];
    writeSync(out, (n ? "," : "") + JSON.stringify({ ...stuck, ...own, key_segments }));
  }
  writeSync(out, end);
  closeSync(out);
  return file;
};

let checks = 0;
const check = (what, ...of) => {
  what(...of);
  checks += 1;
};

/** Runs `body` on a page, and fails if it asks for anything or any script fails. */
const visit = async (browser, html, width, colorScheme, body) => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  // A slow machine is no failure.
  context.setDefaultTimeout(180_000);
  const tab = await context.newPage();
  const asked = [];
  const failed = [];
  tab.on("request", (request) => asked.push(request.url()));
  tab.on("pageerror", (error) => failed.push(String(error)));
  tab.on("console", (message) => message.type() === "error" && failed.push(message.text()));
  await tab.goto(pathToFileURL(html).href);
  await body(tab);
  if (process.env.SCREENSHOTS) {
    const name = join(process.env.SCREENSHOTS, `${html.split("/").pop()}-${width}-${colorScheme}`);
    await tab.screenshot({ path: `${name}.png` });
    await tab.pdf({ path: `${name}.pdf`, format: "A4", pageRanges: "1-9" });
  }
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(assert.equal, wide, 0, `${html} at ${width}: wider than the window`);
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  check(assert.deepEqual, violations.map((v) => `${v.id}: ${v.nodes[0].html}`), []);
  check(assert.deepEqual, failed, []);
  check(assert.deepEqual, asked, [pathToFileURL(html).href]);
  await context.close();
};

const firstColumn = (tab) => tab.locator("#table tbody tr:visible td:first-child").allTextContents();

const leak = page(kept, "leak.html");
const many = page(large(), "large.html");
const needle = analysed("needle-in-haystack/server-side.pcap.zst", "needle.html");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
try {
  for (const width of [360, 1280]) {
    await visit(browser, needle, width, "light", async (tab) => {
      const top = await tab.locator("header").innerText();
      for (const said of ["192.168.62.161:7001 owes its FIN on 5 of its 700", "LIKELY", "ss -tanp state close-wait"]) {
        check(assert.ok, top.includes(said), said);
      }
      check(assert.ok, (await tab.locator("details svg").count()) > 0, "ladders are drawn");
    });
    for (const scheme of ["light", "dark"]) {
      await visit(browser, leak, width, scheme, async (tab) => {
        const top = await tab.locator("header").innerText();
        for (const said of ["owes its FIN on 10 of its 10", "192.0.2.9:8080", "08:12:44 UTC", "LIKELY", "ss -tanp"]) {
          check(assert.ok, top.includes(said), said);
        }
        const bottom = await tab.locator("header").evaluate((header) => header.getBoundingClientRect().bottom);
        check(assert.ok, bottom <= 900, `the first screen ends at ${bottom}`);

        await tab.getByRole("button", { name: "segments" }).click();
        check(assert.deepEqual, await firstColumn(tab), ["0", "7", "17"]);
        await tab.getByRole("button", { name: "segments" }).press("Enter");
        check(assert.deepEqual, await firstColumn(tab), ["17", "7", "0"]);
        await tab.getByLabel("Filter").fill("dead-after 2001:db8");
        check(assert.deepEqual, await firstColumn(tab), ["7"]);
        check(assert.equal, await tab.locator("#shown").innerText(), "1 of 3 shown");

        const ladder = tab.locator("#l-c-77aa");
        check(assert.equal, await ladder.locator("svg").isVisible(), false);
        await tab.locator("#table a[href='#l-c-77aa']").click();
        await ladder.locator("svg").waitFor();
      });
    }
  }
  for (const html of [many, needle]) {
    check(assert.ok, statSync(html).size <= 5_000_000, `${html} has ${statSync(html).size} octets`);
  }
  for (const width of [360, 1280]) {
    await visit(browser, many, width, "light", async (tab) => {
      const top = await tab.locator("header").innerText();
      for (const said of ["owes its FIN on 10 of its 10", "192.0.2.9:8080", "LIKELY", "ss -tanp"]) {
        check(assert.ok, top.includes(said), said);
      }
      const started = Date.now();
      await tab.getByLabel("Filter").fill("close-wait");
      check(assert.equal, await tab.locator("#shown").innerText(), "3000 of 3000 shown");
      await tab.locator("#table thead button", { hasText: "lasts" }).click();
      console.log(`large report: ${statSync(many).size} octets, filtered and sorted in ${Date.now() - started} ms`);
      const left = await tab.locator(".left-out").allTextContents();
      check(assert.ok, left.some((said) => said.startsWith("97,000 more connections left out")), left.join());
    });
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
console.log(`${checks} passed, 0 failed`);
