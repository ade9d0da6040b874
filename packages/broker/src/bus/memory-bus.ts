/** A bus between brokers of one process: for tests of what happens between nodes. */

import type { Bus, BusMessage, BusReceiver } from "./bus.ts";

/** What the nodes share; `join` makes the bus of one more. */
export class MemoryBusHub {
  readonly #nodes = new Map<Bus, BusReceiver>();

  join(): Bus {
    const nodes = this.#nodes;
    const bus: Bus = {
      get hasPeers() {
        return nodes.size > (nodes.has(bus) ? 1 : 0);
      },
      start: async (receiver) => {
        nodes.set(bus, receiver);
      },
      publish: (message) => {
        const copy = copyOf(message);
        for (const [node, receiver] of nodes) if (node !== bus) receiver.onBusMessage(copy);
      },
      stop: async () => {
        nodes.delete(bus);
      },
    };
    return bus;
  }
}

function copyOf({ topic, payload, payloadStart, payloadEnd, qos, retain }: BusMessage): BusMessage {
  const bytes = Buffer.from(payload.subarray(payloadStart, payloadEnd));
  return { topic: new Uint8Array(topic), payload: bytes, payloadStart: 0, payloadEnd: bytes.length, qos, retain };
}
