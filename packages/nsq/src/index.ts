export { nsqErrors } from "./errors.ts";
export type { NsqLimits } from "./limits.ts";
export { NsqServer, type NsqServerOptions } from "./nsq-server.ts";
