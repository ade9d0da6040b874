/**
 * What nsqlookupd knows: which nsqds have which topics and channels. Nothing is saved; every nsqd says it again.
 *
 *     nodes       every nsqd that has identified itself
 *     topics      topic ──▶ nsqds that have it          a key stays when its last nsqd has gone, except for #ephemeral ones
 *     channels    topic ──▶ channel ──▶ nsqds that have it      and until somebody deletes it
 *
 * A tombstone hides one nsqd from the lookup of one topic for a while, so that nobody connects to it while the topic is being
 * deleted there. Registering again does not lift it.
 *
 * When there is no room for another topic or channel, those that no nsqd has any more are forgotten: they would stay for ever, and
 * somebody who registers many and goes would leave no room for anybody.
 *
 * `*` as the topic of a question stands for all, as in nsqlookupd; no topic can have that name.
 */

import type { Clock } from "@polylog/base/clock";
import type { PeerFields } from "@polylog/nsq-wire/lookupd";
import { forgetIntervalMs } from "./limits.ts";

/** An nsqd that has identified itself. */
export interface LookupdNode {
  /** Unique among those connected, as `/debug` shows it. */
  readonly id: string;
  readonly remoteAddress: string;
  readonly fields: PeerFields;
  /** When it was heard last, of both clocks. */
  readonly heardAtMs: number;
  readonly heardAtMonotonicMs: number;
}

/** That an nsqd has a topic or a channel. */
interface Producer {
  readonly node: LookupdNode;
  /** Undefined: it has none. */
  tombstone: { readonly atMs: number; readonly atMonotonicMs: number } | undefined;
}

type Producers = Map<LookupdNode, Producer>;

/** The topics and channels that a node has. */
type Held = Set<Producers>;

export interface RegistryOptions {
  readonly clock: Clock;
  /** A node silent for longer is not told of. */
  readonly inactiveProducerTimeoutMs: number;
  readonly tombstoneLifetimeMs: number;
  /** Topics and channels together; what nodes have of them, over all nodes, at most twice as many. */
  readonly registrationsMax: number;
  /** What one node has of them. Default: no bound of its own. */
  readonly registrationsPerNodeMax?: number;
}

export interface NodeTopic {
  readonly topic: string;
  readonly tombstoned: boolean;
}

/** One row of `/debug`. */
export interface DebugEntry {
  /** `category:topic:channel`. */
  readonly key: string;
  readonly node: LookupdNode;
  /** A tombstone's time stays after its lifetime. */
  readonly tombstonedAtMs: number | undefined;
}

const everyTopic = "*";

export class Registry {
  readonly #options: RegistryOptions;
  readonly #nodes: Producers = new Map();
  readonly #held = new Map<LookupdNode, Held>();
  #heldCount = 0;
  #forgotAtMonotonicMs = Number.NEGATIVE_INFINITY;
  readonly #topics = new Map<string, Producers>();
  readonly #channels = new Map<string, Map<string, Producers>>();
  #channelCount = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get topicCount(): number {
    return this.#topics.size;
  }

  get channelCount(): number {
    return this.#channelCount;
  }

  get nodeCount(): number {
    return this.#nodes.size;
  }

  // --- what nsqds say ----------------------------------------------------------------------------------------------

  addNode(node: LookupdNode): void {
    if (!this.#nodes.has(node)) this.#nodes.set(node, { node, tombstone: undefined });
    if (!this.#held.has(node)) this.#held.set(node, new Set());
  }

  /** The nsqd has gone. Its topics and channels stay. */
  removeNode(node: LookupdNode): void {
    this.#nodes.delete(node);
    const held = this.#held.get(node) ?? [];
    for (const producers of held) this.#remove(producers, node);
    this.#held.delete(node);
  }

  /** A channel is registered with its topic. `channel` is "" for the topic alone. False: there are too many already. */
  register(node: LookupdNode, topic: string, channel: string): boolean {
    const { registrationsMax, registrationsPerNodeMax = registrationsMax } = this.#options;
    const has =
      this.#topics.get(topic)?.has(node) && (channel === "" || this.#channels.get(topic)?.get(channel)?.has(node));
    if (has) return true;
    const heldCount = this.#held.get(node)?.size ?? 0;
    const more = channel === "" ? 1 : 2;
    if (heldCount + more > registrationsPerNodeMax || this.#heldCount + more > 2 * registrationsMax) return false;
    if (channel !== "" ? !this.createChannel(topic, channel) : !this.createTopic(topic)) return false;
    if (channel !== "") this.#add(this.#channels.get(topic)!.get(channel)!, node);
    this.#add(this.#topics.get(topic)!, node);
    return true;
  }

  /** Without a channel ("") the nsqd's channels of the topic go with it. `forget`: a key without an nsqd goes, too. */
  unregister(node: LookupdNode, topic: string, channel: string, forget = false): void {
    if (channel !== "") {
      const producers = this.#channels.get(topic)?.get(channel);
      this.#remove(producers, node);
      if (producers?.size === 0 && (forget || isEphemeral(channel))) this.deleteChannel(topic, channel);
      return;
    }
    for (const [name, producers] of this.#channels.get(topic) ?? []) {
      this.#remove(producers, node);
      if (forget && producers.size === 0) this.deleteChannel(topic, name);
    }
    const producers = this.#topics.get(topic);
    this.#remove(producers, node);
    if (producers?.size === 0 && (forget || isEphemeral(topic))) this.#topics.delete(topic);
  }

  // --- what administrators do ----------------------------------------------------------------------------------------

  /** False: there are too many already. */
  createTopic(topic: string): boolean {
    if (this.#topics.has(topic)) return true;
    if (!this.#hasRoomFor(1)) return false;
    this.#topics.set(topic, new Map());
    return true;
  }

  /** Makes the topic, too. False: there are too many already. */
  createChannel(topic: string, channel: string): boolean {
    if (!this.#hasRoomFor(2) && !this.#channels.get(topic)?.has(channel)) return false;
    const channels = this.#channels.get(topic) ?? new Map<string, Producers>();
    if (!channels.has(channel)) {
      this.#channels.set(topic, channels.set(channel, new Map()));
      this.#channelCount++;
    }
    return this.createTopic(topic);
  }

  /** With its channels, whether there is such a topic or not. */
  deleteTopic(topic: string): void {
    for (const name of this.#topicsWithChannels(topic))
      for (const channel of [...this.#channels.get(name)!.keys()]) this.deleteChannel(name, channel);
    for (const name of this.#matchingTopics(topic)) {
      this.#release(this.#topics.get(name)!);
      this.#topics.delete(name);
    }
  }

  /** False: there was none. */
  deleteChannel(topic: string, channel: string): boolean {
    const channels = this.#channels.get(topic);
    const producers = channels?.get(channel);
    if (channels === undefined || producers === undefined) return false;
    this.#release(producers);
    channels.delete(channel);
    this.#channelCount--;
    if (channels.size === 0) this.#channels.delete(topic);
    return true;
  }

  /** `address` is `broadcast_address:http_port`. */
  tombstone(topic: string, address: string): void {
    const { clock } = this.#options;
    for (const producer of this.#producersOf(topic)) {
      const { broadcast_address: host, http_port: port } = producer.node.fields;
      if (`${host}:${port}` === address)
        producer.tombstone = { atMs: clock.nowMs(), atMonotonicMs: clock.monotonicMs() };
    }
  }

  // --- what consumers ask --------------------------------------------------------------------------------------------

  hasTopic(topic: string): boolean {
    return this.#matchingTopics(topic).length > 0;
  }

  topics(): string[] {
    return [...this.#topics.keys()];
  }

  /** With `*` a name stands there once per topic that has it. */
  channels(topic: string): string[] {
    return this.#topicsWithChannels(topic).flatMap((name) => [...this.#channels.get(name)!.keys()]);
  }

  /** The nsqds to consume the topic from: active, and without a tombstone. */
  activeNodes(topic: string): LookupdNode[] {
    const producers = this.#producersOf(topic).filter((each) => this.#isActive(each.node) && !this.#isTombstoned(each));
    return producers.map(({ node }) => node);
  }

  /** Active nsqds, with or without tombstones. */
  nodes(): LookupdNode[] {
    return [...this.#nodes.keys()].filter((node) => this.#isActive(node));
  }

  /** For each of `nodes`, its topics. Looks at every topic once. */
  topicsOf(nodes: readonly LookupdNode[]): Map<LookupdNode, NodeTopic[]> {
    const found = new Map<LookupdNode, NodeTopic[]>(nodes.map((node) => [node, []]));
    for (const [topic, producers] of this.#topics)
      for (const producer of producers.values())
        found.get(producer.node)?.push({ topic, tombstoned: this.#isTombstoned(producer) });
    return found;
  }

  /** Everything, in no order. */
  *entries(): Generator<DebugEntry> {
    yield* entriesOf("client::", this.#nodes);
    for (const [topic, producers] of this.#topics) yield* entriesOf(`topic:${topic}:`, producers);
    for (const [topic, channels] of this.#channels)
      for (const [channel, producers] of channels) yield* entriesOf(`channel:${topic}:${channel}`, producers);
  }

  #hasRoomFor(count: number): boolean {
    const { clock, registrationsMax } = this.#options;
    const isFull = () => this.#topics.size + this.#channelCount + count > registrationsMax;
    if (!isFull()) return true;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#forgotAtMonotonicMs < forgetIntervalMs) return false;
    this.#forgotAtMonotonicMs = nowMs;
    this.#forget();
    return !isFull();
  }

  /** What no nsqd has. */
  #forget(): void {
    for (const [topic, channels] of this.#channels)
      for (const [channel, producers] of channels) if (producers.size === 0) this.deleteChannel(topic, channel);
    for (const [topic, producers] of this.#topics)
      if (producers.size === 0 && !this.#channels.has(topic)) this.#topics.delete(topic);
  }

  /** One that is there stays as it is, with its tombstone. */
  #add(producers: Producers, node: LookupdNode): void {
    if (producers.has(node)) return;
    producers.set(node, { node, tombstone: undefined });
    this.#held.get(node)?.add(producers);
    this.#heldCount++;
  }

  #remove(producers: Producers | undefined, node: LookupdNode): void {
    if (!producers?.delete(node)) return;
    this.#held.get(node)?.delete(producers);
    this.#heldCount--;
  }

  /** Nobody has it any more: it is about to go. */
  #release(producers: Producers): void {
    for (const node of [...producers.keys()]) this.#remove(producers, node);
  }

  #isActive(node: LookupdNode): boolean {
    const { clock, inactiveProducerTimeoutMs } = this.#options;
    return clock.monotonicMs() - node.heardAtMonotonicMs <= inactiveProducerTimeoutMs;
  }

  #isTombstoned({ tombstone }: Producer): boolean {
    const { clock, tombstoneLifetimeMs } = this.#options;
    return tombstone !== undefined && clock.monotonicMs() - tombstone.atMonotonicMs < tombstoneLifetimeMs;
  }

  #matchingTopics(topic: string): string[] {
    return topic === everyTopic ? this.topics() : this.#topics.has(topic) ? [topic] : [];
  }

  #topicsWithChannels(topic: string): string[] {
    return topic === everyTopic ? [...this.#channels.keys()] : this.#channels.has(topic) ? [topic] : [];
  }

  /** One per nsqd, the first that is found. */
  #producersOf(topic: string): Producer[] {
    const found: Producers = new Map();
    for (const name of this.#matchingTopics(topic))
      for (const producer of this.#topics.get(name)!.values())
        if (!found.has(producer.node)) found.set(producer.node, producer);
    return [...found.values()];
  }
}

export function isEphemeral(name: string): boolean {
  return name.endsWith("#ephemeral");
}

function* entriesOf(key: string, producers: Producers): Generator<DebugEntry> {
  for (const { node, tombstone } of producers.values()) yield { key, node, tombstonedAtMs: tombstone?.atMs };
}
