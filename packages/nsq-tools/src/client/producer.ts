/**
 * Publishes to one nsqd. It connects when the first message comes, and again after a connection was lost; what was
 * under way then is rejected, since nobody knows whether nsqd has it. Calls may overlap: nsqd answers in their order.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { RingBuffer } from "@polylog/base/collections";
import { encodeDpub, encodeMpub, encodeNop, encodePub, frameTypes } from "@polylog/nsq-wire";
import { nsqToolsErrors } from "../errors.ts";
import { checkClientOptions } from "./client-options.ts";
import { stopTimeoutMs } from "./limits.ts";
import { type ConnectionContext, NsqConnection } from "./nsq-connection.ts";

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Producer {
  readonly address: string;
  readonly #context: ConnectionContext;
  #connection: Promise<NsqConnection> | undefined;
  readonly #pending = new RingBuffer<Pending>();
  #underWay = 0;
  #stopping = false;
  #idle: (() => void) | undefined;

  /** Throws OPTION_INVALID. */
  constructor(address: string, context: ConnectionContext) {
    checkClientOptions(context.options);
    this.address = address;
    this.#context = context;
  }

  /** Connects, and sees that nsqd takes commands. */
  async ping(): Promise<void> {
    (await this.#connect()).send(encodeNop);
  }

  /**
   * Resolves when nsqd has the message. Rejects with REFUSED, CONNECTION_LOST, CONNECT_FAILED, STOPPED or a wire error such
   * as nsq-wire.BAD_TOPIC.
   */
  publish(topic: string, body: Uint8Array): Promise<void> {
    return this.#command((writer) => encodePub(writer, topic, body));
  }

  /** All of them or none are taken. */
  publishMany(topic: string, bodies: readonly Uint8Array[]): Promise<void> {
    return this.#command((writer) => encodeMpub(writer, topic, bodies));
  }

  /** Delivered after `delayMs`, a whole number. */
  publishDeferred(topic: string, delayMs: number, body: Uint8Array): Promise<void> {
    return this.#command((writer) => encodeDpub(writer, topic, delayMs, body));
  }

  /** Takes nothing more, waits for the answers that are due, and closes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const { clock } = this.#context;
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimer(resolve, stopTimeoutMs);
        this.#idle = () => {
          clock.clearTimer(timer);
          resolve();
        };
      });
    }
    const connection = this.#connection;
    this.#connection = undefined;
    (await connection?.catch(() => undefined))?.end();
  }

  async #command(encode: (writer: ByteWriter) => void): Promise<void> {
    if (this.#stopping) throw nsqToolsErrors.STOPPED();
    this.#underWay++;
    try {
      const connection = await this.#connect();
      // Lost between its opening and this turn.
      if (!connection.isOpen) throw nsqToolsErrors.CONNECTION_LOST({ address: this.address, reason: "closed by nsqd" });
      await new Promise<void>((resolve, reject) => {
        connection.send(encode);
        this.#pending.push({ resolve, reject });
      });
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  #connect(): Promise<NsqConnection> {
    if (this.#connection !== undefined) return this.#connection;
    const opening = NsqConnection.open(this.address, this.#context, {
      onFrame: (type, bytes, start, end) => this.#onFrame(type, bytes, start, end),
      onClose: (cause) => {
        if (this.#connection === opening) this.#connection = undefined;
        const error = cause ?? nsqToolsErrors.STOPPED();
        for (let each = this.#pending.shift(); each !== undefined; each = this.#pending.shift()) each.reject(error);
      },
    });
    this.#connection = opening;
    opening.catch(() => {
      if (this.#connection === opening) this.#connection = undefined;
    });
    return opening;
  }

  #onFrame(type: number, bytes: Buffer, start: number, end: number): void {
    const pending = this.#pending.shift();
    if (type === frameTypes.response) {
      pending?.resolve();
      return;
    }
    // nsqd closes the connection after it.
    pending?.reject(nsqToolsErrors.REFUSED({ address: this.address, answer: bytes.toString("utf8", start, end) }));
  }
}
