export { MemoryBroker, type MemoryBrokerOptions } from "./memory-broker.ts";
export { RecordingConsumer } from "./recording-consumer.ts";
