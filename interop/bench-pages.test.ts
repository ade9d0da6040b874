/**
 * The pages of `mqtt-bench` in a real browser without a network: they open, draw and have no errors. With
 * `POLYLOG_SCREENSHOTS=1` the pictures in docs/images are taken anew.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { findTool, missingTools } from "./outside-tools.ts";

const run = promisify(execFile);
const command = fileURLToPath(new URL("../../packages/loadgen/bin/mqtt-bench.js", import.meta.url));
const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));

test("opens reports of mqtt-bench in a browser", { skip: missingTools("chromium"), timeout: 180_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const pictures = process.env["POLYLOG_SCREENSHOTS"] === "1" ? images : directory;
  mkdirSync(pictures, { recursive: true });
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const port = String(server.listeners.mqtt.port);
  const report = join(directory, "report.html");
  for (const rate of ["200", "400"]) {
    const words = ["run", "fan-out", "--port", port, "--publishers", "4", "--subscribers", "10", "--rate", rate];
    await run(
      process.execPath,
      [command, ...words, "--warmup", "1s", "--duration", "8s", "--report", report, "--quiet"],
      {
        cwd: directory,
      },
    );
  }
  const browser = async (url: string, ...more: readonly string[]): Promise<{ page: string; errors: string }> => {
    const profile = `--user-data-dir=${join(directory, "profile")}`;
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
    return {
      page: stdout,
      errors: stderr
        .split("\n")
        .filter((line) => line.includes("CONSOLE"))
        .join("\n"),
    };
  };
  const shot = async (name: string, url: string, size: string): Promise<void> => {
    const file = join(pictures, `${name}.png`);
    await browser(url, `--window-size=${size}`, `--screenshot=${file}`, "--hide-scrollbars");
    assert.ok(statSync(file).size > 20_000, `${name}.png is nearly empty`);
  };

  const opened = await browser(`file://${report}`, "--dump-dom");
  assert.match(opened.page, /<svg/);
  assert.match(opened.page, /no message was lost/);
  assert.equal(opened.errors, "");
  await shot("mqtt-bench-report", `file://${report}`, "1200,1750");

  const serving = spawn(process.execPath, [command, "serve", "--port", "0"], { cwd: directory });
  t.after(() => serving.kill());
  const url = await new Promise<string>((resolve, reject) => {
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
  const runs = await browser(url, "--dump-dom");
  assert.match(runs.page, /fan-out/);
  assert.equal(runs.errors, "");
  await shot("mqtt-bench-runs", url, "1200,700");
});
