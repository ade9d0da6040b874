/**
 * The broker: one place where messages come in, whatever protocol brought them, and go out to whoever asked for them.
 *
 *     publish (MQTT topic) ──┬─▶ logs that capture the topic ──▶ channels ──▶ consumers
 *     produce (log) ─────────┴─▶ live subscribers of the topic
 *
 * A message is appended first and delivered live second, so that one the log refuses reaches nobody. It is appended once
 * per capturing log: what `produce` delivers live is never captured again. The broker knows no protocol.
 *
 * Hot: `publish`, `produce` and `produceFramed` allocate nothing per message; `broker.bench.ts` measures them.
 */

import { type Clock, systemClock } from "@polylog/base/clock";
import type { Service } from "@polylog/base/lifecycle";
import { Counter, type Logger, type MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import type {
  DurabilityWaiter,
  LogStore,
  Partition,
  Produced,
  ProducerStamp,
  RecordFields,
  StateStore,
} from "@polylog/log";
import { type Access, allowAll } from "./access/access.ts";
import { type Authenticator, admitEverybody } from "./access/authenticator.ts";
import type { MessageHooks } from "./access/message-hooks.ts";
import { registerCatalogMetrics } from "./broker-metrics.ts";
import { type Bus, type BusMessage, type BusReceiver, singleNodeBus } from "./bus/bus.ts";
import type { BrokerLog } from "./catalog/broker-log.ts";
import type { CaptureRule } from "./catalog/capture-rule.ts";
import { Catalog } from "./catalog/catalog.ts";
import { ChannelStore } from "./channels/channel-store.ts";
import { DurabilityJoin } from "./durability-join.ts";
import { type BrokerLimits, defaultBrokerLimits, expirySecondsMax } from "./limits.ts";
import { ProducerRegistry } from "./producers/producer-registry.ts";
import {
  type Admission,
  type Capture,
  mergeOverlapping,
  Publication,
  type QoS,
  type Subscription,
} from "./publication.ts";
import { RetainedStore } from "./retained/retained-store.ts";
import { Router } from "./router/index.ts";

export interface BrokerOptions {
  /** Opened before the broker starts and closed after it has stopped. */
  readonly logs: LogStore;
  readonly state: StateStore;
  readonly captures?: readonly CaptureRule[];
  readonly access?: Access;
  readonly authenticator?: Authenticator;
  readonly hooks?: MessageHooks;
  /** To the other nodes; default: there are none. */
  readonly bus?: Bus;
  readonly limits?: BrokerLimits;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export class Broker implements Service, BusReceiver {
  readonly name = "broker";
  readonly access: Access;
  readonly authenticator: Authenticator;
  readonly hooks: MessageHooks | undefined;
  readonly catalog: Catalog;
  readonly router: Router<Subscription, Capture>;
  readonly retained: RetainedStore;
  readonly producers: ProducerRegistry;
  readonly clock: Clock;
  readonly limits: BrokerLimits;
  readonly #logs: LogStore;
  readonly #channelStore: ChannelStore;
  readonly #bus: Bus;
  readonly #produced = new Publication();
  /** Calls of producers with an id that were there already. */
  readonly #duplicates = new Counter();
  /** Messages that came in by `publish`, deliveries to live subscribers. */
  publishedCount = 0;
  deliveredCount = 0;
  /**
   * Called when a message that did not come by `publish` was delivered to its subscribers: what these have put aside for
   * sessions is to be stored. After `publish` its caller does that, who also waits for it.
   */
  afterDelivery: (() => void) | undefined;
  /** Set: every subscriber is asked whether it has room before anything happens, whoever publishes: `Subscriber.admit`. */
  admission: Admission | undefined;

  constructor(options: BrokerOptions) {
    const { logs, state } = options;
    const logger = (options.logger ?? silentLogger).child("broker");
    this.#logs = logs;
    this.access = options.access ?? allowAll;
    this.authenticator = options.authenticator ?? admitEverybody;
    this.hooks = options.hooks;
    this.#bus = options.bus ?? singleNodeBus;
    this.clock = options.clock ?? systemClock;
    this.limits = options.limits ?? defaultBrokerLimits;
    this.router = new Router(this.limits.router, mergeOverlapping);
    this.retained = new RetainedStore(state, this.clock, this.limits);
    this.producers = new ProducerRegistry(state, this.limits.producersMax);
    this.#channelStore = new ChannelStore(state, this.clock, (error) => {
      logger.error("channel progress could not be saved", { error });
    });
    this.catalog = new Catalog({
      logs,
      state,
      channelStore: this.#channelStore,
      router: this.router,
      captures: options.captures ?? [],
      limits: this.limits,
      clock: this.clock,
      logger,
    });
  }

  async start(): Promise<void> {
    await this.catalog.load();
    await this.retained.load();
    await this.producers.load(this.catalog.producerEpochMax);
    await this.#bus.start(this);
  }

  /** Call it when no protocol server publishes or consumes any more. */
  async stop(): Promise<void> {
    await this.#bus.stop();
    // Dead letters that are there before the channels close are not appended again after the start.
    for (let busy = this.catalog.channelAppending; busy !== undefined; busy = this.catalog.channelAppending)
      await busy.settleDeadLetters();
    this.catalog.close();
    await this.#channelStore.flush();
    await this.retained.close();
  }

  /**
   * Routes a message published to a topic. Returns true when it may be acknowledged now; otherwise `waiter` hears with
   * `token` once every capturing log, and the retained store, has it at its level. Throws what a log refuses with
   * (APPEND_QUEUE_FULL, DISK_FULL, PARTITION_READ_ONLY, RECORD_TOO_LARGE), RETAINED_LIMIT, and what `Subscriber.admit` throws;
   * nobody has received it then.
   */
  publish(publication: Publication, waiter: DurabilityWaiter | undefined, token: number): boolean {
    const { route, payload, payloadStart, payloadEnd } = publication;
    const captures = route.captures;
    let acknowledged = true;
    if (this.admission !== undefined) {
      this.admission.begin();
      this.#ask(publication);
    }
    if (publication.retain || captures.length > 1 || publication.headers !== undefined || publication.expiresMs > 0)
      acknowledged = this.#publishToMany(publication, waiter, token);
    else if (captures.length === 1)
      acknowledged = captures[0]!.appendTopicValue(route.topicBytes, payload, payloadStart, payloadEnd, waiter, token);
    this.publishedCount++;
    if (route.subscriptions.length > 0) this.#deliver(publication);
    if (this.#bus.hasPeers) this.#tellPeers(publication);
    return acknowledged;
  }

  /**
   * Appends a message to the logs that capture its topic and does nothing else: for one that was published before a crash and
   * may not be there. Wait with `whenDurable`. Throws what `publish` throws; some of the logs may have it then.
   */
  capture(publication: Publication): void {
    for (const log of publication.route.captures) appendTo(log, publication, undefined);
  }

  /**
   * Appends one value to a log and delivers it live. True: acknowledge now; false: `waiter` hears with `token`. Throws what the
   * log refuses with, and what `Subscriber.admit` throws; nobody has it then.
   */
  produce(log: BrokerLog, bytes: Buffer, start: number, end: number, waiter: DurabilityWaiter, token: number): boolean {
    if (this.#asks(log)) this.#askProduced(log, bytes, start, end);
    const acknowledged = log.appendValue(bytes, start, end, waiter, token);
    if (this.#isWatched(log)) this.#deliverProduced(log, bytes, start, end);
    return acknowledged;
  }

  /**
   * As `produce`, for `count` values as `[u32 BE size][value]*` in `bytes[start, end)`: an MPUB body as it is, or PUBs with
   * `gap` bytes of command line between two of them. All or nothing.
   */
  produceFramed(
    log: BrokerLog,
    bytes: Buffer,
    start: number,
    end: number,
    count: number,
    waiter: DurabilityWaiter,
    token: number,
    gap = 0,
  ): boolean {
    if (this.#asks(log)) {
      for (let at = start; at < end; at += gap) {
        const valueStart = at + 4;
        at = valueStart + bytes.readUInt32BE(at);
        this.#askProduced(log, bytes, valueStart, at);
      }
    }
    const acknowledged = log.appendFramed(bytes, start, end, count, waiter, token, gap);
    if (this.#isWatched(log)) {
      for (let at = start; at < end; at += gap) {
        const valueStart = at + 4;
        at = valueStart + bytes.readUInt32BE(at);
        this.#deliverProduced(log, bytes, valueStart, at);
      }
    }
    return acknowledged;
  }

  /**
   * Throws what `Subscriber.admit` throws for one of these records. Call it before `produceRecord`, in the same turn, with all
   * that are to be taken or refused together.
   */
  askFirst(log: BrokerLog, records: readonly RecordFields[]): void {
    if (this.#asks(log)) for (const fields of records) if (this.#fillRecord(log, fields)) this.#ask(this.#produced);
  }

  /**
   * Appends a record with any of its fields and delivers its value live, after `askFirst`. Returns its offset; wait with
   * `whenDurable`.
   */
  produceRecord(log: BrokerLog, partition: Partition, fields: RecordFields): number {
    const offset = log.appendRecord(partition, fields);
    if (this.#isWatched(log)) this.#deliverRecord(log, fields);
    return offset;
  }

  /**
   * Appends the records of one call of a producer with an id, as one batch, and delivers their values live; does neither
   * when they are there already. Wait with `whenDurable` in both cases. Throws what `ProducerRegistry.check` and
   * `Partition.appendProduced` throw.
   */
  produceOnce(log: BrokerLog, partition: Partition, stamp: ProducerStamp, records: readonly RecordFields[]): Produced {
    this.producers.check(stamp.id, stamp.epoch);
    // What was taken already is answered as it was.
    if (this.admission !== undefined && partition.findProduced(stamp, records.length) === undefined)
      this.askFirst(log, records);
    const produced = log.appendProduced(partition, stamp, records);
    if (produced.duplicate) this.#duplicates.value++;
    else if (this.#isWatched(log)) for (const fields of records) this.#deliverRecord(log, fields);
    return produced;
  }

  /** Lists what the broker counts. */
  registerMetrics(metrics: MetricRegistry): void {
    metrics.gauge("polylog_logs", "Logs there are.", () => this.catalog.size);
    metrics.gauge("polylog_subscriptions", "Live MQTT subscriptions.", () => this.router.subscriptionCount);
    registerCatalogMetrics(metrics, this.catalog);
    metrics.gauge("polylog_producers", "Producers with an id that are known.", () => this.producers.size);
    const duplicates = "Calls of producers with an id that were there already.";
    metrics.collector("polylog_duplicate_calls_total", duplicates, "counter", () => [this.#duplicates]);
    metrics.gauge("polylog_retained_messages", "Topics with a retained message.", () => this.retained.size);
  }

  #publishToMany(publication: Publication, waiter: DurabilityWaiter | undefined, token: number): boolean {
    // Refused before any log has it: who publishes it again must not fill the logs that have room.
    if (publication.retain) this.#admitRetained(publication);
    const { captures } = publication.route;
    if (captures.length > 1) for (const log of captures) log.check?.();
    const join = waiter === undefined ? undefined : new DurabilityJoin(waiter, token);
    for (const log of captures) {
      join?.add();
      if (appendTo(log, publication, join)) join?.onDurable(0, undefined);
    }
    if (publication.retain) {
      join?.add();
      this.retained.set(publication, join, 0);
    }
    return join === undefined || join.close();
  }

  /** A full disk keeps what room is left for the progress of channels; a message can be removed all the same. */
  #admitRetained(publication: Publication): void {
    const { diskFull } = this.#logs;
    if (diskFull !== undefined && publication.payloadStart < publication.payloadEnd) throw diskFull;
    this.retained.admit(publication);
  }

  /** One delivery per subscriber: overlapping subscriptions were merged when the route was made. */
  #deliver(publication: Publication): void {
    const { route, publisher, qos } = publication;
    const { subscriptions } = route;
    for (let i = 0; i < subscriptions.length; i++) {
      let subscription = subscriptions[i]!;
      if (subscription.noLocal && subscription.subscriber === publisher) {
        if (subscription.local === undefined) continue; // [MQTT-3.8.3-3]
        subscription = subscription.local;
      }
      this.deliveredCount++;
      subscription.subscriber.onPublication(publication, subscription, Math.min(subscription.qos, qos) as QoS);
    }
  }

  /** Whether somebody may refuse what is produced to the log; if so, asking begins. */
  #asks(log: BrokerLog): boolean {
    if (this.admission === undefined || !this.#isWatched(log)) return false;
    this.admission.begin();
    return true;
  }

  #askProduced(log: BrokerLog, bytes: Buffer, start: number, end: number): void {
    this.#fillProduced(log, bytes, start, end);
    this.#ask(this.#produced);
  }

  /** Goes the way of `#deliver`. */
  #ask(publication: Publication): void {
    const { route, publisher, qos } = publication;
    for (const each of route.subscriptions) {
      const subscription = each.noLocal && each.subscriber === publisher ? each.local : each;
      subscription?.subscriber.admit?.(publication, subscription, Math.min(subscription.qos, qos) as QoS);
    }
  }

  #tellPeers(publication: Publication): void {
    const { route, payload, payloadStart, payloadEnd, qos, retain } = publication;
    if (route.version < 0) return; // It leads to nobody, here or elsewhere.
    this.#bus.publish({ topic: route.topicBytes, payload, payloadStart, payloadEnd, qos, retain });
  }

  /** A message of another node, whose logs have it: for the subscribers here. */
  onBusMessage({ topic, payload, payloadStart, payloadEnd, qos, retain }: BusMessage): void {
    const publication = new Publication(); // Not the shared one: a bus may deliver while another message is being delivered.
    publication.begin(this.router.resolve(topic, 0, topic.length));
    publication.payload = payload;
    publication.payloadStart = payloadStart;
    publication.payloadEnd = payloadEnd;
    publication.qos = qos;
    publication.retain = retain;
    this.admission?.begin(); // Nobody is asked: another node has taken it.
    this.#deliver(publication);
    this.afterDelivery?.();
  }

  /** True when somebody, here or elsewhere, may be subscribed to the topic of the log's name. */
  #isWatched(log: BrokerLog): boolean {
    if (log.topic === undefined) return false;
    if (log.route === undefined || log.route.version !== this.router.version)
      log.route = this.router.resolveName(log.topic);
    return log.route.subscriptions.length > 0 || this.#bus.hasPeers;
  }

  #deliverRecord(log: BrokerLog, fields: RecordFields): void {
    if (this.#fillRecord(log, fields)) this.#sendProduced();
  }

  #deliverProduced(log: BrokerLog, bytes: Buffer, start: number, end: number): void {
    this.#fillProduced(log, bytes, start, end);
    this.#sendProduced();
  }

  /** False: it is not delivered live, being deferred or expired. */
  #fillRecord(log: BrokerLog, { value, valueStart, valueEnd, notBeforeMs, expiresMs = 0 }: RecordFields): boolean {
    if (notBeforeMs !== undefined) return false;
    const leftMs = expiresMs > 0 ? expiresMs - this.clock.nowMs() : 0;
    if (expiresMs > 0 && leftMs <= 0) return false;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#fillProduced(log, bytes, valueStart ?? 0, valueEnd ?? bytes.length);
    if (expiresMs > 0) {
      this.#produced.expiresMs = expiresMs;
      this.#produced.expirySeconds = Math.min(expirySecondsMax, Math.ceil(leftMs / 1000));
    }
    return true;
  }

  #fillProduced(log: BrokerLog, bytes: Buffer, start: number, end: number): void {
    const publication = this.#produced;
    publication.begin(log.route!);
    publication.payload = bytes;
    publication.payloadStart = start;
    publication.payloadEnd = end;
    publication.qos = 1;
    publication.retain = false;
    publication.publisher = undefined;
  }

  #sendProduced(): void {
    this.#deliver(this.#produced);
    this.afterDelivery?.();
    if (this.#bus.hasPeers) this.#tellPeers(this.#produced);
  }
}

/** True: acknowledge now; false: `waiter` hears. */
function appendTo(log: Capture, publication: Publication, waiter: DurabilityWaiter | undefined): boolean {
  const { route, payload: value, payloadStart: valueStart, payloadEnd: valueEnd, headers, expiresMs } = publication;
  if (headers === undefined && expiresMs === 0)
    return log.appendTopicValue(route.topicBytes, value, valueStart, valueEnd, waiter, 0);
  const optional = { ...(headers !== undefined && { headers }), ...(expiresMs > 0 && { expiresMs }) };
  return log.appendFields({ topic: route.topicBytes, ...optional, value, valueStart, valueEnd }, waiter, 0);
}
