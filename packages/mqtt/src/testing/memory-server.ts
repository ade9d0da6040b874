/** An MQTT server on a real broker with storage in memory and a manual clock, and what it logged and counted. */

import type { ManualClock } from "@polylog/base/clock";
import { type Logger, type LogLevel, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { TurnFlusher } from "@polylog/base/transport";
import type { Broker } from "@polylog/broker";
import { MemoryBroker, type MemoryBrokerOptions } from "@polylog/broker/testing";
import type { MqttLimits } from "../limits.ts";
import { MqttServer } from "../mqtt-server.ts";
import { type ConnectFields, MemoryClient } from "./memory-client.ts";

export interface MemoryServerOptions extends Omit<MemoryBrokerOptions, "limits"> {
  readonly limits?: Partial<MqttLimits>;
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

  private constructor(memory: MemoryBroker, limits: Partial<MqttLimits>) {
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
      limits,
    });
  }

  static async start(options: MemoryServerOptions = {}): Promise<MemoryServer> {
    const { limits = {}, ...brokerOptions } = options;
    const started = new MemoryServer(await MemoryBroker.start(brokerOptions), limits);
    await started.server.start();
    return started;
  }

  /** A client that has sent nothing yet. */
  open(): MemoryClient {
    const client = new MemoryClient(this.clock);
    this.server.accept(client.stream);
    return client;
  }

  /** A client whose CONNECT was accepted; its CONNACK has been read. */
  connect(clientIdentifier: string, fields: ConnectFields = {}): MemoryClient {
    const client = this.open();
    client.connect(clientIdentifier, fields);
    const [connack] = client.packets();
    if (connack?.type !== "CONNACK" || connack.returnCode !== 0) throw new Error(`${clientIdentifier} was refused`);
    return client;
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
