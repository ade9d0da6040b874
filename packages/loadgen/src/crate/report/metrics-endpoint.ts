/** `GET /metrics` on this machine, as long as a run goes on: what was counted until now. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { loadgenErrors } from "../../errors.ts";
import type { LoadProgress } from "../load/load-run.ts";
import { acknowledgedOf, rowCounters } from "../load/row-account.ts";

export class MetricsEndpoint {
  readonly #server: Server;
  #progress: LoadProgress | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `port` 0: a free one. Rejects with PORT_UNUSABLE. */
  static async start(port: number): Promise<MetricsEndpoint> {
    const server = createServer();
    const endpoint = new MetricsEndpoint(server);
    const registry = endpoint.#registry();
    server.on("request", (request, response) => {
      if (request.url !== "/metrics") response.writeHead(404).end();
      else response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(renderPrometheus(registry));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(loadgenErrors.PORT_UNUSABLE({ port, reason: error.message }, error)));
      server.listen(port, "127.0.0.1", resolve);
    });
    server.unref();
    return endpoint;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  onProgress(progress: LoadProgress): void {
    this.#progress = progress;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #registry(): MetricRegistry {
    const registry = new MetricRegistry();
    const read = (of: (progress: LoadProgress) => number) => () =>
      this.#progress === undefined ? 0 : of(this.#progress);
    for (const name of rowCounters) {
      const metric = `crate_write_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
      registry.collector(metric, `${name}, see docs/crate-write.md.`, "counter", () => {
        const counter = new Counter();
        counter.value = read(({ account }) => account[name])();
        return [counter];
      });
    }
    registry.gauge(
      "crate_write_acknowledged_rows",
      "Rows that the database confirmed.",
      read(({ account }) => acknowledgedOf(account)),
    );
    registry.gauge(
      "crate_write_batches_under_way",
      "Batches that wait for an answer.",
      read(({ interval }) => interval.open),
    );
    registry.gauge(
      "crate_write_backlog_batches",
      "Batches that are due and not begun.",
      read(({ interval }) => interval.backlog),
    );
    registry.gauge(
      "crate_write_braked_threads",
      "Threads that wait because the database has too much.",
      read(({ braked }) => braked),
    );
    registry.gauge(
      "crate_write_batch_p99_seconds",
      "Of the last interval.",
      read(({ interval }) => interval.p99Ns / 1e9),
    );
    return registry;
  }
}
