/**
 * The MQTT server: takes streams from whoever listens (TCP now; TLS and WebSocket come through the same door) and owns
 * what all connections share.
 *
 *     stream ─▶ MqttConnection ─▶ handlers ─▶ broker ─▶ Session ─▶ output of another connection
 */

import { type Clock, systemClock } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import { type Logger, MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { type ByteStream, Connection, type TurnFlusher } from "@polylog/base/transport";
import type { Broker } from "@polylog/broker";
import type { ServerParts } from "./client-connection.ts";
import { KeepAlive } from "./keep-alive.ts";
import { type MqttLimits, resolveLimits } from "./limits.ts";
import { KeptBytes } from "./message-queue.ts";
import { type ConnectionOwner, MqttConnection } from "./mqtt-connection.ts";
import { registerMqttMetrics } from "./mqtt-metrics.ts";
import { PublishPath } from "./publish-path.ts";
import { SessionStore } from "./session-store.ts";

export interface MqttServerOptions {
  /** Started before the server and stopped after it. */
  readonly broker: Broker;
  /** Shared by all protocol servers of the process. */
  readonly flusher: TurnFlusher;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly limits?: Partial<MqttLimits>;
  readonly metrics?: MetricRegistry;
}

/** One client, connected or not, as an administrator sees it. */
export interface ClientInfo {
  readonly clientId: string;
  /** `address:port`; undefined when it is not connected. */
  readonly remote: string | undefined;
  /** Its session outlives the connection: CleanSession was 0. */
  readonly persistent: boolean;
  readonly subscriptionCount: number;
  /** Messages of QoS 1 sent and not acknowledged, and waiting to be sent. */
  readonly inFlightCount: number;
  readonly queuedCount: number;
}

export class MqttServer implements Service, ConnectionOwner {
  readonly name = "mqtt server";
  readonly #parts: ServerParts;
  readonly #flusher: TurnFlusher;
  readonly #connections = new Set<MqttConnection>();
  readonly #keepAlive: KeepAlive;
  #status: "idle" | "running" | "stopped" = "idle";
  #stopping: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: MqttServerOptions) {
    const { broker, flusher, clock = systemClock } = options;
    const logger = (options.logger ?? silentLogger).child("mqtt");
    const limits = resolveLimits(options.limits);
    const registry = options.metrics ?? new MetricRegistry();
    const metrics = registerMqttMetrics(registry);
    const kept = new KeptBytes(limits.queuedBytesTotalMax);
    const sessions = new SessionStore({ broker, clock, limits, metrics, kept });
    const publishPath = new PublishPath(broker, logger, metrics);
    this.#parts = { broker, clock, logger, limits, metrics, sessions, publishPath };
    this.#flusher = flusher;
    this.#keepAlive = new KeepAlive(clock, this.#connections);
    registry.gauge("polylog_mqtt_connections", "Open MQTT connections.", () => this.#connections.size);
    registry.gauge("polylog_mqtt_sessions", "MQTT sessions, connected or not.", () => sessions.size);
    registry.gauge("polylog_mqtt_kept_bytes", "Bytes of messages kept for sessions.", () => kept.total);
  }

  get tick(): number {
    return this.#keepAlive.tick;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async start(): Promise<void> {
    this.#status = "running";
    this.#keepAlive.start();
  }

  /**
   * Takes over a stream somebody has connected by. Its high-water mark must be below `backlogBytesMax`, or what waits for
   * `drain` would wait for good.
   */
  accept(stream: ByteStream): void {
    const { limits, clock, metrics } = this.#parts;
    if (this.#status !== "running" || this.#connections.size >= limits.connectionsMax) {
      metrics.connectionsRefused.value++;
      stream.on("error", ignore);
      stream.destroy();
      return;
    }
    const transport = new Connection(stream, clock, this.#flusher);
    const connection = new MqttConnection(transport, this.#parts, this);
    this.#connections.add(connection);
    transport.start(connection);
  }

  /** Sessions and their clients, in order of creation. */
  *clients(): Generator<ClientInfo, void> {
    for (const session of this.#parts.sessions.values()) {
      const { clientId, persistent, subscriptionCount, inFlightCount, queuedCount, owner } = session;
      yield { clientId, remote: owner?.remote, persistent, subscriptionCount, inFlightCount, queuedCount };
    }
  }

  onConnectionClosed(connection: MqttConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /** Ends every connection once what it was promised has been acknowledged; at the deadline, all that are left. */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? 10_000);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#status = "stopped";
    this.#keepAlive.stop();
    const closed = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const connection of this.#connections) connection.stop();
    if (this.#connections.size === 0) return;
    const { clock } = this.#parts;
    const deadline = clock.setTimer(() => {
      for (const connection of this.#connections) connection.destroy();
    }, deadlineMs);
    await closed;
    clock.clearTimer(deadline);
  }
}

function ignore(): void {}
