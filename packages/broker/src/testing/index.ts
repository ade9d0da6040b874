export { type BusContractOptions, busContract } from "../bus/bus.contract.ts";
export { MemoryBusHub } from "../bus/memory-bus.ts";
export { MemoryBroker, type MemoryBrokerOptions, startBrokerInMemory } from "./memory-broker.ts";
export { RecordingConsumer } from "./recording-consumer.ts";
