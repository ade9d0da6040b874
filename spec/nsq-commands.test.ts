/** The commands `nsqd` and `nsqlookupd`, started as people start NSQ's: flags, config file, log, ports and exit codes. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startServer, temporaryDirectory } from "@polylog/testkit";

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output(): string;
  /** Of the listener that the log calls so: `TCP`, `HTTP`. */
  port(title: string): number;
}

function run(t: TestContext, name: "nsqd" | "nsqlookupd", flags: readonly string[], env = {}): Running {
  const command = fileURLToPath(new URL(`../../packages/server/bin/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [command, ...flags], {
    cwd: temporaryDirectory(t),
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed += chunk));
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const port = (title: string) => Number(new RegExp(` ${title}: listening on \\S+:(\\d+)`).exec(printed)?.[1]);
  return { child, exited, output: () => printed, port };
}

async function start(
  t: TestContext,
  name: "nsqd" | "nsqlookupd",
  flags: readonly string[],
  env = {},
): Promise<Running> {
  const free = ["-tcp-address=127.0.0.1:0", "-http-address=127.0.0.1:0", "-broadcast-address=127.0.0.1"];
  const running = run(t, name, [...free, ...flags], env);
  await until(() => running.output().includes(" HTTP: listening on"), running);
  return running;
}

async function until(holds: () => boolean | Promise<boolean>, running: Running): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 1000 || running.child.exitCode !== null) assert.fail(`it did not come to that:\n${running.output()}`);
    await sleep(20);
  }
}

async function get(running: Running, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${running.port("HTTP")}${path}`)).text();
}

test("nsqd registers with nsqlookupd, and both end on SIGTERM", async (t) => {
  const lookupd = await start(t, "nsqlookupd", []);
  const dataPath = temporaryDirectory(t);
  const nsqd = await start(t, "nsqd", [
    `--lookupd-tcp-address=127.0.0.1:${lookupd.port("TCP")}`,
    "-data-path",
    dataPath,
    "--mem-queue-size=0",
    "-log-prefix=[mine] ",
  ]);
  assert.match(nsqd.output(), /^\[mine\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{6} INFO: nsqd v1\.3\.0 \(built w\/node/);
  assert.match(nsqd.output(), /WARNING: --mem-queue-size: the log is the queue/);
  const address = `http://127.0.0.1:${nsqd.port("HTTP")}`;
  assert.equal(await (await fetch(`${address}/pub?topic=orders`, { method: "POST", body: "one" })).text(), "OK");
  await until(
    async () => (await get(lookupd, "/lookup?topic=orders")).includes(`"tcp_port":${nsqd.port("TCP")}`),
    nsqd,
  );
  assert.ok(existsSync(join(dataPath, "polylog-data", "logs", "orders")));
  for (const running of [nsqd, lookupd]) {
    running.child.kill("SIGTERM");
    assert.equal(await running.exited, 0, running.output());
  }
});

test("nsqd listens for nothing but NSQ", async (t) => {
  const nsqd = await start(t, "nsqd", []);
  assert.deepEqual(nsqd.output().match(/\S+(?=: listening on)/g), ["TCP", "HTTP"]);
});

test("nsqd reads NSQ's config file, and what it lacks from the environment", async (t) => {
  const config = join(temporaryDirectory(t), "nsqd.cfg");
  writeFileSync(config, 'max_msg_size = 3\nmsg_timeout = "90s"\nmax_rdy_count = 7\nunknown = 1\n');
  const env = { POLYLOG_HTTP_LISTEN: "127.0.0.1:0", POLYLOG_NSQ_MAX_MSG_SIZE: "9" };
  const nsqd = await start(t, "nsqd", ["-config", config, "-max-rdy-count=8"], env);
  assert.equal(await get(nsqd, "/config/max_msg_size"), "3");
  assert.equal(await get(nsqd, "/config/msg_timeout"), "90000000000");
  assert.equal(await get(nsqd, "/config/max_rdy_count"), "8");
  await until(() => nsqd.output().includes(" http: listening on"), nsqd);
  assert.equal((await fetch(`http://127.0.0.1:${nsqd.port("http")}/health`)).status, 200);
});

test("nsqd listens on Unix sockets", async (t) => {
  const directory = temporaryDirectory(t);
  const [tcp, http] = [join(directory, "tcp.sock"), join(directory, "http.sock")];
  const nsqd = await start(t, "nsqd", [`-tcp-address=${tcp}`, `-http-address=${http}`]);
  const socket = connect(tcp);
  t.after(() => socket.destroy());
  const [body, size] = [Buffer.from('{"client_id":"c"}'), Buffer.from([0, 0, 0, 17])];
  socket.write(Buffer.concat([Buffer.from("  V2IDENTIFY\n"), size, body, Buffer.from("SUB a b\n")]));
  const ask = async (path: string) => {
    const [response] = (await once(request({ socketPath: http, path }).end(), "response")) as [AsyncIterable<Buffer>];
    let text = "";
    for await (const chunk of response) text += chunk.toString();
    return text;
  };
  await until(async () => (await ask("/stats?format=json")).includes('"remote_address":"@"'), nsqd);
  assert.match(await ask("/info"), /"http_port":-1,"tcp_port":-1,/);
  assert.ok(nsqd.output().includes(` TCP: listening on ${tcp}\n`));
  nsqd.child.kill("SIGTERM");
  assert.equal(await nsqd.exited, 0);
  assert.deepEqual([existsSync(tcp), existsSync(http)], [false, false]);
});

const ends: readonly (readonly [
  name: "nsqd" | "nsqlookupd",
  flags: readonly string[],
  code: number,
  printed: RegExp,
])[] = [
  ["nsqd", ["--version"], 0, /^nsqd v1\.3\.0 \(built w\/node[\d.]+\)\n$/],
  ["nsqlookupd", ["-version"], 0, /^nsqlookupd v1\.3\.0 \(built w\/node[\d.]+\)\n$/],
  ["nsqd", ["-h"], 0, /^Usage of nsqd:\n {2}-auth-http-address value\n/],
  ["nsqlookupd", ["--nope"], 2, /^flag provided but not defined: -nope\nUsage of nsqlookupd:\n/],
  ["nsqd", ["-sync-every=x"], 2, /^invalid value "x" for flag -sync-every: parse error\nUsage of nsqd:\n/],
  ["nsqd", ["-config=missing.cfg"], 1, /FATAL: failed to load config file missing\.cfg - /],
  ["nsqd", ["-node-id=-1"], 1, /^\[nsqd\] .* FATAL: failed to instantiate nsqd - --node-id must be \[0,1024\)\n$/],
  ["nsqd", ["-data-path=missing"], 1, /FATAL: .* failed to lock data-path: open missing: no such file or directory\n$/],
  [
    "nsqlookupd",
    ["-tcp-address=here:x"],
    1,
    /FATAL: failed to instantiate nsqlookupd - --tcp-address: "here:x" is not an/,
  ],
];

test("what it prints and how it ends is NSQ's", async (t) => {
  for (const [name, flags, code, printed] of ends) {
    const running = run(t, name, flags);
    assert.equal(await running.exited, code, `${name} ${flags.join(" ")}: ${running.output()}`);
    assert.match(running.output(), printed);
  }
});

test("nsqd and serve log from the level on that they are told while they run", async (t) => {
  const nsqd = await start(t, "nsqd", ["--data-path", temporaryDirectory(t)]);
  const serve = await startServer({ dataDir: temporaryDirectory(t), flags: ["--log-level=info"] });
  t.after(() => serve.kill());
  const servers = [
    { port: nsqd.port("HTTP"), output: () => nsqd.output() },
    { port: serve.listeners.nsqHttp.port, output: () => serve.output() },
  ];
  for (const { port, output } of servers) {
    const send = async (method: string, path: string, body = "") =>
      (await fetch(`http://127.0.0.1:${port}${path}`, method === "GET" ? {} : { method, body })).text();
    const create = async (topic: string) => assert.equal(await send("POST", `/topic/create?topic=${topic}`), "");
    assert.equal(await send("GET", "/config/log_level"), "2");
    await create("first");
    assert.equal(await send("PUT", "/config/log_level", "warn"), "3");
    await create("second");
    assert.equal(await send("PUT", "/config/log_level", "info"), "2");
    await create("third");
    await until(() => /log created.*third/.test(output()), nsqd);
    assert.match(output(), /log created.*first/);
    assert.doesNotMatch(output(), /second/);
    assert.equal(await send("PUT", "/config/log_level", "fatal"), "5");
  }
  nsqd.child.kill("SIGTERM");
  assert.equal(await nsqd.exited, 0);
  assert.doesNotMatch(nsqd.output(), /bye/);
});
