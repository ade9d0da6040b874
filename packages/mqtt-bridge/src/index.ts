/** Bridges to other MQTT brokers. Start reading at `mqtt-bridges.ts`, then `relay.ts`. */

export {
  type BridgeConfig,
  type BridgeDirection,
  type BridgeRule,
  type BridgeTls,
  type BridgeVersion,
  bridgeDirections,
  bridgeVersions,
} from "./bridge-config.ts";
export type { BridgeCounters } from "./bridge-counters.ts";
export { bridgeErrors } from "./errors.ts";
export { bridgesMax, rulesMax } from "./limits.ts";
export { type BridgeInfo, type LocalServer, MqttBridges, type MqttBridgesOptions } from "./mqtt-bridges.ts";
export { streamPair } from "./stream-pair.ts";
