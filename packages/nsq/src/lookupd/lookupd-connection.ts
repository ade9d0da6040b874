/** One nsqd that is connected: its commands change the registry, and each is answered at once. */

import type { Clock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import { type ByteStream, Connection, type ConnectionHandler, type TurnFlusher } from "@polylog/base/transport";
import {
  encodeAnswer,
  encodeLookupdFields,
  errorAnswer,
  type LookupdCommand,
  LookupdCommandReader,
  type LookupdFields,
  lookupdWireErrors,
  type PeerFields,
} from "@polylog/nsq-wire/lookupd";
import { identifyTimeoutMs, outputPendingSizeMax, registrationsMax } from "./limits.ts";
import type { LookupdNode, Registry } from "./registry.ts";

export interface LookupdConnectionOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  readonly logger: Logger;
  /** What IDENTIFY is answered with. */
  readonly fields: () => LookupdFields;
  /** The connection is gone. Called once. */
  readonly onClosed: (connection: LookupdConnection) => void;
  /** The peer made an error. */
  readonly onError: () => void;
}

interface HeardNode extends LookupdNode {
  heardAtMs: number;
  heardAtMonotonicMs: number;
}

const ok = encodeAnswer("OK");

export class LookupdConnection implements ConnectionHandler {
  readonly #options: LookupdConnectionOptions;
  readonly #connection: Connection;
  readonly #reader = new LookupdCommandReader();
  readonly #beganAtMonotonicMs: number;
  #node: HeardNode | undefined;

  constructor(stream: ByteStream, options: LookupdConnectionOptions) {
    this.#options = options;
    this.#beganAtMonotonicMs = options.clock.monotonicMs();
    this.#connection = new Connection(stream, options.clock, options.flusher);
  }

  start(): void {
    this.#connection.start(this);
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** Whether it has been silent for too long: before its IDENTIFY, or after it. */
  isSilent(nowMonotonicMs: number, silenceTimeoutMs: number): boolean {
    const timeoutMs = this.#node === undefined ? identifyTimeoutMs : silenceTimeoutMs;
    return nowMonotonicMs - (this.#node?.heardAtMonotonicMs ?? this.#beganAtMonotonicMs) > timeoutMs;
  }

  onChunk(chunk: Buffer): void {
    this.#reader.push(chunk);
    try {
      for (let command = this.#reader.next(); command !== undefined; command = this.#reader.next())
        this.#answer(this.#carryOut(command));
    } catch (error) {
      this.#fail(error);
    }
    const { output } = this.#connection;
    if (output.pendingBytes <= outputPendingSizeMax) return;
    output.flush();
    if (output.pendingBytes > outputPendingSizeMax) this.#connection.pause();
  }

  onDrain(): void {
    this.#connection.resume();
  }

  /** The peer may still read what a command that was cut is answered with. */
  onEnd(): void {
    const error = this.#reader.endError();
    if (error === undefined) this.#connection.end();
    else this.#fail(error);
  }

  onClose(): void {
    if (this.#node !== undefined) {
      this.#options.registry.removeNode(this.#node);
      this.#options.logger.info("an nsqd has gone", describe(this.#node));
    }
    this.#options.onClosed(this);
  }

  #carryOut(command: LookupdCommand): Buffer {
    const { registry } = this.#options;
    switch (command.name) {
      case "PING":
        if (this.#node !== undefined) this.#hear(this.#node);
        return ok;
      case "IDENTIFY":
        this.#identify(command.peer);
        return encodeAnswer(encodeLookupdFields(this.#options.fields()));
      case "REGISTER":
        if (!registry.register(this.#node!, command.topic, command.channel))
          throw lookupdWireErrors.REGISTRATION_LIMIT({ limit: registrationsMax });
        return ok;
      case "UNREGISTER":
        registry.unregister(this.#node!, command.topic, command.channel);
        return ok;
    }
  }

  #identify(fields: PeerFields): void {
    const { remote } = this.#connection;
    const node = { id: remote, remoteAddress: remote, fields, heardAtMs: 0, heardAtMonotonicMs: 0 };
    this.#hear(node);
    this.#node = node;
    this.#options.registry.addNode(node);
    this.#options.logger.info("an nsqd has come", describe(node));
  }

  #hear(node: HeardNode): void {
    node.heardAtMs = this.#options.clock.nowMs();
    node.heardAtMonotonicMs = this.#options.clock.monotonicMs();
  }

  #fail(error: unknown): void {
    const { logger, onError } = this.#options;
    if (!isCodedError(error)) throw error;
    onError();
    logger.warn("a peer made an error", { remote: this.#connection.remote, error });
    const answer = errorAnswer(error);
    if (answer !== undefined) this.#answer(answer);
    this.#connection.end();
  }

  #answer(answer: Buffer): void {
    this.#connection.output.push(answer, 0, answer.length);
  }
}

function describe({ remoteAddress, fields }: LookupdNode) {
  return { remote: remoteAddress, address: fields.broadcast_address, tcp: fields.tcp_port, http: fields.http_port };
}
