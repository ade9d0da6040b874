/** The log's errors. Codes are printed as `log.CODE`. */

import { defineErrors } from "@polylog/base/errors";

export const logErrors = defineErrors("log", {
  PARTITION_READ_ONLY: {
    text: "partition {partition} of log {log} is read-only: {reason}",
    help: "reading goes on; restart the server once the cause is gone",
    fatal: true,
  },
  PARTITION_CLOSED: {
    text: "partition {partition} of log {log} is {status}",
    help: "open the log before use and do not use it after close or delete",
  },
  PARTITION_MISSING: {
    text: "partition {partition} of log {log} has no segment in {directory}",
    help: "its files were removed from outside; restore them or delete the log",
    fatal: true,
  },
  APPEND_QUEUE_FULL: {
    text: "partition {partition} of log {log} takes no more with {pendingBytes} bytes waiting to be written",
    help: "wait until it drained and append again",
    retryable: true,
  },
  DISK_FULL: {
    text: "the disk is full: {reason}",
    help: "make room; records are taken again without a restart, and reading goes on meanwhile",
    retryable: true,
  },
  RECORD_TOO_LARGE: {
    text: "a record of {size} bytes is larger than {sizeMax}",
    help: "split it or send a reference to it",
  },
  RECORD_INVALID: { text: "the record cannot be stored: {reason}" },
  FRAMES_INVALID: {
    text: "a region of {size} bytes does not hold {count} framed records",
    help: "each record is its size as four bytes, big endian, then that many bytes",
  },
  PRODUCE_TOO_LARGE: {
    text: "{count} records of {size} bytes together are more than one batch takes ({countMax} records, {sizeMax} bytes)",
    help: "send them in several calls; those of a call with a producer are one batch",
  },
  PRODUCER_INVALID: {
    text: 'a producer cannot have id "{id}", epoch {epoch} and sequence {sequence}',
    help: "use an id of 1 to 64 of the characters . a-z A-Z 0-9 _ -, and the epoch that was handed out for it",
  },
  PRODUCER_FENCED: {
    text: 'epoch {epoch} of producer "{id}" has ended: the producer was opened again, as epoch {epochCurrent}',
    help: "stop, if another process has taken over; otherwise open the producer again and begin with sequence 0",
  },
  PRODUCER_UNKNOWN: {
    text: 'epoch {epoch} of producer "{id}" is not known: it was never opened, has written nothing here before, or is forgotten',
    help: "open the producer again and begin with sequence 0; what was sent last and not answered may be there or not",
  },
  SEQUENCE_GAP: {
    text: 'producer "{id}" sent sequence {sequence} to partition {partition} of log {log}, which expects {expected}',
    help: "send what is missing first",
  },
  DUPLICATE_SEQUENCE: {
    text: 'producer "{id}" sent sequence {sequence} to partition {partition} of log {log}, which expects {expected} and does not remember such a call',
    help: "these records were taken before; go on with the sequence expected, and repeat a call only as it was",
  },
  OFFSET_OUT_OF_RANGE: {
    text: "offset {offset} is outside {low}..{high}",
    help: "read between the low watermark and the end",
  },
  CORRUPT_BATCH: {
    text: "{log}/{partition}: offsets {offsetFirst} to before {offsetNext} are damaged in {file} at byte {position} ({fault})",
    help: "records from {offsetNext} on can still be read; restore the segment from a copy, or see polylog repair",
    fatal: true,
  },
  OFFSETS_MISSING: {
    text: "{log}/{partition}: offsets {offsetFirst} to before {offsetNext} are missing",
    help: "records from {offsetNext} on can still be read; restore the missing segment, or see polylog repair",
    fatal: true,
  },
  CHAIN_BROKEN: {
    text: "{log}/{partition}: what lies before offset {offset} is not what was written there ({file}, byte {position})",
    help: "batches were replaced, moved or taken out; compare with a copy and restore the segment from it, or see polylog repair",
    fatal: true,
  },
  CORRUPT_SEGMENT: {
    text: "{log}/{partition}: segment {file} is damaged: {reason}",
    help: "restore the segment from a copy, or see polylog repair",
    fatal: true,
  },
  FILE_UNREADABLE: {
    text: "{log}/{partition}: {file} cannot be read: {reason}",
    help: "look at the disk and the file's permissions, then verify again",
  },
  REPAIR_REFUSED: {
    text: "{log}/{partition}: {file} is not repaired: {reason}",
    help: "nothing was changed; use the Polylog that wrote it, or put the file where it belongs",
  },
  LOG_NAME_INVALID: {
    text: "{name} is not a log name",
    help: "1 to 64 of . a-z A-Z 0-9 _ - and, if wanted, the suffix #ephemeral, which counts",
  },
  LOG_CONFIG_INVALID: { text: "log {name}: {reason}" },
  LOG_ROW_DAMAGED: { text: "the saved configuration of log {name} cannot be read", fatal: true },
  LOG_EXISTS: { text: "log {name} exists" },
  LOG_NOT_FOUND: { text: "there is no log {name}" },
  STORE_CLOSED: { text: "the log store is {status}", help: "open it before use and do not use it after close" },
  DATA_DIR_LOCKED: {
    text: 'data directory "{directory}" is in use by process {pid}',
    help: "stop that process, or start with another --data-dir",
    fatal: true,
  },
  DATA_DIR_UNUSABLE: {
    text: 'data directory "{directory}" cannot be locked: {reason}',
    help: "it must be a writable directory on a file system with hard links; see also its file LOCK",
    fatal: true,
  },
  STATE_CLOSED: { text: 'the state store "{name}" is not open' },
  STATE_LOCKED: {
    text: 'the state store "{name}" is open in another process or twice in this one',
    help: "stop the other process that uses the same data directory",
    fatal: true,
  },
  STATE_DAMAGED: {
    text: 'the state store "{name}" is damaged: {reason}',
    help: "restore the data directory from a copy; nothing was changed",
    fatal: true,
  },
  STATE_OPEN_FAILED: { text: 'the state store "{name}" cannot be opened: {reason}', fatal: true },
  STATE_READ_FAILED: { text: 'the state store "{name}" could not be read: {reason}' },
  STATE_WRITE_FAILED: {
    text: 'the state store "{name}" takes no more writes, because one failed: {reason}',
    help: "free disk space or repair the disk, then restart",
    fatal: true,
  },
  STATE_FULL: {
    text: 'the state store "{name}" has no room: {reason}',
    help: "make room; writes are tried again without a restart",
    retryable: true,
  },
  STATE_INVALID_KEY: { text: "a state key of {size} bytes is not well-formed or not of 1 to {sizeMax} bytes" },
  STATE_VALUE_TOO_LARGE: { text: 'the value of state key "{key}" has {size} bytes; the limit is {sizeMax}' },
  STATE_BUSY: { text: "{size} bytes wait to be written to the state store; the limit is {sizeMax}", retryable: true },
});
