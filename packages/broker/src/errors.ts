import { defineErrors } from "@polylog/base/errors";

export const brokerErrors = defineErrors("broker", {
  LOG_NOT_FOUND: { text: 'log "{log}" does not exist', help: "create it, or list the logs there are" },
  LOG_EXISTS: { text: 'log "{log}" exists already' },
  LOG_LIMIT: {
    text: 'log "{log}" would be one more than the {limit} logs this server keeps',
    help: "delete logs that are not needed",
  },
  LOG_FULL: {
    text: 'log "{log}" is full: {depth} messages of partition {partition} are not finished',
    help: "finish some, drop what a channel does not need, or raise depthRecords or depthBytes of the log",
    retryable: true,
  },
  CHANNEL_NOT_FOUND: { text: 'log "{log}" has no channel "{channel}"' },
  CHANNEL_LIMIT: {
    text: 'channel "{channel}" would be one more than the {limit} channels of log "{log}"',
    help: "delete channels that are not needed",
  },
  DEAD_LETTER_NAME: {
    text: 'log "{log}" can have no dead letters: "{name}" is too long for the log that would hold them',
    help: "only logs whose names have at most 59 characters, #ephemeral included, can have a maximum of attempts",
  },
  MAX_ATTEMPTS_INVALID: { text: "a maximum of {maxAttempts} attempts is not 0 (no maximum) to {limit}" },
  REPLAY_RUNNING: {
    text: 'dead letters of log "{log}" are being replayed',
    help: "wait until that has ended",
    retryable: true,
  },
  CHANNEL_OUTSIDE_LOG: {
    text: 'channel "{channel}" of {log}/{partition} stands at {floor} to {cursor}, and the log has {low} to {high}',
    help: "the next start moves it into the log; records were lost, or the state is older or newer than the log",
  },
  CHANNEL_WITHOUT_LOG: {
    text: 'the state store has a channel "{channel}" of log "{log}", which does not exist',
    help: "restore the log, or the whole data directory, from a copy",
  },
  CHANNEL_CLOSED: { text: 'channel "{channel}" of log "{log}" was deleted or the server is stopping' },
  INVALID_NAME: {
    text: '"{name}" is not a valid log or channel name',
    help: "use 1 to 64 of the characters . a-z A-Z 0-9 _ - and, if wanted, the suffix #ephemeral",
  },
  PRODUCER_ID_INVALID: {
    text: '"{id}" is not a valid id of a producer',
    help: "use 1 to 64 of the characters . a-z A-Z 0-9 _ -",
  },
  INVALID_PARTITION: { text: 'log "{log}" has partitions 0 to {last}, and no partition {partition}' },
  NOT_IN_FLIGHT: { text: "the message is not in flight" },
  NOT_OWNER: { text: "the message is in flight to another consumer" },
  NOT_AUTHORIZED: { text: '{action} on "{resource}" is not allowed' },
  RETAINED_LIMIT: {
    text: "the server keeps at most {limit} retained messages",
    help: "clear retained topics that are not needed by publishing an empty retained message to them",
  },
  FILTER_TOO_LARGE: {
    text: "a topic filter of {size} bytes has more than {sizeMax} bytes or {levelsMax} levels",
  },
  TOPIC_TOO_DEEP: { text: "a retained topic has more than {levelsMax} levels" },
  SESSION_EXISTS: { text: "client {clientId} has a session already" },
  SESSION_QUEUE_FULL: {
    text: "the queue of session {clientId} is full: {messages} messages, {bytes} bytes",
    help: "let its client come back, raise the limit, or choose to drop messages when a queue is full",
    retryable: true,
  },
  SESSION_LOG_FULL: {
    text: "messages that wait for sessions take {size} of {sizeMax} bytes",
    help: "delete sessions whose clients do not come back, or raise the limit",
    retryable: true,
  },
  DEFERRED_LIMIT: {
    text: "the server keeps at most {limit} messages that are to be published later",
    help: "wait until some have been published, or raise the limit",
    retryable: true,
  },
  DEFERRED_FAILED: { text: "a message could not be published when it was due: {reason}" },
  STATE_WRITE_FAILED: { text: "small state could not be written: {reason}", fatal: true },
  STATE_DAMAGED: { text: 'the saved state under "{key}" cannot be read', help: "restore the data directory" },
});
