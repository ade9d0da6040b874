export { LevelStateStore } from "./level-state-store.ts";
export { stateKeySizeMax, stateValueSizeMax } from "./limits.ts";
export { MemoryStateStore } from "./memory-state-store.ts";
export type { StateOperation, StateStore, StateWriteOptions } from "./state-store.ts";
