/**
 * The two questions that a benchmark has for a Docker Engine, or one that answers like it: which containers run, and what
 * one of them has used. Asked with dockerode, which is loaded only when there is an engine to ask: over its socket, TCP or
 * TLS, as Docker's own variables say (DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH).
 *
 * Processor time counts against the engine's own clock, as the Engine API says: the part of `system_cpu_usage` that the
 * container had, times the number of processors. Memory is what `docker stats` shows: `usage` without the page cache that
 * can be given back (`inactive_file`, with control groups of version 1 `total_inactive_file`).
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import type { DockerOptions } from "dockerode";
import { loadgenErrors } from "../errors.ts";
import type { UsageReading } from "./process-sampler.ts";

/** The part of dockerode that is used. */
export type Engine = Pick<Docker, "listContainers" | "getContainer">;

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
}

/** Where the broker is, as far as it is known. */
export interface Whereabouts {
  readonly address: string;
  /** The address is this machine's own. */
  readonly isLocal: boolean;
  readonly port: number;
  /** Control groups of the process that listens on the port here, as `/proc/PID/cgroup` has them; undefined: none is seen. */
  readonly controlGroups: string | undefined;
}

interface ListedContainer {
  readonly Id: string;
  readonly Names?: readonly string[];
  readonly Image?: string;
  readonly Ports?: readonly { readonly PrivatePort?: number; readonly PublicPort?: number; readonly Type?: string }[];
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> };
}

/** Words in image names by which a broker on the host's network is known, where no port is published. */
const brokerImages = /mqtt|mosquitto|emqx|vernemq|hivemq|nanomq|rumqtt|polylog|rabbitmq|nats|artemis/i;

/** The container that `nameOrId` names. Undefined: there is none. */
export async function findContainerNamed(engine: Engine, nameOrId: string): Promise<Container | undefined> {
  const all = await listContainers(engine);
  return containerOf(
    all.find(({ Names }) => Names?.includes(`/${nameOrId}`) === true) ??
      all.find(({ Id }) => nameOrId !== "" && Id.startsWith(nameOrId)),
  );
}

/**
 * The container that publishes the port here, or has it at its own address, or in which the process runs that listens on
 * it; where no such process is seen, one that has the port inside, or a broker on the host's network. Undefined: none.
 */
export async function findContainerAt(engine: Engine, where: Whereabouts): Promise<Container | undefined> {
  const { address, isLocal, port, controlGroups } = where;
  const all = await listContainers(engine);
  const hasPort = (read: "PublicPort" | "PrivatePort") => (each: ListedContainer) =>
    each.Ports?.some((one) => one[read] === port && (one.Type ?? "tcp") === "tcp") ?? false;
  const hasAddress = ({ NetworkSettings }: ListedContainer) =>
    Object.values(NetworkSettings?.Networks ?? {}).some(({ IPAddress }) => IPAddress === address);
  const isOnHost = ({ HostConfig, Image = "" }: ListedContainer) =>
    HostConfig?.NetworkMode === "host" && brokerImages.test(Image);
  const ways = isLocal
    ? [
        hasPort("PublicPort"),
        ...(controlGroups === undefined
          ? [hasPort("PrivatePort"), isOnHost]
          : [({ Id }: ListedContainer) => controlGroups.includes(Id)]),
      ]
    : [hasAddress];
  for (const way of ways) {
    const found = all.find(way);
    if (found !== undefined) return containerOf(found);
  }
  return undefined;
}

async function listContainers(engine: Engine): Promise<readonly ListedContainer[]> {
  const listed = await asked(engine.listContainers());
  if (!Array.isArray(listed)) throw loadgenErrors.ENGINE_FAILED({ reason: "what it answers is no list of containers" });
  return (listed as readonly ListedContainer[]).filter((each) => typeof each?.Id === "string" && each.Id !== "");
}

function containerOf(found: ListedContainer | undefined): Container | undefined {
  if (found === undefined) return undefined;
  const name = (found.Names?.[0] ?? found.Id.slice(0, 12)).replace(/^\//, "");
  return { id: found.Id, name, image: found.Image ?? "" };
}

interface Stats {
  readonly cpu_stats?: {
    readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] };
    readonly system_cpu_usage?: number;
    readonly online_cpus?: number;
  };
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes?: number; readonly tx_bytes?: number }>>;
}

/** Rejects with ENGINE_FAILED. */
export async function readContainerUsage(engine: Engine, id: string): Promise<UsageReading> {
  const stats = (await asked(engine.getContainer(id).stats({ stream: false, "one-shot": true }))) as Stats;
  const { cpu_usage: cpu, system_cpu_usage: system = 0, online_cpus: online } = stats.cpu_stats ?? {};
  const { usage = 0, limit = 0, stats: memory = {} } = stats.memory_stats ?? {};
  const cache = memory["total_inactive_file"] ?? memory["inactive_file"] ?? 0;
  const networks = Object.values(stats.networks ?? {});
  const cores = online || cpu?.percpu_usage?.length || 1;
  return {
    cpuTotalNs: cpu?.total_usage ?? 0,
    cpuSystemNs: system,
    cores,
    ...(system > 0 ? { clockNs: system / cores } : {}),
    memoryBytes: cache < usage ? usage - cache : usage,
    memoryLimitBytes: limit,
    networkReadBytes: networks.reduce((sum, { rx_bytes = 0 }) => sum + rx_bytes, 0),
    networkWrittenBytes: networks.reduce((sum, { tx_bytes = 0 }) => sum + tx_bytes, 0),
  };
}

async function asked(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    const { code, message, json } = error as NodeJS.ErrnoException & { json?: { message?: string } };
    throw loadgenErrors.ENGINE_FAILED({ reason: (json?.message ?? code ?? message).trim() }, error);
  }
}

type Env = Readonly<Record<string, string | undefined>>;

const socketDefault = "/var/run/docker.sock";
const timeoutMs = 5000;

/**
 * The engine that Docker's variables name. Undefined: they name none, and there is no socket where one is by default.
 * Rejects with ENGINE_FAILED for variables that cannot be used.
 */
export async function openEngine(env: Env): Promise<Engine | undefined> {
  const options = engineOptions(env);
  const isNamed = (env["DOCKER_HOST"] ?? "") !== "";
  if (!isNamed && !existsSync(options.socketPath ?? "")) return undefined;
  const { default: Client } = await import("dockerode");
  try {
    return new Client({ ...options, timeout: timeoutMs });
  } catch (error) {
    throw loadgenErrors.ENGINE_FAILED({ reason: (error as Error).message }, error);
  }
}

/**
 * Where the engine is, as dockerode takes it. TLS with https://, DOCKER_TLS_VERIFY or port 2376; certificates from
 * DOCKER_CERT_PATH, by default `~/.docker`. Throws ENGINE_FAILED for a DOCKER_HOST that cannot be used.
 */
export function engineOptions(env: Env): DockerOptions {
  const host = env["DOCKER_HOST"] ?? "";
  const home = env["HOME"] ?? "";
  // Undefined: dockerode reads the variables itself otherwise, and these are its names for what they say.
  const none = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined };
  if (host === "" || host.startsWith("unix://")) {
    const ofUser = join(home, ".docker/run/docker.sock");
    const socketPath = host.slice("unix://".length) || (home !== "" && existsSync(ofUser) ? ofUser : socketDefault);
    return { ...none, protocol: "http", socketPath };
  }
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url === undefined || !/^(tcp|http|https):$/.test(url.protocol)) {
    throw loadgenErrors.ENGINE_FAILED({
      reason: `DOCKER_HOST=${host} is neither unix://, tcp://, http:// nor https://`,
    });
  }
  const isTls = url.protocol === "https:" || (env["DOCKER_TLS_VERIFY"] ?? "") !== "" || url.port === "2376";
  const port = url.port === "" ? (isTls ? 2376 : 2375) : Number(url.port);
  const folder = env["DOCKER_CERT_PATH"] || join(home, ".docker");
  const files = isTls
    ? { ca: read(folder, "ca.pem"), cert: read(folder, "cert.pem"), key: read(folder, "key.pem") }
    : {};
  return {
    ...none,
    protocol: isTls ? "https" : "http",
    socketPath: undefined,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    ...files,
  };
}

function read(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return undefined;
  }
}
