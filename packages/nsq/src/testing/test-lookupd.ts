/** An nsqlookupd on a manual clock: nsqds that talk to it without a network, and its HTTP API on a free loopback port. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { TurnFlusher } from "@polylog/base/transport";
import { MemoryStream, settle } from "@polylog/testkit";
import { LookupdServer } from "../lookupd/lookupd-server.ts";
import { sized } from "./frames.ts";
import { RecordedLogger } from "./recorded-logger.ts";
import { type HttpAnswer, sendRequest } from "./test-http.ts";

export class TestLookupd {
  readonly clock: ManualClock;
  readonly logger = new RecordedLogger();
  readonly server: LookupdServer;
  readonly #metrics = new MetricRegistry();

  constructor(clock = new ManualClock()) {
    this.clock = clock;
    this.server = new LookupdServer({
      clock,
      logger: this.logger,
      metrics: this.#metrics,
      flusher: new TurnFlusher(clock),
      address: () => ({ broadcastAddress: "lookup1", tcpPort: 4160, httpPort: 4161 }),
    });
  }

  /** A peer that has sent the magic. */
  connect(): MemoryStream {
    const stream = this.connectSilently();
    stream.send(Buffer.from("  V1"));
    return stream;
  }

  connectSilently(): MemoryStream {
    const stream = new MemoryStream();
    this.server.accept(stream);
    return stream;
  }

  /** An nsqd that has identified itself as `host`, with what it registers: "topic" or "topic channel". */
  node(host: string, ...names: readonly string[]): MemoryStream {
    const stream = this.connect();
    stream.send(identifyAs(host));
    for (const each of names) stream.send(Buffer.from(`REGISTER ${each}\n`));
    this.clock.turn();
    stream.received();
    return stream;
  }

  /** Sends, and returns the answers. */
  exchange(stream: MemoryStream, bytes: string | Buffer): string[] {
    stream.send(Buffer.from(bytes));
    this.clock.turn();
    return answersIn(stream.received());
  }

  /** Requests to its HTTP API. It ends with the test. */
  async startHttp(context: TestContext): Promise<(method: string, path: string) => Promise<HttpAnswer>> {
    const server = createServer(this.server.handleRequest);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    context.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    return async (method, path) => {
      const answer = await sendRequest(port, method, path, undefined);
      await settle(1);
      return answer;
    };
  }

  /** The value of one metric, as it is scraped. */
  metric(name: string): number {
    const line = renderPrometheus(this.#metrics)
      .split("\n")
      .find((each) => each.startsWith(`${name} `));
    return Number(line?.split(" ").at(-1) ?? 0);
  }
}

export function identifyAs(host: string): Buffer {
  const fields = {
    broadcast_address: host,
    hostname: `${host}.local`,
    tcp_port: 4150,
    http_port: 4151,
    version: "1.3.0",
  };
  return sized("IDENTIFY", JSON.stringify({ ...fields, topology_zone: "z", topology_region: "r" }));
}

/** `[int32 size][text]`, all of it. */
function answersIn(bytes: Buffer): string[] {
  const answers: string[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at))
    answers.push(bytes.toString("latin1", at + 4, at + 4 + bytes.readInt32BE(at)));
  return answers;
}
