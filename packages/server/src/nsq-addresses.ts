/** Where NSQ clients and nsqlookupds are told that this server is. */

import { hostname } from "node:os";
import { isSocketPath, type ListenAddress } from "@polylog/base/transport";
import type { NodeAddress } from "@polylog/nsq";
import type { ServeOptions } from "./config/serve-options.ts";

type Broadcast = Partial<Pick<ServeOptions, "broadcastAddress" | "broadcastTcpPort" | "broadcastHttpPort">>;

/** Undefined when one of nsqd's listeners is off: nsqlookupds take no nsqd without both. */
export function nsqdAddress(
  given: Broadcast,
  tcp: ListenAddress | undefined,
  http: ListenAddress | undefined,
): NodeAddress | undefined {
  if (tcp === undefined || http === undefined) return undefined;
  return {
    broadcastAddress: broadcastHost(given, tcp),
    tcpPort: given.broadcastTcpPort || tcp.port,
    httpPort: given.broadcastHttpPort || http.port,
  };
}

/** A listener that is off has the port 0. */
export function lookupdAddress(
  given: Broadcast,
  tcp: ListenAddress | undefined,
  http: ListenAddress | undefined,
): NodeAddress {
  return { broadcastAddress: broadcastHost(given, http ?? tcp), tcpPort: tcp?.port ?? 0, httpPort: http?.port ?? 0 };
}

/** What is bound to one address is reached there; what is bound to all, under the host's name. */
export function broadcastHost({ broadcastAddress }: Broadcast, listener: ListenAddress | undefined): string {
  if (broadcastAddress !== undefined && broadcastAddress !== "") return broadcastAddress;
  if (listener === undefined || isSocketPath(listener.host) || listener.host === "0.0.0.0" || listener.host === "::")
    return hostname();
  return listener.host;
}
