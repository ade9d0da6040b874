/**
 * From a topic's bytes to its log without making a string; topics are logs. A log that was deleted, and perhaps made
 * again, is noticed by its identity. Hot: once per publish (`nsq-server.bench.ts`).
 */

import { ByteMap } from "@polylog/base/bytes";
import type { Broker, BrokerLog } from "@polylog/broker";
import { cachedTopicsMax } from "./limits.ts";

export class TopicCache {
  readonly #catalog: Broker["catalog"];
  readonly #logs = new ByteMap<BrokerLog>(cachedTopicsMax);

  constructor(catalog: Broker["catalog"]) {
    this.#catalog = catalog;
  }

  /** The log of the topic name in `bytes[start, end)`; undefined when there is none. */
  find(bytes: Buffer, start: number, end: number): BrokerLog | undefined {
    const known = this.#logs.get(bytes, start, end);
    if (known !== undefined && this.#catalog.get(known.name) === known) return known;
    const log = this.#catalog.get(bytes.toString("latin1", start, end));
    if (log !== undefined) this.#logs.set(bytes, start, end, log);
    return log;
  }
}
