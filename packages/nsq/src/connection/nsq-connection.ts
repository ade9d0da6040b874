/**
 * One client: chunks in, commands carried out one after another, answers in their order.
 *
 *     chunk ─▶ CommandReader ─▶ state table ─▶ commands/<verb> ─▶ broker
 *                                                   │               │ durable
 *     socket ◀── output ◀── AnswerQueue ◀───────────┴───────────────┘
 *                     ◀── Delivery ◀── channel
 *
 * Commands wait while a reason to pause holds (`pauses`); the socket is not read meanwhile. A command that could not
 * start is carried out again afterwards, from the reader's fields, which still stand on it.
 *
 * Errors: fatal ones are answered in their turn, then the connection ends; FIN, REQ and TOUCH may fail without that. A
 * client's error costs nobody else anything. Hot: `#readCommands` (`nsq-server.bench.ts`).
 */

import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { type ByteStream, Connection, type ConnectionHandler } from "@polylog/base/transport";
import { CommandReader, type ConnectionSettings, heartbeatFrame, initialSettings, type Verb } from "@polylog/nsq-wire";
import type { ClientAuth } from "../auth/client-auth.ts";
import { carryOut, mayReadBody } from "../commands/command-table.ts";
import { outputPendingSizeMax, pendingAnswersMax } from "../limits.ts";
import type { NsqContext } from "../nsq-context.ts";
import { countError } from "../nsq-metrics.ts";
import { checkTlsPolicy } from "../upgrades/tls-policy.ts";
import { UpgradableStream } from "../upgrades/upgradable-stream.ts";
import { type AnswerOwner, AnswerQueue } from "./answer-queue.ts";
import { type Client, type ClientIdentity, type Pause, pauses, remoteAddressOf } from "./client.ts";
import { type ConnectionState, checkState, connectionStates } from "./connection-state.ts";
import type { Delivery } from "./delivery.ts";
import type { KeptAlive } from "./keep-alive.ts";
import { PublishCounts } from "./publish-counts.ts";

export interface NsqConnectionOwner {
  /** The connection is gone. Called once. */
  onConnectionClosed(connection: NsqConnection): void;
}

/** Bytes of the magic; a client that has not sent it gets no heartbeat. */
const magicSize = 4;

export class NsqConnection implements Client, ConnectionHandler, AnswerOwner, KeptAlive {
  readonly context: NsqContext;
  readonly reader: CommandReader;
  readonly answers: AnswerQueue;
  readonly published = new PublishCounts();
  readonly transport: UpgradableStream;
  compression: "none" | "snappy" | "deflate" = "none";
  auth: ClientAuth | undefined;
  readonly remoteAddress: string;
  readonly connectedAtMs: number;
  identity: ClientIdentity;
  state: ConnectionState = connectionStates.init;
  delivery: Delivery | undefined;
  readonly #owner: NsqConnectionOwner;
  readonly #connection: Connection;
  #settings: ConnectionSettings;
  /** Sum of the reasons for which commands wait. */
  #paused = 0;
  /** The reader stands on a command that could not start. */
  #postponed = false;
  /** The client has sent its last byte. */
  #inputEnded = false;
  #endWhenAnswered = false;
  /** A command arrived since the last tick. */
  #heard = false;
  #heardAtMs: number;
  #heartbeatDueMs: number;

  constructor(stream: ByteStream, context: NsqContext, owner: NsqConnectionOwner) {
    this.context = context;
    this.#owner = owner;
    this.transport = new UpgradableStream(stream);
    this.#connection = new Connection(this.transport, context.clock, context.flusher);
    this.answers = new AnswerQueue(this.#connection.output, this);
    this.reader = new CommandReader(context.limits, {
      beforeParameters: (verb) => {
        if (context.tls !== undefined) checkTlsPolicy(this, context.tls, verb);
        checkState(this.state, verb);
      },
      beforeBody: (verb) => mayReadBody(this, verb),
    });
    const { host, hostPort } = remoteAddressOf(stream);
    this.remoteAddress = hostPort;
    this.identity = { clientId: host, hostname: host, userAgent: "", topologyRegion: "", topologyZone: "" };
    this.#settings = initialSettings(context.limits);
    this.connectedAtMs = context.clock.nowMs();
    this.#heardAtMs = context.clock.monotonicMs();
    this.#heartbeatDueMs = this.#heardAtMs + this.#settings.heartbeatIntervalMs;
  }

  start(): void {
    this.context.keepAlive.add(this);
    this.#connection.start(this);
  }

  get output() {
    return this.#connection.output;
  }

  get settings(): ConnectionSettings {
    return this.#settings;
  }

  applySettings(settings: ConnectionSettings): void {
    this.#settings = settings;
    this.#heartbeatDueMs = this.context.clock.monotonicMs() + settings.heartbeatIntervalMs;
  }

  // --- commands ----------------------------------------------------------------------------------------------------

  onChunk(chunk: Buffer): void {
    if (this.state === connectionStates.closed) return;
    this.reader.push(chunk);
    this.#readCommands();
  }

  #readCommands(): void {
    let verb: Verb = this.reader.verb;
    try {
      while (this.#paused === 0 && this.state !== connectionStates.closed) {
        if (!this.#postponed) {
          if (!this.reader.next()) break;
          verb = this.reader.verb;
          this.context.metrics.commands[verb]!.value++;
          this.#heard = true;
        }
        this.#postponed = !carryOut(this, verb);
      }
    } catch (error) {
      this.fail(error);
    }
    if (this.answers.size > pendingAnswersMax) this.pause(pauses.answers);
    if (this.output.pendingBytes > outputPendingSizeMax) this.pause(pauses.output);
  }

  pause(reason: Pause): void {
    if (this.#paused === 0) this.#connection.pause();
    this.#paused |= reason;
  }

  resume(reason: Pause): void {
    if ((this.#paused & reason) === 0) return;
    this.#paused &= ~reason;
    if (this.#paused > 0 || this.state === connectionStates.closed) return;
    this.#readCommands();
    if (this.#paused > 0) return;
    if (this.#inputEnded) this.#finishInput();
    else this.#connection.resume();
  }

  onEnd(): void {
    this.#inputEnded = true;
    if (this.#paused === 0) this.#finishInput();
  }

  /** Every command that came whole is carried out and answered; one of which only a part came is refused for that. */
  #finishInput(): void {
    if (this.state === connectionStates.closed) return;
    const error = this.reader.endError();
    if (error === undefined) this.finish();
    else this.fail(error);
  }

  fail(error: unknown): void {
    if (this.state === connectionStates.closed) return;
    if (isCodedError(error)) {
      this.answers.fail(this.reader.verb, error);
      return;
    }
    this.context.logger.error("a command failed for a reason of the server's own", {
      remote: this.remoteAddress,
      error,
    });
    this.#connection.destroy();
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  onAnswered(): void {
    if (this.#endWhenAnswered) this.end();
    else this.resume(pauses.answers);
  }

  onFatal(error: PolylogError): void {
    if (this.state === connectionStates.closed) return;
    this.state = connectionStates.closed;
    countError(this.context.metrics, error);
    this.context.logger.warn("connection closed because of an error", {
      remote: this.remoteAddress,
      code: error.wireCode ?? error.code,
      reason: error.message,
    });
  }

  onLastAnswer(): void {
    this.end();
  }

  // --- time and space ----------------------------------------------------------------------------------------------

  onDrain(): void {
    this.delivery?.releaseWhenRead();
    if (this.output.pendingBytes <= outputPendingSizeMax / 2) this.resume(pauses.output);
  }

  onTick(nowMs: number): void {
    this.onDrain();
    const intervalMs = this.#settings.heartbeatIntervalMs;
    // A client whose commands wait for the server is not late; one that does not read what it asked for is.
    if (this.#heard || (this.#paused & ~pauses.output) > 0) this.#heardAtMs = nowMs;
    this.#heard = false;
    if (intervalMs === 0) return;
    if (nowMs - this.#heardAtMs >= 2 * intervalMs) this.#timeOut();
    else if (nowMs >= this.#heartbeatDueMs) this.#sendHeartbeat(nowMs, intervalMs);
  }

  #sendHeartbeat(nowMs: number, intervalMs: number): void {
    this.#heartbeatDueMs = Math.max(this.#heartbeatDueMs + intervalMs, nowMs);
    if (this.#connection.bytesRead < magicSize || this.#connection.status !== "open") return;
    if ((this.#paused & pauses.upgrading) > 0) return;
    this.output.push(heartbeatFrame, 0, heartbeatFrame.length);
  }

  /** Nothing was heard for too long. A command of which only a part came is answered with what is missing of it. */
  #timeOut(): void {
    if (this.state === connectionStates.closed) {
      this.#connection.destroy(); // Its last answer never left.
      return;
    }
    this.context.metrics.timeouts.value++;
    const error = this.reader.endError();
    if (error === undefined) {
      this.context.logger.info("connection closed because its client was silent", { remote: this.remoteAddress });
      this.end();
    } else {
      this.fail(error);
    }
  }

  // --- end ---------------------------------------------------------------------------------------------------------

  /** The server or the client stops: no further command; once what waits is answered, the connection ends. */
  finish(): void {
    this.pause(pauses.stopping);
    this.delivery?.setReady(0);
    if (this.answers.size === 0) this.end();
    else this.#endWhenAnswered = true;
  }

  end(): void {
    this.state = connectionStates.closed;
    this.#leaveChannel();
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  onClose(error: Error | undefined): void {
    this.state = connectionStates.closed;
    this.context.keepAlive.remove(this);
    this.answers.close();
    this.#leaveChannel();
    if (error !== undefined) this.context.logger.debug("connection lost", { remote: this.remoteAddress, error });
    this.#owner.onConnectionClosed(this);
  }

  #leaveChannel(): void {
    const delivery = this.delivery;
    this.delivery = undefined;
    delivery?.close();
  }
}
