export { lifecycleErrors } from "./errors.ts";
export { exitWhenWritten } from "./exit-when-written.ts";
export { type Service, ServiceGroup, type ServiceStatus, type StopOptions, service } from "./service.ts";
