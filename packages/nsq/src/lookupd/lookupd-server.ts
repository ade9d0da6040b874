/**
 * An nsqlookupd: nsqds say what topics and channels they have, consumers ask. It listens to nothing itself; the composition
 * root hands it sockets and requests.
 *
 *     accept(socket) ──▶ LookupdConnection ──▶ Registry ◀── LookupdHttpApi ◀── handleRequest(request, response)
 *                                 the process's own nsqd ──▶ ┘ (OwnNode)
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import type { Clock, Timer } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import type { Counter, Logger, MetricRegistry } from "@polylog/base/telemetry";
import type { ByteStream, TurnFlusher } from "@polylog/base/transport";
import type { LookupdFields } from "@polylog/nsq-wire/lookupd";
import { nsqdVersion } from "../version.ts";
import {
  connectionsMax,
  identifyTimeoutMs,
  inactiveProducerTimeoutMs,
  registrationsMax,
  registrationsPerNodeMax,
  silenceTimeoutMsMin,
  stopTimeoutMs,
  tombstoneLifetimeMs,
} from "./limits.ts";
import { LookupdConnection } from "./lookupd-connection.ts";
import { LookupdHttpApi } from "./lookupd-http-api.ts";
import { Registry } from "./registry.ts";

export interface LookupdServerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly flusher: TurnFlusher;
  /** How nsqds reach it; asked when one identifies itself. */
  readonly address: () => LookupdAddress;
  /** A node silent for longer is not told of. Default 5 min. */
  readonly inactiveProducerTimeoutMs?: number;
  /** How long a tombstone hides a node. Default 45 s. */
  readonly tombstoneLifetimeMs?: number;
}

export interface LookupdAddress {
  readonly broadcastAddress: string;
  readonly tcpPort: number;
  readonly httpPort: number;
}

export class LookupdServer implements Service {
  readonly name = "nsqlookupd";
  readonly registry: Registry;
  readonly #options: LookupdServerOptions;
  readonly #logger: Logger;
  readonly #http: LookupdHttpApi;
  readonly #connections = new Set<LookupdConnection>();
  readonly #errors: Counter;
  #stopping: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;
  /** There is one while anybody is connected. */
  #sweepTimer: Timer | undefined;

  constructor(options: LookupdServerOptions) {
    const { clock, metrics } = options;
    this.#options = options;
    this.#logger = options.logger.child("nsqlookupd");
    this.registry = new Registry({
      clock,
      inactiveProducerTimeoutMs: options.inactiveProducerTimeoutMs ?? inactiveProducerTimeoutMs,
      tombstoneLifetimeMs: options.tombstoneLifetimeMs ?? tombstoneLifetimeMs,
      registrationsMax,
      registrationsPerNodeMax,
    });
    metrics.gauge("polylog_lookupd_connections", "Peers of the nsqlookupd connected.", () => this.#connections.size);
    metrics.gauge("polylog_lookupd_nodes", "nsqds registered.", () => this.registry.nodeCount);
    metrics.gauge("polylog_lookupd_topics", "Topics registered.", () => this.registry.topicCount);
    metrics.gauge("polylog_lookupd_channels", "Channels registered.", () => this.registry.channelCount);
    this.#errors = metrics.counter("polylog_lookupd_errors_total", "Errors that peers of the nsqlookupd made.");
    this.#http = new LookupdHttpApi({
      registry: this.registry,
      clock,
      logger: this.#logger,
      version: nsqdVersion,
      requests: metrics.counter("polylog_lookupd_http_requests_total", "Requests to the nsqlookupd's HTTP API."),
      errors: metrics.counter("polylog_lookupd_http_errors_total", "Those it answered with a status of 400 or above."),
    });
  }

  async start(): Promise<void> {}

  /** Takes over an nsqd's socket. */
  accept(stream: ByteStream): void {
    if (this.#stopping !== undefined || this.#connections.size >= connectionsMax) {
      stream.destroy();
      return;
    }
    const connection = new LookupdConnection(stream, {
      registry: this.registry,
      clock: this.#options.clock,
      flusher: this.#options.flusher,
      logger: this.#logger,
      fields: () => this.#fields(),
      onClosed: (closed) => this.#onClosed(closed),
      onError: () => this.#errors.value++,
    });
    this.#connections.add(connection);
    connection.start();
    this.#sweepTimer ??= this.#sweepLater();
  }

  #sweepLater(): Timer {
    return this.#options.clock.setTimer(() => this.#sweep(), identifyTimeoutMs / 4);
  }

  /** Ends the connections of those who are gone without a word, or never said one. */
  #sweep(): void {
    const { clock } = this.#options;
    const inactiveMs = this.#options.inactiveProducerTimeoutMs ?? inactiveProducerTimeoutMs;
    const silenceMs = Math.max(silenceTimeoutMsMin, 2 * inactiveMs);
    for (const connection of [...this.#connections])
      if (connection.isSilent(clock.monotonicMs(), silenceMs)) connection.destroy();
    this.#sweepTimer = this.#connections.size > 0 ? this.#sweepLater() : undefined;
  }

  /** Answers one request of the HTTP API. */
  readonly handleRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.#http.handle(request, response);
  };

  /** Ends every connection: nothing is under way on any. */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? stopTimeoutMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    clock.clearTimer(this.#sweepTimer);
    if (this.#connections.size === 0) return;
    let deadline: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      deadline = clock.setTimer(resolve, deadlineMs);
      for (const connection of [...this.#connections]) connection.destroy();
    });
    clock.clearTimer(deadline);
  }

  #onClosed(connection: LookupdConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #fields(): LookupdFields {
    const { broadcastAddress, tcpPort, httpPort } = this.#options.address();
    return {
      broadcast_address: broadcastAddress,
      hostname: hostname(),
      http_port: httpPort,
      tcp_port: tcpPort,
      version: nsqdVersion,
    };
  }
}
