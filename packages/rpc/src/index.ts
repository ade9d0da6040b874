export { rpcErrors } from "./errors.ts";
export { Dispatcher, type DispatcherOptions, type Reply } from "./json-rpc.ts";
export { defaultRpcLimits, type RpcLimits } from "./limits.ts";
export { methods } from "./methods/index.ts";
export type { Method, MethodContext } from "./methods/method.ts";
export type { MqttAdmin, MqttBridge, MqttClient, MqttDelayed, MqttSubscription } from "./mqtt-admin.ts";
export { isOriginAllowed } from "./origin.ts";
export { RpcServer, type RpcServerOptions } from "./rpc-server.ts";
