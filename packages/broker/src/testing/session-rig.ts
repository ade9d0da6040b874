/** A durable store of sessions on storage and time that a test owns, and what tests do with stores of sessions. */

import assert from "node:assert/strict";
import { ManualClock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { Partition } from "@polylog/log";
import { MemoryStorage } from "@polylog/log/memory";
import { settle } from "@polylog/testkit";
import type { QoS } from "../publication.ts";
import { Delivery } from "../sessions/delivery.ts";
import { DurableSessionStore, type DurableSessionStoreOptions } from "../sessions/durable-session-store.ts";
import { SessionMessage } from "../sessions/session-message.ts";
import type { SessionLimits, SessionStore } from "../sessions/session-store.ts";
import type { StoredSession } from "../sessions/stored-session.ts";
import { CrashingStateStore } from "./crashing-state-store.ts";

export const roomyLimits: SessionLimits = { messagesMax: 1_000_000, bytesMax: 2 ** 30, whenFull: "drop-oldest" };

export class SessionRig {
  readonly clock = new ManualClock();
  storage = new MemoryStorage({ simulate: true });
  state = new CrashingStateStore();
  store!: DurableSessionStore;
  /** Records below are gone, as for a log that is really trimmed: reading them fails. */
  trimmedTo = 0;
  readonly #options: Partial<DurableSessionStoreOptions>;

  /** `extentsKept`: given, the log is cleaned. */
  constructor(options: Partial<DurableSessionStoreOptions> = {}) {
    const trim = async (_log: Partition, offset: number): Promise<void> => {
      this.trimmedTo = offset;
    };
    this.#options = options.extentsKept === undefined ? options : { ...options, trim };
  }

  async open(): Promise<DurableSessionStore> {
    await this.state.open();
    const { storage, state, clock } = this;
    this.store = new DurableSessionStore({ limits: roomyLimits, ...this.#options, storage, state, clock });
    const { log } = this.store;
    const read = log.readChunk.bind(log);
    log.readChunk = async (offset, bytesMax) => {
      assert.ok(offset >= this.trimmedTo, `record ${offset} is read, below ${this.trimmedTo} they are gone`);
      return read(offset, bytesMax);
    };
    let opened = false;
    const opening = this.store.open().finally(() => {
      opened = true;
    });
    opening.catch(() => undefined); // It is awaited below.
    while (!opened) await this.run();
    await opening;
    return this.store;
  }

  /** Turns of the loop until nothing is left to do now. */
  async run(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) {
      this.clock.turn();
      await settle(2);
    }
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.run();
  }

  /** A clean stop, and a start on the same storage. */
  async restart(): Promise<DurableSessionStore> {
    const closed = this.store.close();
    await this.run();
    await closed;
    return this.open();
  }

  /** `chance`: 0 to below 1, how much of what was not promised survives. */
  async crash(of: "process" | "power", seed = 1, chance = 0): Promise<DurableSessionStore> {
    this.storage = this.storage.crash(seed, { of });
    this.state = this.state.crash(of, chance);
    return this.open();
  }
}

/** Where a message goes: one session, or several with a QoS each. */
export type To = StoredSession | readonly (readonly [StoredSession, QoS])[];

export interface MessageOptions {
  readonly qos?: QoS;
  readonly expiresAtMs?: number;
  readonly publisher?: StoredSession;
  readonly packetIdentifier?: number;
}

/** Appends a message with this text; returns what the publisher was told so far. */
export class Publisher {
  readonly message = new SessionMessage();
  /** Texts of messages that may be acknowledged, and codes of those that may not. */
  readonly acknowledged: string[] = [];
  readonly failed: string[] = [];
  readonly #texts: string[] = [];

  publish(store: SessionStore, text: string, to: To, options: MessageOptions = {}): void {
    const { message } = this;
    message.begin();
    message.topic = Buffer.from("sensors/1");
    message.payload = Buffer.from(text);
    message.payloadStart = 0;
    message.payloadEnd = message.payload.length;
    message.qos = options.qos ?? 1;
    message.expiresAtMs = options.expiresAtMs ?? 0;
    message.publisher = options.publisher;
    message.packetIdentifier = options.packetIdentifier ?? 0;
    for (const [session, qos] of Array.isArray(to) ? to : [[to as StoredSession, message.qos] as const])
      message.addRecipient(session, qos);
    const token = this.#texts.push(text) - 1;
    if (store.append(message, this, token)) this.acknowledged.push(text);
  }

  onDurable(token: number, error: PolylogError | undefined): void {
    if (error === undefined) this.acknowledged.push(this.#texts[token]!);
    else this.failed.push(error.code);
  }
}

/** A client that takes what it can get; answers only when told to. */
export class Receiver {
  readonly session: StoredSession;
  /** `text`, `text!` when repeated, `text?` when perhaps, `release N` by sequence. */
  readonly received: string[] = [];
  readonly sequences: number[] = [];
  readonly #delivery = new Delivery();
  readonly #inFlightMax: number;

  constructor(session: StoredSession, inFlightMax = Number.POSITIVE_INFINITY) {
    this.session = session;
    this.#inFlightMax = inFlightMax;
    session.attach(this);
  }

  onDeliverable(): void {
    this.take();
  }

  take(): void {
    const delivery = this.#delivery;
    while (this.sequences.length < this.#inFlightMax) {
      const outcome = this.session.next(delivery);
      if (outcome === "none" || outcome === "reading") return;
      if (delivery.qos > 0) this.sequences.push(delivery.sequence);
      const text = delivery.bytes.toString("utf8", delivery.payloadStart, delivery.payloadEnd);
      if (outcome === "release") this.received.push(`release ${delivery.sequence}`);
      else this.received.push(`${text}${delivery.repeated ? "!" : delivery.maybeRepeated ? "?" : ""}`);
    }
  }

  finishAll(): void {
    for (const sequence of this.sequences.splice(0)) this.session.finish(sequence);
  }
}

export const ignored = { onDurable: () => undefined };
