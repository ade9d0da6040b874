export { PolylogServer } from "./polylog-server.ts";
export { version } from "./version.ts";
