export { lifecycleErrors } from "./errors.ts";
export { type Service, ServiceGroup, type ServiceStatus, type StopOptions } from "./service.ts";
