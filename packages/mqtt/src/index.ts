/** MQTT 3.1, 3.1.1 and 5.0 on the broker. Start reading at `mqtt-server.ts`, then `connection-state.ts`. */

export type { Authentication, AuthenticationMethods, AuthenticationStep } from "./authentication/authentication.ts";
export {
  ScramAuthentication,
  type ScramKeys,
  type ScramUsers,
  scramKeysOf,
  scramMethod,
} from "./authentication/scram.ts";
export type { DelayedInfo, DelayedQuestion } from "./delayed/list-delayed.ts";
export { mqttErrors } from "./errors.ts";
export { defaultMqttLimits, type MqttLimits, rewriteRulesMax } from "./limits.ts";
export { type ClientInfo, MqttServer, type MqttServerOptions, type SubscriptionInfo } from "./mqtt-server.ts";
export { findRewriteProblem, type RewriteAction, type RewriteRule, rewriteActions } from "./topic-rewrites.ts";
