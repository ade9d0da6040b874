/** The parts of tools that need no nsqd: names, rows, pieces, modes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { settle } from "@polylog/testkit";
import { Message } from "../client/message.ts";
import { createFileLog, parseFileLogLevel } from "./file-log.ts";
import { createGoLog } from "./go-log.ts";
import { renderHeader, renderRow, sumChannel } from "./nsq-stat.ts";
import { nameFormat } from "./nsq-to-file.ts";
import { createHandler as createHttpHandler, parseHeaders, queryEscape } from "./nsq-to-http.ts";
import { createHandler as createNsqHandler } from "./nsq-to-nsq.ts";
import { StatusReport } from "./status-report.ts";
import { strftime } from "./strftime.ts";
import { readPieces, TokenBucket } from "./to-nsq.ts";

const log = { print: () => undefined, logger: silentLogger };

function surroundings(chance = () => 0.5) {
  return { clock: new ManualClock(), chance, log };
}

test("prints log lines as NSQ's tools do", () => {
  const lines: string[] = [];
  const clock = new ManualClock(new Date(2026, 10, 21, 9, 5, 7, 80).getTime());
  const goLog = createGoLog(clock, (line) => lines.push(line));
  goLog.print("--topic required");
  goLog.logger.child("[a/b]").info("(x) connecting to nsqd");
  const fileLog = createFileLog({ clock, write: (line) => lines.push(line), prefix: "[p] ", level: "warn" }, "[a/b] ");
  fileLog.info("not shown");
  fileLog.warn("shown");
  assert.deepEqual(lines, [
    "2026/11/21 09:05:07 --topic required\n",
    "2026/11/21 09:05:07 INF    1 [a/b] (x) connecting to nsqd\n",
    "[p] 2026/11/21 09:05:07.080000 WARNING: [a/b] shown\n",
  ]);
  assert.deepEqual([parseFileLogLevel("INFO"), parseFileLogLevel("loud")], ["info", undefined]);
});

test("splits standard input, the last piece whole", async () => {
  async function* chunks() {
    for (const each of ["a\nb", "b\n\n", "c", "c\nlast"]) yield Buffer.from(each);
  }
  const pieces: string[] = [];
  for await (const piece of readPieces(chunks(), 0x0a)) pieces.push(piece.toString());
  assert.deepEqual(pieces, ["a", "bb", "cc", "last"]);
});

test("lets no more than the rate through", async () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket(clock, 10);
  let taken = 0;
  void (async () => {
    for (;;) {
      await bucket.take();
      taken++;
    }
  })();
  await settle();
  assert.equal(taken, 1);
  for (let i = 0; i < 20; i++) {
    clock.advance(100);
    await settle(2);
  }
  assert.equal(taken, 21);
});

test("prints nsq_stat's columns", () => {
  const channel = (messages: number, depth: number) => ({
    ...{ channel_name: "c", depth, backend_depth: 3, in_flight_count: 1, deferred_count: 2, requeue_count: 4 },
    ...{ timeout_count: 5, message_count: messages, client_count: 6 },
  });
  const answer = (messages: number, depth: number) => ({
    topics: [{ topic_name: "t", channels: [channel(messages, depth)] }],
  });
  const before = sumChannel([answer(100, 50), answer(0, 0)], "t", "c")!;
  const now = sumChannel([answer(110, 30), answer(5, 0)], "t", "c")!;
  assert.equal(
    renderHeader() + renderRow(before, now, 2000),
    `------rate------+----------------depth----------------+--------------metadata---------------
ingress  egress |   total     mem    disk inflt   def |     req     t-o         msgs clients
      7      17 |      30      24       6     2     4 |       8      10          115      12
`,
  );
  assert.equal(sumChannel([{ topics: null }, answer(1, 1)], "t", "other"), undefined);
});

const named = {
  ...{ "filename-format": "<TOPIC>.<HOST>.<PID><REV>.<DATETIME>.log", "host-identifier": "", gzip: false },
  ...{ "rotate-size": 0, "rotate-interval": 0, "work-dir": "", "output-dir": "/tmp" },
};
const machine = { hostname: "host.example", processId: 7 };

test("fills in a file's name", () => {
  assert.equal(nameFormat(named, "t", machine), "t.host.7.<DATETIME>.log");
  assert.equal(nameFormat({ ...named, gzip: true }, "t", machine), "t.host.7<REV>.<DATETIME>.log.gz");
  const identified = { ...named, "host-identifier": "<HOSTNAME>-<SHORT_HOST>" };
  assert.equal(nameFormat(identified, "t", machine), "t.host.example-host.7.<DATETIME>.log");
});

test("wants a revision where files may meet", () => {
  const refused = { ...named, "filename-format": "<TOPIC>.log" };
  for (const more of [{ gzip: true }, { "rotate-size": 1 }, { "rotate-interval": 1 }, { "work-dir": "/elsewhere" }]) {
    assert.throws(() => nameFormat({ ...refused, ...more }, "t", machine), /missing <REV> in --filename-format/);
  }
});

test("writes dates as strftime does", () => {
  const date = new Date(2026, 10, 1, 0, 5, 9);
  assert.equal(
    strftime("%Y-%m-%d_%H:%M:%S %I%p %a %A %b %B %y %% %q %", date),
    "2026-11-01_00:05:09 12AM Sun Sunday Nov November 26 % %q %",
  );
  assert.match(strftime("%z", date), /^[+-]\d{4}$/);
});

test("reads headers and escapes queries", () => {
  assert.deepEqual(parseHeaders(["X-A: b:c ", "Y:1"]), { "X-A": "b:c", Y: "1" });
  for (const bad of ["none", ":x", "x:"]) assert.throws(() => parseHeaders([bad]), /'key=value'/);
  assert.equal(queryEscape(Buffer.from("a b&c/ü~-_.", "utf8")), "a+b%26c%2F%C3%BC~-_.");
});

test("reports how long requests took", () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const report = new StatusReport(4, "[aggregate]:", clock, (line) => lines.push(line));
  for (const ms of [1, 2, 3, 10]) {
    const startedMs = clock.monotonicMs();
    clock.advance(ms);
    report.add(startedMs);
  }
  assert.deepEqual(lines, [
    "Warning: use more than 100 status values for accurate percentiles (configured with 4)",
    "[aggregate]: finished 4 - 99th: 10.00ms - 95th: 10.00ms - avg: 4.00ms",
  ]);
});

test("posts to one address, in turn, or to all", async () => {
  const send = async (mode: string, count: number) => {
    const sent: string[] = [];
    const publish = async (address: string) => void sent.push(address);
    const handler = createHttpHandler(["a", "b"], { mode, sample: 1, "status-every": 0 }, publish, surroundings());
    for (let i = 0; i < count; i++) await handler({ body: Buffer.from("m") });
    return sent;
  };
  assert.deepEqual(await send("round-robin", 3), ["b", "a", "b"]);
  assert.deepEqual(await send("hostpool", 3), ["a", "b", "a"]);
  assert.deepEqual(await send("everywhere", 2), ["a", "b", "a", "b"]);
});

test("samples, and fails when a request failed", async () => {
  const values = { mode: "hostpool", sample: 0.4, "status-every": 0 };
  const publish = () => Promise.reject(new Error("got status code 500"));
  await createHttpHandler(
    ["a"],
    values,
    publish,
    surroundings(() => 0.41),
  )({ body: Buffer.from("m") });
  const handled = createHttpHandler(
    ["a"],
    values,
    publish,
    surroundings(() => 0.4),
  )({ body: Buffer.from("m") });
  await assert.rejects(handled, /got status code 500/);
});

test("finishes what another nsqd took, requeues the rest", async () => {
  const answers: string[] = [];
  const answer = (verb: string) => (message: Message) => answers.push(`${verb} ${message.body}`);
  const message = (body: string) => {
    const fields = { id: Buffer.alloc(16), timestampMs: 0, attempts: 1, body: Buffer.from(body), address: "nsqd" };
    return new Message(fields, { finish: answer("fin"), requeue: answer("req"), touch: answer("touch") });
  };
  const published: string[] = [];
  const producers = new Map([
    [
      "up",
      { publish: async (topic: string, body: Uint8Array) => void published.push(`${topic} ${Buffer.from(body)}`) },
    ],
    ["down", { publish: () => Promise.reject(new Error("down")) }],
  ]);
  const values = {
    ...{ mode: "hostpool", "status-every": 0, "require-json-field": "a", "require-json-value": "1" },
    ...{ "whitelist-json-field": ["a"] },
  };
  const handle = createNsqHandler(values, producers, surroundings());
  for (const body of ['{"a":1,"b":2}', '{"a":"1"}']) handle(message(body), "t");
  await settle();
  assert.deepEqual(published, ['t {"a":1}']);
  assert.deepEqual(answers, ['fin {"a":1,"b":2}', 'req {"a":"1"}']);
  const other = message('{"a":2}');
  handle(other, "t");
  assert.equal(other.autoAnswers, true);
  assert.throws(() => handle(message("{}"), "t"), /backoff/);
});
