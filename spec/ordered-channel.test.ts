/** An ordered channel through NSQ's protocol: requeues, two consumers, and a server that is killed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { Consumer, defaultClientOptions, httpClient, netDialer, setClientOption } from "@polylog/nsq-tools/client";
import { startServer, temporaryDirectory } from "@polylog/testkit";

const keys = ["ada", "bob", "cyd", "dan"];
const perKey = 60;

async function post(port: number, path: string, body = "", headers: Record<string, string> = {}): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body, headers });
  assert.equal(answer.status, 200, await answer.text());
}

/** Checks the order of what consumers are given. */
class Ledger {
  readonly finished = new Map<string, number>(keys.map((key) => [key, -1]));
  readonly underWay = new Set<string>();
  deliveries = 0;
  complaint = "";

  async handle(text: string, attempts: number): Promise<void> {
    const [key, number] = text.split(" ") as [string, string];
    const index = Number(number);
    this.deliveries++;
    const last = this.finished.get(key)!;
    if (index > last + 1) this.complaint ||= `${text} came after ${key} ${last}`;
    if (this.underWay.has(key)) this.complaint ||= `${text} came while another one of its key was under way`;
    this.underWay.add(key);
    await sleep(1 + (index % 3));
    this.underWay.delete(key);
    if (attempts === 1 && index % 5 === 2) throw new Error("requeue it");
    this.finished.set(key, Math.max(last, index));
  }

  get done(): boolean {
    return [...this.finished.values()].every((last) => last === perKey - 1);
  }
}

test("delivers the messages of a key in order, whatever happens", { timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await startServer({ dataDir });
  t.after(() => first.kill());
  const [tcpPort, httpPort] = [first.listeners.nsqTcp.port, first.listeners.nsqHttp.port];
  await post(httpPort, "/topic/create?topic=steps");
  await post(httpPort, "/channel/create?topic=steps&channel=workers&ordered=true");
  for (let index = 0; index < perKey; index++)
    for (const key of keys) await post(httpPort, "/pub?topic=steps", `${key} ${index}`, { "X-Polylog-Key": key });
  const ledger = new Ledger();
  const options = defaultClientOptions();
  for (const pair of ["max_in_flight,20", "default_requeue_delay,20ms", "max_backoff_duration,0", "max_attempts,0"])
    setClientOption(options, pair);
  const context = { clock: systemClock, dialer: netDialer(systemClock), http: httpClient(systemClock) };
  const handler = ({ body, attempts }: { body: Buffer; attempts: number }) => ledger.handle(body.toString(), attempts);
  const consume = async () => {
    const request = { topic: "steps", channel: "workers", handler };
    const consumer = new Consumer(request, { ...context, chance: () => 0.5, logger: silentLogger, options });
    await consumer.connect([`127.0.0.1:${tcpPort}`]);
    return consumer;
  };
  const early = [await consume(), await consume()];
  while (ledger.deliveries < 60) await sleep(5);
  await first.kill();
  await Promise.all(early.map((consumer) => consumer.stop()));
  ledger.underWay.clear();
  const flags = [`--nsq-tcp-listen=127.0.0.1:${tcpPort}`, `--nsq-http-listen=127.0.0.1:${httpPort}`];
  const second = await startServer({ dataDir, flags });
  t.after(() => second.kill());
  const late = [await consume(), await consume()];
  while (!ledger.done && ledger.complaint === "") await sleep(20);
  assert.equal(ledger.complaint, "");
  assert.ok(ledger.deliveries >= keys.length * perKey, `${ledger.deliveries}`);
  await Promise.all(late.map((consumer) => consumer.stop()));
});
