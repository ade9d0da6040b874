/** One bridge between two brokers that the test plays, with a manual clock, and what it logged. */

import { ManualClock } from "@polylog/base/clock";
import { type Logger, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { TurnFlusher } from "@polylog/base/transport";
import { settle } from "@polylog/testkit";
import type { BridgeConfig, BridgeRule } from "../bridge-config.ts";
import { bridgeErrors } from "../errors.ts";
import type { SubscribedFilter } from "../mqtt-bridge.ts";
import { type BridgeInfo, MqttBridges } from "../mqtt-bridges.ts";
import { ScriptedBroker } from "./scripted-broker.ts";

export const bothWays: readonly BridgeRule[] = [
  { pattern: "o/#", direction: "out", qos: 2, localPrefix: "", remotePrefix: "far/" },
  { pattern: "i/#", direction: "in", qos: 2, localPrefix: "near/", remotePrefix: "" },
];

export interface RigOptions extends Partial<Pick<BridgeConfig, "rules" | "version">> {
  /** What the session here is subscribed to already; by default what the rules want, so that nothing has to be prepared. */
  readonly subscribed?: readonly SubscribedFilter[];
  readonly sessions?: readonly string[];
}

export class BridgeRig {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  readonly metrics = new MetricRegistry();
  /** Connections in the order in which they were made. */
  readonly remotes: ScriptedBroker[] = [];
  readonly locals: ScriptedBroker[] = [];
  /** Attempts to connect fail. */
  isAway = false;
  random = 0.5;
  readonly bridges: MqttBridges;

  constructor(options: RigOptions = {}) {
    const { rules = bothWays, version = "auto" } = options;
    const subscribed = options.subscribed ?? wantedBy(rules);
    const config: BridgeConfig = {
      name: "b",
      host: "broker.example",
      port: 1883,
      tls: undefined,
      clientId: "polylog-test-b",
      userName: "ada",
      password: "secret",
      passwordFile: undefined,
      version,
      keepAliveSeconds: 60,
      rules,
    };
    this.bridges = new MqttBridges({
      bridges: [config],
      clock: this.clock,
      flusher: new TurnFlusher(this.clock),
      logger: this.#logger(),
      metrics: this.metrics,
      packetSizeMax: 1000,
      random: () => this.random,
      dial: async () => {
        if (this.isAway) throw bridgeErrors.UNREACHABLE({ remote: "broker.example:1883", reason: "it is away" });
        return this.#open(this.remotes);
      },
      server: {
        open: () => this.#open(this.locals),
        sessions: () => (options.sessions ?? []).map((clientId) => ({ clientId })),
        session: () => undefined,
        subscriptionsOf: () => subscribed,
      },
    });
  }

  #open(list: ScriptedBroker[]): ScriptedBroker["stream"] {
    const broker = new ScriptedBroker(this.clock);
    list.push(broker);
    return broker.stream;
  }

  #logger(): Logger {
    const write = (level: string) => (message: string) => void this.lines.push(`${level}: ${message}`);
    const logger = { info: write("info"), warn: write("warn"), error: write("error"), debug: () => undefined };
    return { ...logger, child: () => this.#logger() };
  }

  get remote(): ScriptedBroker {
    return this.remotes.at(-1)!;
  }

  get local(): ScriptedBroker {
    return this.locals.at(-1)!;
  }

  get info(): BridgeInfo {
    const [info] = this.bridges.list();
    return info!;
  }

  get metricsText(): string {
    return renderPrometheus(this.metrics);
  }

  async start(): Promise<this> {
    const started = this.bridges.start();
    await settle();
    this.clock.turn();
    await started;
    await settle();
    return this;
  }

  /** Lets time pass, and an attempt to connect be made. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
    this.clock.turn();
  }

  /** Both brokers accept; SUBSCRIBEs are answered. */
  async link(isRemotePresent = false, isLocalPresent = true): Promise<void> {
    this.remote.packets();
    this.remote.connack(isRemotePresent);
    this.local.packets();
    this.local.connack(isLocalPresent);
    for (const broker of [this.remote, this.local])
      for (const { name, value } of broker.packets())
        if (name === "SUBSCRIBE") {
          const reasonCodes = value.subscriptions.map(({ qos }) => qos);
          broker.send("SUBACK", { packetIdentifier: value.packetIdentifier, reasonCodes, properties: {} });
        }
    await settle();
  }

  /** A link is there. */
  static async linked(options: RigOptions = {}): Promise<BridgeRig> {
    const rig = await new BridgeRig(options).start();
    await rig.link(true);
    return rig;
  }
}

function wantedBy(rules: readonly BridgeRule[]): SubscribedFilter[] {
  return rules
    .filter(({ direction }) => direction !== "in")
    .map(({ localPrefix, pattern, qos }) => ({ filter: localPrefix + pattern, qos }));
}
