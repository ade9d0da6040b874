/** The suites that every implementation of an interface of this package passes. */

export { type LogStoreContractOptions, logStoreContract } from "./log-store.contract.ts";
export { type StateStoreContractOptions, stateStoreContract } from "./state/state-store.contract.ts";
export { type StorageContractOptions, storageContract } from "./storage/storage.contract.ts";
export { contractPendingBytesMax, type LogStorePlace } from "./testing/contract-rig.ts";
