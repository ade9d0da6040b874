/**
 * The few questions to a Docker Engine (or one that answers like it) that a benchmark has, over its socket, TCP or TLS, as
 * Docker's own variables say: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH.
 *
 * Processor time and memory are computed as `docker stats` does: memory without the page cache that can be given back
 * (`inactive_file`, with control groups of version 1 `total_inactive_file`).
 */

import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { join } from "node:path";
import { loadgenErrors } from "../errors.ts";
import type { UsageReading } from "./process-sampler.ts";

/** Answers a GET with parsed JSON; rejects when the engine cannot be reached or says no. */
export type AskEngine = (path: string) => Promise<unknown>;

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
}

interface ListedContainer {
  readonly Id: string;
  readonly Names?: readonly string[];
  readonly Image?: string;
  readonly Ports?: readonly { readonly PrivatePort?: number; readonly PublicPort?: number; readonly Type?: string }[];
  readonly HostConfig?: { readonly NetworkMode?: string };
}

/** Words in image names by which a broker on the host's network is known, where no port is published. */
const brokerImages = /mqtt|mosquitto|emqx|vernemq|hivemq|nanomq|rumqtt|polylog|rabbitmq|nats|artemis/i;

/**
 * The container that `nameOrId` names; without that, the one that publishes or has `port`, or a broker on the host's network.
 * Undefined: there is none.
 */
export async function findContainer(
  ask: AskEngine,
  port: number,
  nameOrId: string | undefined,
): Promise<Container | undefined> {
  const all = ((await ask("/containers/json")) as readonly ListedContainer[]).filter(
    ({ Id }) => typeof Id === "string",
  );
  const hasPort = (read: "PublicPort" | "PrivatePort") => (each: ListedContainer) =>
    each.Ports?.some((one) => one[read] === port && (one.Type ?? "tcp") === "tcp") ?? false;
  const isNamed = (each: ListedContainer) =>
    each.Names?.includes(`/${nameOrId}`) === true || (nameOrId !== "" && each.Id.startsWith(nameOrId ?? " "));
  const isOnHost = ({ HostConfig, Image = "" }: ListedContainer) =>
    HostConfig?.NetworkMode === "host" && brokerImages.test(Image);
  const ways = nameOrId === undefined ? [hasPort("PublicPort"), hasPort("PrivatePort"), isOnHost] : [isNamed];
  for (const way of ways) {
    const found = all.find(way);
    if (found !== undefined) {
      const name = (found.Names?.[0] ?? found.Id.slice(0, 12)).replace(/^\//, "");
      return { id: found.Id, name, image: found.Image ?? "" };
    }
  }
  return undefined;
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

export async function readContainerUsage(ask: AskEngine, id: string): Promise<UsageReading> {
  const stats = (await ask(`/containers/${id}/stats?stream=false&one-shot=true`)) as Stats;
  const { cpu_usage: cpu, system_cpu_usage: system = 0, online_cpus: online } = stats.cpu_stats ?? {};
  const { usage = 0, limit = 0, stats: memory = {} } = stats.memory_stats ?? {};
  const cache = memory["total_inactive_file"] ?? memory["inactive_file"] ?? 0;
  const networks = Object.values(stats.networks ?? {});
  return {
    cpuTotalNs: cpu?.total_usage ?? 0,
    cpuSystemNs: system,
    cores: online ?? (cpu?.percpu_usage?.length || 1),
    memoryBytes: cache < usage ? usage - cache : usage,
    memoryLimitBytes: limit,
    networkReadBytes: networks.reduce((sum, { rx_bytes = 0 }) => sum + rx_bytes, 0),
    networkWrittenBytes: networks.reduce((sum, { tx_bytes = 0 }) => sum + tx_bytes, 0),
  };
}

type Env = Readonly<Record<string, string | undefined>>;

const socketDefault = "/var/run/docker.sock";
const answerSizeMax = 64 * 1024 * 1024;
const timeoutMs = 5000;

/** Where the engine is, as `node:http` takes it. Throws ENGINE_FAILED for a DOCKER_HOST that cannot be used. */
export function engineAddress(env: Env): { readonly isTls: boolean; readonly options: object } {
  const host = env["DOCKER_HOST"] || `unix://${socketDefault}`;
  if (host.startsWith("unix://")) return { isTls: false, options: { socketPath: host.slice("unix://".length) } };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url === undefined || !/^(tcp|http|https):$/.test(url.protocol)) {
    throw loadgenErrors.ENGINE_FAILED({
      reason: `DOCKER_HOST=${host} is neither unix://, tcp://, http:// nor https://`,
    });
  }
  const isTls = url.protocol === "https:" || (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const port = url.port === "" ? (isTls ? 2376 : 2375) : Number(url.port);
  const folder = env["DOCKER_CERT_PATH"] ?? join(env["HOME"] ?? "", ".docker");
  const files = isTls
    ? { ca: read(folder, "ca.pem"), cert: read(folder, "cert.pem"), key: read(folder, "key.pem") }
    : {};
  return { isTls, options: { host: url.hostname.replace(/^\[|\]$/g, ""), port, ...files } };
}

function read(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return undefined;
  }
}

/** The real engine. */
export function dockerEngine(env: Env): AskEngine {
  const { isTls, options } = engineAddress(env);
  return (path) =>
    new Promise((resolve, reject) => {
      const fail = (reason: string) => reject(loadgenErrors.ENGINE_FAILED({ reason }));
      const request = (isTls ? requestHttps : requestHttp)({ ...options, path, timeout: timeoutMs }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > answerSizeMax) request.destroy(new Error("the answer is too long"));
        });
        response.on("error", (error) => fail(error.message));
        response.on("end", () => {
          if (response.statusCode !== 200) return fail(`${path}: ${response.statusCode} ${text.slice(0, 200)}`);
          try {
            resolve(JSON.parse(text));
          } catch {
            fail(`${path}: the answer is not JSON`);
          }
        });
      });
      request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      request.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      request.end();
    });
}
