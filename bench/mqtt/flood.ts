/**
 * As many messages as a broker takes: publishers send while less than `window` of their messages are on their way, so that
 * no broker has a reason to drop any; what is dropped all the same is noticed, counted as lost and not delivered.
 *
 *     group    `publishers` clients publish to one topic that `subscribers` clients have subscribed to
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { QoS } from "@polylog/mqtt-wire";
import type { Peer } from "../peers.ts";
import { cpuSecondsOf } from "../process-usage.ts";
import type { Rig, Sample } from "../rig.ts";
import { type Frames, framesOf, type Level, LoadClient } from "./load-client.ts";

export interface FloodShape {
  readonly groups: number;
  readonly publishers: number;
  /** 0: publishing alone is measured, by its acknowledgements. */
  readonly subscribers: number;
  readonly qos: QoS;
  readonly payloadSize: number;
  readonly level: Level;
  /** Messages of one publisher that are not delivered, or not acknowledged, yet. */
  readonly window: number;
  readonly tls?: boolean;
}

/** Fewer are not worth a write, at QoS 0. */
const burstMin = 32;
const stallMs = 2000;
/** Tenths of a second that a broker gets on top to deliver its first message. */
const patience = 50;
let runs = 0;

class Group {
  readonly publishers: readonly LoadClient[];
  readonly subscribers: readonly LoadClient[];
  readonly #frames: Frames;
  readonly #shape: FloodShape;
  /** Messages, in all and by publisher; deliveries that did not come count as delivered here. */
  #sent = 0;
  readonly #sentBy: number[];
  #next = 0;
  #scheduled = false;
  lost = 0;
  isSending = false;

  constructor(publishers: readonly LoadClient[], subscribers: readonly LoadClient[], topic: string, shape: FloodShape) {
    this.publishers = publishers;
    this.subscribers = subscribers;
    this.#shape = shape;
    this.#sentBy = publishers.map(() => 0);
    // At QoS 1 and 2 no identifier may come again while it is in use.
    const { payloadSize, qos, level, window } = shape;
    this.#frames = framesOf(topic, payloadSize, qos, level, qos === 0 ? window : 2 * window);
    for (const client of [...publishers, ...subscribers]) client.onChunk = () => this.#schedule();
  }

  get delivered(): number {
    let sum = 0;
    if (this.subscribers.length === 0) for (const { finished } of this.publishers) sum += finished;
    else for (const { received } of this.subscribers) sum += received;
    return sum;
  }

  get #copies(): number {
    return Math.max(1, this.subscribers.length);
  }

  get outstanding(): number {
    return this.#sent * this.#copies - this.delivered - this.lost;
  }

  /** Publishes once per turn, whatever has come in it. */
  #schedule(): void {
    if (this.#scheduled || !this.isSending) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.pump();
    });
  }

  pump(): void {
    const { window, qos } = this.#shape;
    const { length } = this.publishers;
    let room = window * length - Math.ceil(this.outstanding / this.#copies);
    for (let tried = 0; tried < length && this.isSending; tried++) {
      const burst = qos === 0 ? Math.min(burstMin, window) : 1;
      const index = this.#next;
      this.#next = (index + 1) % length;
      const publisher = this.publishers[index]!;
      const own = qos === 0 ? window : window - (this.#sentBy[index]! - publisher.finished);
      const count = Math.min(room, own);
      if (count < burst) continue;
      publisher.publish(this.#frames, this.#sentBy[index]!, count);
      this.#sentBy[index]! += count;
      this.#sent += count;
      room -= count;
    }
  }

  /** What is outstanding will not come. */
  giveUp(): void {
    this.lost += this.outstanding;
  }

  get failure(): Error | undefined {
    return [...this.publishers, ...this.subscribers].find(({ failure }) => failure !== undefined)?.failure;
  }
}

export async function openFlood(peer: Peer, shape: FloodShape): Promise<Rig> {
  const groups: Group[] = [];
  const run = runs++;
  const { level, qos, tls = false } = shape;
  for (let g = 0; g < shape.groups; g++) {
    const open = (name: string) => LoadClient.open({ port: peer.port, clientId: `${name}-${run}-${g}`, level, tls });
    const topic = `bench/${run}/t${g}`;
    const subscribers: LoadClient[] = [];
    for (let i = 0; i < shape.subscribers; i++) {
      const subscriber = await open(`s${i}`);
      await subscriber.subscribe([topic], qos);
      subscribers.push(subscriber);
    }
    const publishers: LoadClient[] = [];
    for (let i = 0; i < shape.publishers; i++) publishers.push(await open(`p${i}`));
    groups.push(new Group(publishers, subscribers, topic, shape));
  }
  return {
    run: (seconds) => flood(peer, groups, seconds),
    close: () => {
      for (const group of groups) for (const client of [...group.publishers, ...group.subscribers]) client.close();
    },
  };
}

async function flood(peer: Peer, groups: readonly Group[], seconds: number): Promise<Sample> {
  for (const group of groups) {
    group.isSending = true;
    group.pump();
  }
  const watch = watchForStalls(groups);
  const lostBefore = sum(groups, "lost");
  await sleep(seconds * 250);
  const before = usageNow(peer, groups);
  await sleep(seconds * 1000);
  // On a machine that others use, a broker may not have had its turn.
  for (let i = 0; i < patience && sum(groups, "delivered") === before.delivered; i++) await sleep(100);
  const after = usageNow(peer, groups);
  for (const group of groups) group.isSending = false;
  await drain(groups);
  clearInterval(watch);
  const failure = groups.map((group) => group.failure).find((each) => each !== undefined);
  if (failure !== undefined) throw failure;
  const messages = after.delivered - before.delivered;
  if (messages === 0) throw new Error("nothing was delivered");
  const elapsed = (after.atMs - before.atMs) / 1000;
  return {
    "msg/s": messages / elapsed,
    "broker µs/msg": ((after.broker - before.broker) * 1e6) / messages,
    "generator µs/msg": ((after.generator - before.generator) * 1e6) / messages,
    lost: sum(groups, "lost") - lostBefore,
  };
}

function usageNow(peer: Peer, groups: readonly Group[]) {
  const delivered = sum(groups, "delivered");
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), delivered, broker: cpuSecondsOf(peer.pid), generator: (user + system) / 1e6 };
}

function watchForStalls(groups: readonly Group[]): NodeJS.Timeout {
  const last = groups.map(({ delivered }) => delivered);
  return setInterval(() => {
    for (const [index, group] of groups.entries()) {
      if (group.delivered === last[index] && group.outstanding > 0) {
        group.giveUp();
        group.pump();
      }
      last[index] = group.delivered;
    }
  }, stallMs);
}

async function drain(groups: readonly Group[]): Promise<void> {
  while (sum(groups, "outstanding") > 0 && groups.every(({ failure }) => failure === undefined)) await sleep(10);
}

function sum(groups: readonly Group[], what: "delivered" | "outstanding" | "lost"): number {
  return groups.reduce((total, group) => total + group[what], 0);
}
