export { MemoryStream } from "./memory-stream.ts";
export { type ServerOptions, type ServerProcess, startServer } from "./server-process.ts";
export { settle } from "./settle.ts";
export { temporaryDirectory } from "./temporary-directory.ts";
