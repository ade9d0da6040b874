/** The process: starting, being ready, refusing to start, stopping. Every server gets free ports and its own directory. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startServer, temporaryDirectory } from "@polylog/testkit";

const command = fileURLToPath(new URL("../../packages/server/bin/polylog.js", import.meta.url));

function run(...args: string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: "utf8", timeout: 20_000 });
}

const freePorts = ["mqtt", "nsq-tcp", "nsq-http", "lookupd-tcp", "lookupd-http", "http"].map(
  (name) => `--${name}-listen=127.0.0.1:0`,
);

test("prints where it listens, where the data is, and what to try", async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await startServer({ dataDir });
  t.after(() => server.kill());
  while (!server.output().includes("/rpc\n")) await sleep(10); // It comes by another way than the ready file.
  for (const { port } of Object.values(server.listeners))
    assert.match(server.output(), new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.ok(server.output().includes(dataDir));
  assert.match(server.output(), /npx mqtt pub .*\n.*curl|curl .*\n.*npx mqtt pub/);
});

test("answers /health and /metrics", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const base = `http://127.0.0.1:${server.listeners.http.port}`;
  const health = await fetch(`${base}/health`);
  assert.equal(health.status, 200);
  assert.equal(((await health.json()) as { status: string }).status, "ok");
  const metrics = await (await fetch(`${base}/metrics`)).text();
  assert.match(metrics, /^# TYPE polylog_logs gauge$/m);
  assert.match(metrics, /^process_resident_memory_bytes \d+$/m);
  assert.equal((await fetch(`${base}/nothing`)).status, 404);
});

test("exits with 0 on SIGTERM and on SIGINT", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const server = await startServer({ dataDir: temporaryDirectory(t) });
    assert.equal(await server.stop(signal), 0, server.output());
    assert.match(server.output(), /everything acknowledged is on disk/);
  }
});

test("goes on serving when nobody reads what it prints", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  server.stopReading();
  for (const topic of ["a", "b"]) {
    const url = `http://127.0.0.1:${server.listeners.nsqHttp.port}/pub?topic=${topic}`;
    const answer = await fetch(url, { method: "POST", body: "x" }); // Makes a log, which is logged.
    assert.equal(await answer.text(), "OK");
  }
  assert.equal(await server.stop(), 0);
});

test("switches a listener off", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: ["--nsq-tcp-listen=off"] });
  t.after(() => server.kill());
  assert.deepEqual(Object.keys(server.listeners).sort(), ["http", "lookupdHttp", "lookupdTcp", "mqtt", "nsqHttp"]);
});

test("exits with 4 while another process uses the data directory", async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await startServer({ dataDir });
  t.after(() => server.kill());
  const second = run("serve", ...freePorts, `--data-dir=${dataDir}`);
  assert.equal(second.status, 4, second.stderr);
  assert.match(second.stderr, new RegExp(`in use by process ${server.pid}`));
});

test("starts again after kill -9 left its lock behind", async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await startServer({ dataDir });
  await first.kill();
  assert.ok(existsSync(join(dataDir, "LOCK")));
  const second = await startServer({ dataDir });
  assert.equal(await second.stop(), 0);
});

test("exits with 3 when a port is taken", async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const flags = [...freePorts, `--mqtt-listen=127.0.0.1:${server.listeners.mqtt.port}`];
  const second = run("serve", ...flags, `--data-dir=${temporaryDirectory(t)}`);
  assert.equal(second.status, 3, second.stderr);
  assert.match(second.stderr, /MQTT listener: 127\.0\.0\.1:\d+ is in use/);
});

test("exits with 2 and names every mistake in the options", () => {
  const result = run("serve", "--durability=sometimes", "--mqtt-lisen=1");
  assert.equal(result.status, 2);
  assert.match(result.stderr, /--durability/);
  assert.match(result.stderr, /did you mean --mqtt-listen/);
});

test("refuses to listen beyond loopback without --allow-anonymous", () => {
  const result = run("serve", "--mqtt-listen=0.0.0.0:0");
  assert.equal(result.status, 2);
  assert.match(result.stderr, /allow-anonymous/);
});

test("exits with 2 for an unknown command and with 0 for help", () => {
  assert.equal(run("sevre").status, 2);
  const help = run("help");
  assert.equal(help.status, 0);
  assert.match(help.stdout, /serve/);
  const serveHelp = run("serve", "--help");
  assert.equal(serveHelp.status, 0);
  assert.match(serveHelp.stdout, /--ready-file/);
});

test("exits with 4 when the data directory is damaged", (t) => {
  const dataDir = temporaryDirectory(t);
  mkdirSync(join(dataDir, "state"));
  writeFileSync(join(dataDir, "state", "CURRENT"), "MANIFEST-000099\n");
  const result = run("serve", ...freePorts, `--data-dir=${dataDir}`);
  assert.equal(result.status, 4, result.stderr);
});

test("says its version", () => {
  const manifest = new URL("../../packages/server/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  assert.equal(run("version").stdout, `polylog ${version}\n`);
});
