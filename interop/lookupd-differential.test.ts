/**
 * The same bytes and requests to a real nsqlookupd and to ours; what comes back is compared, in order of keys as well. What is
 * left out: ports, times, and the two topology fields, which 1.3.0 as released does not tell yet.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { eventually, get, startDaemon } from "./nsq-daemons.ts";
import { missingTools } from "./outside-tools.ts";

const skip = missingTools("nsqlookupd");

interface Lookupd {
  readonly tcpPort: number;
  readonly httpPort: number;
}

async function startBoth(t: TestContext): Promise<readonly [real: Lookupd, ours: Lookupd]> {
  const real = await startDaemon(t, "nsqlookupd", "-tombstone-lifetime=300ms", "-inactive-producer-timeout=2s");
  const flags = ["--lookupd-tombstone-lifetime=300ms", "--lookupd-inactive-producer-timeout=2s"];
  // Without nsqd's listener it does not register itself.
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: ["--nsq-tcp-listen=off", ...flags] });
  t.after(() => server.kill());
  const { lookupdTcp, lookupdHttp } = server.listeners;
  return [real, { tcpPort: lookupdTcp.port, httpPort: lookupdHttp.port }];
}

function identify(body: unknown, size?: number): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const header = Buffer.alloc(4);
  header.writeInt32BE(size ?? Buffer.byteLength(text));
  return `IDENTIFY\n${header.toString("latin1")}${text}`;
}

const nsqd = { broadcast_address: "nsqd1", hostname: "h", tcp_port: 4150, http_port: 4151, version: "1.2.1" };
const known = `  V1${identify(nsqd)}`;

/** Sent whole, then the sending side is closed. */
const scripts: readonly string[] = [
  "",
  "  V",
  "  V2PING\n",
  "  v1PING\n",
  "  V1",
  "  V1\n",
  "  V1 \t\n",
  "  V1PING",
  "  V1PING\nPING x\r\n \tPING\n",
  "  V1PINGS\n",
  "  V1ping\nPING\n",
  "  V1\xff\xfe 'x'\n",
  "  V1REGISTER\n",
  "  V1REGISTER t c\nPING\n",
  "  V1UNREGISTER t\n",
  "  V1IDENTIFY\n",
  "  V1IDENTIFY\n\0\0",
  `  V1${identify("{", 5)}`,
  `  V1${identify("", 0)}`,
  ...["{}", "null", "[]", "1", '"x"', "{", '{"a":}', "{} x", `${JSON.stringify(nsqd)}\n `].map(
    (body) => `  V1${identify(body)}`,
  ),
  ...Object.keys(nsqd).flatMap((key) =>
    [undefined, null, 1, "1", "", 0, -1, 1.5, true, [], {}].map(
      (value) => `  V1${identify({ ...nsqd, [key]: value })}`,
    ),
  ),
  ...['{"remote_address":1}', '{"remote_address":"x"}'].map((body) => `  V1${identify(body)}`),
  `  V1${identify(JSON.stringify(nsqd).replace("tcp_port", "TCP_Port"))}PING\n`,
  `  V1${identify(JSON.stringify(nsqd).replace("4150", "4.15e3"))}`,
  `  V1${identify(JSON.stringify(nsqd).replace("4150", "99999999999999999999"))}`,
  `${known}${identify(nsqd)}`,
  `${known}IDENTIFY\n`,
  ...["REGISTER", "UNREGISTER"].flatMap((name) =>
    ["", " ", "  ", " t", " t ", " t c", " t  c", "  t", " t c x", " t$", " t c$", " t$ c$", " t'\" c", " #ephemeral"]
      .concat([` ${"x".repeat(64)}`, ` ${"x".repeat(65)}`, " t#ephemeral c#ephemeral", " *", " t *", " t\tc", " \xe4"])
      .map((params) => `${known}${name}${params}\nPING\n`),
  ),
  `${known}REGISTER t c\nUNREGISTER t c\nUNREGISTER t c\nUNREGISTER x\nPING\n`,
];

async function talk(port: number, script: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => (received += chunk));
  socket.on("error", () => undefined); // A reset after the answer: something was left unread.
  const closed = once(socket, "close");
  socket.end(Buffer.from(script, "latin1"));
  socket.on("end", () => socket.destroy());
  await closed;
  return withoutPorts(received);
}

function withoutPorts(answers: string): string {
  return answers.replace(/\0\0\0.\{"broadcast_address"/gs, '{"broadcast_address"').replace(/_port":\d+/g, '_port":0');
}

test("answers every command as a real nsqlookupd", { skip, timeout: 60_000 }, async (t) => {
  const [real, ours] = await startBoth(t);
  for (const script of scripts) {
    const [expected, found] = await Promise.all([talk(real.tcpPort, script), talk(ours.tcpPort, script)]);
    assert.equal(found, expected, JSON.stringify(script));
  }
  t.diagnostic(`${scripts.length} scripts`);
});

type Step =
  | readonly ["GET" | "POST" | "PUT" | "HEAD" | "OPTIONS" | "DELETE", path: string]
  /** An nsqd says something; it connects when it is new. */
  | readonly ["say", node: string, commands: string]
  | readonly ["gone", node: string]
  | readonly ["wait", ms: number];

const questions: readonly Step[] = [
  ...["/topics", "/nodes", "/debug", "/channels?topic=*"].map((path) => ["GET", path] as const),
  ...["t", "u", "e%23ephemeral"].flatMap((topic) => [
    ["GET", `/lookup?topic=${topic}`] as const,
    ["GET", `/channels?topic=${topic}`] as const,
  ]),
];

const actions = ["/topic/create", "/topic/delete", "/topic/tombstone", "/channel/create", "/channel/delete"];
const queries = [
  "",
  "?topic=",
  "?topic=a$",
  "?topic=a&channel=",
  "?topic=a&channel=b$",
  "?channel=b",
  "?topic=%zz",
  "?topic=a;b",
];
queries.push("?topic=none&node=", "?topic=none&topic=a$", "?%74opic=none&channel=none", "?node=a", "?topic=none+x");

const steps: readonly Step[] = [
  ...["/ping", "/info", "/nothing", "/", "/topics/", "/TOPICS", "//topics", "/a/../topics", "/topics?x=%zz"].map(
    (path) => ["GET", path] as const,
  ),
  ...(["POST", "HEAD", "OPTIONS", "PUT", "DELETE"] as const).flatMap((method) =>
    ["/ping", "/topics", "/topic/create", "/nothing"].map((path) => [method, path] as const),
  ),
  ...["/lookup", "/channels", ...actions].flatMap((path) =>
    queries.map((query) => [path.startsWith("/l") || path === "/channels" ? "GET" : "POST", path + query] as const),
  ),
  ["POST", "/topic/delete?topic=*"],
  ["GET", "/lookup?topic=*"],
  ...questions,
  ["say", "nsqd1", "REGISTER t c\nREGISTER t d#ephemeral\nREGISTER e#ephemeral c\nREGISTER u\n"],
  ["say", "nsqd2", "REGISTER t c\n"],
  ["say", "nsqd3", "PING\n"],
  ...questions,
  ["GET", "/lookup?topic=*"], // With tombstones it depends on the order of Go's map.
  ["POST", "/topic/tombstone?topic=t&node=nsqd1:4151"],
  ["POST", "/topic/tombstone?topic=t&node=nsqd2:1"],
  ...questions,
  ["say", "nsqd1", "REGISTER t x\n"],
  ...questions,
  ["wait", 400],
  ...questions,
  ["say", "nsqd1", "UNREGISTER t d#ephemeral\nUNREGISTER t c\nUNREGISTER e#ephemeral\n"],
  ...questions,
  ["POST", "/channel/delete?topic=t&channel=c"],
  ["POST", "/channel/create?topic=v&channel=c"],
  ["POST", "/topic/create?topic=w"],
  ...questions,
  ["gone", "nsqd2"],
  ...questions,
  ["POST", "/topic/delete?topic=t"],
  ...questions,
  ["say", "nsqd1", "UNREGISTER t\nUNREGISTER u\nREGISTER t\n"],
  ...questions,
  ["wait", 2100],
  ...questions,
  ["say", "nsqd1", "PING\n"],
  ...questions,
  ["gone", "nsqd1"],
  ["gone", "nsqd3"],
  ["POST", "/topic/delete?topic=*"],
  ...questions,
];

/** One nsqlookupd under test, and the nsqds that talk to it. */
class Subject {
  readonly #lookupd: Lookupd;
  readonly #nodes = new Map<string, Socket>();

  constructor(lookupd: Lookupd) {
    this.#lookupd = lookupd;
  }

  async carryOut(step: Step): Promise<unknown> {
    switch (step[0]) {
      case "say":
        return this.#say(step[1], step[2]);
      case "gone":
        return this.#leave(step[1]);
      case "wait":
        return new Promise((resolve) => setTimeout(resolve, step[1]));
      default:
        return this.#ask(step[0], step[1]);
    }
  }

  async #say(node: string, commands: string): Promise<string> {
    const isNew = !this.#nodes.has(node);
    const socket = this.#nodes.get(node) ?? connect({ port: this.#lookupd.tcpPort, host: "127.0.0.1" });
    this.#nodes.set(node, socket);
    const hello = isNew ? `  V1${identify({ ...nsqd, broadcast_address: node })}` : "";
    socket.write(Buffer.from(hello + commands, "latin1"));
    let received = "";
    const answers = commands.split("\n").length - 1;
    while (received.split("OK").length - 1 < answers)
      received += ((await once(socket, "data")) as [Buffer])[0].toString("latin1");
    return withoutPorts(received);
  }

  async #leave(node: string): Promise<void> {
    this.#nodes.get(node)!.destroy();
    const isGone = async () => !(await get(this.#lookupd.httpPort, "/debug"))!.includes(`"${node}"`);
    await eventually(isGone, () => `${node} is still there`);
  }

  async #ask(method: string, path: string): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.#lookupd.httpPort}${path}`, { method, redirect: "manual" });
    const text = await answer.text();
    const headers = ["content-type", "x-nsq-content-type", "allow", "location"].map((each) => answer.headers.get(each));
    return {
      status: answer.status,
      headers,
      body: text.startsWith("{") ? JSON.stringify(comparable(JSON.parse(text))) : text,
    };
  }

  close(): void {
    for (const socket of this.#nodes.values()) socket.destroy();
  }
}

/** Lists in one order; nothing of one process's own. Topics and their tombstones are sorted together. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(comparable).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
    if (key.startsWith("topology_")) return [];
    if (key === "remote_address" || key === "id") return [[key, String(each).replace(/:\d+$/, "")]];
    if (key === "last_update" || key === "tombstoned_at") return [[key, Math.sign(each as number)]];
    return [[key, key === "tombstones" ? (each as boolean[]).toSorted() : comparable(each)]];
  });
  return Object.fromEntries(fields);
}

test("answers every request as a real nsqlookupd", { skip, timeout: 60_000 }, async (t) => {
  const subjects = (await startBoth(t)).map((each) => new Subject(each));
  t.after(() => {
    for (const subject of subjects) subject.close();
  });
  for (const [at, step] of steps.entries()) {
    const [expected, found] = await Promise.all(subjects.map((subject) => subject.carryOut(step)));
    assert.deepEqual(found, expected, `step ${at}: ${JSON.stringify(step)}`);
  }
  t.diagnostic(`${steps.length} steps`);
});
