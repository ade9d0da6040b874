export { MemoryBroker, type MemoryBrokerOptions, startBrokerInMemory } from "./memory-broker.ts";
export { RecordingConsumer } from "./recording-consumer.ts";
