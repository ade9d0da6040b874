/** An nsqd without its protocols: a broker in memory, and `LookupdPeers` that dial nsqlookupds in memory by their address. */

import { MetricRegistry } from "@polylog/base/telemetry";
import { type ByteStream, TurnFlusher } from "@polylog/base/transport";
import { MemoryBroker } from "@polylog/broker/testing";
import { MemoryStream } from "@polylog/testkit";
import type { AskChannels } from "../peers/ask-channels.ts";
import { LookupdPeers } from "../peers/lookupd-peers.ts";
import { RecordedLogger } from "./recorded-logger.ts";
import { TestLookupd } from "./test-lookupd.ts";

export interface TestPeersOptions {
  readonly addresses?: readonly string[];
  /** Whether it has an nsqlookupd in its own process. */
  readonly own?: boolean;
  readonly askChannels?: AskChannels;
  /** Topics there are before it starts, and their channels. */
  readonly logs?: Readonly<Record<string, readonly string[]>>;
}

export class TestPeers {
  readonly memory: MemoryBroker;
  readonly logger = new RecordedLogger();
  readonly peers: LookupdPeers;
  readonly own: TestLookupd;
  /** Those that can be reached. */
  readonly lookupds = new Map<string, TestLookupd>();
  /** Addresses that were dialed, in order. */
  readonly dialed: string[] = [];
  /** The nsqd's ends of connections, and what joins them to the other ends. */
  readonly links: Link[] = [];

  private constructor(memory: MemoryBroker, { addresses = [], askChannels, own }: TestPeersOptions) {
    this.memory = memory;
    this.own = new TestLookupd(memory.clock);
    this.peers = new LookupdPeers({
      broker: memory.broker,
      clock: memory.clock,
      logger: this.logger,
      metrics: new MetricRegistry(),
      flusher: new TurnFlusher(memory.clock),
      addresses,
      ownRegistry: own === true ? this.own.server.registry : undefined,
      node: () => ({ broadcastAddress: "nsqd1", tcpPort: 4150, httpPort: 4151 }),
      dial: (address) => this.#dial(address),
      askChannels: askChannels ?? (() => Promise.resolve([])),
    });
  }

  /** `lookupds` can be reached from the start. */
  static async start(options: TestPeersOptions, lookupds: readonly string[] = options.addresses ?? []) {
    const memory = await MemoryBroker.start();
    const { catalog } = memory.broker;
    for (const [name, channels] of Object.entries(options.logs ?? {}))
      for (const log of [catalog.ensure(name)])
        for (const channel of channels) await catalog.ensureChannel(log, channel);
    const test = new TestPeers(memory, options);
    for (const address of lookupds) test.addLookupd(address);
    await test.peers.start();
    await test.run();
    return test;
  }

  addLookupd(address: string): TestLookupd {
    const lookupd = new TestLookupd(this.memory.clock);
    this.lookupds.set(address, lookupd);
    return lookupd;
  }

  /** What an nsqlookupd has of this nsqd: "topic" and "topic channel". */
  registered(address: string): string[] {
    const { registry } = this.lookupds.get(address)!.server;
    const keys = [...registry.entries()].map(({ key }) => key.split(":"));
    return keys
      .filter(([category]) => category !== "client")
      .map(([, topic, channel]) => (channel === "" ? topic! : `${topic} ${channel}`))
      .sort();
  }

  /** Lets everything happen that needs no time, on both sides. */
  async run(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      await this.memory.run();
      for (const link of this.links) link.carry();
    }
  }

  async advance(ms: number): Promise<void> {
    this.memory.clock.advance(ms);
    await this.run();
  }

  #dial(address: string): Promise<ByteStream> {
    this.dialed.push(address);
    const lookupd = this.lookupds.get(address);
    if (lookupd === undefined) return Promise.reject(new Error(`nobody listens at ${address}`));
    const link = new Link(new MemoryStream(), lookupd.connectSilently());
    this.links.push(link);
    return Promise.resolve(link.near);
  }
}

/** Two memory streams as one connection. */
class Link {
  readonly near: MemoryStream;
  readonly far: MemoryStream;
  /** The network loses everything. */
  cut = false;

  constructor(near: MemoryStream, far: MemoryStream) {
    this.near = near;
    this.far = far;
  }

  carry(): void {
    if (this.cut) return;
    this.far.send(this.near.received());
    this.near.send(this.far.received());
    if (this.near.closed) this.far.disconnect();
    if (this.far.closed) this.near.disconnect();
  }
}
