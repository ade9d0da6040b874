/**
 * One bridge through all its links: connects, waits longer after each failure, and says what it is doing.
 *
 *     idle ──start──▶ dialing ──stream──▶ linking ──SUBACK──▶ connected
 *                        ▲                   │                    │
 *                        └──── waiting ◀─────┴────────────────────┘        stop: stopped, from anywhere
 *
 * With version `auto` it asks for MQTT 5, then for 3.1.1 as mosquitto's bridges do, then for plain 3.1.1, and stays with what
 * was accepted.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import type { ByteStream } from "@polylog/base/transport";
import { type BridgeConfig, type BridgeVersion, remoteOf } from "./bridge-config.ts";
import { type BridgeCounters, noCounters } from "./bridge-counters.ts";
import type { BridgeLevel } from "./connect-packet.ts";
import { bridgeErrors } from "./errors.ts";
import { backoffMsMax, backoffMsMin, stableMs } from "./limits.ts";
import { Link, type LinkOwner, outSubscriptions } from "./link.ts";
import { type LocalParts, localClientId, prepareSession } from "./local-session.ts";
import { Sweep } from "./sweep.ts";
import { TopicMap } from "./topic-map.ts";

export type BridgeStatus = "idle" | "dialing" | "linking" | "connected" | "waiting" | "stopped";

export interface SubscribedFilter {
  readonly filter: string;
  readonly qos: number;
}

export interface MqttBridgeParts extends LocalParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Rejects with an error of `bridgeErrors`. */
  readonly dial: (config: BridgeConfig) => Promise<ByteStream>;
  /** Rejects with `bridge.FILE_UNREADABLE`. */
  readonly readPassword: (config: BridgeConfig) => Promise<Buffer | undefined>;
  /** What the session of a client of this server is subscribed to. */
  readonly subscriptionsOf: (clientId: string) => Iterable<SubscribedFilter>;
  /** At least 0 and below 1. */
  readonly random: () => number;
}

const levelsOf: Readonly<Record<BridgeVersion, readonly BridgeLevel[]>> = {
  auto: ["5", "bridge", "3.1.1"],
  "5": ["5"],
  "3.1.1": ["bridge", "3.1.1"],
};

export class MqttBridge implements LinkOwner {
  readonly config: BridgeConfig;
  readonly counters: BridgeCounters = noCounters();
  readonly #parts: MqttBridgeParts;
  readonly #logger: Logger;
  readonly #levels: readonly BridgeLevel[];
  readonly #outTopics: TopicMap;
  readonly #inTopics: TopicMap;
  readonly #outSweep = new Sweep();
  readonly #inSweep = new Sweep();
  #status: BridgeStatus = "idle";
  #levelIndex = 0;
  #link: Link | undefined;
  #timer: Timer | undefined;
  #failuresInRow = 0;
  #connectedAtMs = 0;
  #isLocalNew = false;
  #hasLinked = false;
  #error: PolylogError | undefined;

  constructor(config: BridgeConfig, parts: MqttBridgeParts) {
    this.config = config;
    this.#parts = parts;
    this.#logger = parts.logger;
    this.#levels = levelsOf[config.version];
    this.#outTopics = new TopicMap(config.rules, "out");
    this.#inTopics = new TopicMap(config.rules, "in");
  }

  get status(): BridgeStatus {
    return this.#status;
  }

  /** Of MQTT; undefined while it is not connected. */
  get version(): string | undefined {
    if (this.#status !== "connected") return undefined;
    return this.#levels[this.#levelIndex] === "5" ? "5" : "3.1.1";
  }

  /** Why it is not connected; undefined while it is. */
  get error(): PolylogError | undefined {
    return this.#error;
  }

  /** Resolves when what is to go out waits for the remote broker. Connecting goes on behind it. */
  async start(): Promise<void> {
    const { name } = this.config;
    const wanted = outSubscriptions(this.#outTopics, 2);
    const qosOf = new Map(wanted.map(({ topicFilter, qos }) => [topicFilter, qos as number]));
    const present = [...this.#parts.subscriptionsOf(localClientId(name))];
    const stale = present.filter(({ filter }) => !qosOf.has(filter)).map(({ filter }) => filter);
    const current = present.filter(({ filter, qos }) => qosOf.get(filter) === qos);
    if (stale.length > 0 || current.length < qosOf.size) {
      try {
        this.#isLocalNew = !(await prepareSession(this.#parts, name, wanted, stale));
      } catch (error) {
        this.#logger.error("the session of a bridge could not be made; messages are lost until it is", { error });
      }
    }
    if (this.#status === "idle") this.#dial();
  }

  stop(): void {
    if (this.#status === "stopped") return;
    this.#status = "stopped";
    this.#error = bridgeErrors.STOPPED();
    this.#parts.clock.clearTimer(this.#timer);
    this.#link?.close();
    this.#link = undefined;
  }

  #dial(): void {
    this.#status = "dialing";
    void this.#connect().catch((error: unknown) => {
      if (this.#status !== "stopped") this.#fail(codedOf(error, this.config));
    });
  }

  async #connect(): Promise<void> {
    const { config } = this;
    const { dial, readPassword, openLocal, clock, flusher, packetSizeMax } = this.#parts;
    const password = await readPassword(config);
    const stream = await dial(config);
    if (this.#status !== "dialing") {
      stream.destroy();
      return;
    }
    this.#status = "linking";
    this.#link = new Link(
      {
        config,
        clock,
        flusher,
        packetSizeMax,
        password,
        logger: this.#logger,
        counters: this.counters,
        level: this.#levels[this.#levelIndex]!,
        openLocal: () => openLocal(config.name),
        outTopics: this.#outTopics,
        inTopics: this.#inTopics,
        outSweep: this.#outSweep,
        inSweep: this.#inSweep,
        isLocalNew: this.#isLocalNew,
        wantsRetained: !this.#hasLinked,
        wasSubscribed: this.#hasLinked,
      },
      stream,
      this,
    );
    this.#link.start();
  }

  onReady(link: Link): void {
    const isLost = this.#hasLinked && !link.remote.info.sessionPresent;
    this.#status = "connected";
    this.#connectedAtMs = this.#parts.clock.monotonicMs();
    this.#isLocalNew = false;
    this.#hasLinked = true;
    this.#error = undefined;
    this.counters.connects++;
    this.#logger.info("connected", { remote: remoteOf(this.config), version: this.version });
    if (isLost) this.#logger.warn("the remote broker has lost the session, and what waited in it", {});
  }

  onLinkClosed(_link: Link, error: PolylogError, isRemote: boolean): void {
    this.#link = undefined;
    const wasConnected = this.#status === "connected";
    if (wasConnected && this.#parts.clock.monotonicMs() - this.#connectedAtMs >= stableMs) this.#failuresInRow = 0;
    if (isRemote && !wasConnected && this.#triesNextVersion(error)) this.#dial();
    else this.#fail(error);
  }

  /** True: to be tried at once. A server that says nothing may have fallen over MQTT 5, or just have been stopped. */
  #triesNextVersion(error: PolylogError): boolean {
    const isRefused = isCodedError(error, "bridge.VERSION_REFUSED");
    const isSilent = isCodedError(error, "bridge.CLOSED_UNANSWERED") && !this.#hasLinked;
    if (!isRefused && !isSilent) return false;
    this.#levelIndex = (this.#levelIndex + 1) % this.#levels.length;
    return isRefused && this.#levelIndex > 0;
  }

  #fail(error: PolylogError): void {
    const { clock, random } = this.#parts;
    this.counters.failures++;
    const delayMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(this.#failuresInRow, 16));
    const waitMs = delayMs / 2 + (random() * delayMs) / 2;
    const fields = { remote: remoteOf(this.config), code: error.code, reason: error.message };
    // The same again and again says nothing new.
    if (this.#error?.message === error.message) this.#logger.debug("not connected", fields);
    else this.#logger.warn("not connected; it tries again until it is", fields);
    this.#failuresInRow++;
    this.#error = error;
    this.#status = "waiting";
    this.#timer = clock.setTimer(() => this.#dial(), waitMs);
  }
}

function codedOf(error: unknown, config: BridgeConfig): PolylogError {
  if (isCodedError(error)) return error;
  return bridgeErrors.UNREACHABLE({ remote: remoteOf(config), reason: String(error) }, error);
}
