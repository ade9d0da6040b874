/**
 * This process's nsqd in this process's nsqlookupd, without a socket between them. It never becomes inactive.
 *
 * One difference from an nsqd behind a socket: what is deleted here is forgotten there, when no other nsqd has it. An
 * nsqlookupd keeps it until it is deleted there as well; then a topic that is made again would get its old channels back.
 */

import type { Clock } from "@polylog/base/clock";
import type { BrokerLog, CatalogWatcher } from "@polylog/broker";
import type { LookupdNode, Registry } from "../lookupd/registry.ts";
import { type NodeAddress, peerFieldsOf } from "./node-address.ts";

export class OwnNode implements CatalogWatcher {
  readonly #registry: Registry;
  readonly #node: LookupdNode;

  constructor(registry: Registry, clock: Clock, address: NodeAddress) {
    this.#registry = registry;
    const { broadcastAddress, tcpPort } = address;
    this.#node = {
      id: `own:${tcpPort}`,
      remoteAddress: `${broadcastAddress}:${tcpPort}`,
      fields: peerFieldsOf(address),
      get heardAtMs() {
        return clock.nowMs();
      },
      get heardAtMonotonicMs() {
        return clock.monotonicMs();
      },
    };
  }

  /** Registers everything that `logs` has. */
  join(logs: Iterable<BrokerLog>): void {
    this.#registry.addNode(this.#node);
    for (const log of logs) {
      this.onLogCreated(log);
      for (const channel of log.channels.keys()) this.onChannelCreated(log, channel);
    }
  }

  leave(): void {
    this.#registry.removeNode(this.#node);
  }

  onLogCreated({ name }: BrokerLog): void {
    this.#registry.register(this.#node, name, "");
  }

  onLogDeleted({ name }: BrokerLog): void {
    this.#registry.unregister(this.#node, name, "", true);
  }

  onChannelCreated({ name }: BrokerLog, channel: string): void {
    this.#registry.register(this.#node, name, channel);
  }

  onChannelDeleted({ name }: BrokerLog, channel: string): void {
    this.#registry.unregister(this.#node, name, channel, true);
  }
}
