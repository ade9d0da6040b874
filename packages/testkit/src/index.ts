export { type Chance, seededChance } from "./crash/chance.ts";
export { ChannelWorker } from "./crash/channel-worker.ts";
export { type Door, doors } from "./crash/doors.ts";
export { MessageLedger, type Run, renderMessage } from "./crash/message-ledger.ts";
export { Producer } from "./crash/producer.ts";
export { StoredLog, type StoredRecord } from "./crash/stored-log.ts";
export { freePort } from "./free-port.ts";
export { MemoryStream } from "./memory-stream.ts";
export {
  type PreparedServer,
  prepareServer,
  type ServerOptions,
  type ServerProcess,
  startServer,
} from "./server-process.ts";
export { settle } from "./settle.ts";
export { temporaryDirectory } from "./temporary-directory.ts";
export {
  hasTerminals,
  screenOf,
  startInTerminal,
  type TerminalOptions,
  type TerminalProcess,
} from "./terminal.ts";
export {
  authorityCert,
  clientCertificate,
  renewedCertificate,
  serverCertificate,
  strangerCertificate,
  type TestCertificate,
  writeTlsFiles,
} from "./tls-certificates.ts";
