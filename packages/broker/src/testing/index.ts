export { MemoryStorage } from "@polylog/log/memory";
export { type BusContractOptions, busContract } from "../bus/bus.contract.ts";
export { MemoryBusHub } from "../bus/memory-bus.ts";
export {
  type SessionStoreContractOptions,
  type SessionStoreRig,
  sessionStoreContract,
} from "../sessions/session-store.contract.ts";
export { CrashingStateStore } from "./crashing-state-store.ts";
export { MemoryBroker, type MemoryBrokerOptions, startBrokerInMemory } from "./memory-broker.ts";
export { RecordingConsumer } from "./recording-consumer.ts";
export { SessionRig } from "./session-rig.ts";
