/**
 * The last retained message of each topic, in memory and in the state store.
 *
 *     retained/<topic>   version u8 = 2, qos u8, published f64, expires f64 (wall-clock ms, little endian; 0: never),
 *                        size of the properties u32, properties, payload
 *                        version 1: without expires, size and properties
 *
 * Changes of one turn are written together and in order; a publisher that waits is answered when they are written. A
 * message that has expired is not found any more, and is removed by a sweep over those that can expire.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter, StateOperation, StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import { type BrokerLimits, retainedSweepIntervalMs } from "../limits.ts";
import type { Publication, QoS } from "../publication.ts";
import { RetainedIndex } from "../router/index.ts";

export interface RetainedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly publishedMs: number;
  /** Wall-clock ms; 0: never. */
  readonly expiresMs: number;
  /** As in `Publication`; not to be written to. */
  readonly properties: Buffer;
}

const prefix = "retained/";
const version = 2;
const headerSizeV1 = 10;
const headerSize = 22;

export class RetainedStore {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #retainedMax: number;
  readonly #index: RetainedIndex<RetainedMessage>;
  /** Topics whose message can expire. */
  readonly #expiring = new Set<string>();
  #sweepTimer: Timer | undefined;
  #operations: StateOperation[] = [];
  #waiters: { waiter: DurabilityWaiter; token: number }[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(state: StateStore, clock: Clock, limits: BrokerLimits) {
    this.#state = state;
    this.#clock = clock;
    this.#retainedMax = limits.retainedMax;
    this.#index = new RetainedIndex(limits.router.topicLevelsMax);
  }

  get size(): number {
    return this.#index.size;
  }

  async load(): Promise<void> {
    for await (const [key, row] of this.#state.entries(prefix)) this.#keep(decode(key, row));
  }

  #keep(message: RetainedMessage): void {
    this.#index.set(message.topic, message);
    if (message.expiresMs === 0) this.#expiring.delete(message.topic);
    else {
      this.#expiring.add(message.topic);
      this.#sweepTimer ??= this.#clock.setTimer(this.#sweep, retainedSweepIntervalMs);
    }
  }

  #remove(topic: string): void {
    this.#index.delete(topic);
    this.#expiring.delete(topic);
    this.#save({ type: "delete", key: prefix + topic });
  }

  readonly #sweep = (): void => {
    this.#sweepTimer = undefined;
    const nowMs = this.#clock.nowMs();
    for (const topic of this.#expiring) if (hasExpired(this.#index.get(topic)!, nowMs)) this.#remove(topic);
    if (this.#expiring.size > 0) this.#sweepTimer = this.#clock.setTimer(this.#sweep, retainedSweepIntervalMs);
  };

  /** Messages whose topic matches `filter`. */
  *match(filter: string): Generator<RetainedMessage, void> {
    for (const message of this.matchPaced(filter)) if (message !== undefined) yield message;
  }

  /** As `match`, with an `undefined` every so many topics looked at: stop there to let others have their turn. */
  *matchPaced(filter: string): Generator<RetainedMessage | undefined, void> {
    for (const message of this.#index.matchPaced(filter))
      if (message === undefined || !hasExpired(message, this.#clock.nowMs())) yield message;
  }

  /** Throws what `set` would refuse: RETAINED_LIMIT, TOPIC_TOO_DEEP. */
  admit(publication: Publication): void {
    if (publication.payloadStart === publication.payloadEnd) return;
    const { topic } = publication.route;
    if (this.#index.get(topic) !== undefined) return;
    if (this.#index.size >= this.#retainedMax) throw brokerErrors.RETAINED_LIMIT({ limit: this.#retainedMax });
    this.#index.checkDepth(topic);
  }

  /**
   * Replaces the topic's message, or removes it when the payload is empty [MQTT-3.3.1-10]. `waiter` hears when that is
   * written. Throws what `admit` throws.
   */
  set(publication: Publication, waiter: DurabilityWaiter | undefined, token: number): void {
    this.admit(publication);
    const { properties, propertiesStart, propertiesEnd, payload, payloadStart, payloadEnd } = publication;
    const { qos, expiresMs, route } = publication;
    if (waiter !== undefined) this.#waiters.push({ waiter, token });
    if (payloadStart === payloadEnd) {
      this.#remove(route.topic);
      return;
    }
    const message: RetainedMessage = {
      topic: route.topic,
      payload: Buffer.from(payload.subarray(payloadStart, payloadEnd)),
      qos,
      publishedMs: this.#clock.nowMs(),
      expiresMs,
      properties:
        propertiesStart === propertiesEnd ? noBytes : Buffer.from(properties.subarray(propertiesStart, propertiesEnd)),
    };
    this.#keep(message);
    this.#save({ type: "put", key: prefix + route.topic, value: encode(message) });
  }

  #save(operation: StateOperation): void {
    this.#operations.push(operation);
    if (this.#operations.length === 1) this.#clock.atTurnEnd(() => void this.flush());
  }

  /** Ends the sweep, and writes what has changed. */
  close(): Promise<void> {
    this.#clock.clearTimer(this.#sweepTimer);
    return this.flush();
  }

  /** Writes what has changed; resolves when that, and everything before it, is written. */
  flush(): Promise<void> {
    if (this.#operations.length === 0) return this.#writing;
    const operations = this.#operations;
    const waiters = this.#waiters;
    this.#operations = [];
    this.#waiters = [];
    this.#writing = this.#writing.then(() => this.#write(operations, waiters));
    return this.#writing;
  }

  async #write(
    operations: readonly StateOperation[],
    waiters: readonly { waiter: DurabilityWaiter; token: number }[],
  ): Promise<void> {
    let failure: PolylogError | undefined;
    try {
      await this.#state.write(operations);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failure = brokerErrors.STATE_WRITE_FAILED({ reason }, error);
    }
    for (const { waiter, token } of waiters) waiter.onDurable(token, failure);
  }
}

const noBytes = Buffer.alloc(0);

function hasExpired({ expiresMs }: RetainedMessage, nowMs: number): boolean {
  return expiresMs !== 0 && expiresMs <= nowMs;
}

function encode({ qos, publishedMs, expiresMs, properties, payload }: RetainedMessage): Buffer {
  const head = Buffer.alloc(headerSize);
  head[0] = version;
  head[1] = qos;
  head.writeDoubleLE(publishedMs, 2);
  head.writeDoubleLE(expiresMs, 10);
  head.writeUInt32LE(properties.length, 18);
  return Buffer.concat([head, properties, payload]);
}

/** Throws STATE_DAMAGED. */
function decode(key: string, row: Buffer): RetainedMessage {
  const topic = key.slice(prefix.length);
  const qos = row[1] as QoS;
  if (row[0] === 1 && row.length >= headerSizeV1) {
    const payload = Buffer.from(row.subarray(headerSizeV1));
    return { topic, payload, qos, publishedMs: row.readDoubleLE(2), expiresMs: 0, properties: noBytes };
  }
  const payloadAt = row.length < headerSize ? Number.POSITIVE_INFINITY : headerSize + row.readUInt32LE(18);
  if (row[0] !== version || payloadAt > row.length) throw brokerErrors.STATE_DAMAGED({ key });
  return {
    topic,
    qos,
    publishedMs: row.readDoubleLE(2),
    expiresMs: row.readDoubleLE(10),
    properties: Buffer.from(row.subarray(headerSize, payloadAt)),
    payload: Buffer.from(row.subarray(payloadAt)),
  };
}
