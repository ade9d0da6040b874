/** What an administrator says of a bridge. */

import type { QoS } from "@polylog/mqtt-wire";

export const bridgeDirections = ["out", "in", "both"] as const;
export type BridgeDirection = (typeof bridgeDirections)[number];

export const bridgeVersions = ["auto", "5", "3.1.1"] as const;
export type BridgeVersion = (typeof bridgeVersions)[number];

/**
 * Topics that go over the bridge, as mosquitto has it: here they match `localPrefix` + `pattern`, there `remotePrefix` +
 * `pattern`, and one prefix takes the other's place.
 */
export interface BridgeRule {
  readonly pattern: string;
  /** `out`: from here to the remote broker. */
  readonly direction: BridgeDirection;
  /** Messages of a higher QoS go over at this one. */
  readonly qos: QoS;
  readonly localPrefix: string;
  readonly remotePrefix: string;
}

export interface BridgeTls {
  /** Paths of PEM files, read at each attempt to connect. Without `ca` those of Node.js are believed. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface BridgeConfig {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls: BridgeTls | undefined;
  /** What the remote broker knows the bridge by; of no other client there. */
  readonly clientId: string;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** Read at each attempt to connect; its first line is the password. */
  readonly passwordFile: string | undefined;
  readonly version: BridgeVersion;
  /** 1..65,535. */
  readonly keepAliveSeconds: number;
  readonly rules: readonly BridgeRule[];
}

/** `host:port`, with brackets where they belong. */
export function remoteOf({ host, port }: Pick<BridgeConfig, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
