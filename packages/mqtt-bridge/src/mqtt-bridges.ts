/** All bridges of a server, as one service: started once it takes MQTT clients, before others may connect to it. */

import type { Clock } from "@polylog/base/clock";
import type { Service } from "@polylog/base/lifecycle";
import { Counter, type Logger, type MetricRegistry } from "@polylog/base/telemetry";
import type { ByteStream, TurnFlusher } from "@polylog/base/transport";
import { type BridgeConfig, remoteOf } from "./bridge-config.ts";
import { type BridgeCounters, dropReasons } from "./bridge-counters.ts";
import { dial, readPassword } from "./dial.ts";
import { bridgeOfClientId, forgetSession, localClientId } from "./local-session.ts";
import { type BridgeStatus, MqttBridge, type MqttBridgeParts, type SubscribedFilter } from "./mqtt-bridge.ts";

/** What a bridge has in its session on this server. */
export interface LocalSession {
  readonly clientId: string;
  readonly inFlightCount: number;
  readonly queuedCount: number;
  readonly droppedCount: number;
}

/** This server as its bridges see it. */
export interface LocalServer {
  /** A stream to it, on which no credentials are asked for. `name` is the bridge's. */
  open(name: string): ByteStream;
  sessions(): Iterable<{ readonly clientId: string }>;
  session(clientId: string): LocalSession | undefined;
  subscriptionsOf(clientId: string): Iterable<SubscribedFilter>;
}

export interface MqttBridgesOptions {
  readonly bridges: readonly BridgeConfig[];
  readonly server: LocalServer;
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** Largest packet this server takes. */
  readonly packetSizeMax: number;
  /** At least 0 and below 1: spreads attempts to connect. */
  readonly random: () => number;
  /** Default: TCP and TLS. */
  readonly dial?: MqttBridgeParts["dial"];
}

/** One bridge as an administrator sees it. */
export interface BridgeInfo {
  readonly name: string;
  readonly remote: string;
  readonly status: BridgeStatus;
  readonly version: string | undefined;
  /** Why it is not connected. */
  readonly reason: string | undefined;
  /** Messages that wait to go out, those in flight included. */
  readonly queuedCount: number;
  /** Messages that the limits of sessions kept from going out. */
  readonly droppedCount: number;
  readonly counters: Readonly<BridgeCounters>;
}

export class MqttBridges implements Service {
  readonly name = "mqtt bridges";
  readonly #options: MqttBridgesOptions;
  readonly #parts: MqttBridgeParts;
  readonly #bridges: readonly MqttBridge[];

  constructor(options: MqttBridgesOptions) {
    const { server, clock, flusher, logger, packetSizeMax, random } = options;
    this.#options = options;
    this.#parts = {
      clock,
      flusher,
      packetSizeMax,
      random,
      readPassword,
      logger: logger.child("bridge"),
      dial: options.dial ?? ((config) => dial(config, clock)),
      openLocal: (name) => server.open(name),
      subscriptionsOf: (clientId) => server.subscriptionsOf(clientId),
    };
    this.#bridges = options.bridges.map((config) => {
      const named = namedLogger(this.#parts.logger, config.name);
      return new MqttBridge(config, { ...this.#parts, logger: named });
    });
    if (options.bridges.length > 0) registerMetrics(options.metrics, this.#bridges);
  }

  isConnected(name: string): boolean {
    return this.#bridges.some(({ config, status }) => config.name === name && status === "connected");
  }

  *list(): Generator<BridgeInfo, void> {
    for (const { config, status, version, error, counters } of this.#bridges) {
      const session = this.#options.server.session(localClientId(config.name));
      const queuedCount = (session?.queuedCount ?? 0) + (session?.inFlightCount ?? 0);
      const remote = `${config.tls === undefined ? "mqtt" : "mqtts"}://${remoteOf(config)}`;
      const state = { status, version, reason: error?.message, counters };
      yield { name: config.name, remote, ...state, queuedCount, droppedCount: session?.droppedCount ?? 0 };
    }
  }

  /** Ends the sessions of bridges that are not configured any more, and starts those that are. Never rejects. */
  async start(): Promise<void> {
    const names = new Set(this.#bridges.map(({ config }) => config.name));
    const gone: string[] = [];
    for (const { clientId } of this.#options.server.sessions()) {
      const name = bridgeOfClientId(clientId);
      if (name !== undefined && !names.has(name)) gone.push(name);
    }
    for (const bridge of gone) {
      this.#parts.logger.warn("a bridge is not configured any more; what waited for it is removed", { bridge });
      await forgetSession(this.#parts, bridge).catch((error: unknown) => {
        this.#parts.logger.error("what waited for a bridge could not be removed", { bridge, error });
      });
    }
    await Promise.all(this.#bridges.map((bridge) => bridge.start()));
  }

  async stop(): Promise<void> {
    for (const bridge of this.#bridges) bridge.stop();
  }
}

function namedLogger(logger: Logger, bridge: string): Logger {
  return {
    debug: (message, fields) => logger.debug(message, { bridge, ...fields }),
    info: (message, fields) => logger.info(message, { bridge, ...fields }),
    warn: (message, fields) => logger.warn(message, { bridge, ...fields }),
    error: (message, fields) => logger.error(message, { bridge, ...fields }),
    child: (subject) => namedLogger(logger.child(subject), bridge),
  };
}

function registerMetrics(registry: MetricRegistry, bridges: readonly MqttBridge[]): void {
  for (const bridge of bridges) {
    const labels = { bridge: bridge.config.name };
    const connected = () => (bridge.status === "connected" ? 1 : 0);
    registry.gauge("polylog_mqtt_bridge_connected", "1 while the bridge is connected.", connected, labels);
  }
  const collect = (
    name: string,
    help: string,
    rows: (bridge: MqttBridge) => Iterable<[Record<string, string>, number]>,
  ) =>
    registry.collector(name, help, "counter", function* () {
      for (const bridge of bridges)
        for (const [labels, value] of rows(bridge)) {
          const counter = new Counter({ bridge: bridge.config.name, ...labels });
          counter.value = value;
          yield counter;
        }
    });
  collect("polylog_mqtt_bridge_messages_total", "Messages that a bridge handed to the other side.", ({ counters }) => [
    [{ direction: "out" }, counters.out],
    [{ direction: "in" }, counters.in],
  ]);
  collect("polylog_mqtt_bridge_dropped_total", "Messages that a bridge did not hand on, by reason.", ({ counters }) =>
    dropReasons.map((reason) => [{ reason }, counters[reason]]),
  );
  collect("polylog_mqtt_bridge_connects_total", "Times that a bridge connected.", ({ counters }) => [
    [{}, counters.connects],
  ]);
  collect("polylog_mqtt_bridge_failures_total", "Attempts to connect that failed, and links that broke.", (bridge) => [
    [{}, bridge.counters.failures],
  ]);
}
