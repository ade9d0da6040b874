/**
 * What the server says of itself below `$SYS`, with mosquitto's names where these mean the same. Values are made when somebody
 * subscribes, and looked at every ten seconds: those that have changed since then, and that somebody is subscribed to,
 * are published. Nothing is stored, and no client may publish here.
 */

import { type Broker, Publication, type RetainedMessage } from "@polylog/broker";
import { topicMatches } from "@polylog/mqtt-wire";

/** By topic, without `$SYS/broker/`. */
export type SysValues = Readonly<Record<string, () => number | string>>;

const prefix = "$SYS/broker/";
const noProperties = Buffer.alloc(0);

export class SysTree {
  readonly #broker: Broker;
  readonly #values: SysValues;
  readonly #published = new Map<string, string>();

  constructor(broker: Broker, values: SysValues) {
    this.#broker = broker;
    this.#values = values;
  }

  /** The values whose topics match, as retained messages. */
  *match(filter: string): Generator<RetainedMessage, void> {
    const publishedMs = this.#broker.clock.nowMs();
    for (const [name, value] of Object.entries(this.#values)) {
      const topic = prefix + name;
      if (!topicMatches(filter, topic)) continue;
      const payload = Buffer.from(String(value()));
      yield { topic, payload, qos: 0, publishedMs, expiresMs: 0, properties: noProperties };
    }
  }

  /** Publishes what has changed. */
  publish(): void {
    for (const [name, value] of Object.entries(this.#values)) {
      const route = this.#broker.router.resolveName(prefix + name);
      if (route.subscriptions.length === 0) continue;
      const text = String(value());
      if (this.#published.get(name) === text) continue;
      this.#published.set(name, text);
      const publication = new Publication();
      publication.begin(route);
      publication.payload = Buffer.from(text);
      publication.payloadEnd = publication.payload.length;
      this.#broker.publish(publication, undefined, 0);
      this.#broker.afterDelivery?.();
    }
  }
}
