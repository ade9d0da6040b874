/** MQTT 3.1 and 3.1.1 on the broker. Start reading at `mqtt-server.ts`, then `connection-state.ts`. */

export { mqttErrors } from "./errors.ts";
export { defaultMqttLimits, type MqttLimits } from "./limits.ts";
export { type ClientInfo, MqttServer, type MqttServerOptions } from "./mqtt-server.ts";
