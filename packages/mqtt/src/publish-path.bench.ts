/**
 * Messages per second through the whole server without sockets: chunks of 64 KiB into publishing connections, every
 * write of the subscribing ones counted and thrown away. Payload 64 bytes. Each rate is the best of several rounds, one
 * turn of the loop per chunk.
 *
 *     node packages/mqtt/dist/publish-path.bench.js [--smoke]
 */

import { EventEmitter } from "node:events";
import type { ByteStream } from "@polylog/base/transport";
import { encodeSubscribe, packetTypes, type QoS } from "@polylog/mqtt-wire";
import { bytesOf, type ConnectFields, connectBytes, publishBytes } from "./testing/memory-client.ts";
import { bytesOf5, connectBytes5 } from "./testing/memory-client5.ts";
import { MemoryServer } from "./testing/memory-server.ts";
import type { RewriteRule } from "./topic-rewrites.ts";

const chunkSize = 64 * 1024;
/** First bytes, by the packet type they answer: PUBREC with PUBREL, PUBREL with PUBCOMP. */
const answersTo: Readonly<Record<number, number>> = { 5: 0x62, 6: 0x70 };
const topic = "plant/7/line/3/temperature";
const payload = "x".repeat(64);

/** A peer that reads everything at once, and answers what comes at QoS 1 and 2 when told to. */
class Peer extends EventEmitter implements ByteStream {
  readonly writableLength = 0;
  readonly #answers: boolean;
  bytesReceived = 0;
  messagesReceived = 0;
  #due: Buffer[] = [];

  constructor(answers: boolean) {
    super();
    this.#answers = answers;
  }

  write(bytes: Uint8Array): boolean {
    this.bytesReceived += bytes.length;
    if (this.#answers) this.#answer(bytes);
    return true;
  }

  /** A write holds whole packets. */
  #answer(bytes: Uint8Array): void {
    const acks = Buffer.allocUnsafe(bytes.length * 2);
    let to = 0;
    for (let at = 0; at < bytes.length; ) {
      const type = bytes[at] >> 4;
      const qos = (bytes[at] >> 1) & 3;
      let length = bytes[at + 1] & 0x7f;
      let body = at + 2;
      if (bytes[at + 1] > 0x7f) {
        length += bytes[at + 2] << 7;
        body = at + 3;
      }
      const identifierAt = type === packetTypes.PUBLISH ? body + 2 + topic.length : body;
      const answer = type === packetTypes.PUBLISH ? [0, 0x40, 0x50][qos] : (answersTo[type] ?? 0);
      if (type === packetTypes.PUBLISH) this.messagesReceived++;
      if (answer !== 0) {
        acks[to] = answer;
        acks[to + 1] = 2;
        acks[to + 2] = bytes[identifierAt];
        acks[to + 3] = bytes[identifierAt + 1];
        to += 4;
      }
      at = body + length;
    }
    if (to > 0) this.#due.push(acks.subarray(0, to));
  }

  /** False: there was nothing to answer. */
  sendAnswers(): boolean {
    const due = this.#due;
    this.#due = [];
    for (const acks of due) this.emit("data", acks);
    return due.length > 0;
  }

  cork(): void {}
  uncork(): void {}
  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

interface Case {
  readonly name: string;
  readonly subscribers: number;
  readonly publishQos: QoS;
  readonly subscribeQos: QoS;
  readonly captured: boolean;
  readonly level?: 5;
  /** The subscriber's session outlives its connection; its queue is in memory. */
  readonly stored?: true;
  readonly rules?: readonly RewriteRule[];
}

/** To a topic of the same length. */
const rewriting = { action: "all", source: "plant/+/line/#", destination: "line/{1}/plant/{2}" } as const;
const other = { ...rewriting, source: "other/+/line/#" } as const;

const cases: readonly Case[] = [
  { name: "1 -> 0, QoS 0", subscribers: 0, publishQos: 0, subscribeQos: 0, captured: false },
  { name: "1 -> 0, QoS 1", subscribers: 0, publishQos: 1, subscribeQos: 0, captured: false },
  { name: "1 -> log, QoS 1", subscribers: 0, publishQos: 1, subscribeQos: 0, captured: true },
  { name: "1 -> 1, QoS 0", subscribers: 1, publishQos: 0, subscribeQos: 0, captured: false },
  { name: "1 -> 1, QoS 1 to 0", subscribers: 1, publishQos: 1, subscribeQos: 0, captured: false },
  { name: "1 -> 1, QoS 1", subscribers: 1, publishQos: 1, subscribeQos: 1, captured: false },
  {
    name: "1 -> 1, QoS 0, rewritten",
    subscribers: 1,
    publishQos: 0,
    subscribeQos: 0,
    captured: false,
    rules: [rewriting],
  },
  {
    name: "1 -> 1, QoS 0, other rule",
    subscribers: 1,
    publishQos: 0,
    subscribeQos: 0,
    captured: false,
    rules: [other],
  },
  { name: "1 -> 100, QoS 0", subscribers: 100, publishQos: 0, subscribeQos: 0, captured: false },
  { name: "1 -> 100, QoS 1", subscribers: 100, publishQos: 1, subscribeQos: 1, captured: false },
  { name: "1 -> 1, QoS 0, MQTT 5", subscribers: 1, publishQos: 0, subscribeQos: 0, captured: false, level: 5 },
  { name: "1 -> 100, QoS 0, MQTT 5", subscribers: 100, publishQos: 0, subscribeQos: 0, captured: false, level: 5 },
  { name: "1 -> 1, QoS 1, MQTT 5", subscribers: 1, publishQos: 1, subscribeQos: 1, captured: false, level: 5 },
  { name: "1 -> 1, QoS 2", subscribers: 1, publishQos: 2, subscribeQos: 2, captured: false },
  { name: "1 -> 1, QoS 1, stored", subscribers: 1, publishQos: 1, subscribeQos: 1, captured: false, stored: true },
];

/** As many whole messages as fit into one chunk. */
function chunkOf({ publishQos: qos, level }: Case): { chunk: Buffer; count: number } {
  const packets: Buffer[] = [];
  for (let size = 0; ; ) {
    const packetIdentifier = qos === 0 ? 0 : packets.length + 1;
    const packet =
      level === 5 ? publish5(qos, packetIdentifier) : publishBytes(topic, payload, { qos, packetIdentifier });
    size += packet.length;
    if (size > chunkSize) return { chunk: Buffer.concat(packets), count: packets.length };
    packets.push(packet);
  }
}

function publish5(qos: QoS, packetIdentifier: number): Buffer {
  const message = { topic, payload: Buffer.from(payload), qos, retain: false, dup: false };
  return bytesOf5("PUBLISH", { ...message, packetIdentifier, properties: {} });
}

function subscribeTo(topicFilter: string, { subscribeQos: qos, level }: Case): Buffer {
  if (level !== 5) return bytesOf(encodeSubscribe, { packetIdentifier: 1, subscriptions: [{ topicFilter, qos }] });
  const subscription = { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  return bytesOf5("SUBSCRIBE", { packetIdentifier: 1, properties: {}, subscriptions: [subscription] });
}

async function start(each: Case) {
  const captures = each.captured ? [{ log: "bench", filter: "plant/#" }] : [];
  const server = await MemoryServer.start({ captures, rewrites: each.rules ?? [], limits: { inFlightMax: 65_535 } });
  const connect = async (clientId: string, answers: boolean, fields: ConnectFields = {}): Promise<Peer> => {
    const peer = new Peer(answers);
    server.server.accept(peer);
    peer.emit("data", each.level === 5 ? connectBytes5(clientId) : connectBytes(clientId, fields));
    await server.run();
    return peer;
  };
  const receivers: Peer[] = [];
  for (let i = 0; i < each.subscribers; i++) {
    const peer = await connect(`s${i}`, each.subscribeQos > 0, { cleanSession: each.stored !== true });
    peer.emit("data", subscribeTo("plant/+/line/#", each));
    await server.run();
    peer.bytesReceived = 0;
    receivers.push(peer);
  }
  return { server, receivers, publisher: await connect("p", each.publishQos === 2) };
}

/** Deliveries, or with no subscriber publications, per second; in millions. */
async function measure(each: Case, turns: number): Promise<number> {
  const { server, receivers, publisher } = await start(each);
  const { chunk, count } = chunkOf(each);
  let elapsedMs = 0;
  for (let turn = 0; turn < turns; turn++) {
    const startedMs = performance.now();
    publisher.emit("data", Buffer.from(chunk));
    for (let busy = true; busy; ) {
      server.clock.turn();
      busy = publisher.sendAnswers();
      for (const peer of receivers) busy = peer.sendAnswers() || busy;
    }
    elapsedMs += performance.now() - startedMs;
  }
  const qos = Math.min(each.publishQos, each.subscribeQos) as QoS;
  const size = (
    each.level === 5
      ? publish5(qos, qos === 0 ? 0 : 1)
      : publishBytes(topic, payload, { qos, packetIdentifier: qos === 0 ? 0 : 1 })
  ).length;
  const received = receivers.reduce(
    (sum, peer) => sum + (qos > 0 ? peer.messagesReceived : peer.bytesReceived / size),
    0,
  );
  if (received !== count * turns * receivers.length) throw new Error(`${each.name}: messages are missing`);
  return (count * turns * Math.max(1, receivers.length)) / elapsedMs / 1000;
}

async function main(args: readonly string[]): Promise<void> {
  const smoke = args.includes("--smoke");
  const only = args.find((arg) => !arg.startsWith("--"));
  for (const each of cases.filter(({ name }) => only === undefined || name === only)) {
    let best = 0;
    const turns = smoke ? 2 : Math.ceil(1_000 / Math.max(1, each.subscribers / 5));
    for (let round = 0; round < (smoke ? 1 : 5); round++) best = Math.max(best, await measure(each, turns));
    process.stdout.write(`${each.name.padEnd(24)} ${best.toFixed(2).padStart(7)} M/s\n`);
  }
}

await main(process.argv.slice(2));
