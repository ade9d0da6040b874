/** How others reach an NSQ daemon, and the notation of the addresses of nsqlookupds. */

import { hostname } from "node:os";
import type { ListenAddress } from "@polylog/base/transport";
import type { PeerFields } from "@polylog/nsq-wire/lookupd";
import { nsqdVersion } from "../version.ts";

/** What an nsqd tells of where it is. */
export interface NodeAddress {
  readonly broadcastAddress: string;
  readonly tcpPort: number;
  readonly httpPort: number;
  /** Default: "". */
  readonly topologyZone?: string;
  readonly topologyRegion?: string;
}

export function peerFieldsOf(address: NodeAddress): PeerFields {
  return {
    hostname: hostname(),
    broadcast_address: address.broadcastAddress,
    tcp_port: address.tcpPort,
    http_port: address.httpPort,
    version: nsqdVersion,
    topology_zone: address.topologyZone ?? "",
    topology_region: address.topologyRegion ?? "",
  };
}

/** `host:port` or `[::1]:port`; undefined when it is neither. */
export function parseAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port === 0 || port > 65_535) return undefined;
  return { host: match[1] ?? match[2]!, port };
}
