/** An MQTT server on a real broker with storage in memory and a manual clock, and what it logged and counted. */

import { ManualClock } from "@polylog/base/clock";
import { type Logger, type LogLevel, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { TurnFlusher } from "@polylog/base/transport";
import { type Access, Broker, type CaptureRule, type Durability } from "@polylog/broker";
import { LogStore, MemoryStateStore, MemoryStorage } from "@polylog/log";
import { settle } from "@polylog/testkit";
import type { MqttLimits } from "../limits.ts";
import { MqttServer } from "../mqtt-server.ts";
import { type ConnectFields, MemoryClient } from "./memory-client.ts";

export interface MemoryServerOptions {
  readonly limits?: Partial<MqttLimits>;
  readonly captures?: readonly CaptureRule[];
  readonly durability?: Durability;
  readonly access?: Access;
  readonly storage?: MemoryStorage;
  readonly pendingBytesMax?: number;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class MemoryServer {
  readonly clock = new ManualClock();
  readonly storage: MemoryStorage;
  readonly broker: Broker;
  readonly server: MqttServer;
  readonly metrics = new MetricRegistry();
  readonly lines: LogLine[] = [];
  readonly #state = new MemoryStateStore();
  readonly #logs: LogStore;

  private constructor(options: MemoryServerOptions) {
    const { clock, metrics } = this;
    this.storage = options.storage ?? new MemoryStorage();
    this.#logs = new LogStore({
      storage: this.storage,
      state: this.#state,
      clock,
      defaults: { durability: options.durability ?? "written" },
      ...(options.pendingBytesMax === undefined ? {} : { pendingBytesMax: options.pendingBytesMax }),
    });
    const { captures = [], access } = options;
    this.broker = new Broker({
      logs: this.#logs,
      state: this.#state,
      clock,
      captures,
      ...(access === undefined ? {} : { access }),
    });
    this.server = new MqttServer({
      broker: this.broker,
      flusher: new TurnFlusher(clock),
      clock,
      metrics,
      logger: this.#logger(),
      limits: options.limits ?? {},
    });
  }

  static async start(options: MemoryServerOptions = {}): Promise<MemoryServer> {
    const started = new MemoryServer(options);
    await started.#state.open();
    await started.#logs.open();
    await started.broker.start();
    await started.server.start();
    await started.run();
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
  async run(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      this.clock.turn();
      await settle(3);
    }
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
