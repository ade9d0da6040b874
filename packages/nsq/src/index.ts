export { type AuthdMethod, type AuthdOptions, authdMethods } from "./auth/authd-client.ts";
export { nsqErrors } from "./errors.ts";
export type { NsqLimits } from "./limits.ts";
export { LookupdServer, type LookupdServerOptions } from "./lookupd/lookupd-server.ts";
export { NsqServer, type NsqServerOptions } from "./nsq-server.ts";
export { LookupdPeers, type LookupdPeersOptions } from "./peers/lookupd-peers.ts";
export { type NodeAddress, parseAddress } from "./peers/node-address.ts";
export type { LatencyOptions } from "./stats/latency.ts";
export type { StatsdOptions } from "./stats/statsd.ts";
export {
  type NsqTls,
  type TlsClientAuth,
  type TlsRequired,
  tlsClientAuths,
  tlsRequireds,
} from "./upgrades/tls-settings.ts";
export { nsqdVersion } from "./version.ts";
