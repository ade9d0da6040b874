/**
 * An nsqd on the broker: NSQ's TCP protocol and its HTTP API. It listens to nothing itself; the composition root hands it
 * sockets and requests.
 *
 *     accept(socket) ──▶ NsqConnection        handleRequest(request, response) ──▶ http/
 *
 */

import { randomInt } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import type { Clock, Timer } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import { type Logger, LogThreshold, type MetricRegistry } from "@polylog/base/telemetry";
import type { ByteStream, TurnFlusher } from "@polylog/base/transport";
import { anonymous, type Broker, type Principal } from "@polylog/broker";
import type { ServerFeatures } from "@polylog/nsq-wire";
import { AuthdClient, type AuthdOptions } from "./auth/authd-client.ts";
import type { Client } from "./connection/client.ts";
import { KeepAlive } from "./connection/keep-alive.ts";
import { NsqConnection, type NsqConnectionOwner } from "./connection/nsq-connection.ts";
import { NsqHttpApi } from "./http/nsq-http-api.ts";
import { type NsqLimits, stopTimeoutMs, toProtocolLimits } from "./limits.ts";
import type { NsqContext } from "./nsq-context.ts";
import { registerNsqMetrics } from "./nsq-metrics.ts";
import type { LookupdPeers } from "./peers/lookupd-peers.ts";
import { collectStats, everything } from "./stats/collect-stats.ts";
import { Latencies, type LatencyOptions } from "./stats/latency.ts";
import { type StatsdOptions, StatsdPusher } from "./stats/statsd.ts";
import { TopicCache } from "./topic-cache.ts";
import type { NsqTls } from "./upgrades/tls-settings.ts";
import { nsqdVersion } from "./version.ts";

export interface NsqServerOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly flusher: TurnFlusher;
  readonly limits?: Partial<NsqLimits>;
  /** The port of the TCP listener, for /info. Default: unknown, -1. */
  readonly tcpPort?: () => number;
  /** Under which others reach it, for /info. Default: the host's name. */
  readonly broadcastAddress?: () => string;
  /** For /config/nsqlookupd_tcp_addresses. Started and stopped by its owner. */
  readonly lookupds?: LookupdPeers;
  /** The port at which the HTTP API answers over TLS. Default: none, -1. */
  readonly httpsPort?: () => number;
  /** Default: TLS is not granted. */
  readonly tls?: NsqTls;
  /** Servers that clients must be authorised by. Default: none, and no client needs AUTH. */
  readonly authd?: AuthdOptions;
  /** Quantiles of the time from a publish to its FIN, for /stats. Default: none are kept. */
  readonly latency?: LatencyOptions;
  /** Default: nothing is pushed. */
  readonly statsd?: StatsdOptions;
  /** `host:port` of the HTTP API, as statsd's names have it. Default `localhost:4151`. */
  readonly httpAddress?: () => string;
  /** Whether clients that ask for it get it. Default: both true. */
  readonly snappy?: boolean;
  readonly deflate?: boolean;
  /** Where the node is, as clients and /info are told. Default: empty. */
  readonly topologyRegion?: string;
  readonly topologyZone?: string;
  /** A whole number of 0 to 99, by chance, for sample_rate. */
  readonly randomPercent?: () => number;
}

function featuresOf(options: NsqServerOptions): ServerFeatures {
  return {
    version: nsqdVersion,
    tls: options.tls !== undefined,
    snappy: options.snappy ?? true,
    deflate: options.deflate ?? true,
    authRequired: options.authd !== undefined,
    topologyRegion: options.topologyRegion ?? "",
    topologyZone: options.topologyZone ?? "",
  };
}

export class NsqServer implements Service, NsqConnectionOwner {
  readonly name = "nsq server";
  readonly #context: NsqContext;
  readonly #connections = new Set<NsqConnection>();
  readonly #http: NsqHttpApi;
  readonly #statsd: StatsdPusher | undefined;
  #stopping: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: NsqServerOptions) {
    const { broker, clock, flusher } = options;
    this.#context = {
      broker,
      clock,
      flusher,
      logger: options.logger.child("nsq"),
      metrics: registerNsqMetrics(options.metrics, () => this.#connections.size),
      limits: toProtocolLimits(options.limits ?? {}),
      channelConsumersMax: options.limits?.channelConsumersMax ?? 0,
      features: featuresOf(options),
      tls: options.tls,
      latency: options.latency && new Latencies(options.latency, (count) => randomInt(count)),
      logThreshold: options.logger.threshold ?? new LogThreshold("info"),
      authd: options.authd && new AuthdClient(options.authd, clock, (count) => randomInt(count)),
      topics: new TopicCache(broker.catalog),
      keepAlive: new KeepAlive(clock),
      randomPercent: options.randomPercent ?? (() => randomInt(100)),
      startedAtMs: clock.nowMs(),
      startedAtMonotonicMs: clock.monotonicMs(),
      stopping: false,
    };
    this.#statsd =
      options.statsd &&
      new StatsdPusher(options.statsd, {
        clock,
        logger: this.#context.logger,
        address: options.httpAddress ?? (() => "localhost:4151"),
        topics: () => collectStats(this.#context, [], everything).topics ?? [],
      });
    this.#http = new NsqHttpApi(this.#context, {
      clients: this.#connections,
      tcpPort: options.tcpPort ?? (() => -1),
      httpsPort: options.httpsPort ?? (() => -1),
      broadcastAddress: options.broadcastAddress ?? hostname,
      lookupds: options.lookupds,
    });
  }

  /** The connections that are open. */
  get clients(): Iterable<Client> {
    return this.#connections;
  }

  async start(): Promise<void> {
    this.#statsd?.start();
  }

  /** Takes over a client's socket. */
  accept(stream: ByteStream): void {
    if (this.#context.stopping) {
      stream.destroy();
      return;
    }
    const connection = new NsqConnection(stream, this.#context, this);
    this.#connections.add(connection);
    connection.start();
  }

  /** Answers one request of the HTTP API. `principal`: who its credentials say it is. */
  readonly handleRequest = (
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal = anonymous,
  ): void => {
    this.#http.handle(request, response, principal);
  };

  /** Ends every connection once its publishes are answered; what is left at the deadline is cut off. */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? stopTimeoutMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#context;
    this.#context.stopping = true;
    this.#statsd?.stop();
    for (const connection of [...this.#connections]) connection.finish();
    if (this.#connections.size === 0) return;
    let deadline: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      deadline = clock.setTimer(() => {
        for (const connection of [...this.#connections]) connection.destroy();
        resolve();
      }, deadlineMs);
    });
    clock.clearTimer(deadline);
  }

  onConnectionClosed(connection: NsqConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}
