export { nsqErrors } from "./errors.ts";
export type { NsqLimits } from "./limits.ts";
export { LookupdServer, type LookupdServerOptions } from "./lookupd/lookupd-server.ts";
export { NsqServer, type NsqServerOptions } from "./nsq-server.ts";
export { LookupdPeers, type LookupdPeersOptions } from "./peers/lookupd-peers.ts";
export { type NodeAddress, parseAddress } from "./peers/node-address.ts";
