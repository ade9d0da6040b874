/** The consumers of a channel that have room for one more record, and whose turn it is. Hot; `channel.bench.ts`. */

import type { ChannelConsumer } from "./channel-consumer.ts";

export class ConsumerRotation {
  /** In no order; delivery goes round. */
  readonly #available: ChannelConsumer[] = [];
  #next = 0;

  /** True when some consumer can take a record. */
  get hasRoom(): boolean {
    return this.#available.length > 0;
  }

  /** The next consumer, counted as having one more in flight; there must be one with room. */
  take(): ChannelConsumer {
    if (this.#next >= this.#available.length) this.#next = 0;
    const consumer = this.#available[this.#next]!;
    consumer.inFlightCount++;
    consumer.deliveredCount++;
    if (consumer.inFlightCount < consumer.readyCount) this.#next++;
    else this.update(consumer);
    return consumer;
  }

  /** Takes it in or out; call it when its ready count or what it has in flight has changed. */
  update(consumer: ChannelConsumer): void {
    const hasRoom = consumer.inFlightCount < consumer.readyCount;
    const at = consumer.availableIndex;
    if (hasRoom === at >= 0) return;
    if (hasRoom) {
      consumer.availableIndex = this.#available.push(consumer) - 1;
      return;
    }
    const last = this.#available.pop()!;
    if (last !== consumer) {
      this.#available[at] = last;
      last.availableIndex = at;
    }
    consumer.availableIndex = -1;
  }
}
