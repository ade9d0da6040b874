/**
 * Receives a channel's messages from any number of nsqds, given by address or found through nsqlookupd, and hands them
 * to one handler, `concurrency` at a time.
 *
 *     handler returns     the message is finished, unless the handler took that upon itself (`answerLater`)
 *     handler throws      the message is requeued, and all connections slow down
 *     attempts exceeded   the message is finished without being handled
 *
 * `stop` is graceful: nsqd is asked for no more, what is in work is finished, and only then are connections closed.
 */

import type { Timer } from "@polylog/base/clock";
import { RingBuffer } from "@polylog/base/collections";
import type { Logger } from "@polylog/base/telemetry";
import { isTopicOrChannelNameString } from "@polylog/nsq-wire";
import { nsqToolsErrors } from "../errors.ts";
import { checkClientOptions } from "./client-options.ts";
import { ConsumerConnection } from "./consumer-connection.ts";
import type { HttpClient } from "./http-request.ts";
import { lookupRetriesMax, stopTimeoutMs } from "./limits.ts";
import { lookupProducers } from "./lookupd.ts";
import type { Message } from "./message.ts";
import type { ConnectionContext } from "./nsq-connection.ts";
import { type Outcome, RdyControl } from "./rdy-control.ts";

export type MessageHandler = (message: Message) => void | Promise<void>;

export interface ConsumerContext extends ConnectionContext {
  readonly logger: Logger;
  readonly http: HttpClient;
  /** 0..1 */
  readonly chance: () => number;
}

export interface ConsumerRequest {
  readonly topic: string;
  readonly channel: string;
  readonly handler: MessageHandler;
  /** Messages handled at a time. Default 1. */
  readonly concurrency?: number;
  /** Told of a message that is given up after max_attempts. */
  readonly onGivenUp?: (message: Message) => void;
}

export class Consumer {
  readonly topic: string;
  readonly channel: string;
  /** Resolves when `stop` is done. */
  readonly stopped: Promise<void>;
  readonly #request: ConsumerRequest;
  readonly #context: ConsumerContext;
  readonly #logger: Logger;
  readonly #rdy: RdyControl;
  readonly #connections = new Map<string, ConsumerConnection>();
  readonly #connecting = new Set<string>();
  readonly #addresses = new Set<string>();
  readonly #lookupds: string[] = [];
  #lookupdNext = 0;
  #lookupTimer: Timer | undefined;
  readonly #reconnectTimers = new Set<Timer>();
  readonly #queue = new RingBuffer<Message>();
  #handling = 0;
  #stopping = false;
  #stopTimer: Timer | undefined;
  #resolveStopped: () => void = () => undefined;

  /** Throws NAME_INVALID or OPTION_INVALID. */
  constructor(request: ConsumerRequest, context: ConsumerContext) {
    const { topic, channel } = request;
    if (!isTopicOrChannelNameString(topic)) throw nsqToolsErrors.NAME_INVALID({ what: "topic", name: topic });
    if (!isTopicOrChannelNameString(channel)) throw nsqToolsErrors.NAME_INVALID({ what: "channel", name: channel });
    checkClientOptions(context.options);
    this.topic = topic;
    this.channel = channel;
    this.#request = request;
    this.#context = context;
    this.#logger = context.logger.child(`[${topic}/${channel}]`);
    this.#rdy = new RdyControl({ ...context, logger: this.#logger });
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  /** Connects to these nsqds, and again whenever a connection is lost. Rejects with what keeps the first from working. */
  async connect(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      this.#addresses.add(address);
      await this.#open(address);
    }
  }

  /** Finds nsqds through these nsqlookupds, now and every lookupd_poll_interval. An nsqlookupd that is down is no failure. */
  async discover(lookupds: readonly string[]): Promise<void> {
    if (lookupds.length === 0) return;
    this.#lookupds.push(...lookupds);
    await this.#lookUp();
    const { options, chance } = this.#context;
    // So that consumers started together do not ask together.
    this.#planLookup(options.lookupdPollIntervalMs * (1 + chance() * options.lookupdPollJitter));
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Some connection has nearly all in flight that it may have: nothing more comes until messages are answered. */
  get isStarved(): boolean {
    for (const { rdyCount, inFlight, closing } of this.#connections.values()) {
      if (!closing && inFlight > 0 && inFlight >= Math.floor(rdyCount * 0.85)) return true;
    }
    return false;
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#rdy.setMaxInFlight(maxInFlight);
  }

  /** Resolves when everything in work is finished, or after 30 s. */
  stop(): Promise<void> {
    if (this.#stopping) return this.stopped;
    this.#stopping = true;
    const { clock } = this.#context;
    this.#logger.info("stopping...");
    this.#rdy.stop();
    clock.clearTimer(this.#lookupTimer);
    for (const timer of this.#reconnectTimers) clock.clearTimer(timer);
    for (const connection of this.#connections.values()) connection.startClose();
    this.#stopTimer = clock.setTimer(() => {
      for (const connection of this.#connections.values()) connection.destroy();
      this.#resolveStopped();
    }, stopTimeoutMs);
    this.#finishStop();
    return this.stopped;
  }

  // --- connections -------------------------------------------------------------------------------------------------

  async #open(address: string): Promise<void> {
    if (this.#stopping) throw nsqToolsErrors.STOPPED();
    if (this.#connections.has(address) || this.#connecting.has(address)) return;
    this.#logger.info(`(${address}) connecting to nsqd`);
    this.#connecting.add(address);
    const connection = new ConsumerConnection(address, this.#context, {
      onMessage: (message) => this.#onMessage(message),
      onAnswered: (outcome) => this.#onAnswered(outcome),
      onRefused: (_connection, answer) => this.#logger.error(`(${address}) ${answer}`),
      onClose: (closed, cause) => this.#onClose(closed, cause),
    });
    try {
      await connection.open(this.topic, this.channel);
    } finally {
      this.#connecting.delete(address);
    }
    if (this.#stopping || connection.closing) {
      connection.destroy();
      this.#finishStop();
      return;
    }
    this.#connections.set(address, connection);
    if (connection.maxRdyCount < this.#rdy.maxInFlight) {
      this.#logger.warn(
        `(${address}) max RDY count ${connection.maxRdyCount} < consumer max in flight ${this.#rdy.maxInFlight}, truncation possible`,
      );
    }
    this.#rdy.add(connection);
  }

  #onClose(connection: ConsumerConnection, cause: Error | undefined): void {
    const { address } = connection;
    if (cause !== undefined && !this.#stopping) this.#logger.error(cause.message);
    if (this.#connections.get(address) === connection) this.#connections.delete(address);
    this.#rdy.remove(connection);
    this.#logger.warn(`there are ${this.#connections.size} connections left alive`);
    if (this.#stopping) this.#finishStop();
    else if (this.#lookupds.length > 0) this.#planLookup(Math.min(1000, this.#context.options.lookupdPollIntervalMs));
    else if (this.#addresses.has(address)) this.#reconnectLater(address);
  }

  #reconnectLater(address: string): void {
    const { clock, options } = this.#context;
    this.#logger.info(`(${address}) re-connecting in ${options.lookupdPollIntervalMs} ms`);
    const timer = clock.setTimer(() => {
      this.#reconnectTimers.delete(timer);
      this.#open(address).catch((error: Error) => {
        if (this.#stopping) return;
        this.#logger.error(`(${address}) error connecting to nsqd - ${error.message}`);
        this.#reconnectLater(address);
      });
    }, options.lookupdPollIntervalMs);
    this.#reconnectTimers.add(timer);
  }

  // --- discovery ---------------------------------------------------------------------------------------------------

  #planLookup(delayMs: number): void {
    const { clock, options } = this.#context;
    clock.clearTimer(this.#lookupTimer);
    this.#lookupTimer = clock.setTimer(() => {
      void this.#lookUp().then(() => {
        if (!this.#stopping) this.#planLookup(options.lookupdPollIntervalMs);
      });
    }, delayMs);
  }

  async #lookUp(): Promise<void> {
    const found = await this.#askLookupds();
    await Promise.all(
      found.map((address) =>
        this.#open(address).catch((error: Error) => {
          if (!this.#stopping) this.#logger.error(`(${address}) error connecting to nsqd - ${error.message}`);
        }),
      ),
    );
  }

  async #askLookupds(): Promise<string[]> {
    const { options, http } = this.#context;
    const { authSecret, lookupdAuthorization, lookupdPollTimeoutMs } = options;
    const secret = authSecret !== "" && lookupdAuthorization ? { Authorization: `Bearer ${authSecret}` } : {};
    const times = { connectTimeoutMs: lookupdPollTimeoutMs, requestTimeoutMs: lookupdPollTimeoutMs };
    for (let tries = 0; tries < lookupRetriesMax && !this.#stopping; tries++) {
      const lookupd = this.#lookupds[this.#lookupdNext++ % this.#lookupds.length]!;
      this.#logger.info(`querying nsqlookupd ${lookupd}`);
      try {
        const producers = await lookupProducers(http, lookupd, this.topic, times, secret);
        return producers.map((each) => each.tcpAddress);
      } catch (error) {
        this.#logger.error(`error querying nsqlookupd (${lookupd}) - ${(error as Error).message}`);
      }
    }
    return [];
  }

  // --- messages ----------------------------------------------------------------------------------------------------

  #onMessage(message: Message): void {
    this.#queue.push(message);
    this.#work();
  }

  #work(): void {
    const { concurrency = 1 } = this.#request;
    while (this.#handling < concurrency) {
      const message = this.#queue.shift();
      if (message === undefined) return;
      if (!this.#isGivenUp(message)) {
        this.#handling++;
        void this.#handle(message);
      }
    }
  }

  #isGivenUp(message: Message): boolean {
    const { maxAttempts } = this.#context.options;
    if (maxAttempts === 0 || message.attempts <= maxAttempts) return false;
    this.#logger.warn(`msg ${message.id.toString("latin1")} attempted ${message.attempts} times, giving up`);
    this.#request.onGivenUp?.(message);
    message.finish();
    return true;
  }

  async #handle(message: Message): Promise<void> {
    try {
      const handled = this.#request.handler(message);
      // A handler that is done at once costs no turn.
      if (handled !== undefined) await handled;
      if (message.autoAnswers) message.finish();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.error(`Handler returned error (${reason}) for msg ${message.id.toString("latin1")}`);
      if (message.autoAnswers) message.requeue();
    }
    this.#handling--;
    if (this.#stopping) this.#finishStop();
    this.#work();
  }

  #onAnswered(outcome: Outcome): void {
    if (!this.#stopping) this.#rdy.report(outcome);
  }

  #finishStop(): void {
    if (!this.#stopping || this.#connections.size > 0 || this.#connecting.size > 0) return;
    if (this.#handling > 0 || this.#queue.size > 0) return;
    this.#context.clock.clearTimer(this.#stopTimer);
    this.#resolveStopped();
  }
}
