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
import { bytesOf, connectBytes, publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const chunkSize = 64 * 1024;
const topic = "plant/7/line/3/temperature";
const payload = "x".repeat(64);

/** A peer that reads everything at once. A subscriber of QoS 1 acknowledges what it gets. */
class Peer extends EventEmitter implements ByteStream {
  readonly writableLength = 0;
  readonly #acknowledges: boolean;
  messagesDue = 0;
  bytesReceived = 0;
  #unacknowledged: Buffer[] = [];

  constructor(acknowledges: boolean) {
    super();
    this.#acknowledges = acknowledges;
  }

  write(bytes: Uint8Array): boolean {
    this.bytesReceived += bytes.length;
    if (this.#acknowledges) this.#acknowledge(bytes);
    return true;
  }

  /** All packets but the CONNACK and SUBACK are PUBLISHes of one size; a write holds whole ones. */
  #acknowledge(bytes: Uint8Array): void {
    const size = publishBytes(topic, payload, { qos: 1 }).length;
    if (bytes.length % size !== 0 || bytes[0] >> 4 !== packetTypes.PUBLISH) return;
    const acks = Buffer.alloc((bytes.length / size) * 4);
    for (let at = 0, to = 0; at < bytes.length; at += size, to += 4) {
      acks[to] = 0x40;
      acks[to + 1] = 2;
      acks[to + 2] = bytes[at + 4 + topic.length];
      acks[to + 3] = bytes[at + 5 + topic.length];
    }
    this.#unacknowledged.push(acks);
  }

  sendPubacks(): void {
    for (const acks of this.#unacknowledged.splice(0)) this.emit("data", acks);
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
}

const cases: readonly Case[] = [
  { name: "1 -> 0, QoS 0", subscribers: 0, publishQos: 0, subscribeQos: 0, captured: false },
  { name: "1 -> 0, QoS 1", subscribers: 0, publishQos: 1, subscribeQos: 0, captured: false },
  { name: "1 -> log, QoS 1", subscribers: 0, publishQos: 1, subscribeQos: 0, captured: true },
  { name: "1 -> 1, QoS 0", subscribers: 1, publishQos: 0, subscribeQos: 0, captured: false },
  { name: "1 -> 1, QoS 1 to 0", subscribers: 1, publishQos: 1, subscribeQos: 0, captured: false },
  { name: "1 -> 1, QoS 1", subscribers: 1, publishQos: 1, subscribeQos: 1, captured: false },
  { name: "1 -> 100, QoS 0", subscribers: 100, publishQos: 0, subscribeQos: 0, captured: false },
  { name: "1 -> 100, QoS 1", subscribers: 100, publishQos: 1, subscribeQos: 1, captured: false },
];

/** As many whole messages as fit into one chunk. */
function chunkOf(qos: QoS): { chunk: Buffer; count: number } {
  const packets: Buffer[] = [];
  for (let size = 0; ; ) {
    const packet = publishBytes(topic, payload, { qos, packetIdentifier: qos === 0 ? 0 : packets.length + 1 });
    size += packet.length;
    if (size > chunkSize) return { chunk: Buffer.concat(packets), count: packets.length };
    packets.push(packet);
  }
}

async function start({ subscribers, subscribeQos, captured }: Case) {
  const captures = captured ? [{ log: "bench", filter: "plant/#" }] : [];
  const server = await MemoryServer.start({ captures, limits: { inFlightMax: 65_535 } });
  const connect = (clientId: string, acknowledges: boolean): Peer => {
    const peer = new Peer(acknowledges);
    server.server.accept(peer);
    peer.emit("data", connectBytes(clientId));
    server.clock.turn();
    return peer;
  };
  const receivers: Peer[] = [];
  for (let i = 0; i < subscribers; i++) {
    const peer = connect(`s${i}`, subscribeQos > 0);
    const subscriptions = [{ topicFilter: "plant/+/line/#", qos: subscribeQos }];
    peer.emit("data", bytesOf(encodeSubscribe, { packetIdentifier: 1, subscriptions }));
    server.clock.turn();
    receivers.push(peer);
  }
  return { server, receivers, publisher: connect("p", false) };
}

/** Deliveries, or with no subscriber publications, per second; in millions. */
async function measure(each: Case, turns: number): Promise<number> {
  const { server, receivers, publisher } = await start(each);
  const { chunk, count } = chunkOf(each.publishQos);
  const before = receivers.reduce((sum, peer) => sum + peer.bytesReceived, 0);
  let elapsedMs = 0;
  for (let turn = 0; turn < turns; turn++) {
    const startedMs = performance.now();
    publisher.emit("data", Buffer.from(chunk));
    server.clock.turn();
    for (const peer of receivers) peer.sendPubacks();
    elapsedMs += performance.now() - startedMs;
  }
  const size = publishBytes(topic, payload, { qos: Math.min(each.publishQos, each.subscribeQos) as QoS }).length;
  const received = receivers.reduce((sum, peer) => sum + peer.bytesReceived, 0) - before;
  if (received !== size * count * turns * receivers.length) throw new Error(`${each.name}: messages are missing`);
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
