/** A whole NSQ server on a broker in memory and a manual clock, and clients of it without a network. */

import { type LogThreshold, MetricRegistry, renderPrometheus, silentLogger } from "@polylog/base/telemetry";
import { TurnFlusher } from "@polylog/base/transport";
import { MemoryBroker, type MemoryBrokerOptions } from "@polylog/broker/testing";
import { MemoryStream } from "@polylog/testkit";
import type { NsqLimits } from "../limits.ts";
import { NsqServer, type NsqServerOptions } from "../nsq-server.ts";
import { type ClientStats, collectClient } from "../stats/collect-client.ts";
import { RecordedLogger } from "./recorded-logger.ts";

export interface TestNsqdOptions
  extends Omit<NsqServerOptions, "broker" | "clock" | "logger" | "metrics" | "flusher" | "limits"> {
  readonly broker?: MemoryBrokerOptions;
  readonly limits?: Partial<NsqLimits>;
  /** Of the log. */
  readonly threshold?: LogThreshold;
}

export class TestNsqd {
  readonly memory: MemoryBroker;
  readonly server: NsqServer;
  readonly logger = new RecordedLogger();
  readonly #metrics = new MetricRegistry();

  private constructor(memory: MemoryBroker, { broker: _, limits, threshold, ...options }: TestNsqdOptions) {
    this.memory = memory;
    this.server = new NsqServer({
      ...options,
      broker: memory.broker,
      clock: memory.clock,
      logger: threshold === undefined ? this.logger : { ...silentLogger, threshold },
      metrics: this.#metrics,
      flusher: new TurnFlusher(memory.clock),
      ...(limits === undefined ? {} : { limits }),
    });
  }

  static async start(options: TestNsqdOptions = {}): Promise<TestNsqd> {
    return TestNsqd.on(await MemoryBroker.start(options.broker), options);
  }

  /** A server on a broker that is running. */
  static async on(memory: MemoryBroker, options: TestNsqdOptions = {}): Promise<TestNsqd> {
    const nsqd = new TestNsqd(memory, options);
    await nsqd.server.start();
    return nsqd;
  }

  get nowMs(): number {
    return this.memory.clock.nowMs();
  }

  get catalog(): MemoryBroker["broker"]["catalog"] {
    return this.memory.broker.catalog;
  }

  /** A client that has sent the magic. */
  connect(): TestClient {
    const client = this.connectSilently();
    client.stream.send(Buffer.from("  V2"));
    return client;
  }

  connectSilently(): TestClient {
    const stream = new MemoryStream();
    this.server.accept(stream);
    return new TestClient(this, stream);
  }

  /** A client of channel `channel` that has its OK, and RDY when `ready` is given. */
  async subscribe(topic: string, channel: string, ready?: number): Promise<TestClient> {
    const client = this.connect();
    await client.exchange(`SUB ${topic} ${channel}\n`);
    if (ready !== undefined) await client.exchange(`RDY ${ready}\n`);
    return client;
  }

  run(): Promise<void> {
    return this.memory.run();
  }

  advance(ms: number): Promise<void> {
    return this.memory.advance(ms);
  }

  /** The connections, as /stats shows them. */
  clientStats(): ClientStats[] {
    return [...this.server.clients].map((client) => collectClient(client, ""));
  }

  /** The value of one metric, as it is scraped; 0 when there is none. */
  metric(name: string): number {
    const line = renderPrometheus(this.#metrics)
      .split("\n")
      .find((each) => each.startsWith(`${name} `));
    return Number(line?.split(" ").at(-1) ?? 0);
  }
}

export class TestClient {
  readonly stream: MemoryStream;
  readonly #nsqd: TestNsqd;

  constructor(nsqd: TestNsqd, stream: MemoryStream) {
    this.#nsqd = nsqd;
    this.stream = stream;
  }

  get closed(): boolean {
    return this.stream.closed;
  }

  send(...parts: (string | Buffer)[]): void {
    this.stream.send(Buffer.concat(parts.map((part) => Buffer.from(part))));
  }

  /** Sends, lets everything happen that needs no time, and returns what came back since the last look. */
  async exchange(...parts: (string | Buffer)[]): Promise<Buffer> {
    this.send(...parts);
    await this.#nsqd.run();
    return this.stream.received();
  }
}
