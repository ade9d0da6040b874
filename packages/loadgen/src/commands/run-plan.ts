/** From the options of `run` to what is run. Reads files; connects to nothing. */

import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { QoS } from "@polylog/mqtt-wire";
import { loadgenErrors } from "../errors.ts";
import { parseStages } from "../measure/stages.ts";
import type { BenchSettings } from "../mqtt/bench-run.ts";
import { readPem } from "../mqtt/dial.ts";
import type { BenchPlan } from "../mqtt/plan.ts";
import { parseScenario } from "../mqtt/scenario-file.ts";
import { type ScenarioName, scenarios } from "../mqtt/scenarios.ts";
import type { PayloadPlan } from "../mqtt/shape-plan.ts";
import type { ShapeSize } from "../mqtt/shapes.ts";
import type { RunOptions } from "./run-options.ts";

/** What is run, and the numbers that describe it in tables. */
export interface Load {
  readonly plan: BenchPlan;
  readonly qos: number;
  /** Messages per second of one publisher. */
  readonly rate: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly topics: number;
}

/** Bytes that payloads are filled with, over and over. */
const fillingSize = 65_536;

/** What the scenario's numbers are: as given, else its defaults. */
function sizeOf(name: ScenarioName, options: RunOptions): ShapeSize {
  const { defaults } = scenarios[name];
  const publishers = options.publishers ?? defaults.publishers;
  if (scenarios[name].isPaired) {
    const pairs = options.publishers ?? options.subscribers ?? defaults.publishers;
    return { publishers: pairs, subscribers: options.subscribers ?? pairs, topics: pairs };
  }
  const subscribers = options.subscribers ?? defaults.subscribers;
  return { publishers, subscribers, topics: options.topics ?? defaults.topics };
}

/** Throws FILE_UNREADABLE. */
export function loadOfScenario(name: ScenarioName, options: RunOptions): Load {
  const size = sizeOf(name, options);
  const plan = scenarios[name].plan({
    size,
    qos: options.qos as QoS,
    retain: options.retain,
    rate: Number(options.rate),
    stages: options.stages === undefined ? [] : (parseStages(options.stages).stages ?? []),
    payload: payloadOf(options),
    clientPrefix: options.clientPrefix,
    baseTopic: options.baseTopic,
    warmupNs: options.warmup * 1e6,
    durationNs: options.duration * 1e6,
    cutEveryNs: options.cutEvery * 1e6,
  });
  return { plan, qos: options.qos, rate: Number(options.rate), ...size };
}

/** Where the files are that come with the package. */
const presetFolder = new URL("../../presets/", import.meta.url);

/** Names that `--file` takes for files of the package. */
export function presetNames(): readonly string[] {
  return readdirSync(presetFolder).map((file) => file.replace(/\.toml$/, ""));
}

/** `file`: a path, or the name of a preset. Rejects with FILE_UNREADABLE, SCENARIO_FILE_INVALID. */
export async function loadOfFile(file: string, options: RunOptions): Promise<Load> {
  const isPreset = !existsSync(file) && presetNames().includes(file);
  const plan = await parseScenario(readText(isPreset ? new URL(`${file}.toml`, presetFolder) : file, file), file, {
    warmupNs: options.warmup * 1e6,
    durationNs: options.duration * 1e6,
    clientPrefix: options.clientPrefix,
    filling: randomBytes(fillingSize),
  });
  const publishers = plan.flows.flatMap((flow) => flow.publishers);
  return {
    plan,
    qos: Math.max(0, ...plan.flows.map(({ qos }) => qos)),
    rate: plan.flows[0]?.rate ?? 0,
    publishers: publishers.length,
    subscribers: plan.subscriptions.length,
    topics: new Set(publishers.map(({ topic }) => topic)).size,
  };
}

function readText(path: string | URL, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw loadgenErrors.FILE_UNREADABLE({ path: name, reason: (error as Error).message }, error);
  }
}

function payloadOf({ payloadFile, payloadTemplate, payloadSize }: RunOptions): PayloadPlan {
  if (payloadTemplate !== undefined) return { template: payloadTemplate };
  if (payloadFile === undefined) return { size: payloadSize, filling: randomBytes(fillingSize) };
  try {
    return { content: readFileSync(payloadFile) };
  } catch (error) {
    throw loadgenErrors.FILE_UNREADABLE({ path: payloadFile, reason: (error as Error).message }, error);
  }
}

const protocolLevels = { "3.1": 3, "3.1.1": 4, "5": 5 } as const;

/** `address`: where the broker answers. Throws FILE_UNREADABLE. */
export function settingsOf(options: RunOptions, address: string): BenchSettings {
  const tls = {
    ca: readPem(options.tlsCa),
    cert: readPem(options.tlsCert),
    key: readPem(options.tlsKey),
    isInsecure: options.tlsInsecure,
    serverName: options.host,
  };
  const workers = options.workers === 0 ? Math.max(1, Math.floor(availableParallelism() / 2)) : options.workers;
  return {
    link: {
      dial: {
        host: address,
        port: options.port,
        tls: options.tls ? tls : undefined,
        webSocketPath: options.websocket,
      },
      protocolLevel: protocolLevels[options.mqtt],
      userName: options.username,
      password: options.password,
      keepAliveSeconds: Math.round(options.keepAlive / 1000),
      isCleanStart: true,
      sessionExpirySeconds: undefined,
      connectTimeoutMs: options.connectTimeout,
      sources: options.source,
    },
    inflightMax: options.inflight,
    connectRate: options.connectRate,
    workers,
    timeoutMs: options.timeout,
    intervalMs: options.statsInterval,
    lateAfterNs: options.lateAfter * 1e6,
  };
}
