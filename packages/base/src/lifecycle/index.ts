export { lifecycleErrors } from "./errors.ts";
export { type Service, ServiceGroup, type ServiceStatus, type StopOptions, service } from "./service.ts";
