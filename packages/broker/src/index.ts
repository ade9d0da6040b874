export type {
  Chunk,
  Durability,
  DurabilityWaiter,
  LogConfig,
  Partition,
  ProducerStamp,
  RecordFields,
} from "@polylog/log";
export {
  decodeHeaders,
  durabilities,
  isLogName,
  logConfigChoices,
  RecordCursor,
} from "@polylog/log";
export { type Access, type AccessAction, allowAll, anonymous, type Principal } from "./access/access.ts";
export { Broker, type BrokerOptions } from "./broker.ts";
export { BrokerLog } from "./catalog/broker-log.ts";
export type { CaptureRule } from "./catalog/capture-rule.ts";
export type { CatalogWatcher } from "./catalog/catalog.ts";
export { partitionOfKey } from "./catalog/murmur2.ts";
export type { SeekPosition } from "./catalog/seek-position.ts";
export { Channel, type ChannelSettings } from "./channels/channel.ts";
export { ChannelConsumer, type ConsumerSink } from "./channels/channel-consumer.ts";
export type { Answer } from "./channels/unfinished-page.ts";
export { brokerErrors } from "./errors.ts";
export { type BrokerLimits, defaultBrokerLimits } from "./limits.ts";
export {
  type Capture,
  type MessageRoute,
  Publication,
  type QoS,
  type Subscriber,
  Subscription,
  type SubscriptionOptions,
} from "./publication.ts";
export type { RetainedMessage } from "./retained/retained-store.ts";
