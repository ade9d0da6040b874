/**
 * What an nsqd does with nsqlookupds: it tells all of them what it has, and asks them which channels a new topic has
 * elsewhere, so that those get its messages from the first one on.
 *
 *     catalog ──▶ LookupdPeers ──┬─▶ LookupdPeer, one per address      registers, over TCP
 *                                ├─▶ OwnNode                           registers with the nsqlookupd in this process
 *                                └─▶ channels asked for, and made      over HTTP, and in this process
 *
 * It starts when the process listens, since it tells others where; what there is by then has its channels.
 */

import type { Clock } from "@polylog/base/clock";
import type { Service } from "@polylog/base/lifecycle";
import type { Logger, MetricRegistry } from "@polylog/base/telemetry";
import type { TurnFlusher } from "@polylog/base/transport";
import type { Broker, BrokerLog, CatalogWatcher } from "@polylog/broker";
import { isTopicOrChannelNameString } from "@polylog/nsq-wire";
import { nsqErrors } from "../errors.ts";
import { isEphemeral, type Registry } from "../lookupd/registry.ts";
import { type AskChannels, askChannelsOverHttp } from "./ask-channels.ts";
import { type Dial, dialTcp } from "./dial.ts";
import { LookupdPeer } from "./lookupd-peer.ts";
import { type NodeAddress, parseAddress, peerFieldsOf } from "./node-address.ts";
import { OwnNode } from "./own-node.ts";

export interface LookupdPeersOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly flusher: TurnFlusher;
  /** `host:port` of the nsqlookupds outside of this process. LOOKUPD_ADDRESS_INVALID. */
  readonly addresses: readonly string[];
  /** The registry of the nsqlookupd in this process. */
  readonly ownRegistry?: Registry | undefined;
  /** Where this nsqd is; asked when it starts. Undefined: it cannot be reached, and registers nowhere. */
  readonly node: () => NodeAddress | undefined;
  /** Default: TCP. */
  readonly dial?: Dial;
  /** Default: HTTP. */
  readonly askChannels?: AskChannels;
}

export class LookupdPeers implements Service, CatalogWatcher {
  readonly name = "nsqlookupd peers";
  readonly #options: LookupdPeersOptions;
  readonly #logger: Logger;
  readonly #askChannels: AskChannels;
  readonly #peers = new Map<string, LookupdPeer>();
  #addresses: readonly string[];
  #node: NodeAddress | undefined;
  #ownNode: OwnNode | undefined;

  constructor(options: LookupdPeersOptions) {
    this.#options = options;
    this.#logger = options.logger.child("nsq");
    this.#askChannels = options.askChannels ?? askChannelsOverHttp(options.clock);
    this.#addresses = checked(options.addresses);
    const help = "nsqlookupds outside of this process that this one is registered with.";
    options.metrics.gauge("polylog_nsq_lookupds", help, () => this.#registeredCount());
  }

  /** As nsqd's option `nsqlookupd_tcp_addresses` has them. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Leaves the nsqlookupds that are not in the list and goes to those that are new. LOOKUPD_ADDRESS_INVALID. */
  changeAddresses(addresses: readonly string[]): void {
    this.#addresses = checked(addresses);
    if (this.#node !== undefined) this.#changePeers(this.#node);
  }

  async start(): Promise<void> {
    const { broker, clock, ownRegistry } = this.#options;
    this.#node = this.#options.node();
    if (this.#node === undefined) return;
    if (ownRegistry !== undefined) {
      this.#ownNode = new OwnNode(ownRegistry, clock, this.#node);
      this.#ownNode.join(broker.catalog.list());
    }
    broker.catalog.watch(this);
    this.#changePeers(this.#node);
  }

  /** nsqlookupds notice that it has gone. */
  async stop(): Promise<void> {
    this.#options.broker.catalog.unwatch(this);
    this.#node = undefined;
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    this.#ownNode?.leave();
    this.#ownNode = undefined;
  }

  onLogCreated(log: BrokerLog): void {
    this.#ownNode?.onLogCreated(log);
    for (const peer of this.#peers.values()) peer.register(log.name, "");
    void this.#createKnownChannels(log);
  }

  onLogDeleted(log: BrokerLog): void {
    this.#ownNode?.onLogDeleted(log);
    for (const peer of this.#peers.values()) peer.unregister(log.name, "");
  }

  onChannelCreated(log: BrokerLog, channel: string): void {
    this.#ownNode?.onChannelCreated(log, channel);
    for (const peer of this.#peers.values()) peer.register(log.name, channel);
  }

  onChannelDeleted(log: BrokerLog, channel: string): void {
    this.#ownNode?.onChannelDeleted(log, channel);
    for (const peer of this.#peers.values()) peer.unregister(log.name, channel);
  }

  #registeredCount(): number {
    return [...this.#peers.values()].filter(({ status }) => status === "registered").length;
  }

  #changePeers(node: NodeAddress): void {
    for (const [address, peer] of this.#peers) {
      if (this.#addresses.includes(address)) continue;
      peer.close();
      this.#peers.delete(address);
      this.#logger.info("an nsqlookupd was left", { lookupd: address });
    }
    const { clock, flusher, dial = dialTcp(this.#options.clock) } = this.#options;
    for (const address of this.#addresses) {
      if (this.#peers.has(address)) continue;
      const fields = () => peerFieldsOf(node);
      const registrations = () => registrationsOf(this.#options.broker.catalog.list());
      const peer = new LookupdPeer({ address, clock, flusher, dial, fields, registrations, logger: this.#logger });
      this.#peers.set(address, peer);
      peer.start();
    }
  }

  // --- channels of a new topic ---------------------------------------------------------------------------------------

  /** The log is new: its channels get all of it, wherever they begin to exist. */
  async #createKnownChannels(log: BrokerLog): Promise<void> {
    const own = this.#options.ownRegistry?.channels(log.name) ?? [];
    await this.#createChannels(log, own);
    const asked = [...this.#peers.values()].flatMap(({ httpAddress }) => httpAddress ?? []);
    if (asked.length < this.#peers.size)
      this.#logger.warn("not every nsqlookupd can be asked for channels of a new topic", { topic: log.name });
    await Promise.all(
      asked.map(async (lookupd) => {
        try {
          await this.#createChannels(log, await this.#askChannels(lookupd, log.name));
        } catch (error) {
          const fields = { topic: log.name, host: lookupd.host, port: lookupd.port, error };
          this.#logger.warn("an nsqlookupd could not be asked for channels of a new topic", fields);
        }
      }),
    );
  }

  async #createChannels(log: BrokerLog, channels: readonly string[]): Promise<void> {
    const { catalog } = this.#options.broker;
    for (const channel of new Set(channels)) {
      if (isEphemeral(channel) || !isTopicOrChannelNameString(channel)) continue;
      if (catalog.get(log.name) !== log) return; // It has been deleted meanwhile.
      try {
        await catalog.ensureChannel(log, channel, "earliest");
      } catch (error) {
        this.#logger.warn("a channel that an nsqlookupd knows could not be made", { topic: log.name, channel, error });
      }
    }
  }
}

function* registrationsOf(logs: Iterable<BrokerLog>): Generator<readonly [string, string]> {
  for (const log of logs) {
    if (log.channels.size === 0) yield [log.name, ""];
    for (const channel of log.channels.keys()) yield [log.name, channel];
  }
}

/** As they are. Two that are the same are one peer. */
function checked(addresses: readonly string[]): readonly string[] {
  for (const address of addresses)
    if (parseAddress(address) === undefined) throw nsqErrors.LOOKUPD_ADDRESS_INVALID({ address });
  return Object.freeze([...addresses]);
}
