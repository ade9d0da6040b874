export {
  type ClientOptions,
  checkClientOptions,
  defaultClientOptions,
  renderClientOptions,
  setClientOption,
} from "./client-options.ts";
export { Consumer, type ConsumerContext, type ConsumerRequest, type MessageHandler } from "./consumer.ts";
export { type Dialer, netDialer } from "./dialer.ts";
export { getJson, type HttpAnswer, type HttpClient, type HttpRequest, httpClient } from "./http-request.ts";
export { asObject, type LookupProducer, lookupProducers, lookupTopics } from "./lookupd.ts";
export type { Message } from "./message.ts";
export type { ConnectionContext } from "./nsq-connection.ts";
export { Producer } from "./producer.ts";
