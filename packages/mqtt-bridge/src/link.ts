/**
 * A bridge while it lasts: a client of the remote broker, a client of this server, and a relay for each direction. It ends
 * when either connection does, and both then: what was in flight is repeated by the sessions on the next link.
 *
 *     remote CONNACK ─▶ local CONNACK ─▶ relays run, SUBSCRIBE at both ─▶ SUBACKs: ready
 *
 * One side is not read while the other has much to take, but never both at a time, so that they cannot wait for each other.
 */

import { ByteWriter } from "@polylog/base/bytes";
import type { Clock } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import type { ByteStream, TurnFlusher } from "@polylog/base/transport";
import { packetTypes } from "@polylog/mqtt-wire";
import type { Subscription5 } from "@polylog/mqtt-wire/mqtt5";
import { type AckType, BridgeClient, type BridgeClientOwner } from "./bridge-client.ts";
import { type BridgeConfig, remoteOf } from "./bridge-config.ts";
import type { BridgeCounters } from "./bridge-counters.ts";
import type { BridgeLevel } from "./connect-packet.ts";
import { inFlightMax, pausedBytesMin } from "./limits.ts";
import { localClientId, localPeer } from "./local-session.ts";
import { Relay } from "./relay.ts";
import type { Sweep } from "./sweep.ts";
import { filtersOverlap, rulesOf, type TopicMap } from "./topic-map.ts";

export interface LinkOptions {
  readonly config: BridgeConfig;
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  readonly logger: Logger;
  readonly counters: BridgeCounters;
  readonly level: BridgeLevel;
  readonly password: Buffer | undefined;
  /** Largest packet this server takes. */
  readonly packetSizeMax: number;
  readonly openLocal: () => ByteStream;
  readonly outTopics: TopicMap;
  readonly inTopics: TopicMap;
  readonly outSweep: Sweep;
  readonly inSweep: Sweep;
  /** Said at the first link only: the session here did not exist before this process. */
  readonly isLocalNew: boolean;
  /** The retained messages of topics that go out are sent. */
  readonly wantsRetained: boolean;
  /** The remote session has the subscriptions if it is there: before MQTT 5, another SUBSCRIBE repeats retained messages. */
  readonly wasSubscribed: boolean;
}

export interface LinkOwner {
  onReady(link: Link): void;
  /** `isRemote`: it was the connection to the remote broker that ended. */
  onLinkClosed(link: Link, error: PolylogError, isRemote: boolean): void;
}

const markerName = "polylog-bridge";
const userPropertyId = 0x26;
const refusalFirst = 0x80;

export class Link implements BridgeClientOwner {
  readonly remote: BridgeClient;
  readonly #options: LinkOptions;
  readonly #owner: LinkOwner;
  #local: BridgeClient | undefined;
  #out: Relay | undefined;
  #in: Relay | undefined;
  /** Not read, because the other side has much to take. */
  #paused: BridgeClient | undefined;
  #subscribing = 0;
  /** In the order in which they were asked for. */
  #askedFilters: readonly string[] = [];

  constructor(options: LinkOptions, stream: ByteStream, owner: LinkOwner) {
    const { config, clock, flusher, level, password, packetSizeMax } = options;
    const { clientId, userName, keepAliveSeconds } = config;
    this.#options = options;
    this.#owner = owner;
    const fields = { level, clientId, userName, password, keepAliveSeconds, packetSizeMax, isTransient: false };
    const peer = remoteOf(config);
    this.remote = new BridgeClient({ ...fields, receiveMax: inFlightMax, stream, clock, flusher, peer }, this);
  }

  start(): void {
    this.remote.start();
  }

  /** Ends both connections; the owner hears nothing. */
  close(): void {
    this.remote.disconnect();
    this.#local?.disconnect();
  }

  onConnected(client: BridgeClient): void {
    if (client === this.remote) this.#connectLocal();
    else this.#join(client);
  }

  #connectLocal(): void {
    const { config, clock, flusher, packetSizeMax, openLocal } = this.#options;
    this.remote.pause();
    this.#local = new BridgeClient(
      {
        level: "5",
        clientId: localClientId(config.name),
        isTransient: false,
        userName: undefined,
        password: undefined,
        keepAliveSeconds: 0,
        receiveMax: Math.min(inFlightMax, this.remote.info.receiveMax),
        packetSizeMax,
        stream: openLocal(),
        clock,
        flusher,
        peer: localPeer,
      },
      this,
    );
    this.#local.start();
  }

  #join(local: BridgeClient): void {
    const { remote } = this;
    const { config, counters, logger, outTopics, inTopics, outSweep, inSweep, isLocalNew } = this.#options;
    const isRemoteNew = !remote.info.sessionPresent;
    const isNew = isLocalNew || !local.info.sessionPresent;
    outSweep.onLink(isNew, isRemoteNew);
    inSweep.onLink(isRemoteNew, isNew);
    const shared = { marker: markerOf(config.clientId), counters, logger };
    this.#out = new Relay({
      ...shared,
      source: local,
      target: remote,
      topics: outTopics,
      sweep: outSweep,
      direction: "out",
    });
    this.#in = new Relay({
      ...shared,
      source: remote,
      target: local,
      topics: inTopics,
      sweep: inSweep,
      direction: "in",
    });
    this.#subscribeLocal(local);
    this.#subscribeRemote(isRemoteNew);
    remote.resume();
    if (this.#subscribing === 0) this.#owner.onReady(this);
  }

  /** The subscriptions are there; asked for again, they bring the retained messages. */
  #subscribeLocal(local: BridgeClient): void {
    const { outTopics, wantsRetained } = this.#options;
    if (!wantsRetained || outTopics.filters.length === 0) return;
    this.#subscribing++;
    local.subscribe(outSubscriptions(outTopics, 0));
  }

  #subscribeRemote(isRemoteNew: boolean): void {
    const { level, inTopics, wasSubscribed } = this.#options;
    if (level !== "5" && wasSubscribed && !isRemoteNew) return;
    const options = { noLocal: true, retainAsPublished: true, retainHandling: 1 } as const;
    const subscriptions: Subscription5[] = [];
    for (const { filter, qos } of inTopics.filters)
      if (!this.#goesRound(filter)) subscriptions.push({ ...options, topicFilter: filter, qos });
    if (subscriptions.length === 0) return;
    this.#askedFilters = subscriptions.map(({ topicFilter }) => topicFilter);
    this.#subscribing++;
    this.remote.subscribe(subscriptions);
  }

  /** A broker that knows neither No Local nor bridges would send back what was sent to it. */
  #goesRound(filter: string): boolean {
    const { level, config, logger } = this.#options;
    if (level !== "3.1.1") return false;
    const rule = rulesOf(config.rules, "out").find(({ remotePrefix, pattern }) =>
      filtersOverlap(filter, remotePrefix + pattern),
    );
    if (rule === undefined) return false;
    logger.error("topics are not taken over, because they would go round: the remote broker knows no No Local", {
      filter,
      sentTo: rule.remotePrefix + rule.pattern,
      help: "give the two directions different prefixes",
    });
    return true;
  }

  onSubscribed(client: BridgeClient, reasonCodes: readonly number[]): void {
    const asked =
      client === this.remote ? this.#askedFilters : this.#options.outTopics.filters.map(({ filter }) => filter);
    const refused = asked.filter((_, index) => reasonCodes[index]! >= refusalFirst);
    if (refused.length > 0)
      this.#options.logger.error("topic filters were refused; nothing comes for them", { peer: client.peer, refused });
    if (--this.#subscribing === 0) this.#owner.onReady(this);
  }

  onUnsubscribed(): void {}

  onPublish(client: BridgeClient): void {
    const local = this.#local!;
    if (client === local) {
      this.#out!.onPublish();
      this.#pauseIfFull(local, this.remote);
    } else {
      this.#in!.onPublish();
      this.#pauseIfFull(this.remote, local);
    }
  }

  #pauseIfFull(source: BridgeClient, target: BridgeClient): void {
    if (this.#paused !== undefined || target.pendingBytes <= pausedBytesMin) return;
    this.#paused = source;
    source.pause();
    this.#options.clock.atTurnEnd(() => this.onDrained()); // The end of the turn may send all of it.
  }

  onAck(client: BridgeClient, type: AckType, packetIdentifier: number, reasonCode: number): void {
    const isRemote = client === this.remote;
    const [own, other] = isRemote ? [this.#in, this.#out] : [this.#out, this.#in];
    if (type === packetTypes.PUBREL) {
      own?.onSourceAck(packetIdentifier);
      return;
    }
    try {
      other?.onTargetAck(type, packetIdentifier, reasonCode);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      this.onClosed(client, error);
    }
  }

  onDrained(): void {
    const source = this.#paused;
    const target = source === this.remote ? this.#local : this.remote;
    if (source === undefined || target === undefined || target.pendingBytes > pausedBytesMin) return;
    this.#paused = undefined;
    source.resume();
  }

  onClosed(client: BridgeClient, error: PolylogError): void {
    this.close();
    this.#owner.onLinkClosed(this, error, client === this.remote);
  }
}

/** `retainHandling`: whether the retained messages come with them. */
export function outSubscriptions(topics: TopicMap, retainHandling: 0 | 2): readonly Subscription5[] {
  return topics.filters.map(({ filter, qos }) => ({
    topicFilter: filter,
    qos,
    noLocal: true,
    retainAsPublished: true,
    retainHandling,
  }));
}

function markerOf(clientId: string): Buffer {
  const writer = new ByteWriter(64);
  writer.u8(userPropertyId);
  for (const text of [markerName, clientId]) {
    writer.u16be(Buffer.byteLength(text));
    writer.utf8(text);
  }
  return writer.take();
}
