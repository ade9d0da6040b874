/**
 * The pages and dashboards of `mqtt-bench` and `crate-write` in a real browser without a network: they open, draw and have no
 * errors. With `POLYLOG_SCREENSHOTS=1` the pictures in docs/images are taken anew.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hasTerminals, screenOf, startInTerminal, startServer, temporaryDirectory } from "@polylog/testkit";
import { findTool, missingTools } from "./outside-tools.ts";

const run = promisify(execFile);
const commandOf = (name: string) => fileURLToPath(new URL(`../../packages/loadgen/bin/${name}.js`, import.meta.url));
const [mqttBench, crateWrite] = [commandOf("mqtt-bench"), commandOf("crate-write")];
const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const timeout = 240_000;
const skip = missingTools("chromium");

test("opens reports of mqtt-bench in a browser", { skip, timeout }, async (t) => {
  const browser = new Browser(t);
  const { directory } = browser;
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const port = String(server.listeners.mqtt.port);
  const report = join(directory, "report.html");
  for (const rate of ["200", "400"]) {
    const words = ["run", "fan-out", "--port", port, "--publishers", "4", "--subscribers", "10", "--rate", rate];
    await run(
      process.execPath,
      [mqttBench, ...words, "--warmup", "1s", "--duration", "8s", "--report", report, "--quiet"],
      {
        cwd: directory,
      },
    );
  }
  const opened = await browser.open(`file://${report}`, "--dump-dom");
  assert.match(opened.page, /<svg/);
  assert.match(opened.page, /no message was lost/);
  assert.equal(opened.errors, "");
  await browser.shot("mqtt-bench-report", `file://${report}`, "1200,1900");
  const runs = await browser.open(await serve(t, mqttBench, directory), "--dump-dom");
  assert.match(runs.page, /fan-out/);
  assert.equal(runs.errors, "");
  await browser.shot("mqtt-bench-runs", runs.url, "1200,700");
});

test("opens reports of crate-write in a browser", { skip, timeout }, async (t) => {
  const browser = new Browser(t);
  const { directory } = browser;
  const report = join(directory, "load.html");
  const flags = ["--duration=12s", "--threads=2", "--batch-size=200", "--rate=1500", "--db=crate-write.duckdb"];
  await run(process.execPath, [crateWrite, ...flags, "--threshold=failed=0", `--report=${report}`], { cwd: directory });
  const opened = await browser.open(`file://${report}`, "--dump-dom");
  assert.match(opened.page, /<svg/);
  assert.match(opened.page, /the threshold is kept; Rows: .*: they agree/);
  assert.equal(opened.errors, "");
  await browser.shot("crate-write-report", `file://${report}`, "1200,1900");
  const runs = await browser.open(await serve(t, crateWrite, directory), "--dump-dom");
  assert.match(runs.page, /<h2>crate-write<\/h2>/);
  assert.equal(runs.errors, "");
});

const noDashboard = skip || (!hasTerminals && "not installed: script");

test("draws the dashboard of crate-write", { skip: noDashboard, timeout }, async (t) => {
  const browser = new Browser(t);
  const flags = ["--duration=20s", "--threads=6", "--batch-size=200", "--batch-interval=0", "--threshold=p99<5s"];
  const [columns, rows] = [110, 34];
  const terminal = startInTerminal(t, [crateWrite, ...flags, "--dashboard"], { columns, rows });
  await terminal.until(/ [789]\d %/);
  const picture = join(browser.directory, "dashboard.html");
  writeFileSync(picture, pictureOf(screenOf(terminal.written(), false), columns, rows));
  terminal.press("q");
  const { code, text } = await terminal.ended;
  assert.equal(code, 0, text);
  assert.match(readFileSync(picture, "utf8"), /rows into crate_write of the DuckDB embedded/);
  await browser.shot("crate-write-dashboard", `file://${picture}`, `${columns * 9 + 40},${rows * 18 + 40}`);
});

/** Every page without a network, and its pictures. */
class Browser {
  readonly directory: string;
  readonly #pictures: string;

  constructor(t: TestContext) {
    this.directory = temporaryDirectory(t);
    this.#pictures = process.env["POLYLOG_SCREENSHOTS"] === "1" ? images : this.directory;
    mkdirSync(this.#pictures, { recursive: true });
  }

  async open(
    url: string,
    ...more: readonly string[]
  ): Promise<{ readonly url: string; readonly page: string; readonly errors: string }> {
    const profile = `--user-data-dir=${join(this.directory, "profile")}`;
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--enable-logging=stderr",
      "--virtual-time-budget=5000",
      profile,
    ];
    const { stdout, stderr } = await run(findTool("chromium")!, [...flags, ...more, url], {
      maxBuffer: 64 * 1024 * 1024,
    });
    const errors = stderr.split("\n").filter((line) => line.includes("CONSOLE"));
    return { url, page: stdout, errors: errors.join("\n") };
  }

  async shot(name: string, url: string, size: string): Promise<void> {
    const file = join(this.#pictures, `${name}.png`);
    await this.open(url, `--window-size=${size}`, `--screenshot=${file}`, "--hide-scrollbars");
    assert.ok(statSync(file).size > 20_000, `${name}.png is nearly empty`);
  }
}

/** `serve` of a tool in `directory`, until the test ends: where it answers. */
function serve(t: TestContext, command: string, directory: string): Promise<string> {
  const serving = spawn(process.execPath, [command, "serve", "--port", "0"], { cwd: directory });
  t.after(() => serving.kill());
  return new Promise<string>((resolve, reject) => {
    let printed = "";
    const onData = (chunk: Buffer): void => {
      printed += chunk;
      const found = /http:\/\/[\w.:]+/.exec(printed)?.[0];
      if (found !== undefined) resolve(found);
    };
    serving.stdout.on("data", onData);
    serving.stderr.on("data", onData);
    serving.on("exit", () => reject(new Error(printed)));
  });
}

/** Colours of the sequences that dashboards use. */
const styles: Readonly<Record<string, string>> = {
  "1": "font-weight:bold",
  "2": "color:#8b949e",
  "31;1": "color:#ff7b72;font-weight:bold",
  "32": "color:#7ee787",
  "33": "color:#e3b341",
  "36": "color:#56d4dd",
};
const colour = new RegExp(`${"\u001b"}\\[([\\d;]*)m`, "g");

/** A terminal's screen as a page. */
function pictureOf(lines: readonly string[], columns: number, rows: number): string {
  const text = lines.map((line) => {
    const safe = line.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return safe.replace(colour, (_, code: string) =>
      code === "0" ? "</span>" : `<span style="${styles[code] ?? ""}">`,
    );
  });
  const style = `margin:20px;background:#0d1117;color:#e6edf3;font:15px/18px 'DejaVu Sans Mono',monospace;width:${columns}ch;height:${rows * 18}px`;
  return `<!doctype html><meta charset="utf-8"><body style="background:#0d1117;margin:0"><pre style="${style}">${text.join("\n")}</pre></body>`;
}
