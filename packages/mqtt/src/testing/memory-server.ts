/** An MQTT server on a real broker with storage in memory and a manual clock, and what it logged and counted. */

import type { ManualClock } from "@polylog/base/clock";
import { type Logger, type LogLevel, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { TurnFlusher } from "@polylog/base/transport";
import type { Broker } from "@polylog/broker";
import type { DeferredQueue } from "@polylog/broker/deferred";
import type { SessionStore } from "@polylog/broker/sessions";
import { MemoryBroker, type MemoryBrokerOptions } from "@polylog/broker/testing";
import type { AuthenticationMethods } from "../authentication/authentication.ts";
import type { MqttLimits } from "../limits.ts";
import { MqttServer, type MqttServerOptions } from "../mqtt-server.ts";
import type { RewriteRule } from "../topic-rewrites.ts";
import { type ConnectFields, MemoryClient } from "./memory-client.ts";
import { type ConnectFields5, MemoryClient5 } from "./memory-client5.ts";

export interface MemoryServerOptions extends Omit<MemoryBrokerOptions, "limits"> {
  readonly limits?: Partial<MqttLimits>;
  readonly sessions?: (clock: ManualClock) => SessionStore;
  readonly methods?: AuthenticationMethods;
  readonly rewrites?: readonly RewriteRule[];
  readonly deferred?: (clock: ManualClock) => DeferredQueue;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class MemoryServer {
  readonly clock: ManualClock;
  readonly storage: MemoryBroker["storage"];
  readonly broker: Broker;
  readonly server: MqttServer;
  readonly metrics = new MetricRegistry();
  readonly lines: LogLine[] = [];
  readonly #memory: MemoryBroker;

  private constructor(memory: MemoryBroker, options: Partial<MqttServerOptions>) {
    this.#memory = memory;
    this.clock = memory.clock;
    this.storage = memory.storage;
    this.broker = memory.broker;
    this.server = new MqttServer({
      broker: this.broker,
      flusher: new TurnFlusher(this.clock),
      clock: this.clock,
      metrics: this.metrics,
      logger: this.#logger(),
      ...options,
    });
  }

  static async start(options: MemoryServerOptions = {}): Promise<MemoryServer> {
    const { limits = {}, sessions, methods, deferred, rewrites = [], ...brokerOptions } = options;
    const memory = await MemoryBroker.start(brokerOptions);
    const store = sessions?.(memory.clock);
    const given = {
      limits,
      rewrites,
      ...(store && { sessions: store }),
      ...(methods && { methods }),
      ...(deferred && { deferred: deferred(memory.clock) }),
    };
    const started = new MemoryServer(memory, given);
    const starting = started.server.start();
    await started.run();
    await starting;
    return started;
  }

  /** A client that has sent nothing yet. */
  open(): MemoryClient {
    const client = new MemoryClient(this.clock);
    this.server.accept(client.stream);
    return client;
  }

  /** A client whose CONNECT was accepted; its CONNACK has been read. */
  async connect(clientIdentifier: string, fields: ConnectFields = {}): Promise<MemoryClient> {
    const client = this.open();
    await client.connect(clientIdentifier, fields);
    const [connack] = client.packets();
    if (connack?.type !== "CONNACK" || connack.returnCode !== 0) throw new Error(`${clientIdentifier} was refused`);
    return client;
  }

  /** A client of MQTT 5 that has sent nothing yet. */
  open5(): MemoryClient5 {
    const client = new MemoryClient5(this.clock);
    this.server.accept(client.stream);
    return client;
  }

  /** A client of MQTT 5 whose CONNECT was accepted; its CONNACK has been read. */
  async connect5(clientIdentifier: string, fields: ConnectFields5 = {}): Promise<MemoryClient5> {
    const client = this.open5();
    await client.connect(clientIdentifier, fields);
    const [connack] = client.packets();
    if (connack?.name !== "CONNACK" || connack.value.reasonCode !== 0)
      throw new Error(`${clientIdentifier} was refused`);
    return client;
  }

  /** Moves time, a second at a step, and lets happen what that brings. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.clock.advance(Math.min(1000, left));
      await this.run();
    }
  }

  /** Turns of the loop until storage has done what it can do now. */
  run(): Promise<void> {
    return this.#memory.run();
  }

  /** Value of a metric, named as Prometheus prints it. */
  metric(series: string): number {
    const line = renderPrometheus(this.metrics)
      .split("\n")
      .find((each) => each.startsWith(`${series} `));
    if (line === undefined) throw new Error(`there is no metric ${series}`);
    return Number(line.slice(series.length + 1));
  }

  /** Lines at `warn` and `error`. */
  get complaints(): LogLine[] {
    return this.lines.filter(({ level }) => level === "warn" || level === "error");
  }

  #logger(): Logger {
    const write =
      (level: LogLevel) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
        this.lines.push({ level, message, fields });
      };
    const logger: Logger = {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: () => logger,
    };
    return logger;
  }
}
