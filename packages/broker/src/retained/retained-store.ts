/**
 * The last retained message of each topic, in memory and in the state store.
 *
 *     retained/<topic>   version u8 = 1, qos u8, published f64 (wall-clock ms, little endian), payload
 *
 * Changes of one turn are written together and in order; a publisher that waits is answered when they are written.
 */

import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter, StateOperation, StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import type { BrokerLimits } from "../limits.ts";
import type { Publication, QoS } from "../publication.ts";
import { RetainedIndex } from "../router/index.ts";

export interface RetainedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly publishedMs: number;
}

const prefix = "retained/";
const version = 1;
const headerSize = 10;

export class RetainedStore {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #retainedMax: number;
  readonly #index: RetainedIndex<RetainedMessage>;
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
    for await (const [key, row] of this.#state.entries(prefix)) {
      if (row[0] !== version || row.length < headerSize) throw brokerErrors.STATE_DAMAGED({ key });
      const topic = key.slice(prefix.length);
      const payload = Buffer.from(row.subarray(headerSize));
      this.#index.set(topic, { topic, payload, qos: row[1] as QoS, publishedMs: row.readDoubleLE(2) });
    }
  }

  /** Messages whose topic matches `filter`. */
  match(filter: string): Iterable<RetainedMessage> {
    return this.#index.match(filter);
  }

  /** As `match`, with an `undefined` every so many topics looked at: stop there to let others have their turn. */
  matchPaced(filter: string): Iterable<RetainedMessage | undefined> {
    return this.#index.matchPaced(filter);
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
    const topic = publication.route.topic;
    const payload = Buffer.from(publication.payload.subarray(publication.payloadStart, publication.payloadEnd));
    if (payload.length === 0) {
      this.#index.delete(topic);
      this.#operations.push({ type: "delete", key: prefix + topic });
    } else {
      const message = { topic, payload, qos: publication.qos, publishedMs: this.#clock.nowMs() };
      this.#index.set(topic, message);
      this.#operations.push({ type: "put", key: prefix + topic, value: encode(message) });
    }
    if (waiter !== undefined) this.#waiters.push({ waiter, token });
    if (this.#operations.length === 1) this.#clock.atTurnEnd(() => void this.flush());
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

function encode(message: RetainedMessage): Buffer {
  const row = Buffer.allocUnsafe(headerSize + message.payload.length);
  row[0] = version;
  row[1] = message.qos;
  row.writeDoubleLE(message.publishedMs, 2);
  message.payload.copy(row, headerSize);
  return row;
}
