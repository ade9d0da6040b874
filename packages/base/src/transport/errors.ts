import { defineErrors } from "../errors/index.ts";

export const transportErrors = defineErrors("transport", {
  ADDRESS_IN_USE: {
    text: "{listener}: {address} is in use by another program",
    help: "stop that program, or choose another address (port 0 takes a free one)",
    retryable: true,
  },
  SOCKET_IN_USE: {
    text: "{listener}: {address} is there already",
    help: "stop the program that listens there; if none does, as after a crash, remove the file",
    retryable: true,
  },
  ADDRESS_NOT_AVAILABLE: {
    text: "{listener}: {host} is not an address of this machine",
    help: "use 127.0.0.1, 0.0.0.0, or an address that this machine has",
  },
  LISTEN_REFUSED: {
    text: "{listener}: listening on {address} is not permitted",
    help: "ports below 1024 need a privilege; choose a higher one",
  },
  LISTEN_FAILED: { text: "{listener}: cannot listen on {address} ({reason})" },
});
