export { type CreateServerOptions, createServer, type EmbeddedServer } from "./create-server.ts";
export { PolylogServer } from "./polylog-server.ts";
export { version } from "./version.ts";
