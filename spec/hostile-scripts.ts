/**
 * What hostile clients begin with: for every door a few scripts that are right, written anew from the protocols' tables, and ways
 * to spoil them. A script's parts are what a client would send one after the other.
 */

import { deflateRawSync, gzipSync } from "node:zlib";
import type { Chance } from "@polylog/testkit";

export interface HostileScript {
  readonly name: string;
  /** Of the server's listeners; those whose name ends in `Tls` or `Https` take it behind a handshake. */
  readonly doors: readonly string[];
  readonly parts: readonly Buffer[];
  /** After an IDENTIFY that asks for it, the parts go through this. */
  readonly upgrade?: "tls_v1" | "snappy" | "deflate";
}

const names = ["hostile", "hostile2", "hostile#ephemeral"];

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([u16(Buffer.byteLength(value)), Buffer.from(value)]);
}

function mqtt(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size: number[] = [];
  for (let left = body.length; ; left >>>= 7) {
    size.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([first, ...size]), body]);
}

const none = Buffer.from([0]);
const expiry = Buffer.from([5, 0x11, 0, 0, 0, 2]);
const connect4 = mqtt(0x10, text("MQTT"), Buffer.from([4, 0x02, 0, 5]), text("hostile-4"));
const connect5 = mqtt(0x10, text("MQTT"), Buffer.from([5, 0x02, 0, 5]), expiry, text("hostile-5"));
const connectWill = mqtt(
  0x10,
  text("MQTT"),
  Buffer.from([5, 0x2e, 0, 1]),
  expiry,
  text("hostile-w"),
  Buffer.from([5, 0x18, 0, 0, 0, 1]),
  text("hostile/will"),
  text("gone"),
);
const mqttBodies: readonly (readonly Buffer[])[] = [
  [
    connect4,
    mqtt(0x82, u16(1), text("hostile/#"), Buffer.from([2])),
    mqtt(0x34, text("hostile/a"), u16(2), Buffer.alloc(300, "x")),
    mqtt(0x62, u16(2)),
    mqtt(0x31, text("hostile/kept"), Buffer.from("kept")),
    mqtt(0x31, text("hostile/kept")),
    mqtt(0xa2, u16(3), text("hostile/#")),
    mqtt(0xc0),
    mqtt(0xe0),
  ],
  [
    connect5,
    mqtt(0x82, u16(1), Buffer.from([2, 0x0b, 1]), text("$share/g/hostile/+"), Buffer.from([0x2d])),
    mqtt(0x32, text("hostile/b"), u16(9), Buffer.from([3, 0x23, 0, 1, 0x26 & 0]), Buffer.from("x")),
    mqtt(0x30, text("hostile/b"), Buffer.from([5, 0x02, 0, 0, 0, 1]), Buffer.alloc(2000, "y")),
    mqtt(0x82, u16(2), none, text("$replay/numbers/-1m/#"), Buffer.from([1])),
    mqtt(0x32, text("$delayed/1/hostile/later"), u16(10), none, Buffer.from("later")),
    mqtt(0xf0, Buffer.from([0x18, 0])),
    mqtt(0xe0, Buffer.from([0x04, 0])),
  ],
  [connectWill, mqtt(0x30, text("hostile/c"), none, Buffer.from("z"))],
  [connect4.subarray(0, 5), Buffer.alloc(70_000, 0xff)],
  [connect4, Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), Buffer.alloc(100_000, 0x61)],
];

function masked(opcode: number, body: Buffer): Buffer {
  const size =
    body.length < 126 ? Buffer.from([0x80 | body.length]) : Buffer.concat([Buffer.from([0xfe]), u16(body.length)]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([Buffer.from([0x80 | opcode]), size, mask, body.map((byte, i) => byte ^ mask[i & 3]!)]);
}

function upgradeTo(path: string, protocol: string): Buffer {
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n${protocol}\r\n`,
  );
}

function http(method: string, path: string, body: string | Buffer = "", headers = ""): Buffer[] {
  const bytes = Buffer.from(body);
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`;
  return [Buffer.from(head), bytes];
}

function call(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
}

const calls = [
  call("log.create", { log: "hostile", partitions: 2 }),
  call("produce", { log: "hostile", records: [{ value: "eA==", key: "aw==", headers: [["a", "b"]] }] }),
  call("consume", { log: "hostile", partition: 0, from: "earliest", maxRecords: 10, waitMs: 100 }),
  call("subscribe", { log: "hostile", from: "earliest" }),
  call("channel.create", { log: "hostile", channel: "c" }),
  call("channel.seek", { log: "hostile", channel: "c", to: "earliest" }),
  call("log.alter", { log: "hostile", retentionMs: 1000, depthRecords: 10, cleanup: "compact" }),
  call("producer.open", { id: "hostile" }),
  call("mqtt.clients", {}),
  `[${call("log.list", {})},${call("log.describe", { log: "hostile" })}]`,
  `${"[".repeat(20_000)}1${"]".repeat(20_000)}`,
  `{"jsonrpc":"2.0","id":1,"method":"log.list","params":{"__proto__":{"a":1},"constructor":1e999}}`,
];

const statements: readonly object[] = [
  { stmt: "SELECT 1" },
  { stmt: "CREATE TABLE hostile (a INTEGER PRIMARY KEY, b TEXT, c OBJECT)" },
  {
    stmt: "INSERT INTO hostile VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    bulk_args: [
      [1, "x", { a: [1] }],
      [2, null, null],
    ],
  },
  { stmt: "SELECT c['a'], count(*) FROM hostile WHERE b = $1 GROUP BY 1", args: ["x"] },
  { stmt: "SELECT length(repeat('x', 100000000))" },
  { stmt: "SELECT count(*) FROM range(100000000000) t(i) WHERE i * 3 % 7 = 8" },
  { stmt: `SELECT ${"(".repeat(5000)}1${")".repeat(5000)}` },
  { stmt: "UPDATE hostile SET b = 'y' WHERE a = ?", args: [1] },
  { stmt: "SELECT * FROM information_schema.columns" },
  { stmt: "DROP TABLE IF EXISTS hostile" },
];

const httpScripts: HostileScript[] = [
  ...["GET /metrics", "GET /health", "GET /", "GET /nothing", "TRACE /rpc", "GET /_sql"].map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { name: line, doors: ["http", "httpTls"], parts: http(method, path) };
  }),
  ...calls.map((body) => ({ name: "rpc", doors: ["http", "httpTls"], parts: http("POST", "/rpc", body) })),
  ...statements.map((body) => ({
    name: "sql",
    doors: ["http", "httpTls"],
    parts: http("POST", "/_sql?types", JSON.stringify(body)),
  })),
  {
    name: "rpc over WebSocket",
    doors: ["http", "httpTls"],
    parts: [upgradeTo("/rpc", ""), ...calls.map((body) => masked(1, Buffer.from(body.slice(0, 60_000))))],
  },
  {
    name: "WebSocket frames that do not end",
    doors: ["http", "httpTls"],
    parts: [
      upgradeTo("/rpc", ""),
      Buffer.from([0x01, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]),
      Buffer.alloc(60_000, 0x20),
    ],
  },
  ...mqttBodies.map((parts) => ({
    name: "MQTT over WebSocket",
    doors: ["http", "httpTls"],
    parts: [
      upgradeTo("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n"),
      ...parts.map((part) => masked(2, part.subarray(0, 60_000))),
    ],
  })),
  {
    name: "a head that does not end",
    doors: ["http", "httpTls", "nsqHttp", "nsqHttps", "lookupdHttp"],
    parts: [
      Buffer.from("GET / HTTP/1.1\r\n"),
      ...Array.from({ length: 40 }, (_, i) => Buffer.from(`x-${i}: ${"y".repeat(500)}\r\n`)),
    ],
  },
  {
    name: "chunks that do not end",
    doors: ["http", "httpTls", "nsqHttp", "nsqHttps", "lookupdHttp"],
    parts: [
      Buffer.from("POST /_sql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
      ...Array.from({ length: 20 }, () => Buffer.from("5\r\n12345\r\n")),
    ],
  },
  {
    name: "gzip",
    doors: ["http"],
    parts: http("POST", "/rpc", gzipSync(Buffer.alloc(1 << 22)), "Content-Encoding: gzip\r\n"),
  },
];

function nsqCommand(line: string, body?: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${line}\n`), ...(body === undefined ? [] : [u32(body.length), body])]);
}

const identify = nsqCommand(
  "IDENTIFY",
  Buffer.from('{"client_id":"h","feature_negotiation":true,"heartbeat_interval":1000}'),
);
const twoMessages = Buffer.concat([u32(2), u32(1), Buffer.from("a"), u32(2), Buffer.from("bc")]);
const nsqBodies: readonly (readonly Buffer[])[] = [
  names.flatMap((name) => [
    nsqCommand(`PUB ${name}`, Buffer.from("x")),
    nsqCommand(`MPUB ${name}`, twoMessages),
    nsqCommand(`DPUB ${name} 100`, Buffer.from("later")),
  ]),
  [
    identify,
    nsqCommand("SUB hostile workers"),
    nsqCommand("RDY 100"),
    nsqCommand("FIN 0000000000000000"),
    nsqCommand("REQ 0000000000000001 0"),
    nsqCommand("TOUCH 0000000000000002"),
    nsqCommand("NOP"),
    nsqCommand("CLS"),
  ],
  [nsqCommand("AUTH", Buffer.from("secret")), nsqCommand("SUB hostile c#ephemeral"), nsqCommand("RDY 2500")],
  [Buffer.from("MPUB hostile\n"), u32(5_000_000), u32(0x7fffffff), Buffer.alloc(50_000, 0xff)],
  [Buffer.from("PUB hostile\n"), u32(0xffffffff), Buffer.alloc(50_000)],
  [Buffer.alloc(100_000, "A")],
];

const nsqScripts: HostileScript[] = nsqBodies.flatMap((parts) => [
  { name: "NSQ", doors: ["nsqTcp"], parts: [Buffer.from("  V2"), ...parts] },
  ...(["tls_v1", "snappy", "deflate"] as const).map((upgrade) => ({
    name: `NSQ ${upgrade}`,
    doors: ["nsqTcp"],
    upgrade,
    parts,
  })),
]);

const nsqHttpScripts: HostileScript[] = [
  ["POST", "/pub?topic=hostile", "x"],
  ["POST", "/pub?topic=hostile&defer=100", "x"],
  ["POST", "/mpub?topic=hostile", "a\nb\nc\n"],
  ["POST", "/mpub?topic=hostile&binary=true", twoMessages.toString("latin1")],
  ["POST", "/topic/create?topic=hostile", ""],
  ["POST", "/channel/create?topic=hostile&channel=c&from=earliest", ""],
  ["POST", "/channel/empty?topic=hostile&channel=c", ""],
  ["POST", "/topic/delete?topic=hostile2", ""],
  ["GET", "/channel/peek?topic=hostile&channel=c&limit=5", ""],
  ["GET", "/topic/browse?topic=hostile&offset=0", ""],
  ["GET", "/stats?format=json&topic=hostile", ""],
  ["PUT", "/config/log_level", "error"],
  ["PUT", "/config/nsqlookupd_tcp_addresses", '["127.0.0.1:1"]'],
].map(([method = "", path = "", body = ""]) => ({
  name: `NSQ ${path}`,
  doors: ["nsqHttp", "nsqHttps"],
  parts: http(method, path, body),
}));

const peer = Buffer.from(
  '{"broadcast_address":"127.0.0.1","hostname":"h","tcp_port":4150,"http_port":4151,"version":"1.3.0"}',
);
const lookupdScripts: HostileScript[] = [
  {
    name: "nsqlookupd",
    doors: ["lookupdTcp"],
    parts: [
      Buffer.from("  V1"),
      nsqCommand("IDENTIFY", peer),
      Buffer.from("REGISTER hostile\nREGISTER hostile c\nPING\nUNREGISTER hostile c\nREGISTER hostile2 c#ephemeral\n"),
    ],
  },
  {
    name: "nsqlookupd body",
    doors: ["lookupdTcp"],
    parts: [Buffer.from("  V1IDENTIFY\n"), u32(0x7fffffff), Buffer.alloc(50_000)],
  },
  { name: "nsqlookupd line", doors: ["lookupdTcp"], parts: [Buffer.from("  V1"), Buffer.alloc(100_000, "B")] },
  ...[
    "POST /topic/create?topic=hostile",
    "POST /channel/create?topic=hostile&channel=c",
    "GET /lookup?topic=hostile",
    "GET /nodes",
    "GET /debug",
    "POST /topic/tombstone?topic=hostile&node=127.0.0.1:4151",
    "POST /topic/delete?topic=hostile",
  ].map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { name: `nsqlookupd ${path}`, doors: ["lookupdHttp"], parts: http(method, path) };
  }),
];

export const hostileScripts: readonly HostileScript[] = [
  ...mqttBodies.map((parts) => ({ name: "MQTT", doors: ["mqtt", "mqttTls"], parts })),
  ...httpScripts,
  ...nsqScripts,
  ...nsqHttpScripts,
  ...lookupdScripts,
];

/** What a chunk of 64 MiB of zeros is, and what claims to be one of 16 MiB. */
export const bombs = {
  deflate: deflateRawSync(Buffer.alloc(64 << 20)),
  snappy: Buffer.concat([
    Buffer.from([0, 0x10, 0, 0, 0, 0, 0, 0]),
    Buffer.from([0x80, 0x80, 0x80, 0x08]),
    Buffer.alloc(4000),
  ]),
} as const;

/** The parts as they are, or changed in one of many ways. */
export function spoiled(parts: readonly Buffer[], chance: Chance): Buffer[] {
  const copy = parts.map((part) => Buffer.from(part));
  const some = () => copy[chance.below(copy.length)]!;
  for (let times = chance.below(3); times > 0; times--) {
    const part = some();
    const at = copy.indexOf(part);
    const place = chance.below(part.length + 1);
    switch (chance.below(8)) {
      case 0: // A few bytes are others.
        for (let i = chance.below(4); i >= 0 && part.length > 0; i--)
          part[chance.below(part.length)] = chance.below(256);
        break;
      case 1: // A byte that counts something is large.
        if (part.length > 0) part[chance.below(Math.min(part.length, 12))] = 0xff;
        break;
      case 2: // It ends early.
        copy[at] = part.subarray(0, place);
        break;
      case 3: // It comes again.
        copy.splice(at, 0, part);
        break;
      case 4: // Something is left out.
        copy.splice(at, 1);
        if (copy.length === 0) copy.push(part);
        break;
      case 5: // Something comes in between.
        copy[at] = Buffer.concat([
          part.subarray(0, place),
          randomBytes(chance.below(300), chance),
          part.subarray(place),
        ]);
        break;
      case 6: // Another order.
        copy.reverse();
        break;
      case 7: // A piece many times.
        copy[at] = Buffer.concat(Array.from({ length: 1 + chance.below(50) }, () => part.subarray(0, 2000)));
    }
  }
  return copy;
}

export function randomBytes(size: number, chance: Chance): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = chance.below(256);
  return bytes;
}
