/** What a run would fail on, found out before anything is connected; and which address the broker answers at. */

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { freemem } from "node:os";
import type { Clock } from "@polylog/base/clock";
import { loadgenErrors } from "../errors.ts";
import { connectionSize } from "../limits.ts";

/** What the machine allows; undefined where it does not say. */
export interface MachineLimits {
  readonly descriptors: number | undefined;
  readonly ephemeralPorts: number | undefined;
  readonly memoryBytes: number;
}

/** Descriptors that are open anyway. */
const descriptorsReserved = 64;

/** Throws TOO_MANY_CONNECTIONS, TOO_FEW_PORTS, TOO_LITTLE_MEMORY. */
export function checkLimits(connections: number, sources: number, limits: MachineLimits): void {
  const { descriptors: limit, ephemeralPorts: ports, memoryBytes } = limits;
  if (limit !== undefined && connections + descriptorsReserved > limit) {
    throw loadgenErrors.TOO_MANY_CONNECTIONS({ connections, limit, wanted: connections + descriptorsReserved });
  }
  if (ports !== undefined && connections > ports * Math.max(1, sources)) {
    throw loadgenErrors.TOO_FEW_PORTS({ connections, ports });
  }
  const needed = connections * connectionSize;
  if (needed > memoryBytes) {
    const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
    throw loadgenErrors.TOO_LITTLE_MEMORY({
      connections,
      needed: mebibytes(needed),
      available: mebibytes(memoryBytes),
    });
  }
}

export function machineLimits(): MachineLimits {
  const descriptors = /^Max open files\s+(\d+)/m.exec(readText("/proc/self/limits"))?.[1];
  const range = /(\d+)\s+(\d+)/.exec(readText("/proc/sys/net/ipv4/ip_local_port_range"));
  return {
    descriptors: descriptors === undefined ? undefined : Number(descriptors),
    ephemeralPorts: range === null ? undefined : Number(range[2]) - Number(range[1]) + 1,
    memoryBytes: freemem(),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/**
 * The address at which `host` answers on `port`, so that each client need not ask for it again. Rejects with
 * BROKER_UNREACHABLE.
 */
export function probe(host: string, port: number, timeoutMs: number, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (reason: string, cause?: unknown) => {
      socket.destroy();
      clock.clearTimer(timer);
      reject(loadgenErrors.BROKER_UNREACHABLE({ address: `${host}:${port}`, reason }, cause));
    };
    const timer = clock.setTimer(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.once("error", (error: NodeJS.ErrnoException) => fail(reasonOf(error), error));
    socket.once("connect", () => {
      clock.clearTimer(timer);
      const address = socket.remoteAddress ?? host;
      socket.destroy();
      resolve(address);
    });
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
};

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return reasons[code ?? ""] ?? (message === "" ? (code ?? "it failed") : message);
}
