/**
 * The MQTT server: takes streams from whoever listens (TCP now; TLS and WebSocket come through the same door) and owns
 * what all connections share.
 *
 *     stream ─▶ MqttConnection ─▶ handlers ─▶ broker ─▶ Session ─▶ output of another connection
 */

import { type Clock, systemClock } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import { Counter, type Logger, MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { type ByteStream, Connection, type TurnFlusher } from "@polylog/base/transport";
import type { Broker, Partition, Principal } from "@polylog/broker";
import type { DeferredQueue } from "@polylog/broker/deferred";
import { MemorySessionStore, type SessionStore } from "@polylog/broker/sessions";
import type { AuthenticationMethods } from "./authentication/authentication.ts";
import type { ServerParts } from "./client-connection.ts";
import type { ClientTraffic } from "./client-traffic.ts";
import { type DelayedInfo, type DelayedQuestion, listDelayed } from "./delayed/list-delayed.ts";
import { publishDelayed } from "./delayed/publish-delayed.ts";
import { KeepAlive } from "./keep-alive.ts";
import { type MqttLimits, resolveLimits, rewriteRulesMax, sysIntervalSeconds } from "./limits.ts";
import { KeptBytes } from "./message-queue.ts";
import { type ConnectionOwner, MqttConnection } from "./mqtt-connection.ts";
import { type MqttMetrics, registerMqttMetrics } from "./mqtt-metrics.ts";
import { PublishPath } from "./publish-path.ts";
import { QueueWriter } from "./queue-writer.ts";
import type { Session } from "./session.ts";
import { SessionRegistry } from "./session-registry.ts";
import { SharedGroups } from "./shared-groups.ts";
import { SysTree, type SysValues } from "./sys-tree.ts";
import { sysValuesOf } from "./sys-values.ts";
import { findRewriteProblem, type RewriteRule, TopicRewrites } from "./topic-rewrites.ts";

export interface MqttServerOptions {
  /** Started before the server and stopped after it. */
  readonly broker: Broker;
  /** Shared by all protocol servers of the process. */
  readonly flusher: TurnFlusher;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly limits?: Partial<MqttLimits>;
  readonly metrics?: MetricRegistry;
  /**
   * Sessions that outlive their connections; opened and closed by the server, which sets its limits. Default: in memory, so
   * that they end with the process.
   */
  readonly sessions?: SessionStore;
  /** The log that `sessions` writes: while it has no room, publishers are not read. */
  readonly sessionLog?: Partition;
  /** Keeps messages to `$delayed/`; opened and closed by the server. Default: such messages are refused. */
  readonly deferred?: DeferredQueue;
  /** Enhanced authentication of MQTT 5. Default: no method is offered. */
  readonly methods?: AuthenticationMethods;
  /** Throws RangeError for a rule in which `findRewriteProblem` finds something. */
  readonly rewrites?: readonly RewriteRule[];
  /** What `$SYS/broker/version` says. */
  readonly version?: string;
  /** More values below `$SYS/broker/`. */
  readonly sysValues?: SysValues;
}

/** One client, connected or not, as an administrator sees it. */
export interface ClientInfo {
  readonly clientId: string;
  /** `address:port`; undefined when it is not connected. */
  readonly remote: string | undefined;
  /** Its session outlives the connection. */
  readonly persistent: boolean;
  /** Seconds it does so; Infinity: for good. */
  readonly expirySeconds: number;
  readonly subscriptionCount: number;
  /** Messages of QoS 1 and 2 sent and not finished, and waiting to be sent. */
  readonly inFlightCount: number;
  readonly queuedCount: number;
  /** Messages that its limits dropped from its queue. */
  readonly droppedCount: number;
  /** Of its connection; undefined when it has none. */
  readonly traffic: ClientTraffic | undefined;
}

export interface SubscriptionInfo {
  readonly clientId: string;
  readonly filter: string;
  readonly qos: number;
}

export class MqttServer implements Service, ConnectionOwner {
  readonly name = "mqtt server";
  readonly #parts: ServerParts;
  readonly #flusher: TurnFlusher;
  readonly #deferred: DeferredQueue | undefined;
  readonly #connections = new Set<MqttConnection>();
  readonly #keepAlive: KeepAlive;
  #status: "idle" | "running" | "stopped" = "idle";
  #stopping: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: MqttServerOptions) {
    const registry = options.metrics ?? new MetricRegistry();
    this.#flusher = options.flusher;
    this.#deferred = options.deferred;
    this.#parts = this.#build(options, registerMqttMetrics(registry));
    const { clock, sessions, kept, store, groups } = this.#parts;
    this.#keepAlive = new KeepAlive(clock, this.#connections);
    this.#keepAlive.onTick = (tick) => this.#onTick(tick);
    registry.gauge("polylog_mqtt_connections", "Open MQTT connections.", () => this.#connections.size);
    registry.gauge("polylog_mqtt_sessions", "MQTT sessions, connected or not.", () => sessions.size);
    registry.gauge("polylog_mqtt_kept_bytes", "Bytes of messages kept in memory for sessions.", () => kept.total);
    registry.gauge("polylog_mqtt_queued_messages", "Messages in stored queues of sessions.", () => store.queuedCount);
    registerQueueDrops(registry, store);
    const delayed = "Messages to $delayed/ that are not published yet.";
    registry.gauge("polylog_mqtt_delayed_messages", delayed, () => this.#deferred?.count ?? 0);
    registry.gauge("polylog_mqtt_shared_subscriptions", "Shared subscriptions, by name and filter.", () => groups.size);
  }

  #build(options: MqttServerOptions, metrics: MqttMetrics): ServerParts {
    const { broker, clock = systemClock, sessionLog, deferred } = options;
    const logger = (options.logger ?? silentLogger).child("mqtt");
    const limits = resolveLimits(options.limits);
    const { queuedMessagesMax: messagesMax, queuedBytesMax: bytesMax, whenFull } = limits;
    const queueLimits = { messagesMax, bytesMax, whenFull };
    const store = options.sessions ?? new MemorySessionStore({ clock, limits: queueLimits });
    store.limits = queueLimits;
    const kept = new KeptBytes(limits.queuedBytesTotalMax);
    const writer = new QueueWriter(store);
    broker.admission = whenFull === "refuse" ? writer : undefined;
    if (deferred !== undefined) deferred.messagesMax = limits.delayedMessagesMax;
    const publishPath = new PublishPath({ broker, clock, logger, metrics, writer, store, sessionLog, deferred });
    const startedMs = clock.monotonicMs();
    const sysTree = new SysTree(broker, {
      ...sysValuesOf({
        version: options.version ?? "polylog",
        upMs: () => clock.monotonicMs() - startedMs,
        broker,
        metrics,
        store,
        groupCount: () => groups.size,
        connectionCount: () => this.#connections.size,
        sessionCount: () => sessions.size,
      }),
      ...options.sysValues,
    });
    const shared = { broker, clock, logger, limits, metrics, kept, writer, sysTree };
    const groups: SharedGroups = new SharedGroups(store, shared);
    const sessions = new SessionRegistry({ ...shared, groups }, store, publishPath);
    broker.afterDelivery = () => {
      if (!writer.isPending) return;
      try {
        writer.store(undefined, 0);
      } catch (error) {
        if (metrics.refusedStorage.value++ === 0) logger.warn("a message was not queued for sessions", { error });
      }
    };
    const rewrites = rewritesOf(options.rewrites);
    return { ...shared, groups, store, sessions, publishPath, methods: options.methods, rewrites };
  }

  get tick(): number {
    return this.#keepAlive.tick;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Restores sessions, subscriptions and wills. Rejects with what the session store rejects with. */
  async start(): Promise<void> {
    const { broker, clock, writer, store, sessions } = this.#parts;
    await sessions.start();
    const delayedParts = { broker, clock, writer, store, sessionOf: (clientId: string) => sessions.get(clientId) };
    await this.#deferred?.open((record, waiter, token) => publishDelayed(delayedParts, record, waiter, token));
    this.#status = "running";
    this.#keepAlive.start();
  }

  /**
   * Takes over a stream somebody has connected by. Its high-water mark must be below `backlogBytesMax`, or what waits for
   * `drain` would wait for good. `insider`: a client of the program's own, which is that principal without credentials.
   */
  accept(stream: ByteStream, insider?: Principal): void {
    const { limits, clock, metrics } = this.#parts;
    if (this.#status !== "running" || this.#connections.size >= limits.connectionsMax) {
      metrics.connectionsRefused.value++;
      stream.on("error", ignore);
      stream.destroy();
      return;
    }
    const transport = new Connection(stream, clock, this.#flusher);
    const connection = new MqttConnection(transport, this.#parts, this, insider);
    this.#connections.add(connection);
    transport.start(connection);
  }

  /** Sessions and their clients, in order of creation. */
  *clients(): Generator<ClientInfo, void> {
    for (const session of this.#parts.sessions.values()) yield infoOf(session);
  }

  client(clientId: string): ClientInfo | undefined {
    const session = this.#parts.sessions.get(clientId);
    return session && infoOf(session);
  }

  *subscriptions(): Generator<SubscriptionInfo, void> {
    for (const { clientId } of this.#parts.sessions.values()) yield* this.subscriptionsOf(clientId);
  }

  *subscriptionsOf(clientId: string): Generator<SubscriptionInfo, void> {
    const session = this.#parts.sessions.get(clientId);
    if (session === undefined) return;
    for (const { filter, qos } of session.subscriptions.values()) yield { clientId, filter, qos };
  }

  /** Ends the connection of a client. False: it is not connected. */
  kick(clientId: string): boolean {
    const owner = this.#parts.sessions.get(clientId)?.owner;
    owner?.onKicked();
    return owner !== undefined;
  }

  /** Messages to `$delayed/` that wait. */
  async *delayed(question: DelayedQuestion): AsyncGenerator<DelayedInfo, void> {
    if (this.#deferred !== undefined && this.#status === "running") yield* listDelayed(this.#deferred, question);
  }

  /** Takes delayed messages back. Resolves with the ids of those that waited. Rejects with `broker.STATE_WRITE_FAILED`. */
  async cancelDelayed(ids: readonly number[]): Promise<readonly number[]> {
    return this.#status === "running" ? ((await this.#deferred?.cancel(ids)) ?? []) : [];
  }

  onConnectionClosed(connection: MqttConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #onTick(tick: number): void {
    this.#parts.sessions.onTick();
    if (tick % sysIntervalSeconds === 0) this.#parts.sysTree.publish();
  }

  /** Ends every connection once what it was promised has been acknowledged; at the deadline, all that are left. */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? 10_000);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#status = "stopped";
    this.#keepAlive.stop();
    await this.#closeConnections(deadlineMs);
    await this.#deferred?.close();
    this.#parts.broker.afterDelivery = undefined;
    this.#parts.broker.admission = undefined;
    await this.#parts.sessions.stop();
  }

  async #closeConnections(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const connection of this.#connections) connection.stop();
    if (this.#connections.size === 0) return;
    const { clock } = this.#parts;
    const deadline = clock.setTimer(() => {
      for (const connection of this.#connections) connection.destroy();
    }, deadlineMs);
    await closed;
    clock.clearTimer(deadline);
  }
}

function rewritesOf(rules: readonly RewriteRule[] = []): TopicRewrites | undefined {
  if (rules.length > rewriteRulesMax) throw new RangeError(`there are more than ${rewriteRulesMax} rules`);
  for (const rule of rules) {
    const problem = findRewriteProblem(rule);
    if (problem !== undefined) throw new RangeError(problem);
  }
  return rules.length === 0 ? undefined : new TopicRewrites(rules);
}

function infoOf(session: Session): ClientInfo {
  const { clientId, stored, expirySeconds, subscriptions, inFlightCount, queuedCount, owner } = session;
  const droppedCount = stored?.droppedCount ?? 0;
  const counts = { subscriptionCount: subscriptions.size, inFlightCount, queuedCount, droppedCount };
  const { remote, traffic } = owner ?? {};
  return { clientId, remote, persistent: stored !== undefined, expirySeconds, ...counts, traffic };
}

function registerQueueDrops(registry: MetricRegistry, store: SessionStore): void {
  const help = "Messages that the limits of a session kept out of its stored queue, or that were refused for it.";
  const counters = { oldest: new Counter({ which: "oldest" }), newest: new Counter({ which: "newest" }) };
  const others = { refused: new Counter({ which: "refused" }), expired: new Counter({ which: "expired" }) };
  registry.collector("polylog_mqtt_queue_dropped_total", help, "counter", () => {
    counters.oldest.value = store.counters.droppedOldest;
    counters.newest.value = store.counters.droppedNewest;
    others.refused.value = store.counters.refused;
    others.expired.value = store.counters.expired;
    return [counters.oldest, counters.newest, others.refused, others.expired];
  });
}

function ignore(): void {}
